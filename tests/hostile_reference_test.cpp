// A reference that leads where no node can be: whoever follows it says so, each kind of walk for itself (N1).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "among_others.h"
#include "radix/bucket.h"
#include "segment/layout.h"
#include "trees.h"

namespace radish::tests {
namespace {

using layout::NodeKind;

constexpr std::uint64_t capacity_bytes = 256 << 10;

/// A node made by hand, so many bytes before the end of what is in use; nothing if `bytes_before_end` is 0.
struct Lie {
  const char* name;
  std::uint64_t bytes_before_end;
  NodeKind kind = NodeKind::leaf;
  std::uint8_t count = 0;  ///< of separators, or entries of a bucket
  std::uint16_t rest_or_prefix_bytes = 0;
  std::uint16_t bucket_bytes = 0;
  std::uint64_t bucket_state = 1 | std::uint64_t{1} << 48;
};
constexpr Lie lies[] = {
    {.name = "NothingInUse", .bytes_before_end = 0},
    {.name = "LeafBeyondTheEnd", .bytes_before_end = 16, .rest_or_prefix_bytes = 64},
    {.name = "SparseNodeBeyondTheEnd", .bytes_before_end = 16, .kind = NodeKind::sparse, .count = 8},
    {.name = "IndexedNodeBeyondTheEnd", .bytes_before_end = 16, .kind = NodeKind::indexed, .count = 48},
    {.name = "TooManySeparators", .bytes_before_end = 512, .kind = NodeKind::sparse, .count = 48},
    {.name = "IndexedNodeOfTooFew", .bytes_before_end = 2048, .kind = NodeKind::indexed, .count = 47},
    {.name = "BucketBeyondTheEnd",
     .bytes_before_end = 16,
     .kind = NodeKind::bucket,
     .count = 2,
     .bucket_bytes = 64},
    {.name = "BucketOfOne",
     .bytes_before_end = 512,
     .kind = NodeKind::bucket,
     .count = 1,
     .bucket_bytes = 64},
    {.name = "BucketOfTooMany",
     .bytes_before_end = 2048,
     .kind = NodeKind::bucket,
     .count = 49,
     .bucket_bytes = 1200},
    {.name = "BucketThatIsTooLarge",
     .bytes_before_end = 2048,
     .kind = NodeKind::bucket,
     .count = 2,
     .bucket_bytes = 1992},
    {.name = "BucketThatIsTooSmall",
     .bytes_before_end = 512,
     .kind = NodeKind::bucket,
     .count = 20,
     .bucket_bytes = 64},
    {.name = "BucketWhosePrefixIsTooLong",
     .bytes_before_end = 512,
     .kind = NodeKind::bucket,
     .count = 2,
     .rest_or_prefix_bytes = 60,
     .bucket_bytes = 64},
    {.name = "BucketOfMoreThanItHasRoomFor",
     .bytes_before_end = 512,
     .kind = NodeKind::bucket,
     .count = 2,
     .bucket_bytes = 64,
     .bucket_state = 7 | std::uint64_t{3} << 48},
    {.name = "BucketOfEntriesThatNeverWere",
     .bytes_before_end = 512,
     .kind = NodeKind::bucket,
     .count = 2,
     .bucket_bytes = 64,
     .bucket_state = 2 | std::uint64_t{1} << 48},
    {.name = "NoKind", .bytes_before_end = 512, .kind = NodeKind{9}},
};

struct Walk {
  const char* name;
  bool scans;  ///< no key leads it
  std::function<Code(Tree&)> go;
};

const Walk walks[] = {
    {"find", false, [](Tree& tree) { return refusal(tree.find("keya")); }},
    {"longest_prefix", false, [](Tree& tree) { return refusal(tree.longest_prefix("keya")); }},
    {"find_batch", false, [](Tree& tree) { return refusal(find_among_others(tree, "keya")); }},
    {"longest_prefix_batch", false,
     [](Tree& tree) { return refusal(longest_prefix_among_others(tree, "keya")); }},
    {"prefixes", false, [](Tree& tree) { return refusal(tree.prefixes("keya")); }},
    {"next", true, [](Tree& tree) { return refusal(tree.cursor()->next()); }},
    {"previous", true,
     [](Tree& tree) {
       auto cursor = take(tree.cursor());
       cursor.seek_end();
       return refusal(cursor.previous());
     }},
    {"seek", true,
     [](Tree& tree) {
       auto cursor = take(tree.cursor());
       cursor.seek("keya");
       return refusal(cursor.next());
     }},
    {"scan below a prefix", true, [](Tree& tree) { return refusal(tree.cursor("k")->next()); }},
    {"insert", false, [](Tree& tree) { return refusal(tree.insert("keya", 1)); }},
    {"erase", false, [](Tree& tree) { return refusal(tree.erase("keya")); }},
    {"erase_prefix", true, [](Tree& tree) { return refusal(tree.erase_prefix("k")); }},
    {"verify", true, [](Tree& tree) { return refusal(tree.verify()); }},
};

class HostileRootTest : public testing::Test {
 protected:
  HostileRootTest() {
    void* base = mmap(nullptr, capacity_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, tree_.descriptor(), 0);
    if (base == MAP_FAILED) throw std::runtime_error("mmap");
    base_ = static_cast<std::byte*>(base);
  }
  HostileRootTest(const HostileRootTest&) = delete;
  HostileRootTest& operator=(const HostileRootTest&) = delete;
  ~HostileRootTest() override { munmap(base_, capacity_bytes); }

