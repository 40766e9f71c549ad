// A reference that leads where no node can be: whoever follows it says so, each kind of walk for itself (N1).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <functional>

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
  std::uint8_t child_count = 0;
  std::uint16_t rest_or_prefix_bytes = 0;
};
constexpr Lie lies[] = {
    {.name = "NothingInUse", .bytes_before_end = 0},
    {.name = "LeafBeyondTheEnd", .bytes_before_end = 16, .rest_or_prefix_bytes = 64},
    {.name = "SparseNodeBeyondTheEnd", .bytes_before_end = 16, .kind = NodeKind::sparse, .child_count = 8},
    {.name = "DenseNodeBeyondTheEnd", .bytes_before_end = 16, .kind = NodeKind::dense},
    {.name = "TooManyChildren", .bytes_before_end = 512, .kind = NodeKind::sparse, .child_count = 49},
    {.name = "DenseNodeThatCounts", .bytes_before_end = 2048, .kind = NodeKind::dense, .child_count = 1},
    {.name = "DenseNodeWithAPrefix",
     .bytes_before_end = 2048,
     .kind = NodeKind::dense,
     .rest_or_prefix_bytes = 1},
    {.name = "NoKind", .bytes_before_end = 512, .kind = NodeKind{9}},
};

struct Walk {
  const char* name;
  bool scans;  ///< no key leads it
  std::function<Code(Tree&)> go;
};

const Walk walks[] = {
    {"find", false, [](Tree& tree) { return refusal(tree.find("key")); }},
    {"longest_prefix", false, [](Tree& tree) { return refusal(tree.longest_prefix("key")); }},
    {"prefixes", false, [](Tree& tree) { return refusal(tree.prefixes("key")); }},
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
       cursor.seek("key");
       return refusal(cursor.next());
     }},
    {"scan below a prefix", true, [](Tree& tree) { return refusal(tree.cursor("k")->next()); }},
    {"insert", false, [](Tree& tree) { return refusal(tree.insert("key", 1)); }},
    {"erase", false, [](Tree& tree) { return refusal(tree.erase("key")); }},
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
    layout::InnerHeader header{.kind = lie.kind,
                               .child_count = lie.child_count,
                               .prefix_bytes = lie.rest_or_prefix_bytes,
                               .link = 0};
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
  take(tree_.insert("key", 1));
  take(tree_.insert("kez", 1));
  const layout::Reference lie = lay(GetParam());
  std::byte* root = base_ + roots().tree * 8ULL;  // kind, two children, prefix "ke"
  const std::size_t children_at = layout::round_up(sizeof(layout::InnerHeader) + 4, 4) + 4;
  std::memcpy(root + children_at, &lie, sizeof lie);
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

/// A dense root, all of whose children are itself.
TEST_F(HostileRootTest, NodeThatIsItsOwnChildEndsEveryScan) {
  for (int byte = 0; byte < 256; ++byte) take(tree_.insert(std::string(1, static_cast<char>(byte)), 1));
  auto& root = *reinterpret_cast<layout::DenseNode*>(base_ + roots().tree * 8ULL);
  ASSERT_EQ(root.header.kind, NodeKind::dense);
  for (layout::Reference& child : root.children) child = roots().tree;
  for (const Walk& walk : walks)
    if (walk.scans) {
      EXPECT_EQ(walk.go(tree_), Code::corrupt) << walk.name;
    }
}

/// Nodes of two children, both the next node; no key ever ends a scan's search, and paths are short.
TEST_F(HostileRootTest, SharedNodesWithoutAKeyEndEveryScan) {
  struct Node {
    layout::InnerHeader header{.kind = NodeKind::sparse, .child_count = 2, .prefix_bytes = 0, .link = 0};
    char bytes[4] = {'a', 'k', 0, 0};
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
