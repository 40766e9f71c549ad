// Many lookups at once: each answers what it would answer alone, wherever it stands among the others.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "radish/tree.hpp"
#include "trees.h"

namespace radish::tests {
namespace {

/// Keys of all lengths up to 40, some of which start others: buckets whose suffixes are of one length, of
/// many and long, leaves, terminals, nodes of both kinds.
std::vector<std::string> keys_of_all_shapes() {
  std::vector<std::string> keys{""};
  for (int number = 0; number < 600; ++number) keys.push_back(std::to_string(100'000 + number));
  for (int byte = 0; byte < 256; ++byte)
    keys.push_back("wide " + std::string(1, static_cast<char>(byte)) + "x");
  for (std::size_t length = 0; length <= 40; ++length) {
    keys.push_back("nested " + std::string(length, 'n'));
    keys.push_back("long " + std::string(length * 20, 'l') + "/" + std::to_string(length));
  }
  return keys;
}

class LookupBatchTest : public testing::Test {
 protected:
  LookupBatchTest() {
    for (std::size_t index = 0; index < keys_.size(); ++index) {
      if (index % 4 == 3) continue;
      EXPECT_TRUE(take(tree_.insert(keys_[index], index)));
    }
    for (const std::string& key : keys_) {
      queries_.push_back(key);
      queries_.push_back(key + "s");
      queries_.push_back(key.substr(0, key.size() / 2));
    }
    views_.assign(queries_.begin(), queries_.end());
  }
  void expect_same_as_alone(const Tree& tree, std::size_t from, std::size_t count) {
    const auto some = std::span(views_).subspan(from, count);
    std::vector<std::optional<std::uint64_t>> values(count, 12345);
    std::vector<std::optional<Match>> matches(count, Match{12345, 6});
    ASSERT_TRUE(tree.find_batch(some, values));
    ASSERT_TRUE(tree.longest_prefix_batch(some, matches));
    for (std::size_t index = 0; index < count; ++index) {
      ASSERT_EQ(values[index], take(tree.find(some[index]))) << some[index];
      ASSERT_EQ(matches[index], take(tree.longest_prefix(some[index]))) << some[index];
    }
  }

  Tree tree_ = take(Tree::create_anonymous({.capacity_bytes = 4 << 20}));
  std::vector<std::string> keys_ = keys_of_all_shapes(), queries_;
  std::vector<std::string_view> views_;
};

TEST_F(LookupBatchTest, EachAnswersAsAlone) {
  for (std::size_t count = 0; count <= 100; ++count) expect_same_as_alone(tree_, count * 7, count);
  expect_same_as_alone(tree_, 0, views_.size());
}

TEST_F(LookupBatchTest, EmptyAndFrozenTreesAnswerToo) {
  ASSERT_TRUE(tree_.freeze());
  expect_same_as_alone(tree_, 0, views_.size());
  expect_same_as_alone(take(Tree::create_anonymous({.capacity_bytes = 1 << 20})), 0, views_.size());
}

TEST_F(LookupBatchTest, QueriesLongerThanAnyKeyAreAbsentAndHavePrefixes) {
  const std::string query(100'000, 'n'), nested = "nested " + query;
  const std::vector<std::string_view> keys{query, nested};
  std::vector<std::optional<std::uint64_t>> values(2, 1);
  std::vector<std::optional<Match>> matches(2);
  ASSERT_TRUE(tree_.find_batch(keys, values));
  ASSERT_TRUE(tree_.longest_prefix_batch(keys, matches));
  EXPECT_EQ(values, (std::vector<std::optional<std::uint64_t>>{std::nullopt, std::nullopt}));
  EXPECT_EQ(matches[0], take(tree_.longest_prefix(query)));
  EXPECT_EQ(matches[1], take(tree_.longest_prefix(nested)));
}

TEST_F(LookupBatchTest, RoomForAnotherNumberOfAnswersIsRefused) {
  std::vector<std::optional<std::uint64_t>> values(3);
  const auto found = tree_.find_batch(std::span(views_).first(4), values);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::invalid_argument);
  EXPECT_NE(found.error().message.find("3 answers to 4 keys"), std::string::npos) << found.error().message;
}

/// A pin that is held meanwhile is nested; a batch leaves none behind.
TEST_F(LookupBatchTest, HoldsNothingAfterwards) {
  expect_same_as_alone(tree_, 0, 200);
  for (const Reader& reader : take(tree_.readers())) EXPECT_EQ(reader.epoch, 0U);
}

}  // namespace
}  // namespace radish::tests
