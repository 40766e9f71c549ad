// Named roots: made, found, dropped, and what a segment with some of them is.
#include "roots.h"

#include <gtest/gtest.h>

#include "among_others.h"
#include "scratch.h"
#include "segment/layout.h"

namespace radish::tests {
namespace {

TEST(RootsTest, IsMadeOnceAndFoundByItsName) {
  Segment segment = small_segment();
  Tree made = take(segment.tree("routes"));
  ASSERT_TRUE(is_done(made.insert("a", 1)));
  EXPECT_EQ(take(take(segment.tree("routes")).find("a")), 1U);
  EXPECT_EQ(take(segment.roots()), (std::vector<RootInfo>{{"routes", RootKind::tree, 0, 1}}));
}

TEST(RootsTest, KeysOfTwoRootsAreApart) {
  Segment segment = small_segment();
  Tree first = take(segment.tree("first")), second = take(segment.tree("second")), unnamed = segment.tree();
  ASSERT_TRUE(is_done(first.insert("key", 1)));
  ASSERT_TRUE(is_done(second.insert("key", 2)));
  ASSERT_TRUE(is_done(unnamed.insert("key", 3)));
  ASSERT_TRUE(is_done(second.insert("other", 4)));
  EXPECT_EQ(content_of(segment),
            (Content{{"", {{"key", 3}}}, {"first", {{"key", 1}}}, {"second", {{"key", 2}, {"other", 4}}}}));
  EXPECT_TRUE(take(first.erase("key")));
  ASSERT_TRUE(is_done(unnamed.clear()));
  EXPECT_EQ(content_of(segment), (Content{{"", {}}, {"first", {}}, {"second", {{"key", 2}, {"other", 4}}}}));
  EXPECT_TRUE(is_done(segment.verify()));
}

TEST(RootsTest, RootsComeByNameInOrder) {
  Segment segment = small_segment();
  for (const char* name : {"b", "c", "a", "\xff"}) ASSERT_TRUE(is_done(segment.tree(name)));
  std::vector<std::string> names;
  for (const RootInfo& root : take(segment.roots())) names.push_back(root.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c", "\xff"}));
}

TEST(RootsTest, NameHasOneToFortyBytesOfAnyValue) {
  Segment segment = small_segment();
  const std::string longest(40, '\0');
  ASSERT_TRUE(is_done(take(segment.tree(longest)).insert("k", 7)));
  ASSERT_TRUE(is_done(segment.tree(longest.substr(1))));
  EXPECT_EQ(take(take(segment.tree(longest)).find("k")), 7U);
  EXPECT_EQ(take(segment.roots()).size(), 2U);
  EXPECT_TRUE(is_refused(segment.tree(""), Code::invalid_argument, "empty"));
  EXPECT_TRUE(is_refused(segment.tree(std::string(41, 'x')), Code::invalid_argument, "41"));
  EXPECT_TRUE(is_refused(segment.drop(std::string(41, 'x')), Code::invalid_argument, "41"));
}

TEST(RootsTest, OptionsRefuseWhatIsThereOrWhatIsNot) {
  Segment segment = small_segment();
  EXPECT_TRUE(is_refused(segment.tree("a", {.must_exist = true}), Code::not_found));
  EXPECT_TRUE(is_done(segment.tree("a", {.exclusive = true})));
  EXPECT_TRUE(is_refused(segment.tree("a", {.exclusive = true}), Code::exists));
  EXPECT_TRUE(is_done(segment.tree("a", {.must_exist = true})));
  EXPECT_TRUE(is_refused(segment.tree("a", {.exclusive = true, .must_exist = true}), Code::invalid_argument));
}

TEST(RootsTest, SixtyFourFitAndOneMoreIsRefused) {
  Segment segment = small_segment();
  for (std::uint64_t root = 0; root < 64; ++root)
    ASSERT_TRUE(is_done(take(segment.tree("root " + std::to_string(root))).insert("n", root)));
  EXPECT_TRUE(is_refused(segment.tree("one more"), Code::too_many_roots, "64"));
  EXPECT_TRUE(take(segment.drop("root 20")));
  EXPECT_TRUE(is_done(segment.tree("one more")));
  EXPECT_EQ(take(take(segment.tree("root 63")).find("n")), 63U);
  EXPECT_TRUE(is_done(segment.verify()));
}

TEST(RootsTest, DroppedRootAnswersNothingElse) {
  Segment segment = small_segment();
  Tree tree = take(segment.tree("gone"));
  for (int key = 0; key < 100; ++key) ASSERT_TRUE(is_done(tree.insert(std::to_string(key), 1)));
  Cursor cursor = take(tree.cursor());
  ASSERT_TRUE(take(cursor.next()));
  EXPECT_TRUE(take(segment.drop("gone")));
  EXPECT_FALSE(take(segment.drop("gone")));
  for (const bool made_again : {false, true}) {
    if (made_again) {
      ASSERT_TRUE(is_done(take(segment.tree("gone")).insert("1", 2)));
    }
    EXPECT_TRUE(is_refused(tree.find("1"), Code::dropped));
    EXPECT_TRUE(is_refused(tree.longest_prefix("1"), Code::dropped));
    EXPECT_TRUE(is_refused(find_among_others(tree, "1"), Code::dropped));
    EXPECT_TRUE(is_refused(longest_prefix_among_others(tree, "1"), Code::dropped));
    EXPECT_TRUE(is_refused(tree.prefixes("1"), Code::dropped));
    EXPECT_TRUE(is_refused(tree.count(), Code::dropped));
    EXPECT_TRUE(is_refused(tree.stats(), Code::dropped));
    EXPECT_TRUE(is_refused(cursor.next(), Code::dropped));
    EXPECT_TRUE(is_refused(tree.insert("1", 3), Code::dropped));
    EXPECT_TRUE(is_refused(tree.erase("1"), Code::dropped));
    EXPECT_TRUE(is_refused(tree.erase_prefix(""), Code::dropped));
    EXPECT_TRUE(is_refused(tree.clear(), Code::dropped));
  }
  EXPECT_EQ(content_of(segment), (Content{{"", {}}, {"gone", {{"1", 2}}}}));
  EXPECT_TRUE(is_done(tree.segment().verify()));
}

TEST(RootsTest, CursorOfADroppedRootSaysSoWhateverHasItsPlace) {
  Segment segment = small_segment();
  for (const bool tree_first : {true, false}) {
    Tree tree = take(segment.tree("tree"));
    IntegerMap map = take(segment.integer_map("map"));
    for (std::uint64_t key = 0; key < 40; ++key) {
      ASSERT_TRUE(is_done(tree.insert(std::to_string(key), key)));
      ASSERT_TRUE(is_done(map.insert(key << 20, key)));
    }
    Cursor cursor = take(tree.cursor());
    IntegerCursor integer_cursor = take(map.cursor());
    ASSERT_TRUE(take(cursor.next()));
    ASSERT_TRUE(take(integer_cursor.next()));
    ASSERT_TRUE(take(segment.drop(tree_first ? "tree" : "map")));
    if (tree_first) {
      IntegerMap other = take(segment.integer_map("tree"));
      ASSERT_TRUE(is_done(other.insert(7, 7)));
      EXPECT_TRUE(is_refused(cursor.next(), Code::dropped));
    } else {
      Tree other = take(segment.tree("map"));
      ASSERT_TRUE(is_done(other.insert("7", 7)));
      EXPECT_TRUE(is_refused(integer_cursor.next(), Code::dropped));
    }
    for (const char* name : {"tree", "map"}) ASSERT_TRUE(is_done(segment.drop(name)));
  }
}

TEST(RootsTest, DroppedRootSaysSoWhateverTheKey) {
  Segment segment = small_segment();
  Tree tree = take(segment.tree("gone"));
  IntegerMap map = take(segment.integer_map("map", {.depth = 1}));
  ASSERT_TRUE(take(segment.drop("gone")));
  ASSERT_TRUE(take(segment.drop("map")));
  EXPECT_TRUE(is_refused(tree.compare_exchange(std::string(70'000, 'k'), 1, 2), Code::dropped));
  EXPECT_TRUE(is_refused(map.insert(16, 1), Code::dropped));
}

TEST(RootsTest, DroppingGivesTheMemoryBackAndNeedsNone) {
  Segment segment = small_segment(256 << 10);
  Tree unnamed = segment.tree();
  Tree tree = take(segment.tree("large"));
  std::uint64_t keys = 0;
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  EXPECT_TRUE(take(segment.drop("large")));
  std::uint64_t again = 0;
  ASSERT_EQ(fill(unnamed, again).code, Code::full);
  EXPECT_EQ(again, keys);
  EXPECT_TRUE(is_done(segment.verify()));
}

TEST(RootsTest, StayWithTheFile) {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("roots");
  const Content content{{"", {{"u", 1}}}, {"empty", {}}, {"some", {{"a", 1}, {"b", 2}}}};
  {
    Segment segment = take(Segment::open(path, {.capacity_bytes = 1 << 20}));
    for (const auto& [name, keys] : content) {
      Tree tree = name.empty() ? segment.tree() : take(segment.tree(name));
      for (const auto& [key, value] : keys) ASSERT_TRUE(is_done(tree.insert(key, value)));
    }
  }
  Segment segment = take(Segment::open(path));
  EXPECT_EQ(content_of(segment), content);
  ASSERT_TRUE(is_done(segment.freeze()));
  EXPECT_TRUE(is_refused(segment.drop("some"), Code::frozen));
  Segment frozen = take(Segment::open_readonly(path));
  EXPECT_EQ(content_of(frozen), content);
  EXPECT_TRUE(is_refused(frozen.tree("new"), Code::read_only));
  EXPECT_TRUE(is_done(frozen.verify()));
}

TEST(RootsTest, AreOneForAllHandles) {
  Segment one = small_segment();
  Segment other = take(Segment::open_descriptor(one.descriptor()));
  Tree mine = take(one.tree("shared")), theirs = take(other.tree("shared"));
  ASSERT_TRUE(is_done(mine.insert("k", 1)));
  EXPECT_EQ(take(theirs.find("k")), 1U);
  EXPECT_TRUE(take(other.drop("shared")));
  EXPECT_TRUE(is_refused(mine.find("k"), Code::dropped));
}

// --- entries that lie ------------------------------------------------------------------------------------

class RootsLieTest : public testing::Test {
 protected:
  RootsLieTest() : path_(scratch_.file("lying")) {
    Segment segment = take(Segment::open(path_, {.capacity_bytes = 1 << 20}));
    for (const char* name : {"a", "b"}) take(take(segment.tree(name)).insert("k", 1));
  }
  /// Changes the file, opens it, verifies it; the first refusal.
  template <class Change>
  Result<void> told(Change change) {
    std::string bytes = read_file(path_);
    char* roots = bytes.data() + reinterpret_cast<layout::Superblock*>(bytes.data())->geometry.roots_offset;
    change(*reinterpret_cast<layout::Roots*>(roots),
           reinterpret_cast<layout::RootEntry*>(roots + sizeof(layout::Roots)));
    write_file(path_, bytes);
    auto segment = Segment::open(path_);
    if (!segment) return std::unexpected(segment.error());
    return segment->verify();
  }

  ScratchDirectory scratch_;
  std::string path_;
};

TEST_F(RootsLieTest, KindThatIsNone) {
  EXPECT_TRUE(is_refused(told([](auto&, auto* entry) { entry[0].kind = layout::RootKind(3); }), Code::corrupt,
                         "no known kind"));
}
TEST_F(RootsLieTest, TreeWithADepth) {
  EXPECT_TRUE(
      is_refused(told([](auto&, auto* entry) { entry[1].depth = 4; }), Code::corrupt, "no known kind"));
}
TEST_F(RootsLieTest, MapOfMoreDigitsThanAKeyHas) {
  EXPECT_TRUE(is_refused(told([](auto&, auto* entry) {
                           entry[1].kind = layout::RootKind::integer_map;
                           entry[1].depth = 17;
                         }),
                         Code::corrupt, "no known kind"));
}
TEST_F(RootsLieTest, NameLongerThanItsRoom) {
  EXPECT_TRUE(
      is_refused(told([](auto&, auto* entry) { entry[0].name_bytes = 41; }), Code::corrupt, "the name"));
}
TEST_F(RootsLieTest, NameThatGoesOnBehindItsEnd) {
  EXPECT_TRUE(is_refused(told([](auto&, auto* entry) { entry[0].name[1] = 'x'; }), Code::corrupt, "padded"));
}
TEST_F(RootsLieTest, IncarnationToCome) {
  EXPECT_TRUE(
      is_refused(told([](auto&, auto* entry) { entry[0].incarnation = 9; }), Code::corrupt, "incarnation"));
}
TEST_F(RootsLieTest, CountOfIncarnationsNearItsEnd) {
  EXPECT_TRUE(is_refused(told([](auto& roots, auto*) { roots.incarnation = UINT64_MAX; }), Code::corrupt,
                         "incarnation"));
}
TEST_F(RootsLieTest, NodeOutsideTheHeap) {
  EXPECT_TRUE(is_refused(told([](auto&, auto* entry) { entry[0].node = 1; }), Code::corrupt, "root lies"));
}
TEST_F(RootsLieTest, MoreKeysThanFit) {
  EXPECT_TRUE(is_refused(told([](auto&, auto* entry) { entry[0].key_count = UINT64_MAX; }), Code::corrupt,
                         "more keys"));
}
TEST_F(RootsLieTest, CountThatIsNotTheNumberOfKeys) {
  EXPECT_TRUE(
      is_refused(told([](auto&, auto* entry) { entry[0].key_count = 2; }), Code::corrupt, "number of keys"));
}
TEST_F(RootsLieTest, FreeEntryThatIsNotZero) {
  EXPECT_TRUE(
      is_refused(told([](auto&, auto* entry) { entry[5].key_count = 2; }), Code::corrupt, "not zero"));
}
TEST_F(RootsLieTest, TwoRootsOfOneName) {
  EXPECT_TRUE(
      is_refused(told([](auto&, auto* entry) { entry[1].name[0] = 'a'; }), Code::corrupt, "one name"));
}
TEST_F(RootsLieTest, TwoRootsWithOneNode) {
  EXPECT_TRUE(
      is_refused(told([](auto&, auto* entry) { entry[1].node = entry[0].node; }), Code::corrupt, "twice"));
}
TEST_F(RootsLieTest, RootThatForgetsItsNode) {
  EXPECT_TRUE(is_refused(told([](auto&, auto* entry) {
                           entry[1].node = 0;
                           entry[1].key_count = 0;
                         }),
                         Code::corrupt, "from nowhere"));
}

}  // namespace
}  // namespace radish::tests
