// What is left of a node is one dense node, which has no prefix to be joined with.
#include <gtest/gtest.h>

#include "heap/changes.h"
#include "trees.h"

namespace radish::tests {
namespace {

TEST(DenseChildTest, StaysBelowItsParentWhenItIsTheLastChild) {
  Tree tree = take(Tree::create_anonymous({.capacity_bytes = std::uint64_t{1} << 20, .reader_slots = 8}));
  const auto key = [](int byte) { return std::string{'a', 'b', static_cast<char>(byte)}; };
  for (int byte = 0; byte < 256; ++byte) take(tree.insert(key(byte), static_cast<std::uint64_t>(byte)));
  for (int byte = 40; byte < 256; ++byte) take(tree.erase(key(byte)));  // dense still
  take(tree.insert("ax", 1));
  const std::uint64_t merges = heap::tallied(heap::Change::merge);
  EXPECT_TRUE(take(tree.erase("ax")));
  EXPECT_EQ(heap::tallied(heap::Change::merge), merges);
  EXPECT_TRUE(is_done(tree.verify()));
  for (int byte = 0; byte < 256; ++byte) EXPECT_EQ(take(tree.contains(key(byte))), byte < 40) << byte;
}

}  // namespace
}  // namespace radish::tests