  [[nodiscard]] layout::Roots& roots() const {
    const auto& geometry = reinterpret_cast<const layout::Superblock*>(base_)->geometry;
    return *reinterpret_cast<layout::Roots*>(base_ + geometry.roots_offset);
  }
  /// The reference to it.
  [[nodiscard]] layout::Reference lay(const Lie& lie) const {
    const std::uint64_t at = roots().frontier * layout::page_bytes - lie.bytes_before_end;
    if (lie.kind == NodeKind::bucket) {
      const layout::BucketHeader bucket{.kind = lie.kind,
                                        .capacity = lie.count,
                                        .prefix_bytes = lie.rest_or_prefix_bytes,
                                        .bytes = lie.bucket_bytes,
                                        .reserved = 0,
                                        .state = lie.bucket_state};
      std::memcpy(base_ + at, &bucket, sizeof bucket);
      return static_cast<layout::Reference>(at / 8);
    }
    layout::InnerHeader header{
        .kind = lie.kind, .separators = lie.count, .prefix_bytes = lie.rest_or_prefix_bytes, .link = 0};
    if (lie.bytes_before_end != 0) std::memcpy(base_ + at, &header, sizeof header);
    if (lie.kind == NodeKind::leaf && lie.bytes_before_end != 0)
      std::memcpy(base_ + at + 1, &lie.rest_or_prefix_bytes, sizeof lie.rest_or_prefix_bytes);
    return static_cast<layout::Reference>(at / 8);
  }

