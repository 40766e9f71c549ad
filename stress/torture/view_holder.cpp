#include "torture/view_holder.h"

#include <algorithm>

namespace radish::stress::torture {

void ViewHolder::step() {
  actor_.does(Activity::viewing);
  Random& random = actor_.random();
  const KeyId keys = actor_.ledger().keys();
  const bool whole = random.chance(100);
  const KeyId first = whole ? 0 : actor_.any_key();
  const KeyId end = whole ? keys : std::min(keys, first + static_cast<KeyId>(1 + random.below(500)));
  const auto view = actor_.tree().view();
  if (!actor_.accepted(view, Needs::lock, "view")) return;
  // Nothing changes from here on, so what is begun now and has not happened does not happen.
  const std::vector<Moment> moments = look_up(first, end);
  const auto count = actor_.tree().count();
  const std::vector<Shown> shown = pass(first, end);
  if (random.chance(100)) try_to_write();
  if (pass(first, end) != shown) actor_.fail("two passes over one stable view differ");
  const auto count_again = actor_.tree().count();
  if (whole && count && *count != shown.size())
    actor_.fail("count() is {}, a scan in the same stable view shows {}", *count, shown.size());
  if (!count || !count_again || *count != *count_again) actor_.fail("count() changes in a stable view");
  Answers answers(end - first);
  for (const Shown& entry : shown) answers[entry.key - first] = entry.value;
  judge(first, moments, answers);
  actor_.count(Count::views);
}

std::vector<ViewHolder::Shown> ViewHolder::pass(KeyId first, KeyId end) const {
  const Ledger& ledger = actor_.ledger();
  std::vector<Shown> shown;
  auto cursor = actor_.tree().cursor();
  if (!cursor) actor_.fail("a cursor in a stable view: {}", cursor.error().message);
  cursor->seek(ledger.bytes(first));
  while (true) {
    const auto entry = cursor->next();
    if (!entry) actor_.fail("a scan in a stable view: {}", entry.error().message);
    if (!*entry) break;
    const KeyId key = key_of((*entry)->value);
    if (key >= ledger.keys() || ledger.bytes(key) != (*entry)->key)
      actor_.fail("a scan shows {} with {}, which nobody stored", printable((*entry)->key),
                  describe_value((*entry)->value));
    if (!shown.empty() && shown.back().key >= key)
      actor_.fail("a scan shows {} behind key {}", printable((*entry)->key), shown.back().key);
    if (key >= end) break;
    shown.push_back({key, (*entry)->value});
  }
  return shown;
}

std::vector<std::uint64_t> ViewHolder::changes() const {
  std::vector<std::uint64_t> begun;
  for (std::uint32_t range = 0; range < actor_.ledger().setting().ranges(); ++range)
    begun.push_back(actor_.ledger().strand(range).changes.load());
  return begun;
}

std::vector<ViewHolder::Moment> ViewHolder::look_up(KeyId first, KeyId end) const {
  const Ledger& ledger = actor_.ledger();
  std::vector<Moment> moments;
  const auto before = changes();
  for (KeyId key = first; key < end; ++key)
    moments.push_back({ledger.acknowledged(key), ledger.intended(key), false});
  const auto after = changes();
  for (KeyId key = first; key < end; ++key)
    if (const std::uint32_t range = ledger.record(key).range; range != nobodys_range)
      moments[key - first].is_of_one_change = before[range] == after[range];
  return moments;
}

void ViewHolder::judge(KeyId first, const std::vector<Moment>& moments, const Answers& answers) const {
  const Ledger& ledger = actor_.ledger();
  for (std::size_t index = 0; index < moments.size(); ++index) {
    const KeyId key = first + static_cast<KeyId>(index);
    // What is acknowledged by now happened before the view.
    actor_.judge(key, actor_.until(key, actor_.reached(key), moments[index].intended), answers[index],
                 "a stable view");
    if (ledger.record(key).sort == Sort::second && index > 0)
      judge_pair(key - 1, answers[index - 1], answers[index]);
  }
  judge_groups(first, moments, answers);
}

void ViewHolder::judge_groups(KeyId first, const std::vector<Moment>& moments, const Answers& answers) const {
  const Ledger& ledger = actor_.ledger();
  KeyId changed = no_key, unchanged = no_key;  // the last ones of a group, whose keys lie side by side
  for (std::size_t index = 0; index < moments.size(); ++index) {
    const KeyId key = first + static_cast<KeyId>(index);
    const KeyRecord& record = ledger.record(key);
    const auto& [acknowledged, intended, is_of_one_change] = moments[index];
    if (record.sort != Sort::grouped || !is_of_one_change || acknowledged == intended) continue;
    (answers[index] == ledger.value_at(key, intended) ? changed : unchanged) = key;
    if (changed == no_key || unchanged == no_key) continue;
    const KeyRecord &one = ledger.record(changed), &other = ledger.record(unchanged);
    if (one.range == other.range && one.group == other.group)
      actor_.fail("a stable view shows half of an erase_prefix: {} is gone, {} is not",
                  printable(ledger.bytes(changed)), printable(ledger.bytes(unchanged)));
  }
}

void ViewHolder::judge_pair(KeyId key, std::optional<std::uint64_t> first,
                            std::optional<std::uint64_t> second) const {
  if (!first && !second) return;
  const std::uint32_t period = actor_.ledger().record(key).period;
  const auto remainder = [&](std::optional<std::uint64_t> answer) {
    return answer ? version_of(*answer) % period : 0;
  };
  const bool near = (remainder(first) + period - remainder(second)) % period <= 1;
  const bool known = first && second;
  if (!near || (known && version_of(*first) - version_of(*second) > 1))
    actor_.fail("a stable view shows {} of the first of a pair, key {}, and {} of the second",
                describe_value(first), key, describe_value(second));
}

void ViewHolder::try_to_write() {
  const KeyId key = actor_.any_key();
  const auto inner = actor_.tree().view();
  if (!inner) actor_.fail("a view in a view: {}", inner.error().message);
  const auto refused = actor_.tree().erase(actor_.ledger().bytes(key));
  if (refused || refused.error().code != Code::view_held)
    actor_.fail("a write beside one's own stable view is not refused as such");
}

}  // namespace radish::stress::torture
