#include "torture/writer.h"

#include <unistd.h>

namespace radish::stress::torture {

Writer::Writer(Actor& actor, std::uint32_t range) : actor_(actor), groups_(groups_per_range) {
  for (std::uint32_t group = 0; group < groups_per_range; ++group)
    groups_[group].prefix = group_prefix(range, group);
  const Ledger& ledger = actor.ledger();
  for (KeyId key = 0; key < ledger.keys(); ++key) {
    const KeyRecord& record = ledger.record(key);
    if (record.sort == Sort::shared) shared_.push_back(key);
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
  if (choice < 190) return count_up(shared_[random.below(shared_.size())]);
  const KeyId key = plain_[random.below(plain_.size())];
  if (choice < 230) return change_nothing(key);
  advance(key);
  if (random.chance(100)) look(key);
}

void Writer::intend(KeyId key, Version version) {
  actor_.ledger().state(key).intended.store(version, std::memory_order_seq_cst);
}

void Writer::acknowledge(KeyId key, Version version) {
  actor_.ledger().state(key).acknowledged.store(version, std::memory_order_seq_cst);
}

void Writer::begin_change(KeyId key) {
  actor_.strand().changing.store(key, std::memory_order_relaxed);
  actor_.strand().changes.fetch_add(1, std::memory_order_seq_cst);
}

void Writer::advance(KeyId key) {
  begin_change(key);
  const Version from = version(key), to = from + 1;
  intend(key, to);
  if (perform(key, from, to)) {
    acknowledge(key, to);
    note_recovery();
  } else {
    look(key);  // before the intent is gone: a refusal changes nothing
    if (actor_.ledger().state(key).seen.load() > from)
      actor_.fail("a change was refused, but was seen: {}", actor_.describe(key, {from, to, from}));
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
        actor_.fail("insert says replaced, but the key was erased: {}", actor_.describe(key, {to, to, to}));
      actor_.count(Count::inserts);
      return true;
    }
    case 1: {
      const auto made = tree.insert_new(bytes(key), value_of(key, to));
      if (!actor_.accepted(made, Needs::room, "insert_new")) return false;
      if (!*made)
        actor_.fail("insert_new found a key that was erased: {}", actor_.describe(key, {to, to, to}));
      actor_.count(Count::inserts_new);
      return true;
    }
    default: {
      const auto before = tree.fetch_add(bytes(key), value_of(key, to));
      if (!actor_.accepted(before, Needs::room, "fetch_add")) return false;
      if (*before) actor_.fail("fetch_add found a key that was erased: {}", describe_value(*before));
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
      if (*made)
        actor_.fail("insert says new, but the key was there: {}", actor_.describe(key, {from, to, from}));
      actor_.count(Count::inserts);
      return true;
    }
    case 1: {
      const auto found = tree.compare_exchange(bytes(key), old, value_of(key, to));
      if (!actor_.accepted(found, Needs::lock, "compare_exchange")) return false;
      if (!found->exchanged || found->actual != old)
        actor_.fail("compare_exchange found {}, but {}", describe_value(found->actual),
                    actor_.describe(key, {from, from, from}));
      actor_.count(Count::exchanges);
      return true;
    }
    default: {
      const auto before = tree.fetch_add(bytes(key), to - from);
      if (!actor_.accepted(before, Needs::lock, "fetch_add")) return false;
      if (*before != old)
        actor_.fail("fetch_add found {}, but {}", describe_value(*before),
                    actor_.describe(key, {from, from, from}));
      actor_.count(Count::additions);
      return true;
    }
  }
}

bool Writer::erase(KeyId key) {
  const auto erased = actor_.tree().erase(bytes(key));
  if (!actor_.accepted(erased, Needs::lock, "erase")) return false;
  if (!*erased)
    actor_.fail("erase found nothing, but {}",
                actor_.describe(key, {version(key), version(key), version(key)}));
  actor_.count(Count::erasures);
  return true;
}

void Writer::change_nothing(KeyId key) {
  Tree& tree = actor_.tree();
  const auto now = value(key);
  const std::uint64_t other = value_of(key, version_mask);
  if (!now) {
    const auto erased = tree.erase(bytes(key));
    if (!actor_.accepted(erased, Needs::lock, "erase")) return;
    if (*erased) actor_.fail("erase found a key that was erased before: {}", actor_.describe(key, {}));
  } else if (actor_.random().chance(500)) {
    const auto made = tree.insert_new(bytes(key), other);
    if (!actor_.accepted(made, Needs::lock, "insert_new")) return;
    if (*made) actor_.fail("insert_new made a key that was there: {}", describe_value(now));
  }
  const auto found = tree.compare_exchange(bytes(key), other, other);
  if (!actor_.accepted(found, Needs::lock, "compare_exchange")) return;
  if (found->exchanged || found->actual != now)
    actor_.fail("compare_exchange found {}, not {}", describe_value(found->actual), describe_value(now));
  actor_.count(Count::unchanging);
}

void Writer::count_up(KeyId key) {
  begin_change(key);
  if (version(key) == 0 && !lay_foundation(key)) return;
  SharedSteps& own = actor_.ledger().steps(key, actor_.strand_index());
  own.begun.fetch_add(1, std::memory_order_seq_cst);
  const Version low = actor_.reached(key);
  const bool done = actor_.random().chance(500) ? add_one(key, low) : exchange_for_one_more(key, low);
  if (done) {
    own.done.fetch_add(1, std::memory_order_seq_cst);
    note_recovery();
  } else {
    own.begun.fetch_sub(1, std::memory_order_seq_cst);
  }
}

bool Writer::lay_foundation(KeyId key) {
  intend(key, 1);
  const auto made = actor_.tree().insert_new(bytes(key), value_of(key, 1));
  if (!actor_.accepted(made, Needs::room, "insert_new")) return false;
  acknowledge(key, 1);
  return true;
}

void Writer::judge_step(KeyId key, Version low, std::optional<std::uint64_t> before, std::string_view what) {
  const Interval until_now = actor_.until_now(key, low);
  const Interval at{low, until_now.high - 1, until_now.high - 1};
  if (!may_be(key, period(key), at, before))
    actor_.fail("{} finds {}, but of all that count it up {}", what, describe_value(before),
                actor_.describe(key, at));
}

bool Writer::add_one(KeyId key, Version low) {
  const auto before = actor_.tree().fetch_add(bytes(key), 1);
  if (!actor_.accepted(before, Needs::lock, "fetch_add")) return false;
  judge_step(key, low, *before, "fetch_add");
  actor_.count(Count::shared_additions);
  return true;
}

bool Writer::exchange_for_one_more(KeyId key, Version low) {
  const auto expected = actor_.tree().find(bytes(key));
  if (!actor_.accepted(expected, Needs::slot, "find") || !*expected) return false;
  const auto found = actor_.tree().compare_exchange(bytes(key), **expected, **expected + 1);
  if (!actor_.accepted(found, Needs::lock, "compare_exchange")) return false;
  judge_step(key, low, found->actual, "compare_exchange");
  if (found->exchanged != (found->actual == *expected))
    actor_.fail("compare_exchange of {} finds {} and says {}", describe_value(*expected),
                describe_value(found->actual), found->exchanged);
  actor_.count(Count::shared_exchanges, found->exchanged);
  return found->exchanged;
}

void Writer::erase_group(const Group& group) {
  actor_.does(Activity::erasing_prefix);
  begin_change(group.keys.front());
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
}

void Writer::look(KeyId key) {
  const auto found = actor_.tree().find(bytes(key));
  if (!actor_.accepted(found, Needs::slot, "find")) return;
  if (*found != value(key))
    actor_.fail("its own key holds {}, not {}: {}", describe_value(*found), describe_value(value(key)),
                actor_.describe(key, actor_.until_now(key, version(key))));
}

void Writer::note_recovery() {
  Recovery& recovery = actor_.ledger().recovery();
  std::uint64_t died = recovery.died_ns.load(std::memory_order_acquire);
  if (died == 0 || actor_.tree().generation() <= recovery.generation.load(std::memory_order_relaxed)) return;
  const std::uint64_t now = now_ns();
  if (recovery.disturbed.load()) return recovery.censor();
  if (!recovery.died_ns.compare_exchange_strong(died, 0)) return;
  const std::uint64_t place = recovery.count.fetch_add(1) % Recovery::samples_max;
  const std::uint64_t latency_us = now > died ? (now - died) / 1000 : 0;
  recovery.samples_us[place].store(static_cast<std::uint32_t>(latency_us + 1), std::memory_order_relaxed);
}

}  // namespace radish::stress::torture