  Tree tree_ = take(Tree::create_memfd("hostile", {.capacity_bytes = capacity_bytes, .reader_slots = 8}));
  std::byte* base_ = nullptr;
};
class HostileReferenceTest : public HostileRootTest, public testing::WithParamInterface<Lie> {};

TEST_P(HostileReferenceTest, IsRefusedByEveryWalk) {
  take(tree_.insert("key", 1));
  roots().tree = lay(GetParam());
  for (const Walk& walk : walks) EXPECT_EQ(walk.go(tree_), Code::corrupt) << walk.name;
}

TEST_P(HostileReferenceTest, IsRefusedBelowANode) {
  take(tree_.insert("keya" + std::string(600, 'a'), 1));
  take(tree_.insert("keyz" + std::string(600, 'z'), 1));
  const layout::Reference lie = lay(GetParam());
  std::byte* root = base_ + roots().tree * 8ULL;  // one separator, prefix "key"
  std::memcpy(root + layout::slots_at(NodeKind::sparse, 1, 3) + sizeof lie, &lie, sizeof lie);
  for (const Walk& walk : walks) {
    if (walk.name == std::string_view("previous")) continue;  // comes by the other leaf first
    EXPECT_EQ(walk.go(tree_), Code::corrupt) << walk.name;
  }
}

TEST_P(HostileReferenceTest, IsRefusedWhereWhatIsCutOffIsTakenApart) {
  std::uint64_t keys = 0;
  ASSERT_EQ(fill(tree_, keys).code, Code::full);
  roots().condemned_ready = lay(GetParam());
  EXPECT_EQ(fill(tree_, keys).code, Code::corrupt);
}

/// A root, all of whose children are itself.
TEST_F(HostileRootTest, NodeThatIsItsOwnChildEndsEveryScan) {
  for (int byte = 0; byte < 60; ++byte)
    take(tree_.insert(std::string{'k', static_cast<char>(byte)}.append(600, 'r'), 1));
  auto* root = base_ + roots().tree * 8ULL;
  const auto& header = *reinterpret_cast<layout::InnerHeader*>(root);
  ASSERT_EQ(header.kind, NodeKind::indexed);
  const auto shape = layout::inner_shape(header).value();
  auto* references = reinterpret_cast<layout::Reference*>(root + shape.references_at);
  std::fill(references + 1, references + shape.references, roots().tree);
  for (const Walk& walk : walks)
    if (walk.scans) {
      EXPECT_EQ(walk.go(tree_), Code::corrupt) << walk.name;
    }
}

/// Nodes of two children, both the next node; no key ever ends a scan's search, and paths are short.
TEST_F(HostileRootTest, SharedNodesWithoutAKeyEndEveryScan) {
  struct Node {
    layout::InnerHeader header{.kind = NodeKind::sparse, .separators = 1, .prefix_bytes = 1, .link = 0};
    char bytes[4] = {'l', 'k', 0, 0};
    layout::Reference terminal = 0;
    layout::Reference children[2] = {0, 0};
  };
  constexpr std::uint64_t levels = 80;
  take(tree_.insert("key", 1));
  const std::uint64_t first = roots().frontier * layout::page_bytes - levels * sizeof(Node);
  for (std::uint64_t level = 0; level < levels; ++level) {
    Node node;
    if (level + 1 < levels)
      for (layout::Reference& child : node.children)
        child = static_cast<layout::Reference>((first + (level + 1) * sizeof node) / 8);
    std::memcpy(base_ + first + level * sizeof node, &node, sizeof node);
  }
  roots().tree = static_cast<layout::Reference>(first / 8);
  for (const Walk& walk : walks)
    if (walk.scans) {
      EXPECT_EQ(walk.go(tree_), Code::corrupt) << walk.name;
    }
}

/// A bucket at the root of which nothing is true but that it lies in a block.
class HostileBucketTest : public HostileRootTest {
 protected:
  layout::BucketHeader& lay_bucket(std::uint8_t capacity, std::uint64_t state) {
    take(tree_.insert(std::string(1950, 'l'), 1));  // a leaf in a block of the size of the largest bucket
    std::byte* block = base_ + roots().tree * 8ULL;
    auto& header = *reinterpret_cast<layout::BucketHeader*>(block);
    for (std::size_t at = 0; at < layout::bucket_bytes_max; ++at) block[at] = static_cast<std::byte>(at / 2);
    header = {.kind = NodeKind::bucket,
              .capacity = capacity,
              .prefix_bytes = 0,
              .bytes = layout::bucket_bytes_max,
              .reserved = 0,
              .state = state};
    return header;
  }
  void set_ends(const layout::BucketHeader& header, const std::vector<std::uint16_t>& ends) {
    std::byte* at = base_ + roots().tree * 8ULL + layout::bucket_ends_at(header.capacity);
    std::memcpy(at, ends.data(), ends.size() * sizeof ends[0]);
  }
  void set_tag(std::uint32_t entry, std::string_view suffix) {
    base_[roots().tree * 8ULL + sizeof(layout::BucketHeader) + entry] = std::byte{radix::tag_of(suffix)};
  }
};

TEST_F(HostileBucketTest, SuffixesThatOverlapAreNotCopied) {
  const std::uint64_t lengths = 1 << 9;
  const auto& header = lay_bucket(12, 0b101010101 | std::uint64_t{10} << 48 | lengths << 54);
  // Each of the five that are there is as long as the bucket, since those between them end before they begin.
  set_ends(header, {1700, 2, 1702, 4, 1704, 6, 1706, 8, 1708, 10});
  const char* suffixes =
      reinterpret_cast<const char*>(base_) + roots().tree * 8ULL + layout::bucket_prefix_at(header.capacity);
  const std::string first(suffixes, 1700);
  set_tag(0, first);
  EXPECT_TRUE(take(tree_.contains(first)));
  EXPECT_EQ(refusal(tree_.erase(first)), Code::corrupt);
}

TEST_F(HostileBucketTest, OneWithoutAnEntryIsNotDivided) {
  lay_bucket(2, 0);
  EXPECT_EQ(refusal(tree_.insert(std::string(3000, 'x'), 1)), Code::corrupt);
  EXPECT_EQ(refusal(tree_.insert("x", 1)), Code::corrupt);
  EXPECT_EQ(refusal(tree_.erase("x")), Code::corrupt);
}

TEST_F(HostileBucketTest, KeyThatIsThereTwiceIsNotDivided) {
  const auto& header = lay_bucket(4, 0b111 | std::uint64_t{3} << 48);
  set_ends(header, {1, 2, 900});  // "k" twice, and what begins like it
  std::memset(base_ + roots().tree * 8ULL + layout::bucket_prefix_at(header.capacity), 'k', 900);
  EXPECT_EQ(refusal(tree_.insert("k" + std::string(3000, 'x'), 1)), Code::corrupt);
}

TEST_F(HostileRootTest, PartialListOfTheLastClassThatIsNoneIsNamed) {
  roots().partial_head[layout::size_classes_max - 1] = 1;
  EXPECT_TRUE(is_refused(tree_.verify(), Code::corrupt, "there is a partial list of no class"));
}

TEST_F(HostileRootTest, BelowTheHeapIsRefusedByEveryWalk) {
  take(tree_.insert("key", 1));
  roots().tree = 1;
  for (const Walk& walk : walks) EXPECT_EQ(walk.go(tree_), Code::corrupt) << walk.name;
}

INSTANTIATE_TEST_SUITE_P(Lies, HostileReferenceTest, testing::ValuesIn(lies),
                         [](const auto& lie) { return std::string(lie.param.name); });

}  // namespace
}  // namespace radish::tests
