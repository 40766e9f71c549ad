// A cursor goes on behind the last key of its batch, whichever key that is: each one of a tree is the last of
// some.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/cases.h"
#include "trees.h"

namespace radish::tests {
namespace {

class CursorBatch : public testing::TestWithParam<unsigned> {
 protected:
  /// Keys that end at a node of so many children, above it and below it.
  CursorBatch() {
    keys_ = {"v", "w", "wz long", "wz long indeed", "x"};
    for (const model::Operation& operation : model::fan("w", GetParam())) keys_.push_back(operation.key);
    for (const char* side : {"a", "y"})  // more than a batch
      for (char digit = '0'; digit <= '9'; ++digit) keys_.push_back(std::string(side) + digit);
    std::ranges::sort(keys_);
    for (const std::string& key : keys_) take(tree_.insert(key, key.size()));
  }
  std::vector<std::string> keys_;
  Tree tree_ = take(Tree::create_anonymous({.capacity_bytes = std::uint64_t{1} << 20}));
};

TEST_P(CursorBatch, ForwardFromEachKey) {
  for (std::size_t from = 0; from < keys_.size(); ++from) {
    auto cursor = take(tree_.cursor());
    cursor.seek(keys_[from]);
    for (std::size_t index = from; index < keys_.size(); ++index) {
      const auto entry = take(cursor.next());
      ASSERT_TRUE(entry) << keys_[from] << ", " << keys_[index];
      ASSERT_EQ(entry->key, keys_[index]) << keys_[from];
    }
    EXPECT_FALSE(take(cursor.next()));
  }
}

TEST_P(CursorBatch, BackwardFromEachKey) {
  for (std::size_t from = 0; from < keys_.size(); ++from) {
    auto cursor = take(tree_.cursor());
    cursor.seek(keys_[from]);
    for (std::size_t index = from; index-- > 0;) {
      const auto entry = take(cursor.previous());
      ASSERT_TRUE(entry) << keys_[from] << ", " << keys_[index];
      ASSERT_EQ(entry->key, keys_[index]) << keys_[from];
    }
    EXPECT_FALSE(take(cursor.previous()));
  }
}

constexpr unsigned one_bucket = 12, two_buckets = 60;
INSTANTIATE_TEST_SUITE_P(Below, CursorBatch, testing::Values(0U, 1U, one_bucket, two_buckets));

}  // namespace
}  // namespace radish::tests
