// The integer map behind the probing seam: a writer killed before every event that writes, a reader between
// any two of them, and the twins that these checks and the model must catch.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "maps.h"
#include "model/integer.h"
#include "seam/deaths.h"

namespace radish::tests {
namespace {

using probe::dies;
using probe::Impersonation;
using probe::Watch;
using probe::Watched;

/// A map, and one mutation of it.
struct MapCase {
  std::string name;
  Numbers before;
  std::function<void(IntegerMap&)> mutate;
  Numbers after;
};

std::function<void(IntegerMap&)> erasing(std::uint64_t key) {
  return [key](IntegerMap& map) { (void)take(map.erase(key)); };
}
std::function<void(IntegerMap&)> inserting(std::uint64_t key, std::uint64_t value) {
  return [key, value](IntegerMap& map) { (void)take(map.insert(key, value)); };
}

std::vector<MapCase> map_cases() {
  const Numbers pair{{0x10, 1}, {0x20, 2}}, family{{0x10, 1}, {0x20, 2}, {0x30, 0}, {0x31, 4}};
  return {
      {"first key", {}, inserting(5, 0), {{5, 0}}},
      {"key in a leaf that is there", {{5, 1}}, inserting(6, 2), {{5, 1}, {6, 2}}},
      {"leaf in a node that is there", pair, inserting(0x30, 3), {{0x10, 1}, {0x20, 2}, {0x30, 3}}},
      {"node above all", pair, inserting(1ULL << 60, 3), {{0x10, 1}, {0x20, 2}, {1ULL << 60, 3}}},
      {"overwrite", pair, inserting(0x10, 9), {{0x10, 9}, {0x20, 2}}},
      {"addition", pair, [](IntegerMap& map) { (void)take(map.fetch_add(0x10, 4)); }, {{0x10, 5}, {0x20, 2}}},
      {"addition that makes a key",
       pair,
       [](IntegerMap& map) { (void)take(map.fetch_add(0x11, 4)); },
       {{0x10, 1}, {0x11, 4}, {0x20, 2}}},
      {"exchange",
       pair,
       [](IntegerMap& map) { (void)take(map.compare_exchange(0x10, 1, 0)); },
       {{0x10, 0}, {0x20, 2}}},
      {"insertion of what is new",
       pair,
       [](IntegerMap& map) { (void)take(map.insert_new(0x2f, 7)); },
       {{0x10, 1}, {0x20, 2}, {0x2f, 7}}},
      {"one of several values", family, erasing(0x30), {{0x10, 1}, {0x20, 2}, {0x31, 4}}},
      {"value before another, with a leaf behind both",
       {{0x10, 1}, {0x11, 2}, {0x20, 3}},
       erasing(0x10),
       {{0x11, 2}, {0x20, 3}}},
      {"value behind another, with a leaf before both",
       family,
       erasing(0x31),
       {{0x10, 1}, {0x20, 2}, {0x30, 0}}},
      {"one of several leaves", family, erasing(0x10), {{0x20, 2}, {0x30, 0}, {0x31, 4}}},
      {"one of two leaves, and the node above", pair, erasing(0x20), {{0x10, 1}}},
      {"last key", {{5, 1}}, erasing(5), {}},
      {"everything", family, [](IntegerMap& map) { take(map.clear()); }, {}},
  };
}

MapPlace place_of(const Numbers& numbers) {
  MapPlace place;
  for (const auto& [key, value] : numbers) place.put(key, value);
  return place;
}

bool answers(const IntegerMap& map, const Numbers& numbers) {
  if (scan(map) != numbers || scan(map, false) != numbers) return false;
  for (const std::uint64_t key : {0x5U, 0x6U, 0x10U, 0x11U, 0x20U, 0x2fU, 0x30U, 0x31U}) {
    const auto at = numbers.find(key);
    if (take(map.find(key)) != (at == numbers.end() ? std::nullopt : Number(at->second))) return false;
    if (take(map.lower_bound(key)) != entry_of(numbers, numbers.lower_bound(key))) return false;
    if (take(map.predecessor(key)) != predecessor_in(numbers, key)) return false;
  }
  return true;
}

/// By every question, without a look at the heap, which somebody may be changing. One that is refused is
/// wrong.
bool shows(const IntegerMap& map, const Numbers& numbers) {
  try {
    return answers(map, numbers);
  } catch (const std::runtime_error&) {
    return false;
  }
}

bool is_whole(const IntegerMap& map) { return map.segment().verify().has_value(); }

/// Every death of a case's mutation; how many left something wrong.
std::uint64_t wrong_deaths(const MapCase& one) {
  std::uint64_t wrong = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    MapPlace place = place_of(one.before);
    const bool died = dies(Watched::writes, nth, [&] { one.mutate(place.map); });
    IntegerMap other = place.again();
    wrong += !shows(place.map, one.before) && !shows(place.map, one.after);  // nobody has recovered yet
    const bool whole = is_whole(other), before = shows(other, one.before), after = shows(other, one.after);
    const bool counted = other.count() == (before ? one.before : one.after).size();
    wrong += !whole || (!before && !after) || !counted || (!died && !after);
    const bool goes_on =
        other.insert(0x5555, 5) && place.map.find(0x5555).value_or(std::nullopt) == Number(5);
    wrong += !goes_on || !is_whole(other);
    if (!died) return wrong;
  }
}

TEST(IntegerMapDeathTest, KilledWriterLeavesTheMapOfBeforeOrOfAfter) {
  for (const MapCase& one : map_cases()) EXPECT_EQ(wrong_deaths(one), 0U) << one.name;
}

/// What a second handle sees before each store of a mutation; whether that was ever neither map, or went
/// back.
bool is_seen_torn(const MapCase& one) {
  MapPlace place = place_of(one.before);
  const IntegerMap reader = place.again();
  bool torn = false, changed = false;
  {
    const Watch watch(Watched::writes, 0, [&] {
      const bool before = shows(reader, one.before);
      torn |= before ? changed : !shows(reader, one.after);
      changed |= !before;
    });
    one.mutate(place.map);
  }
  return torn || !shows(reader, one.after);
}

TEST(IntegerMapSpanTest, ReaderBetweenTwoStoresFindsTheMapOfBeforeOrOfAfter) {
  for (const MapCase& one : map_cases()) EXPECT_FALSE(is_seen_torn(one)) << one.name;
}

/// A question with a mutation before its nth event, n = 1, 2, ...; `judge` is told the answer of each.
template <class Ask, class Judge>
void span_everywhere(const MapCase& one, Ask ask, Judge judge) {
  bool spanned = true;
  for (std::uint64_t nth = 1; spanned; ++nth) {
    MapPlace place = place_of(one.before);
    IntegerMap writer = place.again();
    (void)take(place.map.find(0));  // claims its slot
    spanned = false;
    const Watch watch(Watched::events, nth, [&] {
      spanned = true;
      one.mutate(writer);
    });
    judge(ask(place.map), nth);
  }
}

/// It is answered as before or as after.
template <class Ask>
void expect_spans(const MapCase& one, Ask ask) {
  const auto old_answer = ask(place_of(one.before).map), new_answer = ask(place_of(one.after).map);
  span_everywhere(one, ask, [&](const auto& answer, std::uint64_t nth) {
    EXPECT_TRUE(answer == old_answer || answer == new_answer) << one.name << ", event " << nth;
  });
}

TEST(IntegerMapSpanTest, ReadThatSpansAMutationAnswersAsBeforeOrAsAfter) {
  for (const MapCase& one : map_cases()) {
    for (const std::uint64_t key : {0x5U, 0x10U, 0x20U, 0x30U, 0x31U}) {
      expect_spans(one, [&](const IntegerMap& map) { return take(map.find(key)); });
      expect_spans(one, [&](const IntegerMap& map) { return take(map.lower_bound(key)); });
      expect_spans(one, [&](const IntegerMap& map) { return take(map.predecessor(key)); });
    }
  }
}

/// What was there throughout, and nothing that was never there.
bool is_fair(const Numbers& met, const MapCase& one) {
  const auto holds = [](const Numbers& numbers, const auto& entry) {
    const auto at = numbers.find(entry.first);
    return at != numbers.end() && at->second == entry.second;
  };
  for (const auto& entry : met)
    if (!holds(one.before, entry) && !holds(one.after, entry)) return false;
  for (const auto& [key, value] : one.before)
    if (one.after.contains(key) && !met.contains(key)) return false;
  return true;
}

TEST(IntegerMapSpanTest, ScanThatSpansAMutationMeetsWhatWasThereThroughout) {
  for (const MapCase& one : map_cases())
    for (const bool forward : {true, false})
      span_everywhere(
          one, [&](const IntegerMap& map) { return scan(map, forward); },
          [&](const Numbers& met, std::uint64_t nth) {
            EXPECT_TRUE(is_fair(met, one)) << one.name << ", event " << nth;
          });
}

// --- twins -------------------------------------------------------------------------------------------------

/// Sequences with which map and model do not agree.
std::uint64_t wrong_sequences() {
  std::mt19937_64 random(1);
  std::uint64_t wrong = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<std::uint8_t> bytes(1 + 8 * 300);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    wrong += model::run(model::decode_integers(bytes)).has_value();
  }
  return wrong;
}

