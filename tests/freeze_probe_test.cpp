// A process that is killed before any one event of freezing a segment, alone or beside a living attachment:
// what is left is frozen and whole, or not frozen and as usable as before.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <optional>
#include <string>

#include "scratch.h"
#include "seam/deaths.h"
#include "segment/superblock.h"
#include "support.h"
#include "trees.h"

namespace radish::tests {
namespace {

using probe::dies;
using probe::each_death;
using probe::Watched;

constexpr std::uint64_t keys = 300;
constexpr OpenOptions small = {.capacity_bytes = 256 << 10, .reader_slots = 4};

std::string key_of(std::uint64_t number) { return "key " + std::to_string(number); }

testing::AssertionResult holds_the_keys(const Tree& tree) {
  for (std::uint64_t number = 0; number < keys; ++number)
    if (tree.find(key_of(number)) != number)
      return testing::AssertionFailure() << key_of(number) << " is not there";
  if (tree.count() != keys) return testing::AssertionFailure() << "another count";
  return is_done(tree.verify());
}

class FreezeDeathTest : public testing::Test {
 protected:
  FreezeDeathTest() {
    Tree tree = take(Tree::open(path(), small));
    for (std::uint64_t number = 0; number < keys; ++number) take(tree.insert(key_of(number), number));
    for (std::uint64_t number = 0; number < keys; ++number) take(tree.insert("gone " + key_of(number), 1));
    take(tree.erase_prefix("gone "));  // which leaves something to dismantle
  }
  void SetUp() override { image_ = read_file(path()); }

  [[nodiscard]] std::string path() const { return scratch_.file("tree"); }
  void restore() const { write_file(path(), image_); }
  [[nodiscard]] Tree open() const { return take(Tree::open(path(), small)); }

  /// Freezing, from the open on.
  void open_and_freeze() const { take(open().freeze()); }

  /// Refused to writers, whole for readers.
  void expect_frozen() {
    ++frozen_;
    EXPECT_TRUE(is_refused(Tree::open(path(), small), Code::frozen));
    const auto tree = Tree::open_readonly(path());
    ASSERT_TRUE(is_done(tree));
    EXPECT_TRUE(holds_the_keys(*tree));
  }
  /// All goes on through a handle as if nobody had wanted to freeze anything; then it does freeze it.
  void expect_usable(Tree tree) {
    ++usable_;
    EXPECT_TRUE(is_refused(Tree::open_readonly(path()), Code::not_frozen));
    EXPECT_TRUE(holds_the_keys(tree));
    EXPECT_TRUE(take(tree.insert("another key", 1)));
    EXPECT_EQ(clean_mark(), 0U) << "what was changed again is marked as clean";
    EXPECT_TRUE(take(tree.erase("another key")));
    EXPECT_TRUE(is_done(tree.freeze()));
    --frozen_;  // it is this process that froze it
    expect_frozen();
  }
  void expect_either() {
    if (sealed())
      expect_frozen();
    else
      expect_usable(open());
  }

  void expect_both_kinds() const {
    std::printf("%llu deaths left it unfrozen, %llu frozen\n", static_cast<unsigned long long>(usable_),
                static_cast<unsigned long long>(frozen_));
    EXPECT_GT(usable_, 5U);
    EXPECT_GT(frozen_, 0U);
  }

  [[nodiscard]] bool sealed() const { return word_at(offsetof(layout::Superblock, sealed)) != 0; }
  [[nodiscard]] std::uint64_t clean_mark() const {
    const auto geometry = take(
        segment::plan_geometry({.capacity_bytes = small.capacity_bytes, .reader_slots = small.reader_slots}));
    return word_at(geometry.roots_offset + offsetof(layout::Roots, clean_mark));
  }
  [[nodiscard]] std::uint64_t word_at(std::uint64_t offset) const {
    std::uint64_t word = 0;
    std::memcpy(&word, read_file(path()).data() + offset, sizeof word);
    return word;
  }

  ScratchDirectory scratch_;
  std::string image_;
  std::uint64_t usable_ = 0;
  std::uint64_t frozen_ = 0;
};

TEST_F(FreezeDeathTest, AloneLeavesItUsableOrFrozen) {
  each_death(
      Watched::events, [&] { open_and_freeze(); },
      [&](std::uint64_t nth) {
        SCOPED_TRACE("death " + std::to_string(nth));
        expect_either();
        restore();
      });
  expect_both_kinds();
}

TEST_F(FreezeDeathTest, BesideALivingAttachmentLeavesItUsableOrFrozen) {
  std::optional living(open());
  const auto judge = [&](std::uint64_t nth) {
    SCOPED_TRACE("death " + std::to_string(nth));
    EXPECT_TRUE(holds_the_keys(*living));
    EXPECT_EQ(living->frozen(), sealed());
    if (sealed()) {
      EXPECT_TRUE(is_refused(living->insert("key 1", 8), Code::frozen));
      EXPECT_TRUE(is_refused(living->freeze(), Code::frozen));
      EXPECT_TRUE(holds_the_keys(*living));
      expect_frozen();
    } else {
      expect_usable(*living);
    }
    living.reset();
    restore();
    living.emplace(open());
  };
  each_death(Watched::events, [&] { take(living->freeze()); }, judge);
  expect_both_kinds();
}

/// Deaths of freezing, at the full scale each of them, and then every one of whoever recovers from it.
TEST_F(FreezeDeathTest, SecondDeathInTheRecoveryChangesNothing) {
  const std::uint64_t stride = scale() >= 10 ? 1 : 10;
  std::uint64_t second_deaths = 0;
  each_death(
      Watched::writes, [&] { open_and_freeze(); },
      [&](std::uint64_t first) {
        if (sealed() || first % stride != 0) return restore();
        const std::string dead = read_file(path());
        second_deaths += each_death(
            Watched::writes, [&] { (void)open().outcome(); },
            [&](std::uint64_t second) {
              SCOPED_TRACE("deaths " + std::to_string(first) + " and " + std::to_string(second));
              EXPECT_TRUE(holds_the_keys(open()));
              write_file(path(), dead);
            });
        restore();
      });
  std::printf("%llu second deaths\n", static_cast<unsigned long long>(second_deaths));
  EXPECT_GT(second_deaths, 20U);
}

}  // namespace
}  // namespace radish::tests
