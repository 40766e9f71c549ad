// Floor 4 through the public interface, each change of a tree's shape by itself, and what readers, threads
// and forked children see. What random sequences find is in property_test.cpp and sequence_test.cpp.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>

#include "heap/changes.h"
#include "model/generator.h"
#include "radish/tree.hpp"
#include "support.h"

namespace radish::tests {
namespace {

using heap::Change;
using Value = std::optional<std::uint64_t>;

/// The value of a key; a number that no test stores if it cannot be told.
Value value_of(const Tree& tree, const std::string& key) {
  const auto found = tree.find(key);
  return found ? *found : Value(UINT64_MAX);
}
using heap::tallied;

class Shape : public ::testing::Test {
 protected:
  void SetUp() override {
    auto tree = Tree::create_anonymous({.capacity_bytes = std::uint64_t{1} << 20, .reader_slots = 64});
    ASSERT_TRUE(tree) << tree.error().message;
    tree_.emplace(std::move(*tree));
  }
  /// The tree holds exactly what was put, in order, and is whole.
  void TearDown() override {
    auto cursor = tree_->cursor();
    ASSERT_TRUE(cursor);
    for (const auto& [key, value] : expected_) {
      const auto entry = cursor->next();
      ASSERT_TRUE(entry && *entry) << model::quote_short(key);
      EXPECT_EQ((*entry)->key, key);
      EXPECT_EQ((*entry)->value, value);
      EXPECT_EQ(value_of(*tree_, key), value);
    }
    const auto end = cursor->next();
    EXPECT_TRUE(end && !*end);
    EXPECT_EQ(tree_->count(), expected_.size());
    const auto whole = tree_->verify();
    EXPECT_TRUE(whole) << whole.error().message;
  }

  void put(const std::string& key) {
    const std::uint64_t value = ++next_value_;
    EXPECT_EQ(tree_->insert(key, value), !expected_.contains(key)) << model::quote_short(key);
    expected_[key] = value;
  }
  void remove(const std::string& key) {
    EXPECT_EQ(tree_->erase(key), expected_.erase(key) == 1) << model::quote_short(key);
  }
  void put_bytes(const std::string& prefix, int from, int to, const std::string& suffix = "") {
    for (int byte = from; byte < to; ++byte) put(prefix + static_cast<char>(byte) + suffix);
  }
  void remove_bytes(const std::string& prefix, int from, int to, const std::string& suffix = "") {
    for (int byte = from; byte < to; ++byte) remove(prefix + static_cast<char>(byte) + suffix);
  }
  /// How often the change happened since the last call.
  std::uint64_t since(Change change) {
    const std::uint64_t now = tallied(change), before = std::exchange(seen_[change], now);
    return now - before;
  }