/// A reader stops before each event of its walk to a key while a writer erases it and dies at each store of
/// its return with another value, which nobody has seen yet. How many answers were never true.
std::uint64_t wrong_answers_over_refilled_values() {
  constexpr std::uint64_t key = 0x11, unseen = 99;
  std::uint64_t wrong = 0;
  bool spanned = true, died = true;
  for (std::uint64_t death = 1; died; ++death) {
    spanned = true;
    for (std::uint64_t nth = 1; spanned; ++nth) {
      MapPlace place = place_of({{0x10, 1}, {key, 2}});
      (void)take(place.map.find(0));  // claims its slot
      spanned = false;
      const Watch watch(Watched::events, nth, [&] {
        spanned = true;
        (void)take(place.map.erase(key));
        died = dies(Watched::writes, death, [&] { (void)take(place.map.insert(key, unseen)); });
      });
      const Number found = take(place.map.find(key));
      wrong += died && found == Number(unseen) && !shows(place.map, {{0x10, 1}, {key, unseen}});
    }
  }
  return wrong;
}

TEST(IntegerMapTwinTest, CodeAsItIsAgreesWithModel) { EXPECT_EQ(wrong_sequences(), 0U); }

TEST(IntegerMapTwinTest, PrunedOneLevelShortIsCaughtByVerify) {
  const auto leaves_a_whole_map = [] {
    MapPlace place = place_of({{0, 1}, {number_max, 2}});
    place.remove(0);
    return is_whole(place.map);
  };
  EXPECT_TRUE(leaves_a_whole_map());
  const Impersonation twin(Twin::pruned_one_level_short);
  EXPECT_FALSE(leaves_a_whole_map());
  EXPECT_GT(wrong_sequences(), 0U);
}

