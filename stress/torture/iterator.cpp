#include "torture/iterator.h"

#include <algorithm>
#include <utility>

namespace radish::stress::torture {

void Iterator::step() {
  actor_.does(Activity::iterating);
  const std::uint64_t choice = actor_.random().below(10);
  if (resting_ && choice < 2) return run(*std::exchange(resting_, std::nullopt));
  auto walk = choice < 5 ? begin_walk_of_prefix() : begin_walk();
  if (walk) run(std::move(*walk));
}

Iterator::Window Iterator::open_window(KeyId first, KeyId end) const {
  Window window{.first = first, .end = end, .low = {}, .found = {}};
  for (KeyId key = first; key < end; ++key) window.low.push_back(actor_.reached(key));
  window.found.resize(end - first);
  return window;
}

std::optional<Iterator::Walk> Iterator::begin_walk() {
  const Ledger& ledger = actor_.ledger();
  Random& random = actor_.random();
  const bool forward = random.chance(500), from_end = !forward && random.chance(100);
  const KeyId start = from_end ? ledger.keys() : actor_.any_key();
  const KeyId length = static_cast<KeyId>(1 + random.below(random.chance(30) ? ledger.keys() : 400));
  Window window = forward ? open_window(start, std::min(ledger.keys(), start + length))
                          : open_window(start - std::min(start, length), start);
  auto cursor = actor_.tree().cursor();
  if (!actor_.accepted(cursor, Needs::slot, "cursor")) return std::nullopt;
  if (from_end)
    cursor->seek_end();
  else
    cursor->seek(ledger.bytes(start));
  return Walk{.cursor = std::move(*cursor), .window = std::move(window), .forward = forward, .last = no_key};
}

std::optional<Iterator::Walk> Iterator::begin_walk_of_prefix() {
  const Ledger& ledger = actor_.ledger();
  const std::string_view whole = ledger.bytes(actor_.any_key());
  const std::string prefix(whole.substr(0, whole.empty() ? 0 : 1 + actor_.random().below(whole.size())));
  const KeyId first = ledger.lower_bound(prefix);
  KeyId end = first;
  while (end < ledger.keys() && ledger.bytes(end).starts_with(prefix)) ++end;
  Window window = open_window(first, end);
  auto cursor = actor_.tree().cursor(prefix);
  if (!actor_.accepted(cursor, Needs::slot, "cursor")) return std::nullopt;
  const bool forward = actor_.random().chance(500);
  if (!forward) cursor->seek_end();
  return Walk{.cursor = std::move(*cursor), .window = std::move(window), .forward = forward, .last = no_key};
}

KeyId Iterator::id_of(const Entry& entry) const {
  const Ledger& ledger = actor_.ledger();
  const KeyId key = key_of(entry.value);
  if (key >= ledger.keys() || ledger.bytes(key) != entry.key)
    actor_.fail("a scan shows {} with {}, which nobody stored", printable(entry.key),
                describe_value(entry.value));
  return key;
}

void Iterator::judge_order(const Walk& walk, KeyId key) const {
  const bool in_bounds = walk.forward ? key >= walk.window.first : key < walk.window.end;
  const bool in_order = walk.last == no_key || (walk.forward ? key > walk.last : key < walk.last);
  if (!in_bounds || !in_order)
    actor_.fail("a scan {} of keys {} to {} shows {} behind key {}", walk.forward ? "forwards" : "backwards",
                walk.window.first, walk.window.end, printable(actor_.ledger().bytes(key)),
                static_cast<std::int32_t>(walk.last));
}

Iterator::Pace Iterator::go_on(Walk& walk) {
  const auto entry = walk.forward ? walk.cursor.next() : walk.cursor.previous();
  if (!actor_.accepted(entry, Needs::slot, "scan")) return Pace::is_refused;
  if (!*entry) return Pace::is_over;
  const KeyId key = id_of(**entry);
  judge_order(walk, key);
  if (key < walk.window.first || key >= walk.window.end) return Pace::is_over;
  walk.last = key;
  walk.window.found[key - walk.window.first] = (*entry)->value;
  return Pace::goes_on;
}

void Iterator::run(Walk walk) {
  Random& random = actor_.random();
  Pace pace = go_on(walk);
  for (; pace == Pace::goes_on; pace = go_on(walk)) {
    if (random.chance(5) && interruption_) interruption_();
    if (random.chance(2)) return turn_round(walk);
    if (!resting_ && random.chance(2)) return resting_.emplace(std::move(walk)), void();
  }
  if (pace == Pace::is_over) judge(walk.window);
}

void Iterator::turn_round(Walk& walk) {
  walk.forward = !walk.forward;
  const KeyId turn = walk.last;
  walk.last = no_key;
  for (std::uint64_t left = 1 + actor_.random().below(100); left > 0; --left) {
    const auto entry = walk.forward ? walk.cursor.next() : walk.cursor.previous();
    if (!actor_.accepted(entry, Needs::slot, "scan") || !*entry) return;
    const KeyId key = id_of(**entry);
    if (walk.last == no_key ? key != turn && (key > turn) != walk.forward
                            : key == walk.last || (key > walk.last) != walk.forward)
      actor_.fail("a scan that turns round at key {} shows key {} behind key {}", turn, key,
                  static_cast<std::int32_t>(walk.last));
    walk.last = key;
    if (key < walk.window.first || key >= walk.window.end) return;
    actor_.judge(key, actor_.until_now(key, walk.window.low[key - walk.window.first]), (*entry)->value,
                 "a scan that turned round");
  }
}

void Iterator::judge(const Window& window) const {
  for (KeyId key = window.first; key < window.end; ++key) {
    const std::size_t index = key - window.first;
    actor_.judge(key, actor_.until_now(key, window.low[index]), window.found[index], "scan");
  }
  actor_.count(Count::scans);
  actor_.count(Count::entries_scanned, window.end - window.first);
}

}  // namespace radish::stress::torture