  std::optional<Tree> tree_;
  std::map<std::string, std::uint64_t> expected_;
  std::map<Change, std::uint64_t> seen_;
  std::uint64_t next_value_ = 0;
};

TEST_F(Shape, SecondKeySplitsTheFirstKeysLeaf) {
  since(Change::leaf_split);
  put("tree/oak");
  put("tree/elm");
  EXPECT_EQ(since(Change::leaf_split), 1U);
}

TEST_F(Shape, KeyThatEndsInsideAnotherBecomesATerminal) {
  since(Change::terminal_made);
  put("tree/oak");
  put("tree");
  EXPECT_EQ(since(Change::terminal_made), 1U);
  put("tree/oak/leaf");
  EXPECT_EQ(since(Change::terminal_made), 1U);
  put("");
  EXPECT_EQ(since(Change::terminal_made), 1U);
}

TEST_F(Shape, KeyThatLeavesAPrefixSplitsTheEdge) {
  put("mountain/high");
  put("mountain/low");
  since(Change::edge_split);
  put("mouse");
  EXPECT_EQ(since(Change::edge_split), 1U);
  since(Change::terminal_made);
  put("mount");
  EXPECT_EQ(since(Change::terminal_made), 1U);
}

TEST_F(Shape, SparseNodeGrowsByOneChildAndTurnsDenseAtTheFortyNinth) {
  put_bytes("prefix", 0, 2);
  since(Change::child_added);
  since(Change::dense_made);
  put_bytes("prefix", 2, 48);
  EXPECT_EQ(since(Change::child_added), 46U);
  EXPECT_EQ(since(Change::dense_made), 0U);
  put("prefix");
  put_bytes("prefix", 48, 49);
  EXPECT_EQ(since(Change::dense_made), 1U);
  put_bytes("prefix", 49, 256, "more");
}

TEST_F(Shape, DenseNodeTurnsSparseWhenMostOfItIsGoneAndJoinsThePrefixAbove) {
  put_bytes("prefix", 0, 256);
  since(Change::sparse_made);
  remove_bytes("prefix", 0, 231);
  EXPECT_EQ(since(Change::sparse_made), 0U);
  remove_bytes("prefix", 231, 232);
  EXPECT_EQ(since(Change::sparse_made), 1U);
}

TEST_F(Shape, ErasedByteIsRefilledInPlace) {
  put_bytes("p", 0, 10);
  remove_bytes("p", 3, 4);
  since(Change::slot_refilled);
  put_bytes("p", 3, 4);
  EXPECT_EQ(since(Change::slot_refilled), 1U);
}

TEST_F(Shape, NodeWithoutHalfOfItsChildrenIsCompacted) {
  put_bytes("p", 0, 10);
  since(Change::compaction);
  remove_bytes("p", 0, 5);
  EXPECT_EQ(since(Change::compaction), 1U);
}

TEST_F(Shape, LastEntryOfANodeIsJoinedWithIt) {
  put("river/bank");
  put("river/bed");
  since(Change::merge);
  remove("river/bed");
  EXPECT_EQ(since(Change::merge), 1U);
  put("river");
  remove("river/bank");  // now the terminal alone is left
  EXPECT_EQ(since(Change::merge), 1U);
  put("river/bank/north");
  put("river/bank/south");
  remove("river");  // now an inner node alone is left below
  EXPECT_EQ(since(Change::merge), 1U);
}

TEST_F(Shape, NodeAboveADenseOneKeepsItsPrefix) {
  put_bytes("long prefix above", 0, 60);
  put("other");
  put("long");
  remove("other");
  remove("long");
}

TEST_F(Shape, ErasureThatEmptiesAChainTakesItAway) {
  put_bytes("a", 0, 60);  // dense below a sparse node with one child
  put("b");
  since(Change::chain_cut);
  since(Change::dismantled);
  EXPECT_EQ(tree_->erase_prefix(std::string("a")), 60U);
  std::erase_if(expected_, [](const auto& entry) { return entry.first.starts_with('a'); });
  put("c");  // housekeeping goes on with the mutations
  for (int count = 0; count < 20; ++count) put("c");
  EXPECT_GE(since(Change::dismantled), 1U);
}

TEST_F(Shape, ErasingTheLastKeyLeavesAnEmptyTreeThatGivesEverythingBack) {
  put_bytes("some prefix", 0, 256, "and a rest");
  EXPECT_EQ(tree_->erase_prefix(""), 256U);
  expected_.clear();
  for (int count = 0; count < 100; ++count) {
    put("x");
    remove("x");
  }
  const auto stats = tree_->stats();
  ASSERT_TRUE(stats);
  EXPECT_LE(stats->blocks - stats->blocks_retired, 8U);
}

TEST_F(Shape, KeysOfGreatestLengthSplitAtTheirVeryEnd) {
  const std::string longest(65535, 'x');
  put(longest);
  put(longest.substr(0, 65534) + "y");
  put(longest.substr(0, 65534));
  put(longest.substr(0, 40000));
  put("");
  remove(longest.substr(0, 65534));
  remove(longest);
}

// Fixed seeds: what the generator reaches is asked here, not what the tree does with it.
TEST(SharedGenerator, ReachesEveryChangeOfShape) {
  const auto before = [] {
    std::array<std::uint64_t, heap::change_count> counts{};
    for (std::size_t index = 0; index < counts.size(); ++index) counts[index] = tallied(Change(index));
    return counts;
  }();
  for (std::size_t index = 0; index < model::profile_count; ++index) {
    const model::Setting setting{.capacity_bytes = 8 << 20};
    const auto sequence = model::generate(index, model::Profile(index), 20000, setting);
    EXPECT_TRUE(agrees_with_model(sequence));
  }
  for (std::size_t index = 0; index < before.size(); ++index)
    EXPECT_GT(tallied(Change(index)), before[index]) << "change " << index;
}

TEST(Threads, ReadersSeeEachKeyOfAWriterOnceItWasAcknowledged) {
  auto tree = Tree::create_anonymous({.capacity_bytes = std::uint64_t{16} << 20});
  ASSERT_TRUE(tree);
  constexpr std::uint64_t keys = 20000;
  std::atomic<std::uint64_t> acknowledged{0}, wrong{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader)
    readers.emplace_back([&] {
      for (std::uint64_t count; (count = acknowledged.load()) < keys;) {
        if (count == 0) continue;
        const auto found = tree->find(std::to_string(count - 1));
        if (!found || *found != Value(count - 1)) ++wrong;
        const auto match = tree->longest_prefix(std::to_string(count - 1) + "/tail");
        if (!match || !*match || (*match)->value != count - 1) ++wrong;
      }
    });
  for (std::uint64_t key = 0; key < keys; ++key) {
    if (!tree->insert(std::to_string(key), key)) ++wrong;
    acknowledged.store(key + 1);
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_TRUE(tree->verify());
}

TEST(Threads, WritersTakeTurns) {
  auto tree = Tree::create_anonymous({.capacity_bytes = std::uint64_t{16} << 20});
  ASSERT_TRUE(tree);
  constexpr int threads = 4, rounds = 5000;
  std::atomic<int> wrong{0};
  std::vector<std::thread> writers;
  for (int thread = 0; thread < threads; ++thread)
    writers.emplace_back([&, thread] {
      for (int round = 0; round < rounds; ++round) {
        if (!tree->fetch_add("sum", 1)) ++wrong;
        const std::string own = std::to_string(thread) + "/" + std::to_string(round % 100);
        const auto done = round % 2 == 0 ? tree->insert(own, 1) : tree->erase(own);
        if (!done) ++wrong;
      }
    });
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(value_of(*tree, "sum"), Value(threads * rounds));
  EXPECT_TRUE(tree->verify());
}

TEST(Threads, ScanBesideAWriterReturnsWhatIsThereThroughout) {
  auto tree = Tree::create_anonymous({.capacity_bytes = std::uint64_t{16} << 20});
  ASSERT_TRUE(tree);
  for (int key = 0; key < 1000; ++key) ASSERT_TRUE(tree->insert("stays/" + std::to_string(key), 1));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int round = 0; !stop.load(); ++round) {
      const std::string key = "stays/" + std::to_string(round % 1000) + "/goes";
      (void)tree->insert(key, 2);
      (void)tree->erase(key);
    }
  });
  for (int scan = 0; scan < 50; ++scan) {
    auto cursor = tree->cursor("stays/");
    ASSERT_TRUE(cursor);
    int stayed = 0;
    std::string last;
    for (auto entry = cursor->next(); entry && *entry; entry = cursor->next()) {
      EXPECT_LT(last, (*entry)->key);
      last = (*entry)->key;
      stayed += (*entry)->value == 1 ? 1 : 0;
    }
    EXPECT_EQ(stayed, 1000);
  }
  stop = true;
  writer.join();
  EXPECT_TRUE(tree->verify());
}

TEST(Forks, ParentAndChildShareTheTreeThroughInheritedHandles) {
  auto tree = Tree::create_anonymous({.capacity_bytes = std::uint64_t{1} << 20});
  ASSERT_TRUE(tree);
  ASSERT_TRUE(tree->insert("parent", 1));
  ASSERT_EQ(value_of(*tree, "parent"), Value(1));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool seen = value_of(*tree, "parent") == Value(1);
    const bool written = tree->insert("child", 2).has_value();
    _exit(seen && written ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(value_of(*tree, "child"), Value(2));
  EXPECT_EQ(tree->stats()->reader_slots_used, 2U);  // the dead child's is swept when it is wanted
}

}  // namespace
}  // namespace radish::tests