TEST(IntegerMapTwinTest, BoundThatDoesNotBacktrackIsCaught) {
  const auto goes_back = [] {
    const MapPlace place = place_of({{0x1f00, 1}, {0x1f11, 2}, {0x4000'0000, 3}});
    return take(place.map.lower_bound(0x1f12)) == IntegerEntry{0x4000'0000, 3};
  };
  EXPECT_TRUE(goes_back());
  const Impersonation twin(Twin::bound_does_not_backtrack);
  EXPECT_FALSE(goes_back());
  EXPECT_GT(wrong_sequences(), 0U);
}

TEST(IntegerMapTwinTest, ZeroThatPassesForAbsentIsCaught) {
  const auto holds_zero = [] { return take(place_of({{7, 0}}).map.find(7)) == Number(0); };
  EXPECT_TRUE(holds_zero());
  const Impersonation twin(Twin::zero_is_absent);
  EXPECT_FALSE(holds_zero());
  EXPECT_GT(wrong_sequences(), 0U);
}

TEST(IntegerMapTwinTest, ValueWithoutSecondLookIsCaughtByAReader) {
  EXPECT_EQ(wrong_answers_over_refilled_values(), 0U);
  const Impersonation twin(Twin::value_without_second_look);
  EXPECT_GT(wrong_answers_over_refilled_values(), 0U);
}

TEST(IntegerMapTwinTest, PublishBeforeFillIsCaughtByAReaderAndByDeath) {
  const Impersonation twin(Twin::publish_before_fill);
  std::uint64_t torn = 0, wrong = 0;
  for (const MapCase& one : map_cases()) {
    if (one.name != "node above all" && one.name != "leaf in a node that is there") continue;
    torn += is_seen_torn(one);
    wrong += wrong_deaths(one);
  }
  EXPECT_GT(torn, 0U);
  EXPECT_GT(wrong, 0U);
}

}  // namespace
}  // namespace radish::tests
