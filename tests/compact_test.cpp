// Copying into a fresh segment: whole under its path or not there at all, and as small as can be.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <string>

#include "mounts.h"
#include "radish/integer_map.hpp"
#include "radish/segment.hpp"
#include "scratch.h"
#include "traced.h"
#include "trees.h"

namespace radish::tests {
namespace {

namespace fs = std::filesystem;
using Content = std::map<std::string, std::uint64_t>;

constexpr OpenOptions small = {.capacity_bytes = 1 << 20, .reader_slots = 16};

Content content_of(const Tree& tree) {
  Content content;
  auto cursor = take(tree.cursor());
  while (const auto entry = take(cursor.next())) content.emplace(entry->key, entry->value);
  return content;
}

struct CompactTest : ::testing::Test {
  ScratchDirectory scratch;
  std::string from = scratch.file("from"), to = scratch.file("to");

  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(scratch.file("")), {}));
  }
  /// Many keys came and most went: much room for little content.
  [[nodiscard]] Tree make_source() const {
    Tree tree = take(Tree::open(from, small));
    // A leaf each, six of them a page: most pages keep one.
    const auto key_of = [](std::uint64_t number) { return std::to_string(number).append(600, 'k'); };
    for (std::uint64_t number = 0; number < 500; ++number) take(tree.insert(key_of(number), number));
    for (std::uint64_t number = 0; number < 500; ++number)
      if (number % 7 != 0) take(tree.erase(key_of(number)));
    take(tree.insert("", 1));
    take(tree.insert(std::string(3000, 'x'), 2));
    return tree;
  }
};

TEST_F(CompactTest, CopyHoldsTheSameInLessRoom) {
  const Tree tree = make_source();
  take(tree.compact_to(to));
  const Tree copy = take(Tree::open(to, {.must_exist = true}));
  EXPECT_EQ(copy.outcome(), Outcome::attached);
  EXPECT_EQ(content_of(copy), content_of(tree));
  EXPECT_TRUE(is_done(copy.verify()));
  const Stats before = take(tree.stats()), after = take(copy.stats());
  EXPECT_LT(after.heap_bytes_used, before.heap_bytes_used / 2);
  EXPECT_EQ(after.blocks_retired, 0U);
  EXPECT_EQ(after.capacity_bytes, before.capacity_bytes);
  EXPECT_EQ(after.reader_slots, before.reader_slots);
  EXPECT_EQ(files(), 2U);
}

