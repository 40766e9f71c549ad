// Walks of a heap that is full of the smallest nodes: their bounds, which are for hostile files, leave room
// for every tree that there can be.
#include <gtest/gtest.h>

#include "trees.h"

namespace radish::tests {
namespace {

/// Two children in every node, nothing skipped.
std::string binary_key(std::uint64_t number) {
  std::string key = "t";
  for (int bit = 0; bit < 20; ++bit) key += (number >> bit & 1) != 0 ? 'b' : 'a';
  return key;
}

class FullWalkTest : public testing::Test {
 protected:
  FullWalkTest() {
    take(tree_.insert("u", 1));  // so that what starts with "t" is not all there is
    while (tree_.insert(binary_key(keys_), keys_).has_value()) ++keys_;
  }

  Tree tree_ = take(Tree::create_anonymous({.capacity_bytes = std::uint64_t{256} << 10, .reader_slots = 8}));
  std::uint64_t keys_ = 0;
};

TEST_F(FullWalkTest, SubtreeThatFillsTheHeapIsCountedAndErased) {
  EXPECT_EQ(refusal(tree_.insert(binary_key(keys_), 0)), Code::full);
  EXPECT_EQ(take(tree_.erase_prefix("t")), keys_);
  EXPECT_EQ(take(tree_.count()), 1);
  EXPECT_TRUE(is_done(tree_.verify()));
}

TEST_F(FullWalkTest, ScanMeetsEveryKeyInBothDirections) {
  for (const bool forwards : {true, false}) {
    auto cursor = take(tree_.cursor());
    if (!forwards) cursor.seek_end();
    std::uint64_t met = 0;
    while (take(forwards ? cursor.next() : cursor.previous())) ++met;
    EXPECT_EQ(met, keys_ + 1);
  }
}

/// Erasures without room leave a node with one entry above each of the nodes of level 8. Where that loses an
/// entry too, and there is room now, one node stands in for all three.
TEST_F(FullWalkTest, ChainsThatWereLeftWithoutRoomAreJoinedLater) {
  const auto stays = [](std::uint64_t number) { return (number >> 6 & 3) == 0; };
  {
    const Party reader = attach(tree_);
    const auto pin = sync::Pin::take(*reader.attachment);
    ASSERT_TRUE(pin);
    for (std::uint64_t number = 0; number < keys_; ++number)
      if (!stays(number)) take(tree_.erase(binary_key(number)));
  }
  for (std::uint64_t path = 0; path < 64; ++path) {
    take(tree_.erase_prefix(binary_key(path | 1 << 8).substr(0, 10)));
    ASSERT_TRUE(is_done(tree_.verify())) << path;
  }
  for (std::uint64_t number = 0; number < keys_; ++number)
    ASSERT_EQ(take(tree_.contains(binary_key(number))), stays(number) && (number >> 8 & 1) == 0) << number;
}

/// What is retired stays where the reader may be, so no smaller node ever has room to stand in.
TEST_F(FullWalkTest, ErasuresWithoutAnyRoomLeaveNoNodeWithoutAnEntry) {
  const Party reader = attach(tree_);
  const auto pin = sync::Pin::take(*reader.attachment);
  ASSERT_TRUE(pin);
  for (std::uint64_t number = 0; number < keys_; ++number) {
    ASSERT_TRUE(take(tree_.erase(binary_key(number)))) << number;
    if (number % 97 == 0 || number + 100 > keys_) {
      ASSERT_TRUE(is_done(tree_.verify())) << number;
    }
  }
  EXPECT_EQ(take(tree_.count()), 1);
}

}  // namespace
}  // namespace radish::tests
