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
  std::vector<Version> high;
  for (KeyId key = first; key < end; ++key) high.push_back(actor_.until_now(key, 0).high);
  const auto count = actor_.tree().count();
  const std::vector<Shown> shown = pass(first, end);
  if (random.chance(100)) try_to_write();
  if (pass(first, end) != shown) actor_.fail("two passes over one stable view differ");
  const auto count_again = actor_.tree().count();
  if (whole && count && *count != shown.size())
    actor_.fail("count() is {}, a scan in the same stable view shows {}", *count, shown.size());
  if (!count || !count_again || *count != *count_again) actor_.fail("count() changes in a stable view");
  judge(first, end, high, shown);
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
                  actor_.describe((*entry)->value));
    if (!shown.empty() && shown.back().key >= key)
      actor_.fail("a scan shows {} behind key {}", printable((*entry)->key), shown.back().key);
    if (key >= end) break;
    shown.push_back({key, (*entry)->value});
  }
  return shown;
}

void ViewHolder::judge(KeyId first, KeyId end, const std::vector<Version>& high,
                       const std::vector<Shown>& shown) const {
  auto next = shown.begin();
  for (KeyId key = first; key < end; ++key) {
    std::optional<std::uint64_t> answer;
    if (next != shown.end() && next->key == key) answer = (next++)->value;
    // What is acknowledged by now happened before the view.
    actor_.judge(key, {actor_.acknowledged(key), high[key - first]}, answer, "a stable view");
  }
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