TEST_F(CompactTest, OptionsSayOtherwiseThanTheSource) {
  const Tree tree = make_source();
  take(tree.compact_to(to, {.capacity_bytes = 512 << 10, .reader_slots = 32, .mode = 0640}));
  const Stats stats = take(take(Tree::open(to)).stats());
  EXPECT_EQ(stats.capacity_bytes, 512U << 10);
  EXPECT_EQ(stats.reader_slots, 32U);
  struct stat status{};
  ASSERT_EQ(lstat(to.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST_F(CompactTest, CopyHasTheModeOfTheSource) {
  take(Tree::open(from, {.capacity_bytes = 1 << 20, .mode = 0604}));
  take(take(Tree::open(from)).compact_to(to));
  struct stat status{};
  ASSERT_EQ(lstat(to.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0604U);
}

TEST_F(CompactTest, FrozenSourceMakesALivingCopy) {
  {
    Tree tree = make_source();
    take(tree.freeze());
  }
  const Tree tree = take(Tree::open_readonly(from));
  take(tree.compact_to(to));
  Tree copy = take(Tree::open(to));
  EXPECT_EQ(content_of(copy), content_of(tree));
  EXPECT_TRUE(take(copy.insert("new", 1)));
}

TEST_F(CompactTest, SourceWithoutANameIsCopiedToo) {
  Tree tree = take(Tree::create_anonymous(small));
  take(tree.insert("key", 7));
  take(tree.compact_to(to));
  EXPECT_EQ(take(take(Tree::open(to)).find("key")), 7U);
}

TEST_F(CompactTest, NamedRootsAreCopiedToo) {
  Segment source = take(Segment::open(from, {.capacity_bytes = 1 << 20, .record_entries = 508}));
  take(source.tree().insert("key", 1));
  take(take(source.tree("routes")).insert("key", 2));
  take(source.tree("empty"));
  take(take(source.integer_map("ids", {.depth = 5})).insert(77, 3));
  take(source.compact_to(to));
  Segment copy = take(Segment::open(to));
  EXPECT_EQ(take(copy.roots()), take(source.roots()));
  EXPECT_EQ(take(copy.tree().find("key")), 1U);
  EXPECT_EQ(take(take(copy.tree("routes")).find("key")), 2U);
  EXPECT_EQ(take(take(copy.integer_map("ids", {.must_exist = true, .depth = 5})).find(77)), 3U);
  EXPECT_TRUE(is_done(copy.verify()));
}

TEST_F(CompactTest, PathThatIsTakenStaysAsItIs) {
  const Tree tree = make_source();
  write_file(to, "precious");
  EXPECT_TRUE(is_refused(tree.compact_to(to), Code::exists, to));
  EXPECT_TRUE(is_refused(tree.compact_to(from), Code::exists, from));
  EXPECT_EQ(read_file(to), "precious");
  EXPECT_EQ(files(), 2U);
}

TEST_F(CompactTest, SenselessTargetsAreRefused) {
  const Tree tree = make_source();
  EXPECT_TRUE(is_refused(tree.compact_to(""), Code::invalid_argument));
  EXPECT_TRUE(is_refused(tree.compact_to(std::string("to\0", 3)), Code::invalid_argument));
  EXPECT_TRUE(is_refused(tree.compact_to(to, {.capacity_bytes = 1}), Code::invalid_argument));
  EXPECT_TRUE(is_refused(tree.compact_to(to, {.must_exist = true}), Code::invalid_argument));
  EXPECT_TRUE(is_refused(tree.compact_to(scratch.file("nowhere/to")), Code::io));
  EXPECT_EQ(files(), 1U);
}

TEST_F(CompactTest, CopyThatIsTooSmallLeavesNothing) {
  Tree tree = make_source();
  std::uint64_t keys = 0;
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  EXPECT_TRUE(
      is_refused(tree.compact_to(to, {.capacity_bytes = layout::capacity_bytes_min}), Code::full, to));
  EXPECT_EQ(files(), 1U);
  EXPECT_TRUE(take(tree.erase("key 1"))) << "writers are let in again";
}

TEST_F(CompactTest, DiskThatIsTooSmallLeavesNothing) {
  (void)make_source();
  fs::create_directory(scratch.file("disk"));
  RADISH_EXPECT_IN_OWN_MOUNT(scratch.file("disk"), "size=40k", [&] {
    const std::string there = scratch.file("disk/to");
    const Tree tree = take(Tree::open(from));
    if (refusal(tree.compact_to(there)) != Code::no_space) return 1;
    return fs::is_empty(scratch.file("disk")) ? 0 : 2;
  });
}

TEST_F(CompactTest, KilledAtAnySystemCallLeavesTheWholeCopyOrNothing) {
  const Content content = content_of(make_source());
  int without = 0, whole = 0;
  const auto body = [&] { return take(Tree::open(from)).compact_to(to) ? 0 : 1; };
  for (std::uint64_t stops = 0; Traced(body).dies_after(stops) || whole == 0; ++stops) {
    ++(fs::exists(to) ? whole : without);
    EXPECT_EQ(files(), fs::exists(to) ? 2U : 1U) << stops;
    if (!fs::exists(to)) continue;
    EXPECT_EQ(content_of(take(Tree::open(to))), content) << stops;
    fs::remove(to);
  }
  EXPECT_GT(without, 20);
  EXPECT_GT(whole, 5);
  EXPECT_EQ(content_of(take(Tree::open(from))), content);
}

}  // namespace
}  // namespace radish::tests
