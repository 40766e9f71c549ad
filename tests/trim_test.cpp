// Trimming: the file takes what its content needs, and everything goes on as before.
#include "heap/trim.h"

#include <gtest/gtest.h>
#include <sys/vfs.h>

#include <string>

#include "heap/heap.h"
#include "mounts.h"
#include "radish/segment.hpp"
#include "scratch.h"
#include "trees.h"

namespace radish::tests {
namespace {

using layout::page_bytes;

constexpr OpenOptions roomy = {.capacity_bytes = 8 << 20, .reader_slots = 16};

std::uint64_t stored_bytes(const Tree& tree) {
  return stored_file_bytes("/proc/self/fd/" + std::to_string(tree.descriptor()));
}

struct TrimTest : ::testing::Test {
  Tree tree = take(Tree::create_memfd("trim", roomy));
  std::uint64_t empty_bytes = stored_bytes(tree);
  std::uint64_t keys = 0;

  Party other = attach(tree);

  [[nodiscard]] const layout::Roots& roots() const { return other.segment().roots(); }
  [[nodiscard]] std::uint64_t heap_start() const { return other.segment().geometry().heap_offset; }
  /// Pages that are promised and not yet used, at most.
  static constexpr std::uint64_t ahead_bytes = 64 * page_bytes;
};

TEST_F(TrimTest, EmptyTreeTakesNoMoreThanAFreshOne) {
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  const std::uint64_t full_bytes = stored_bytes(tree);
  EXPECT_GE(full_bytes, roomy.capacity_bytes - ahead_bytes);
  take(tree.clear());
  EXPECT_EQ(take(tree.trim()), full_bytes - empty_bytes);
  EXPECT_EQ(stored_bytes(tree), empty_bytes);
  EXPECT_EQ(take(tree.stats()).backed_bytes, heap_start());
  EXPECT_TRUE(is_done(tree.verify()));
}

TEST_F(TrimTest, FileFollowsItsContentUpAndDown) {
  for (std::uint64_t key = 0; key < 1000; ++key) take(tree.insert("kept " + std::to_string(key), key));
  for (int round = 0; round < 3; ++round) {
    keys = 0;
    ASSERT_EQ(fill(tree, keys, "gone ").code, Code::full);
    ASSERT_GT(keys, 50'000U);
    take(tree.erase_prefix("gone "));
    take(tree.trim());
    EXPECT_LE(stored_bytes(tree), empty_bytes + (100 << 10)) << "round " << round;
    EXPECT_EQ(roots().backed, roots().frontier);
    EXPECT_TRUE(is_done(tree.verify()));
    EXPECT_EQ(take(tree.count()), 1000U);
    EXPECT_EQ(take(tree.find("kept 999")), 999U);
  }
}

TEST_F(TrimTest, WhatIsInUseAtTheEndKeepsWhatIsBeforeIt) {
  while (roots().frontier * page_bytes < roomy.capacity_bytes / 2)
    take(tree.insert("gone " + std::to_string(keys++), 1));
  take(tree.insert(std::string(60'000, 'x'), 7));
  take(tree.insert(std::string(60'000, 'y'), 7));
  const std::uint64_t used = roots().frontier;
  take(tree.erase_prefix("gone "));
  EXPECT_LE(take(tree.trim()), ahead_bytes);
  EXPECT_GT(roots().frontier, used - 2 * layout::run_pages_max) << "the large leaves lie there";
  EXPECT_GT(roots().free_pages, used / 2);
  EXPECT_EQ(take(tree.find(std::string(60'000, 'x'))), 7U);
  EXPECT_TRUE(is_done(tree.verify()));
}

TEST_F(TrimTest, SecondTrimFindsNothing) {
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  take(tree.clear());
  EXPECT_GT(take(tree.trim()), 0U);
  EXPECT_EQ(take(tree.trim()), 0U);
  EXPECT_EQ(take(tree.trim()), 0U);
}

TEST_F(TrimTest, TrimmedTreeTakesAsMuchAsAFreshOneAgain) {
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  const std::uint64_t fresh_keys = keys;
  take(tree.clear());
  take(tree.trim());
  keys = 0;
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  EXPECT_EQ(keys, fresh_keys);
  EXPECT_TRUE(is_done(tree.verify()));
}

/// A cursor bounds its walk by what the heap can hold, which a trim makes less.
TEST_F(TrimTest, CursorThatHasComeFarGoesOnWhenTheTreeIsClearedAndTrimmed) {
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  Tree writer = take(Tree::open_descriptor(tree.descriptor()));
  auto cursor = take(tree.cursor());
  for (std::uint64_t met = 0; met < keys / 2; ++met) ASSERT_TRUE(take(cursor.next()));
  take(writer.clear());
  take(writer.trim());
  ASSERT_LT((roots().frontier * page_bytes - heap_start()) / 16, keys / 2);
  for (;;) {
    const auto entry = cursor.next();
    ASSERT_TRUE(is_done(entry));
    if (!*entry) break;
  }
}

TEST_F(TrimTest, LivingReaderIsNamedAndTheNextTrimGivesTheRoomBack) {
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  Bell pinned;
  Child reader([&]() -> int {
    const Party party = attach(tree);
    const auto pin = sync::Pin::take(*party.attachment);
    pinned.ring();
    rest_until_killed();
  });
  pinned.wait();
  take(tree.clear());
  const auto refused = tree.trim();
  ASSERT_TRUE(is_refused(refused, Code::pinned));
  EXPECT_EQ(named_process(refused.error()), reader.pid());
  EXPECT_TRUE(is_done(tree.verify()));
  reader.kill_and_reap();
  take(tree.trim());
  EXPECT_EQ(stored_bytes(tree), empty_bytes);
}

TEST_F(TrimTest, OwnReadIsPinnedAtOnce) {
  const auto pin = sync::Pin::take(*other.attachment);
  const auto refused = heap::trim(*other.attachment);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::pinned);
}

TEST_F(TrimTest, FrozenAndViewedTreesAreNotTrimmed) {
  {
    const View view = take(tree.view());
    EXPECT_TRUE(is_refused(tree.trim(), Code::view_held));
  }
  take(tree.freeze());
  EXPECT_TRUE(is_refused(tree.trim(), Code::frozen));
}

TEST_F(TrimTest, HeapWhoseEpochIsUsedUpStaysAsItIs) {
  take(tree.insert("key", 1));
  take(tree.erase("key"));
  other.segment().roots().epoch = heap::epoch_max;
  const std::uint64_t frontier = roots().frontier;
  EXPECT_EQ(take(tree.trim()), 0U);
  EXPECT_EQ(roots().frontier, frontier);
}

TEST_F(TrimTest, WrongNumberOfFreePagesIsCorrupt) {
  take(tree.insert(std::string(60'000, 'x'), 1));
  take(tree.insert(std::string(60'000, 'y'), 1));
  take(tree.clear());
  take(tree.insert(std::string(60'000, 'z'), 1));
  ASSERT_TRUE(is_done(tree.erase_prefix("z")));
  other.segment().roots().free_pages = 1;
  EXPECT_TRUE(is_refused(tree.trim(), Code::corrupt));
}

TEST_F(TrimTest, OneAttachmentTrimsWhatAllNamedRootsLeft) {
  Segment segment = tree.segment();
  Tree routes = take(segment.tree("routes"));
  ASSERT_EQ(fill(routes, keys).code, Code::full);
  ASSERT_TRUE(take(segment.drop("routes")));
  take(segment.trim());
  EXPECT_EQ(stored_bytes(tree), empty_bytes);
  EXPECT_TRUE(is_done(segment.verify()));
}

// --- room for runs ---------------------------------------------------------------------------------------

/// Put into the first gap that comes up, they would lie strewn, with gaps between them that are too short.
TEST_F(TrimTest, LongKeysAfterShortOnesFitAsInAFreshSegment) {
  const auto fill_with_long_keys = [](Tree& into) {
    std::string key(60'000, 'x');
    for (std::uint64_t count = 0;; ++count) {
      const std::string number = std::to_string(count);
      key.replace(0, number.size(), number);
      if (!into.insert(key, count)) return count;
    }
  };
  Tree fresh = take(Tree::create_memfd("fresh", roomy));
  const std::uint64_t fresh_keys = fill_with_long_keys(fresh);
  ASSERT_GT(fresh_keys, 100U);
  for (const bool at_once : {true, false}) {
    SCOPED_TRACE(at_once);
    keys = 0;
    ASSERT_EQ(fill(tree, keys).code, Code::full);
    if (at_once) take(tree.clear());
    for (std::uint64_t key = 0; !at_once && key < keys; ++key)
      take(tree.erase("key " + std::to_string(key * 7919 % keys)));
    if (!at_once) take(tree.clear());
    EXPECT_GE(fill_with_long_keys(tree), fresh_keys - 1);
    EXPECT_TRUE(is_done(tree.verify()));
    take(tree.clear());
  }
}

// --- on a disk of its own --------------------------------------------------------------------------------

std::uint64_t free_bytes(const std::string& folder) {
  struct statfs system{};
  if (statfs(folder.c_str(), &system) != 0) throw std::runtime_error("statfs");
  return static_cast<std::uint64_t>(system.f_bfree) * static_cast<std::uint64_t>(system.f_bsize);
}

TEST(TrimDiskTest, RoomOnAFullDiskIsGivenToOthersAndTakenAgain) {
  const ScratchDirectory scratch;
  RADISH_EXPECT_IN_OWN_MOUNT(scratch.file(""), "size=4m", [&] {
    Tree tree = take(Tree::open(scratch.file("tree"), roomy));
    std::uint64_t keys = 0;
    if (fill(tree, keys).code != Code::no_space) return 1;
    const std::uint64_t before = free_bytes(scratch.file(""));
    take(tree.clear());
    const std::uint64_t given = take(tree.trim());
    if (free_bytes(scratch.file("")) != before + given || given < (3 << 20)) return 2;
    {
      Tree neighbour = take(Tree::open(scratch.file("neighbour"), roomy));
      std::uint64_t others = 0;
      if (fill(neighbour, others).code != Code::no_space || others < keys / 2) return 3;
      if (refusal(tree.insert(std::string(60'000, 'x'), 1)) != Code::no_space) return 4;
      take(neighbour.clear());
      take(neighbour.trim());
    }
    std::uint64_t again = 0;
    if (fill(tree, again).code != Code::no_space || again < keys * 9 / 10) return 5;
    return tree.verify() ? 0 : 6;
  });
}

}  // namespace
}  // namespace radish::tests
