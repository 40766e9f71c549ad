// Whole trees loaded at once: what was loaded is all there is, or nothing has changed.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "content.h"
#include "radish/segment.hpp"
#include "trees.h"

namespace radish::tests {
namespace {

Content content_of(const Tree& tree, bool forward) {
  Content content;
  auto cursor = take(tree.cursor());
  if (!forward) cursor.seek_end();
  while (const auto entry = take(forward ? cursor.next() : cursor.previous()))
    content.emplace(entry->key, entry->value);
  return content;
}

testing::AssertionResult holds(const Tree& tree, const Content& content) {
  if (const auto whole = tree.verify(); !whole) return testing::AssertionFailure() << whole.error().message;
  if (take(tree.count()) != content.size()) return testing::AssertionFailure() << take(tree.count());
  for (const bool forward : {true, false})
    if (content_of(tree, forward) != content) return testing::AssertionFailure() << "another content";
  for (const auto& [key, value] : content)
    if (take(tree.find(key)) != value) return testing::AssertionFailure() << "not found: " << key;
  return testing::AssertionSuccess();
}

Content numbered(std::size_t count, const std::string& front = {}) {
  Content content;
  for (std::size_t number = 0; number < count; ++number)
    content.emplace(front + std::to_string(number * 7919), number);
  return content;
}

/// Keys of all lengths up to 800, some of which start others: leaves, terminals, buckets, nodes of both kinds
/// above each other.
Content all_shapes() {
  Content content = numbered(600);
  content.merge(numbered(50, std::string(200, 's')));
  for (int byte = 0; byte < 256; ++byte) {
    const std::string wide = "wide " + std::string(1, static_cast<char>(byte));
    content.emplace(wide, byte);
    content.emplace(wide + std::string(600, 'w'), byte);
  }
  for (std::size_t length = 0; length <= 40; ++length) {
    content.emplace(std::string(length, 'n'), length);
    content.emplace(std::string(length * 20, 'l') + '/', length);
  }
  return content;
}

class LoadTest : public testing::Test {
 protected:
  static constexpr OpenOptions one_mebibyte = {.capacity_bytes = 1 << 20, .reader_slots = 16};
  [[nodiscard]] std::uint64_t used() const { return take(tree_.stats()).heap_bytes_used; }
  Tree tree_ = take(Tree::create_memfd("load", {.capacity_bytes = 8 << 20, .reader_slots = 16}));
};

TEST_F(LoadTest, WhatIsLoadedIsAllThereIs) {
  const Content content = all_shapes();
  ASSERT_TRUE(is_done(load(tree_, content)));
  EXPECT_TRUE(holds(tree_, content));
}

TEST_F(LoadTest, LoadedTreeChangesLikeAnyOther) {
  Content content = all_shapes();
  ASSERT_TRUE(is_done(load(tree_, content)));
  for (const auto& [key, value] : all_shapes()) {
    const std::string other = key + "+";
    EXPECT_EQ(take(tree_.insert(other, value)), content.emplace(other, value).second);
    EXPECT_TRUE(take(tree_.erase(key)));
    content.erase(key);
  }
  EXPECT_TRUE(holds(tree_, content));
  for (const auto& [key, value] : Content(content)) EXPECT_TRUE(take(tree_.erase(key)));
  EXPECT_TRUE(holds(tree_, {}));
}

TEST_F(LoadTest, FewKeysReplaceFewAndMany) {
  for (std::size_t count = 0; count <= 120; ++count) {
    for (const std::size_t before : {std::size_t{0}, std::size_t{1}, std::size_t{20}, std::size_t{300}}) {
      ASSERT_TRUE(is_done(load(tree_, numbered(before, "b"))));
      ASSERT_TRUE(is_done(load(tree_, numbered(count))));
      ASSERT_TRUE(holds(tree_, numbered(count))) << count << " in place of " << before;
    }
  }
}

TEST_F(LoadTest, KeysThatStartOneAnotherNeedNoStack) {
  Tree tree = take(Tree::create_anonymous({.capacity_bytes = 64 << 20}));
  Content content;
  for (std::size_t length = 0; length < 5000; ++length) content.emplace(std::string(length, 'a'), length);
  content.emplace(std::string(65'535, 'a'), 1);
  ASSERT_TRUE(is_done(load(tree, content)));
  EXPECT_TRUE(holds(tree, content));
}

TEST_F(LoadTest, ManyLoadsTakeTheRoomOfTwoAtMost) {
  const Content content = all_shapes();
  ASSERT_TRUE(is_done(load(tree_, content)));
  const std::uint64_t one = used();
  for (int turn = 0; turn < 40; ++turn) {
    ASSERT_TRUE(is_done(load(tree_, content)));
    ASSERT_LE(used(), 2 * one) << turn;
  }
  ASSERT_TRUE(is_done(load(tree_, numbered(1))));
  EXPECT_LE(used(), 3 * 4096) << "what is replaced is given back at once where nobody reads it";
}

/// Full buckets, whatever comes later.
TEST_F(LoadTest, NumbersInARowTakeFifteenBytesEach) {
  constexpr std::uint64_t count = 200'000;
  Content content;
  for (std::uint64_t number = 0; number < count; ++number) {
    const std::uint64_t big_endian = __builtin_bswap64(number);
    content.emplace(std::string(reinterpret_cast<const char*>(&big_endian), 8), number);
  }
  ASSERT_TRUE(is_done(load(tree_, content)));
  EXPECT_LE(used(), 15 * count);
}

TEST_F(LoadTest, WhatIsNoListOfKeysIsRefused) {
  const Content content = all_shapes();
  ASSERT_TRUE(is_done(load(tree_, content)));
  const std::string long_key(65'536, 'x');
  const std::vector<std::string_view> twice{"a", "b", "b"}, falling{"a", "c", "b"}, too_long{"a", long_key};
  const std::vector<std::uint64_t> values{1, 2, 3};
  EXPECT_TRUE(is_refused(tree_.replace_all(twice, values), Code::invalid_argument, "do not ascend"));
  EXPECT_TRUE(is_refused(tree_.replace_all(falling, values), Code::invalid_argument, "2"));
  EXPECT_TRUE(
      is_refused(tree_.replace_all(std::span(falling).first(2), values), Code::invalid_argument, "3"));
  EXPECT_TRUE(is_refused(tree_.replace_all(too_long, std::span(values).first(2)), Code::too_long, "65536"));
  EXPECT_TRUE(holds(tree_, content));
}

TEST_F(LoadTest, WhatDoesNotFitIsRefusedAndGivenBack) {
  Tree tree = take(Tree::create_anonymous(one_mebibyte));
  const Content content = numbered(15'000), more = numbered(60'000, "more");
  ASSERT_TRUE(is_done(load(tree, content)));
  const std::uint64_t before = take(tree.stats()).heap_bytes_used;
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_TRUE(is_refused(load(tree, more), Code::full));
    EXPECT_EQ(take(tree.stats()).heap_bytes_used, before);
  }
  EXPECT_TRUE(holds(tree, content));
  EXPECT_TRUE(is_done(load(tree, numbered(15'000, "again"))));
}

/// However short a caller's patience: what it has built is in nobody's way.
TEST_F(LoadTest, RefusalOfTheHastyIsGivenBackToo) {
  Tree hasty =
      take(Tree::open_descriptor(tree_.descriptor(), {.lock_timeout = std::chrono::milliseconds(1)}));
  const Content content = numbered(1000), more = numbered(600'000, "more");
  ASSERT_TRUE(is_done(load(hasty, content)));
  const std::uint64_t before = used();
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_FALSE(load(hasty, more));
    EXPECT_EQ(used(), before);
  }
  EXPECT_TRUE(holds(hasty, content));
}

TEST_F(LoadTest, ReadersHoldBackTheRoomOfWhatWasReplaced) {
  Tree tree = take(Tree::create_anonymous(one_mebibyte));
  ASSERT_TRUE(is_done(load(tree, numbered(20'000))));
  std::optional<Pin> pin = take(tree.segment().pin());
  ASSERT_TRUE(is_done(load(tree, numbered(20'000, "b"))));
  EXPECT_TRUE(is_refused(load(tree, numbered(20'000, "c")), Code::pinned));
  EXPECT_TRUE(holds(tree, numbered(20'000, "b")));
  pin.reset();
  EXPECT_TRUE(is_done(load(tree, numbered(20'000, "c"))));
  EXPECT_TRUE(holds(tree, numbered(20'000, "c")));
}

/// Lookups that begin and end all the time hold nothing back for long.
TEST_F(LoadTest, LookupsUnderWayDoNotStandInTheWay) {
  Tree tree = take(Tree::create_anonymous(one_mebibyte));
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> wrong = 0;
  const auto look_up = [&] {
    while (!done) wrong += tree.longest_prefix("123456") ? 0U : 1U;
  };
  {
    const std::jthread first(look_up), second(look_up);
    for (int turn = 0; turn < 30; ++turn)
      EXPECT_TRUE(is_done(load(tree, numbered(20'000, std::to_string(turn))))) << turn;
    done = true;
  }
  EXPECT_EQ(wrong, 0U);
}

TEST_F(LoadTest, ShortPatienceTakesSeveralCallsAndThenIsEnough) {
  Tree tree = take(Tree::create_memfd("load", {.capacity_bytes = 24 << 20, .reader_slots = 16}));
  ASSERT_TRUE(is_done(load(tree, numbered(300'000))));
  Tree hasty = take(Tree::open_descriptor(tree.descriptor(), {.lock_timeout = std::chrono::milliseconds(1)}));
  std::uint64_t calls = 0;
  for (const char* front : {"a", "b", "c", "d"}) {
    const Content content = numbered(300'000, front);
    for (auto loaded = load(hasty, content); !loaded; loaded = load(hasty, content)) {
      ASSERT_TRUE(is_refused(loaded, Code::timed_out, "still being given back"));
      ASSERT_LT(++calls, 10'000U);
    }
    ASSERT_EQ(take(hasty.count()), content.size());
  }
  EXPECT_TRUE(is_done(tree.verify()));
}

TEST_F(LoadTest, SpeaksOfItsOwnRootAlone) {
  Segment segment = tree_.segment();
  Tree named = take(segment.tree("named"));
  ASSERT_TRUE(is_done(load(tree_, numbered(500))));
  ASSERT_TRUE(is_done(load(named, numbered(700, "n"))));
  ASSERT_TRUE(is_done(load(tree_, numbered(300))));
  EXPECT_TRUE(holds(named, numbered(700, "n")));
  EXPECT_TRUE(holds(tree_, numbered(300)));
  ASSERT_TRUE(segment.drop("named"));
  EXPECT_TRUE(is_refused(load(named, numbered(700)), Code::dropped));
  EXPECT_TRUE(is_refused(load(named, {}), Code::dropped));
}

TEST_F(LoadTest, WhereNothingMayChangeItIsRefused) {
  ASSERT_TRUE(is_done(load(tree_, numbered(500))));
  {
    const View view = take(tree_.view());
    EXPECT_TRUE(is_refused(load(tree_, numbered(3)), Code::view_held));
  }
  ASSERT_TRUE(tree_.freeze());
  EXPECT_TRUE(is_refused(load(tree_, numbered(3)), Code::frozen));
  EXPECT_TRUE(holds(tree_, numbered(500)));
}

/// A reader that came before finds all of the old or all of the new, key by key, and goes on.
TEST_F(LoadTest, CursorThatRestsGoesOnInWhatWasLoaded) {
  ASSERT_TRUE(is_done(load(tree_, numbered(500, "a"))));
  auto cursor = take(tree_.cursor());
  ASSERT_TRUE(take(cursor.next()));
  Content both = numbered(500, "b");
  ASSERT_TRUE(is_done(load(tree_, both)));
  Content met;
  while (const auto entry = take(cursor.next())) met.emplace(entry->key, entry->value);
  for (const auto& [key, value] : both) EXPECT_TRUE(met.contains(key)) << key;
}

}  // namespace
}  // namespace radish::tests
