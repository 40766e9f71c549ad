#include "torture/iterator.h"

#include <algorithm>

namespace radish::stress::torture {

void Iterator::step() {
  actor_.does(Activity::iterating);
  const std::uint64_t choice = actor_.random().below(10);
  if (choice < 3) return walk_prefix();
  walk(choice < 7);
}

Iterator::Window Iterator::open_window(KeyId first, KeyId end) const {
  Window window{.first = first, .end = end, .low = {}, .found = {}};
  for (KeyId key = first; key < end; ++key) window.low.push_back(actor_.acknowledged(key));
  window.found.resize(end - first);
  return window;
}

KeyId Iterator::place(const Window& window, const Entry& entry) const {
  const Ledger& ledger = actor_.ledger();
  const KeyId key = key_of(entry.value);
  if (key >= ledger.keys() || ledger.bytes(key) != entry.key)
    actor_.fail("a scan shows {} with {}, which nobody stored", printable(entry.key),
                actor_.describe(entry.value));
  if (key >= window.first && key < window.end && window.found[key - window.first])
    actor_.fail("a scan shows {} twice", printable(entry.key));
  return key;
}

void Iterator::judge(const Window& window, KeyId first, KeyId end) const {
  for (KeyId key = first; key < end; ++key) {
    const std::size_t index = key - window.first;
    actor_.judge(key, actor_.until_now(key, window.low[index]), window.found[index], "scan");
  }
  actor_.count(Count::scans);
  actor_.count(Count::entries_scanned, end - first);
}

/// From a random key on, as far as a window that was opened before.
void Iterator::walk(bool forward) {
  const Ledger& ledger = actor_.ledger();
  Random& random = actor_.random();
  const KeyId start = actor_.any_key();
  const KeyId length = static_cast<KeyId>(1 + random.below(random.chance(30) ? ledger.keys() : 400));
  Window window = forward ? open_window(start, std::min(ledger.keys(), start + length))
                          : open_window(start - std::min(start, length), start);
  auto cursor = actor_.tree().cursor();
  if (!actor_.accepted(cursor, Needs::slot, "cursor")) return;
  cursor->seek(ledger.bytes(start));
  KeyId last = start;
  for (bool begun = false;; begun = true) {
    const auto entry = forward ? cursor->next() : cursor->previous();
    if (!actor_.accepted(entry, Needs::slot, "scan")) return;
    if (!*entry) break;
    const KeyId key = place(window, **entry);
    if (forward ? key < start || (begun && key <= last) : key >= start || (begun && key >= last))
      actor_.fail("a scan from {} shows {} behind {}", printable(ledger.bytes(start)),
                  printable((*entry)->key), printable(ledger.bytes(last)));
    last = key;
    if (key < window.first || key >= window.end) break;
    window.found[key - window.first] = (*entry)->value;
    if (random.chance(5) && interruption_) interruption_();
  }
  judge(window, window.first, window.end);
}

void Iterator::walk_prefix() {
  const Ledger& ledger = actor_.ledger();
  const KeyId start = actor_.any_key();
  const std::string_view whole = ledger.bytes(start);
  const std::string prefix(whole.substr(0, whole.empty() ? 0 : 1 + actor_.random().below(whole.size())));
  const KeyId first = ledger.lower_bound(prefix);
  KeyId end = first;
  while (end < ledger.keys() && ledger.bytes(end).starts_with(prefix)) ++end;
  Window window = open_window(first, end);
  auto cursor = actor_.tree().cursor(prefix);
  if (!actor_.accepted(cursor, Needs::slot, "cursor")) return;
  KeyId expected = first;
  while (true) {
    const auto entry = cursor->next();
    if (!actor_.accepted(entry, Needs::slot, "scan")) return;
    if (!*entry) break;
    const KeyId key = place(window, **entry);
    if (key < expected || key >= end)
      actor_.fail("a scan of prefix {} shows {}, out of place", printable(prefix), printable((*entry)->key));
    window.found[key - first] = (*entry)->value;
    expected = key + 1;
  }
  judge(window, first, end);
}

}  // namespace radish::stress::torture
