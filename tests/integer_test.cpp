// The integer map through the public interface, each change of its shape by itself, and what it refuses. What
// random sequences find is in integer_property_test.cpp.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "maps.h"
#include "scratch.h"

namespace radish::tests {
namespace {

class IntegerMapTest : public ::testing::Test, public MapPlace {
 protected:
  void TearDown() override { expect_holds(map, numbers); }
};

TEST_F(IntegerMapTest, EmptyMapHasNothingAndTakesNothing) { EXPECT_EQ(blocks_in_use(segment), 0U); }

TEST_F(IntegerMapTest, KeysThatDifferInTheLastDigitShareALeaf) {
  for (std::uint64_t key = 0x120; key < 0x130; ++key) put(key, key);
  EXPECT_EQ(blocks_in_use(segment), 1U);
}

TEST_F(IntegerMapTest, KeysThatDifferElsewhereHaveOneNodeAboveThemHoweverFarApart) {
  put(0, 1);
  put(number_max, 2);
  EXPECT_EQ(blocks_in_use(segment), 3U);
  put(0x10, 3);  // beside 0, far below
  EXPECT_EQ(blocks_in_use(segment), 5U);
  put(0xabc0'0000, 4);  // between the two nodes
  EXPECT_EQ(blocks_in_use(segment), 7U);
}

TEST_F(IntegerMapTest, NodeThatToldThemApartTakesFurtherChildren) {
  for (std::uint64_t digit = 0; digit < 16; ++digit) put(digit << 32, digit);
  EXPECT_EQ(blocks_in_use(segment), 17U);
}

TEST_F(IntegerMapTest, ZeroIsAValue) {
  put(7, 0);
  EXPECT_EQ(take(map.find(7)), Number(0));
  EXPECT_EQ(take(map.insert_new(7, 5)), false);
  EXPECT_EQ(take(map.compare_exchange(7, 0, 0)), (Exchange{true, 0}));
  EXPECT_EQ(take(map.fetch_add(7, 0)), Number(0));
  put(8, 9);
  remove(8);
  put(8, 0);
}

TEST_F(IntegerMapTest, ErasureTakesEveryNodeAwayThatItEmpties) {
  put(0, 1);
  put(number_max, 2);
  put(0x10, 3);
  remove(0x10);  // its leaf, and the node that told it from 0
  EXPECT_EQ(blocks_in_use(segment), 3U);
  remove(0);
  EXPECT_EQ(blocks_in_use(segment), 1U);
  remove(number_max);
  EXPECT_EQ(blocks_in_use(segment), 0U);
}

TEST_F(IntegerMapTest, SubtreeThatIsLeftAloneTakesItsParentsPlace) {
  for (const std::uint64_t key : {0x1000U, 0x1010U, 0x1100U, 0x2000U}) put(key, key);
  remove(0x2000);  // the topmost node goes; what is below stays as it is
  EXPECT_EQ(blocks_in_use(segment), 5U);
  put(0x3000, 1);
  remove(0x1010);
  remove(0x1100);
}

TEST_F(IntegerMapTest, ErasingOneOfSeveralValuesKeepsTheLeaf) {
  put(1, 1);
  put(2, 2);
  remove(1);
  EXPECT_EQ(blocks_in_use(segment), 1U);
  remove(1);
  put(1, 3);
}

TEST_F(IntegerMapTest, OverwritingTakesTheLatestValue) {
  put(5, 1);
  put(5, number_max);
  put(5, 0);
}

TEST_F(IntegerMapTest, ConditionalEditsAnswerAsTheTreesDo) {
  EXPECT_EQ(take(map.compare_exchange(3, 0, 1)), (Exchange{false, std::nullopt}));
  EXPECT_EQ(take(map.fetch_add(3, 4)), std::nullopt);
  EXPECT_EQ(take(map.fetch_add(3, number_max)), Number(4));
  EXPECT_EQ(take(map.compare_exchange(3, 4, 1)), (Exchange{false, 3}));
  EXPECT_EQ(take(map.compare_exchange(3, 3, 8)), (Exchange{true, 3}));
  EXPECT_EQ(take(map.insert_new(3, 9)), false);
  EXPECT_EQ(take(map.insert_new(4, 9)), true);
  numbers = {{3, 8}, {4, 9}};
}

TEST_F(IntegerMapTest, ClearTakesEverythingAtOnceAndGivesItBack) {
  for (std::uint64_t key = 0; key < 5000; ++key) put(key * key * 977, key);
  ASSERT_TRUE(map.clear());
  numbers.clear();
  expect_holds(map, numbers);
  for (int round = 0; round < 1000; ++round) {  // housekeeping goes on with the mutations
    put(1, 1);
    remove(1);
  }
  EXPECT_EQ(blocks_in_use(segment), 0U);
}

TEST_F(IntegerMapTest, LowerBoundGoesBackPastSubtreesThatAreExhausted) {
  for (const std::uint64_t key : {0x1f00ULL, 0x1f0fULL, 0x1fffULL, 0x4000'0000ULL}) put(key, key);
  EXPECT_EQ(take(map.lower_bound(0x2000)), (IntegerEntry{0x4000'0000, 0x4000'0000}));
  EXPECT_EQ(take(map.lower_bound(0x1f01)), (IntegerEntry{0x1f0f, 0x1f0f}));
  EXPECT_EQ(take(map.lower_bound(0x1f10)), (IntegerEntry{0x1fff, 0x1fff}));
  EXPECT_EQ(take(map.predecessor(0x1f00 - 1)), std::nullopt);
  EXPECT_EQ(take(map.predecessor(0x3fff'ffff)), (IntegerEntry{0x1fff, 0x1fff}));
}

TEST_F(IntegerMapTest, CursorRestsBetweenEntriesAndTurns) {
  for (std::uint64_t key = 10; key < 1000; key += 10) put(key, key);
  IntegerCursor cursor = take(map.cursor());
  EXPECT_EQ(take(cursor.previous()), std::nullopt);
  cursor.seek(495);
  EXPECT_EQ(take(cursor.next()), (IntegerEntry{500, 500}));
  EXPECT_EQ(take(cursor.previous()), (IntegerEntry{500, 500}));
  EXPECT_EQ(take(cursor.previous()), (IntegerEntry{490, 490}));
  remove(480);
  put(485, 1);
  EXPECT_EQ(take(cursor.previous()), (IntegerEntry{485, 1}));
  EXPECT_EQ(take(cursor.previous()), (IntegerEntry{470, 470}));
  cursor.seek_end();
  EXPECT_EQ(take(cursor.next()), std::nullopt);
  EXPECT_EQ(take(cursor.previous()), (IntegerEntry{990, 990}));
  cursor.seek(number_max);
  EXPECT_EQ(take(cursor.next()), std::nullopt);
  EXPECT_EQ(take(cursor.previous()), (IntegerEntry{990, 990}));
}

TEST_F(IntegerMapTest, OtherHandlesAndChildrenSeeTheSameMap) {
  put(1, 10);
  IntegerMap other = again();
  EXPECT_EQ(other.depth(), 16U);
  EXPECT_EQ(take(other.find(1)), Number(10));
  EXPECT_EQ(take(other.insert(2, 20)), true);
  numbers[2] = 20;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(take(other.find(2)) == Number(20) && map.insert(3, 30) ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  numbers[3] = 30;
}

TEST_F(IntegerMapTest, MapsAndTreesOfOneSegmentKeepApart) {
  IntegerMap other = take(segment.integer_map("other", {.depth = 2}));
  Tree tree = take(segment.tree("tree"));
  for (std::uint64_t key = 0; key < 256; ++key) {
    put(key, 1);
    ASSERT_TRUE(other.insert(key, 2));
    ASSERT_TRUE(tree.insert(std::to_string(key), 3));
  }
  EXPECT_TRUE(segment.verify());
  ASSERT_TRUE(take(segment.drop("other")));
  EXPECT_EQ(refusal(other.find(1)), Code::dropped);
  EXPECT_EQ(refusal(other.insert(1, 1)), Code::dropped);
  EXPECT_EQ(refusal(other.lower_bound(1)), Code::dropped);
  EXPECT_EQ(refusal(other.find(0x100)), Code::dropped);  // though it has more digits than the map
  EXPECT_EQ(refusal(other.count()), Code::dropped);
  EXPECT_EQ(refusal(other.clear()), Code::dropped);
  EXPECT_EQ(take(tree.count()), 256U);
}

// --- every depth -----------------------------------------------------------------------------------------

class IntegerDepthTest : public ::testing::TestWithParam<unsigned> {};

TEST_P(IntegerDepthTest, KeysUpToTheGreatestOfTheDepthComeAndGo) {
  MapPlace place(GetParam());
  const std::uint64_t greatest = key_max(GetParam());
  for (std::uint64_t key = 0; key < 16; ++key) {
    place.put(key, key);
    place.put(greatest - key, 0);
    place.put(greatest / 3 - std::min(key, greatest / 3), number_max);
  }
  expect_holds(place.map, place.numbers);
  const Numbers all = place.numbers;
  for (const auto& [key, value] : all)
    if (key % 3 != 0) place.remove(key);
  expect_holds(place.map, place.numbers);
  while (!place.numbers.empty()) place.remove(place.numbers.begin()->first);
  expect_holds(place.map, {});
  EXPECT_EQ(blocks_in_use(place.segment), 0U);
}

TEST_P(IntegerDepthTest, KeyWithMoreDigitsIsRefusedByItsBound) {
  MapPlace place(GetParam());
  if (GetParam() == 16) return;  // there is none
  const std::uint64_t beyond = key_max(GetParam()) + 1;
  const std::string bound = std::to_string(key_max(GetParam()));
  for (const std::uint64_t key : {beyond, number_max}) {
    EXPECT_TRUE(is_refused(place.map.find(key), Code::invalid_argument, bound));
    EXPECT_TRUE(is_refused(place.map.contains(key), Code::invalid_argument, bound));
    EXPECT_TRUE(is_refused(place.map.insert(key, 1), Code::invalid_argument, bound));
    EXPECT_TRUE(is_refused(place.map.insert_new(key, 1), Code::invalid_argument, bound));
    EXPECT_TRUE(is_refused(place.map.compare_exchange(key, 1, 2), Code::invalid_argument, bound));
    EXPECT_TRUE(is_refused(place.map.fetch_add(key, 1), Code::invalid_argument, bound));
    EXPECT_TRUE(is_refused(place.map.erase(key), Code::invalid_argument, bound));
    EXPECT_TRUE(is_refused(place.map.lower_bound(key), Code::invalid_argument, bound));
    EXPECT_TRUE(is_refused(place.map.predecessor(key), Code::invalid_argument, bound));
  }
  expect_holds(place.map, {});
}

INSTANTIATE_TEST_SUITE_P(Depths, IntegerDepthTest, ::testing::Values(1U, 2U, 3U, 8U, 15U, 16U));

// --- how it is opened --------------------------------------------------------------------------------------

TEST(IntegerMapOpenTest, DepthIsThatOfItsMakingAndAnotherOneIsRefused) {
  const Segment segment = take(Segment::create_anonymous({.capacity_bytes = 1 << 20}));
  auto open = [copy = segment](const RootOptions& options) mutable { return copy.integer_map("m", options); };
  EXPECT_TRUE(is_refused(open({.depth = 17}), Code::invalid_argument, "17"));
  EXPECT_EQ(take(open({.depth = 8})).depth(), 8U);
  EXPECT_EQ(take(open({})).depth(), 8U);
  EXPECT_EQ(take(open({.depth = 8})).depth(), 8U);
  EXPECT_TRUE(is_refused(open({.depth = 16}), Code::wrong_kind, "8"));
  EXPECT_EQ(refusal(open({.exclusive = true, .depth = 8})), Code::exists);
}

TEST(IntegerMapOpenTest, DepthIsSixteenUnlessAskedOtherwise) {
  Segment segment = take(Segment::create_anonymous({.capacity_bytes = 1 << 20}));
  EXPECT_EQ(refusal(segment.integer_map("m", {.must_exist = true})), Code::not_found);
  EXPECT_EQ(take(segment.integer_map("m")).depth(), 16U);
  const std::vector<RootInfo> roots = take(segment.roots());
  ASSERT_EQ(roots.size(), 1U);
  EXPECT_EQ(roots[0], (RootInfo{"m", RootKind::integer_map, 16, 0}));
}

TEST(IntegerMapOpenTest, RootOfTheOtherKindIsRefused) {
  Segment segment = take(Segment::create_anonymous({.capacity_bytes = 1 << 20}));
  (void)take(segment.tree("tree"));
  (void)take(segment.integer_map("map"));
  EXPECT_EQ(refusal(segment.integer_map("tree")), Code::wrong_kind);
  EXPECT_EQ(refusal(segment.tree("map")), Code::wrong_kind);
}

// --- hard times
// ----------------------------------------------------------------------------------------------

/// Keys that share nothing, so that each takes the most room.
constexpr std::uint64_t scattered(std::uint64_t index) { return index * 0x9e3779b97f4a7c15; }

/// Puts scattered keys in until one finds no room; how many keys there are then.
std::uint64_t fill(MapPlace& place) {
  for (std::uint64_t index = 0;; ++index) {
    const auto inserted = place.map.insert(scattered(index), index);
    if (!inserted) {
      EXPECT_EQ(inserted.error().code, Code::full);
      return place.numbers.size();
    }
    place.numbers[scattered(index)] = index;
  }
}

TEST(IntegerMapRoomTest, FullHeapRefusesNewKeysAndNothingElse) {
  MapPlace place(16, layout::capacity_bytes_min);
  const std::uint64_t keys = fill(place);
  ASSERT_GT(keys, 100U);
  EXPECT_EQ(refusal(place.map.insert_new(scattered(keys), 1)), Code::full);
  EXPECT_EQ(refusal(place.map.fetch_add(scattered(keys), 1)), Code::full);
  expect_holds(place.map, place.numbers);
  for (auto& [key, value] : place.numbers) {
    EXPECT_EQ(take(place.map.insert(key, value + 1)), false);
    ++value;
  }
  place.put(scattered(0) ^ 1, 0);  // a leaf that is there has room
  for (std::uint64_t index = 0; index < keys; ++index) place.remove(scattered(index));
  place.remove(scattered(0) ^ 1);
  expect_holds(place.map, {});
}

TEST(IntegerMapRoomTest, HeapThatWasFullHasRoomAgain) {
  MapPlace place(16, layout::capacity_bytes_min);
  const std::uint64_t keys = fill(place);
  while (!place.numbers.empty()) place.remove(place.numbers.begin()->first);
  EXPECT_GE(fill(place), keys * 9 / 10);
  expect_holds(place.map, place.numbers);
  ASSERT_TRUE(place.map.clear());
  place.numbers.clear();
  EXPECT_GE(fill(place), keys * 9 / 10);
  expect_holds(place.map, place.numbers);
}

TEST(IntegerMapFrozenTest, FrozenMapIsReadAndNotChanged) {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("map");
  Numbers numbers;
  {
    Segment segment = take(Segment::open(path, {.capacity_bytes = 1 << 20}));
    IntegerMap map = take(segment.integer_map("m", {.depth = 12}));
    for (std::uint64_t key = 0; key < 3000; ++key) {
      ASSERT_TRUE(map.insert(key * key * 31, key));
      numbers[key * key * 31] = key;
    }
    ASSERT_TRUE(segment.freeze());
    EXPECT_EQ(refusal(map.insert(1, 1)), Code::frozen);
    EXPECT_EQ(refusal(map.erase(0)), Code::frozen);
    expect_holds(map, numbers);
  }
  Segment segment = take(Segment::open_readonly(path));
  IntegerMap map = take(segment.integer_map("m", {.depth = 12}));
  EXPECT_EQ(refusal(map.clear()), Code::read_only);
  expect_holds(map, numbers);
}

TEST(IntegerMapThreadsTest, ScanBesideAWriterReturnsWhatIsThereThroughout) {
  MapPlace place(16, 16 << 20);
  for (std::uint64_t key = 0; key < 1000; ++key) place.put(key << 20, 1);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t round = 0; !stop.load(); ++round) {
      const std::uint64_t key = (round % 1000) << 20 | (round % 7 + 1) << round % 5 * 4;
      (void)place.map.insert(key, 2);
      (void)place.map.erase(key);
    }
  });
  const auto stays = [](std::uint64_t key) { return key % (1 << 20) == 0; };
  for (int round = 0; round < 50; ++round)
    for (const bool forward : {true, false}) {
      Numbers met = scan(place.map, forward);
      std::erase_if(met, [&](const auto& entry) { return !stays(entry.first); });
      EXPECT_EQ(met, place.numbers);
      for (std::uint64_t key = 0; key < 999; ++key) {
        const auto bound = take(place.map.lower_bound((key << 20) + 1));
        ASSERT_TRUE(bound);
        EXPECT_LE(bound->key, (key + 1) << 20);
        EXPECT_EQ(bound->value, stays(bound->key) ? 1U : 2U);
      }
    }
  stop = true;
  writer.join();
  expect_holds(place.map, place.numbers);
}

}  // namespace
}  // namespace radish::tests
