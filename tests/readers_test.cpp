// Readers that stay: who they are, what they hold back, and the bound that a handle can set to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "processes.h"
#include "radish/batch.hpp"
#include "trees.h"

namespace radish::tests {
namespace {

constexpr OpenOptions roomy = {.capacity_bytes = 64 << 20, .reader_slots = 16};
constexpr std::uint64_t bound_bytes = 256 << 10;

/// A process that begins to read and is stopped there.
class StuckReader {
 public:
  explicit StuckReader(const Tree& tree)
      : child_([&tree]() -> int {
          const Party party = attach(tree);
          const auto pin = sync::Pin::take(*party.attachment);
          raise(SIGSTOP);
          return pin ? 0 : 1;
        }) {
    if (!child_.await_stop()) throw std::runtime_error("it did not stop");
  }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  void die() { child_.kill_and_reap(); }

 private:
  Child child_;
};

struct ReadersTest : ::testing::Test {
  Tree tree = take(Tree::create_memfd("readers", roomy));
  Tree bounded = take(Tree::open_descriptor(tree.descriptor(), {.retired_bytes_max = bound_bytes}));
  static constexpr std::uint64_t keys = 3000;

  static std::string key_of(std::uint64_t number) { return "a key of some length " + std::to_string(number); }
  void fill_tree() {
    for (std::uint64_t key = 0; key < keys; ++key) take(tree.insert(key_of(key), key));
  }
  [[nodiscard]] Reader reader_of(pid_t pid) const {
    const auto readers = take(tree.readers());
    const auto found = std::ranges::find(readers, pid, &Reader::pid);
    if (found == readers.end()) throw std::runtime_error("no slot of that process");
    return *found;
  }
  /// Replaces keys until that is refused; why it was, or nothing within many turns.
  std::optional<Error> churn(Tree& by) {
    for (std::uint64_t turn = 0; turn < 20 * keys; ++turn) {
      take(by.erase(key_of(turn % keys)));
      if (const auto inserted = by.insert(key_of(turn % keys), turn); !inserted) return inserted.error();
    }
    return std::nullopt;
  }
};

TEST_F(ReadersTest, InsertionsAreRefusedWhenAReaderHoldsBackMoreThanTheBound) {
  fill_tree();
  StuckReader reader(tree);
  const auto error = churn(bounded);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Code::pinned) << error->message;
  EXPECT_EQ(named_process(*error), reader.pid()) << error->message;
  const std::uint64_t held = reader_of(reader.pid()).bytes_held;
  EXPECT_GT(held, bound_bytes);
  EXPECT_LT(held, bound_bytes * 2);
  EXPECT_TRUE(is_done(bounded.verify()));
  EXPECT_FALSE(churn(tree)) << "a handle without a bound goes on";
}

TEST_F(ReadersTest, ErasingOverwritingAndReadingGoOnBeyondTheBound) {
  fill_tree();
  StuckReader reader(tree);
  ASSERT_TRUE(churn(bounded));
  std::uint64_t left = take(bounded.count());
  for (std::uint64_t key = 0; key < keys; ++key) {
    if (!take(bounded.contains(key_of(key)))) continue;
    EXPECT_FALSE(take(bounded.insert(key_of(key), 7)));
    EXPECT_EQ(take(bounded.find(key_of(key))), 7U);
    if (key % 2 != 0) continue;
    if (key % 4 == 0) {
      EXPECT_TRUE(take(bounded.erase(key_of(key))));
    } else {
      // What stays as it is, or is overwritten, needs no room either; nor what is put in and out again.
      Batch batch;
      batch.insert(bounded, key_of(key), 1).insert(bounded, key_of(key) + "x", 1);
      batch.erase(bounded, key_of(key) + "x").erase(bounded, key_of(key));
      if (const std::string other = key_of(key + 1); take(bounded.contains(other)))
        batch.insert(bounded, other, 7);
      EXPECT_TRUE(take(batch.commit()).committed);
    }
    --left;
  }
  EXPECT_EQ(take(bounded.count()), left);
  EXPECT_EQ(take(bounded.erase_prefix("a key")), left);
  take(bounded.clear());
  EXPECT_TRUE(is_done(bounded.verify()));
}

TEST_F(ReadersTest, InsertionsGoOnWhenTheReaderIsGone) {
  fill_tree();
  StuckReader reader(tree);
  ASSERT_TRUE(churn(bounded));
  reader.die();
  EXPECT_FALSE(churn(bounded));
  EXPECT_TRUE(is_done(bounded.verify()));
}

TEST_F(ReadersTest, WithoutReadersThereIsNoBound) {
  fill_tree();
  EXPECT_FALSE(churn(bounded));
}

TEST_F(ReadersTest, StoppedReaderIsShownWithWhatItHoldsBack) {
  // A leaf each: two of them are too long for a bucket.
  const auto key_of = [](int byte) { return std::string(1, static_cast<char>(byte)).append(548, 'k'); };
  for (int byte = 0; byte < 256; ++byte) take(tree.insert(key_of(byte), 1));
  StuckReader reader(tree);
  const Reader before = reader_of(reader.pid());
  EXPECT_EQ(before.state, 'T');
  EXPECT_FALSE(before.command.empty());
  EXPECT_NE(before.epoch, 0U);
  constexpr std::uint64_t leaf_bytes = 560, erased = 100;
  for (int byte = 0; byte < static_cast<int>(erased); ++byte) take(tree.erase(key_of(byte)));
  const Reader after = reader_of(reader.pid());
  EXPECT_EQ(after.bytes_held - before.bytes_held, erased * leaf_bytes);
  EXPECT_EQ(after.epoch, before.epoch);
}

TEST_F(ReadersTest, ReaderHoldsBackWhatWasRetiredSinceItBeganAndNothingElse) {
  fill_tree();
  StuckReader early(tree);
  std::uint64_t turns = 0;
  while (reader_of(early.pid()).bytes_held < bound_bytes && ++turns < 100) ASSERT_FALSE(churn(tree));
  StuckReader late(tree);
  EXPECT_GT(reader_of(early.pid()).bytes_held, bound_bytes - 1);
  EXPECT_LT(reader_of(late.pid()).bytes_held, reader_of(early.pid()).bytes_held / 4);
  EXPECT_GT(reader_of(early.pid()).epochs_behind, reader_of(late.pid()).epochs_behind);
}

TEST_F(ReadersTest, ReaderThatKeepsMemoryFromAWriterIsShownSinceWhen) {
  fill_tree();
  StuckReader reader(tree);
  EXPECT_EQ(reader_of(reader.pid()).in_the_way_ms, 0U) << "nobody has met it";
  ASSERT_TRUE(churn(bounded));
  spin_until([&] { return reader_of(reader.pid()).in_the_way_ms != 0; });
}

TEST_F(ReadersTest, ThreadThatIsNotReadingHoldsNothingBack) {
  take(tree.insert("key", 1));
  take(tree.find("key"));
  const Reader own = reader_of(getpid());
  EXPECT_EQ(own.epoch, 0U);
  EXPECT_EQ(own.bytes_held, 0U);
  EXPECT_EQ(own.state, 'R');
  EXPECT_EQ(take(tree.readers()).size(), 1U);
}

TEST_F(ReadersTest, DeadReaderIsShownUntilItsSlotIsSwept) {
  fill_tree();
  StuckReader reader(tree);
  const pid_t pid = reader.pid();
  reader.die();
  const Reader dead = reader_of(pid);
  EXPECT_EQ(dead.command, "");
  EXPECT_EQ(dead.state, '-');
  EXPECT_NE(dead.epoch, 0U);
}

}  // namespace
}  // namespace radish::tests
