#include "torture/reader.h"

#include <algorithm>

namespace radish::stress::torture {

Reader::Reader(Actor& actor) : actor_(actor) {
  for (KeyId key = 0; key < actor.ledger().keys(); ++key)
    if (actor.ledger().record(key).sort == Sort::second) seconds_.push_back(key);
}

void Reader::step() {
  actor_.does(Activity::reading);
  if (actor_.random().below(5000) == 0) return count_keys();
  const std::uint64_t choice = actor_.random().below(100);
  if (choice < 50) return find();
  if (choice < 60) return find_stranger();
  if (choice < 80) return find_longest_prefix();
  if (choice < 88) return find_all_prefixes();
  find_pair();
}

void Reader::find() {
  const KeyId key = actor_.any_key_to_ask_for();
  const int times = actor_.random().chance(250) ? 4 : 1;  // what was seen once is not taken back
  for (int time = 0; time < times; ++time) (void)find_one(key, actor_.reached(key));
}

std::optional<std::uint64_t> Reader::find_one(KeyId key, Version low) {
  const auto answer = actor_.tree().find(actor_.ledger().bytes(key));
  if (!actor_.accepted(answer, Needs::slot, "find")) return std::nullopt;
  actor_.judge(key, actor_.until_now(key, low), *answer, "find");
  actor_.count(Count::finds);
  return *answer;
}

void Reader::find_stranger() {
  const Ledger& ledger = actor_.ledger();
  std::string bytes(ledger.bytes(actor_.any_key()));
  if (bytes.empty() || actor_.random().chance(300))
    bytes += static_cast<char>(actor_.random().next());
  else
    bytes[actor_.random().below(bytes.size())] = static_cast<char>(actor_.random().next());
  if (ledger.find(bytes) != ledger.keys()) return;
  const auto there = actor_.tree().contains(bytes);
  if (!actor_.accepted(there, Needs::slot, "contains")) return;
  if (*there) actor_.fail("contains finds {}, which nobody stores", printable(bytes));
  actor_.count(Count::strangers);
}

std::string Reader::spoil(std::string_view bytes) {
  Random& random = actor_.random();
  std::string spoilt(bytes.substr(0, random.below(bytes.size())));
  if (random.chance(500)) return spoilt;
  spoilt += static_cast<char>(random.next());
  return spoilt.append(bytes.substr(spoilt.size()));
}

KeyId Reader::longest_key_in(std::string_view query) const {
  const Ledger& ledger = actor_.ledger();
  for (std::size_t size = query.size() + 1; size-- > 0;)
    if (const KeyId key = ledger.find(query.substr(0, size)); key != ledger.keys()) return key;
  return no_key;
}

Reader::Query Reader::draw_query() {
  constexpr std::size_t spoilt_bytes_max = 100;
  const Ledger& ledger = actor_.ledger();
  KeyId key = actor_.any_key_to_ask_for();
  Query query{.bytes = std::string(ledger.bytes(key)), .chain = {}, .low = {}};
  if (!query.bytes.empty() && query.bytes.size() <= spoilt_bytes_max && actor_.random().chance(200)) {
    query.bytes = spoil(query.bytes);
    key = longest_key_in(query.bytes);
  } else {
    // Longer than the key, unless that would let other keys in.
    const std::string longer = query.bytes + static_cast<char>(actor_.random().next());
    const KeyId next = ledger.lower_bound(longer);
    if (next == ledger.keys() || !ledger.bytes(next).starts_with(longer)) query.bytes = longer + "tail";
  }
  for (KeyId link = key; link != no_key; link = ledger.record(link).parent) query.chain.push_back(link);
  for (const KeyId link : query.chain) query.low.push_back(actor_.reached(link));
  return query;
}

void Reader::judge_match(const Query& query, std::size_t place, const Match& match,
                         std::string_view what) const {
  const KeyId key = query.chain[place];
  actor_.judge(key, actor_.until_now(key, query.low[place]), match.value, what);
}

void Reader::judge_passed_over(const Query& query, std::size_t place, std::string_view what) const {
  const KeyId key = query.chain[place];
  const Interval at = actor_.until_now(key, query.low[place]);
  if (!may_be_absent(actor_.ledger().record(key).period, at))
    actor_.fail("{} of {} passes over a key that was there throughout: {}", what, printable(query.bytes),
                actor_.describe(key, at));
}

void Reader::find_longest_prefix() {
  const Query query = draw_query();
  const auto answer = actor_.tree().longest_prefix(query.bytes);
  if (!actor_.accepted(answer, Needs::slot, "longest_prefix")) return;
  const Ledger& ledger = actor_.ledger();
  std::size_t place = 0;
  while (place < query.chain.size() &&
         (!*answer || ledger.bytes(query.chain[place]).size() > (*answer)->length))
    judge_passed_over(query, place++, "longest_prefix");
  if (*answer) {
    if (place == query.chain.size() || ledger.bytes(query.chain[place]).size() != (*answer)->length)
      actor_.fail("longest_prefix of {} matches {} bytes, which nobody stores", printable(query.bytes),
                  (*answer)->length);
    judge_match(query, place, **answer, "longest_prefix");
  }
  actor_.count(Count::longest_prefixes);
}

void Reader::find_all_prefixes() {
  const Query query = draw_query();
  auto answer = actor_.tree().prefixes(query.bytes);
  if (!actor_.accepted(answer, Needs::slot, "prefixes")) return;
  std::ranges::reverse(*answer);  // the chain's order: longest first
  auto match = answer->begin();
  for (std::size_t place = 0; place < query.chain.size(); ++place) {
    if (match != answer->end() && match->length == actor_.ledger().bytes(query.chain[place]).size())
      judge_match(query, place, *match++, "prefixes");
    else
      judge_passed_over(query, place, "prefixes");
  }
  if (match != answer->end())
    actor_.fail("prefixes of {} has a match of {} bytes that nobody stores, or out of order",
                printable(query.bytes), match->length);
  actor_.count(Count::all_prefixes);
}

void Reader::find_pair() {
  const Ledger& ledger = actor_.ledger();
  const KeyId second = seconds_[actor_.random().below(seconds_.size())];
  const KeyId first = ledger.record(second).partner;
  const auto later = find_one(second, actor_.reached(second));
  if (!later) return;
  // Whoever wrote that had written as many versions of the first before.
  (void)find_one(first, std::max(actor_.reached(first), version_of(*later)));
  actor_.count(Count::pairs);
}

void Reader::count_keys() {
  const Ledger& ledger = actor_.ledger();
  std::vector<Version> low;  // what was only seen may not be counted yet
  for (KeyId key = 0; key < ledger.keys(); ++key) low.push_back(ledger.acknowledged(key));
  const auto count = actor_.tree().count();
  const auto stats = actor_.tree().stats();
  if (!actor_.accepted(count, Needs::slot, "count") || !actor_.accepted(stats, Needs::slot, "stats")) return;
  std::uint64_t least = 0, most = 0;
  for (KeyId key = 0; key < ledger.keys(); ++key) {
    const std::uint32_t period = ledger.record(key).period;
    const Interval at = actor_.until_now(key, low[key]);
    least += !may_be_absent(period, at);
    most += at.low != at.high || is_present(period, at.low);
  }
  if (*count < least || *count > most || stats->keys < least || stats->keys > most)
    actor_.fail("count() is {}, that of stats() {}, but there were {} to {} keys", *count, stats->keys, least,
                most);
  if (stats->heap_bytes_used + stats->heap_bytes_free > stats->capacity_bytes ||
      stats->reader_slots_used > stats->reader_slots || stats->blocks_retired > stats->blocks)
    actor_.fail(
        "stats() says more than there is: {} and {} of {} bytes, {} of {} slots, {} of {} blocks retired",
        stats->heap_bytes_used, stats->heap_bytes_free, stats->capacity_bytes, stats->reader_slots_used,
        stats->reader_slots, stats->blocks_retired, stats->blocks);
  actor_.count(Count::key_counts);
}

}  // namespace radish::stress::torture
