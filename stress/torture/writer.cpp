#include "torture/writer.h"

#include <unistd.h>

namespace radish::stress::torture {

Writer::Writer(Actor& actor, std::uint32_t range) : actor_(actor), groups_(groups_per_range) {
  for (std::uint32_t group = 0; group < groups_per_range; ++group)
    groups_[group].prefix = group_prefix(range, group);
  const Ledger& ledger = actor.ledger();
  for (KeyId key = 0; key < ledger.keys(); ++key) {
    const KeyRecord& record = ledger.record(key);
    if (record.range != range) continue;
    if (record.sort == Sort::first) firsts_.push_back(key);
    if (record.sort == Sort::grouped) groups_[record.group].keys.push_back(key);
    if (record.sort == Sort::plain || record.sort == Sort::grouped) plain_.push_back(key);
  }
}

void Writer::step() {
  actor_.does(Activity::writing);
  Random& random = actor_.random();
  const std::uint64_t choice = random.below(1000);
  if (choice < 10) return erase_group(groups_[random.below(groups_.size())]);
  if (choice < 90) return advance_pair(firsts_[random.below(firsts_.size())]);
  const KeyId key = plain_[random.below(plain_.size())];
  if (choice < 130) return change_nothing(key);
  advance(key);
  if (random.chance(100)) look(key);
}

std::optional<std::uint64_t> Writer::value(KeyId key) const {
  if (!is_present(period(key), version(key))) return std::nullopt;
  return value_of(key, version(key));
}

void Writer::intend(KeyId key, Version version) {
  actor_.ledger().state(key).intended.store(version, std::memory_order_seq_cst);
}

void Writer::acknowledge(KeyId key, Version version) {
  actor_.ledger().state(key).acknowledged.store(version, std::memory_order_seq_cst);
}

void Writer::advance(KeyId key) {
  const Version from = version(key), to = from + 1;
  intend(key, to);
  if (perform(key, from, to)) {
    acknowledge(key, to);
    note_recovery();
  } else {
    look(key);  // before the intent is gone: a refusal changes nothing
    intend(key, from);
  }
}

bool Writer::perform(KeyId key, Version from, Version to) {
  const bool before = is_present(period(key), from), after = is_present(period(key), to);
  if (!before) return make(key, to);
  return after ? replace(key, from, to) : erase(key);
}

bool Writer::make(KeyId key, Version to) {
  Tree& tree = actor_.tree();
  switch (actor_.random().below(3)) {
    case 0: {
      const auto made = tree.insert(bytes(key), value_of(key, to));
      if (!actor_.accepted(made, Needs::room, "insert")) return false;
      if (!*made)
        actor_.fail("insert says replaced, but the key was erased: {}", actor_.describe(key, {to, to}));
      actor_.count(Count::inserts);
      return true;
    }
    case 1: {
      const auto made = tree.insert_new(bytes(key), value_of(key, to));
      if (!actor_.accepted(made, Needs::room, "insert_new")) return false;
      if (!*made) actor_.fail("insert_new found a key that was erased: {}", actor_.describe(key, {to, to}));
      actor_.count(Count::inserts_new);
      return true;
    }
    default: {
      const auto before = tree.fetch_add(bytes(key), value_of(key, to));
      if (!actor_.accepted(before, Needs::room, "fetch_add")) return false;
      if (*before) actor_.fail("fetch_add found a key that was erased: {}", actor_.describe(*before));
      actor_.count(Count::additions);
      return true;
    }
  }
}

bool Writer::replace(KeyId key, Version from, Version to) {
  Tree& tree = actor_.tree();
  const std::uint64_t old = value_of(key, from);
  switch (actor_.random().below(3)) {
    case 0: {
      const auto made = tree.insert(bytes(key), value_of(key, to));
      if (!actor_.accepted(made, Needs::lock, "insert")) return false;
      if (*made) actor_.fail("insert says new, but the key was there: {}", actor_.describe(key, {from, to}));
      actor_.count(Count::inserts);
      return true;
    }
    case 1: {
      const auto found = tree.compare_exchange(bytes(key), old, value_of(key, to));
      if (!actor_.accepted(found, Needs::lock, "compare_exchange")) return false;
      if (!found->exchanged || found->actual != old)
        actor_.fail("compare_exchange found {}, but {}", actor_.describe(found->actual),
                    actor_.describe(key, {from, from}));
      actor_.count(Count::exchanges);
      return true;
    }
    default: {
      const auto before = tree.fetch_add(bytes(key), to - from);
      if (!actor_.accepted(before, Needs::lock, "fetch_add")) return false;
      if (*before != old)
        actor_.fail("fetch_add found {}, but {}", actor_.describe(*before),
                    actor_.describe(key, {from, from}));
      actor_.count(Count::additions);
      return true;
    }
  }
}

bool Writer::erase(KeyId key) {
  const auto erased = actor_.tree().erase(bytes(key));
  if (!actor_.accepted(erased, Needs::lock, "erase")) return false;
  if (!*erased)
    actor_.fail("erase found nothing, but {}", actor_.describe(key, {version(key), version(key)}));
  actor_.count(Count::erasures);
  return true;
}

void Writer::change_nothing(KeyId key) {
  Tree& tree = actor_.tree();
  const auto now = value(key);
  const std::uint64_t other = value_of(key, version_mask);
  actor_.count(Count::unchanging);
  if (!now) {
    const auto erased = tree.erase(bytes(key));
    if (!actor_.accepted(erased, Needs::lock, "erase")) return;
    if (*erased) actor_.fail("erase found a key that was erased before: {}", actor_.describe(key, {}));
  } else if (actor_.random().chance(500)) {
    const auto made = tree.insert_new(bytes(key), other);
    if (!actor_.accepted(made, Needs::lock, "insert_new")) return;
    if (*made) actor_.fail("insert_new made a key that was there: {}", actor_.describe(now));
  }
  const auto found = tree.compare_exchange(bytes(key), other, other);
  if (!actor_.accepted(found, Needs::lock, "compare_exchange")) return;
  if (found->exchanged || found->actual != now)
    actor_.fail("compare_exchange found {}, not {}", actor_.describe(found->actual), actor_.describe(now));
}

void Writer::erase_group(const Group& group) {
  actor_.does(Activity::erasing_prefix);
  std::vector<KeyId> present;
  for (const KeyId key : group.keys)
    if (is_present(period(key), version(key))) present.push_back(key);
  for (const KeyId key : present) intend(key, erased_version(period(key), version(key)));
  const auto erased = actor_.tree().erase_prefix(group.prefix);
  const bool done = actor_.accepted(erased, Needs::lock, "erase_prefix");
  if (done && *erased != present.size())
    actor_.fail("erase_prefix of {} erased {} keys, not {}", group.prefix, *erased, present.size());
  for (const KeyId key : present) {
    const Version to = erased_version(period(key), version(key));
    if (done)
      acknowledge(key, to);
    else
      intend(key, version(key));
  }
  actor_.count(Count::prefix_erasures, done);
  if (done) note_recovery();
}

void Writer::advance_pair(KeyId first) {
  const KeyId second = actor_.ledger().record(first).partner;
  if (version(first) == version(second)) advance(first);
  if (version(first) != version(second)) advance(second);
  actor_.count(Count::pairs);
}

void Writer::look(KeyId key) {
  const auto found = actor_.tree().find(bytes(key));
  if (!actor_.accepted(found, Needs::slot, "find")) return;
  if (*found != value(key))
    actor_.fail("its own key holds {}, not {}: {}", actor_.describe(*found), actor_.describe(value(key)),
                actor_.describe(key, actor_.until_now(key, version(key))));
}

void Writer::note_recovery() {
  Recovery& recovery = actor_.ledger().recovery();
  std::uint64_t died = recovery.died_ns.load(std::memory_order_acquire);
  if (died == 0 || actor_.tree().generation() <= recovery.generation.load(std::memory_order_relaxed)) return;
  const std::uint64_t now = now_ns();
  if (!recovery.died_ns.compare_exchange_strong(died, 0)) return;
  const std::uint64_t place = recovery.count.fetch_add(1) % Recovery::samples_max;
  const std::uint64_t latency_us = now > died ? (now - died) / 1000 : 0;
  if (latency_us > actor_.ledger().setting().recovery_limit_us)
    actor_.fail("{} ms passed between the death of the lock's holder and this write", latency_us / 1000);
  recovery.samples_us[place].store(static_cast<std::uint32_t>(latency_us), std::memory_order_relaxed);
}

}  // namespace radish::stress::torture
