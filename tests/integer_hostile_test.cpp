// Integer maps whose bytes no transaction leaves: each broken invariant is named by verify, and whatever the
// bytes are, every question and every edit ends with an answer.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <functional>
#include <random>
#include <utility>

#include "maps.h"
#include "processes.h"
#include "segment/layout.h"
#include "support.h"

namespace radish::tests {
namespace {

using layout::IntegerInner;
using layout::IntegerLeaf;
using layout::Reference;

/// A map, and the bytes of its segment.
class HostileMap : public MapPlace {
 public:
  explicit HostileMap(unsigned depth = 16) : MapPlace(depth, capacity_bytes) {
    void* base = mmap(nullptr, capacity_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, segment.descriptor(), 0);
    if (base == MAP_FAILED) throw std::runtime_error("mmap");
    base_ = static_cast<std::byte*>(base);
  }
  HostileMap(const HostileMap&) = delete;
  HostileMap& operator=(const HostileMap&) = delete;
  ~HostileMap() { munmap(base_, capacity_bytes); }

  [[nodiscard]] const layout::Geometry& geometry() const { return at<layout::Superblock>(0).geometry; }
  [[nodiscard]] layout::Roots& roots() const { return at<layout::Roots>(geometry().roots_offset); }
  /// Of the first named root.
  [[nodiscard]] layout::RootEntry& entry() const {
    return at<layout::RootEntry>(geometry().roots_offset + sizeof(layout::Roots));
  }
  [[nodiscard]] IntegerInner& inner(Reference reference) const { return at<IntegerInner>(reference * 8ULL); }
  [[nodiscard]] IntegerLeaf& leaf(Reference reference) const { return at<IntegerLeaf>(reference * 8ULL); }
  [[nodiscard]] IntegerInner& top() const { return inner(entry().node); }
  /// A word of a block, or of the space between blocks.
  [[nodiscard]] std::uint32_t& heap_word(std::uint64_t number) const {
    const std::uint64_t bytes = roots().frontier * layout::page_bytes - geometry().heap_offset;
    return at<std::uint32_t>(geometry().heap_offset + number * 4 % bytes);
  }

 private:
  static constexpr std::uint64_t capacity_bytes = 1 << 20;
  template <class T>
  [[nodiscard]] T& at(std::uint64_t offset) const {
    return *reinterpret_cast<T*>(base_ + offset);
  }
  std::byte* base_ = nullptr;
};

/// Four leaves below two inner nodes: 0x10 and 0x20 below one, with 0x3000 and a lone key far off.
constexpr std::array<std::uint64_t, 4> some_keys{0x10, 0x20, 0x3000, 0x77'0000};

struct Lie {
  const char* says;  ///< what verify names
  std::function<void(const HostileMap&)> tell;
};

std::vector<Lie> lies() {
  return {
      {"levels of an integer map do not descend", [](const HostileMap& map) { map.top().level = 0; }},
      {"levels of an integer map do not descend", [](const HostileMap& map) { map.top().level = 16; }},
      {"levels of an integer map do not descend",
       [](const HostileMap& map) { map.top().children[0] = map.entry().node; }},
      {"a leaf that has a level", [](const HostileMap& map) { map.leaf(map.top().children[7]).level = 1; }},
      {"a node that is none of an integer map",
       [](const HostileMap& map) { map.top().kind = layout::NodeKind::indexed; }},
      {"points outside the heap", [](const HostileMap& map) { map.top().children[5] = UINT32_MAX; }},
      {"points outside the heap", [](const HostileMap& map) { map.top().children[5] = 1; }},
      {"digits that its keys do not share", [](const HostileMap& map) { map.top().prefix = 0x10; }},
      {"not what leads there", [](const HostileMap& map) { map.top().prefix = 1ULL << 60; }},
      {"not what leads there",
       [](const HostileMap& map) { std::swap(map.top().children[7], map.top().children[8]); }},
      {"linked as a condemned one", [](const HostileMap& map) { map.top().link = 1; }},
      {"a leaf without a value", [](const HostileMap& map) { map.leaf(map.top().children[7]).taken = 0; }},
      {"reserved bytes of a node", [](const HostileMap& map) { map.top().reserved = 1; }},
      {"fewer than two children", [](const HostileMap& map) { map.top().children[7] = 0; }},
      {"the count of keys", [](const HostileMap& map) { map.leaf(map.top().children[7]).taken ^= 2; }},
      {"",
       [](const HostileMap& map) { map.inner(map.top().children[0]).children[9] = map.top().children[7]; }},
  };
}

TEST(IntegerMapHostileTest, VerifyNamesEachBrokenInvariant) {
  int number = 0;
  for (const Lie& lie : lies()) {
    HostileMap map;
    for (const std::uint64_t key : some_keys) map.put(key, key);
    ASSERT_TRUE(is_done(map.segment.verify()));
    ASSERT_EQ(map.top().level, 5U);
    lie.tell(map);
    EXPECT_TRUE(is_refused(map.segment.verify(), Code::corrupt, lie.says)) << "lie " << number;
    ++number;
  }
}

TEST(IntegerMapHostileTest, PrefixBeyondTheDepthIsNamedByVerifyAndByEdits) {
  HostileMap map(4);
  map.put(0x12, 1);
  map.leaf(map.entry().node).prefix = 0x1'0010;
  EXPECT_TRUE(is_refused(map.segment.verify(), Code::corrupt, "not what leads there"));
  EXPECT_TRUE(is_refused(map.map.insert(0x12, 2), Code::corrupt, "not what leads there"));
}

TEST(IntegerMapHostileTest, NodesOfTheOtherKindOfRootAreCorrupt) {
  HostileMap map;
  Tree tree = map.segment.tree();
  for (const char* key : {"a", "b"}) ASSERT_TRUE(tree.insert(key, 1));
  for (const std::uint64_t key : some_keys) map.put(key, key);
  std::swap(map.roots().tree, map.entry().node);
  EXPECT_EQ(refusal(tree.find("a")), Code::corrupt);
  EXPECT_EQ(refusal(tree.insert("a", 1)), Code::corrupt);
  EXPECT_EQ(refusal(take(tree.cursor()).next()), Code::corrupt);
  EXPECT_EQ(refusal(map.map.find(0x10)), Code::corrupt);
  EXPECT_EQ(refusal(map.map.lower_bound(0x10)), Code::corrupt);
  EXPECT_EQ(refusal(map.map.predecessor(0x10)), Code::corrupt);
  EXPECT_EQ(refusal(map.map.insert(0x10, 1)), Code::corrupt);
  EXPECT_EQ(refusal(map.map.erase(0x10)), Code::corrupt);
  EXPECT_EQ(refusal(take(map.map.cursor()).next()), Code::corrupt);
  EXPECT_EQ(refusal(map.segment.verify()), Code::corrupt);
}

/// A reader foresees the level below each node's; below level 1 there is none.
TEST(IntegerMapHostileTest, InnerNodeOfLevel0LeadsNowhere) {
  HostileMap map;
  for (const std::uint64_t key : {0x10U, 0x20U, 0x110U, 0x120U}) map.put(key, key);
  IntegerInner& first = map.inner(map.top().children[0]);
  IntegerInner& second = map.inner(map.top().children[1]);
  ASSERT_EQ(first.level, 1U);
  second.level = 0;
  second.children[0] = std::exchange(first.children[1], map.top().children[1]);
  constexpr const char* says = "levels of an integer map do not descend";
  EXPECT_TRUE(is_refused(map.map.find(0x10), Code::corrupt, says));
  EXPECT_TRUE(is_refused(map.map.lower_bound(0x10), Code::corrupt, says));
  EXPECT_TRUE(is_refused(map.map.predecessor(0x10), Code::corrupt, says));
  EXPECT_EQ(take(map.map.find(0x1f)), std::nullopt);  // where it has no child
  second.level = 1;
  EXPECT_TRUE(is_refused(map.map.find(0x10), Code::corrupt, says));
}

/// Inner nodes of all levels, each with sixteen times the next as its children and the last with none: there
/// are 16^15 ways through it.
TEST(IntegerMapHostileTest, SubtreesThatAreSharedAndEmptyEndTheWalk) {
  HostileMap map;
  for (unsigned level = 15; level >= 1; --level) map.put(std::uint64_t{1} << 4 * level, level);
  map.put(0, 1);
  for (Reference at = map.entry().node; map.inner(at).level > 1;) {
    const Reference next = map.inner(at).children[0];
    std::ranges::fill(map.inner(at).children, next);
    at = next;
    if (map.inner(at).level == 1) std::ranges::fill(map.inner(at).children, Reference{0});
  }
  EXPECT_TRUE(is_refused(map.map.lower_bound(1), Code::corrupt, "more nodes than the heap can hold"));
  EXPECT_TRUE(
      is_refused(map.map.predecessor(number_max), Code::corrupt, "more nodes than the heap can hold"));
  EXPECT_EQ(refusal(take(map.map.cursor()).next()), Code::corrupt);
  EXPECT_EQ(take(map.map.find(1)), std::nullopt);
}

/// The same with a leaf at the end of all ways: its keys come once, and then out of order.
TEST(IntegerMapHostileTest, LeafAtTheEndOfAllWaysIsMetOnce) {
  HostileMap map;
  for (const std::uint64_t key : some_keys) map.put(key, key);
  std::ranges::fill(map.top().children, map.top().children[7]);
  EXPECT_EQ(take(map.map.lower_bound(0)), (IntegerEntry{0x77'0000, 0x77'0000}));
  EXPECT_TRUE(is_refused(take(map.map.cursor()).next(), Code::corrupt, "keys out of order"));
  EXPECT_TRUE(is_refused(map.map.lower_bound(0x77'0001), Code::corrupt, "keys out of order"));
}

/// Everything that can be asked of a map, to its end, whatever comes of it.
void ask_everything(HostileMap& map, std::mt19937_64& random) {
  constexpr int steps_max = 20'000;
  for (const bool forward : {true, false}) {
    auto cursor = map.map.cursor();
    if (!cursor) continue;
    if (!forward) cursor->seek_end();
    for (int step = 0; step < steps_max; ++step) {
      const auto entry = forward ? cursor->next() : cursor->previous();
      if (!entry || !*entry) break;
    }
  }
  (void)map.segment.verify();
  for (std::uint64_t round = 0; round < 200; ++round) {
    const std::uint64_t key = random() % 2 == 0 ? random() % 600 : random();
    (void)map.map.find(key);
    (void)map.map.lower_bound(key);
    (void)map.map.predecessor(key);
    if (round % 3 == 0) (void)map.map.insert(key, round);
    if (round % 3 == 1) (void)map.map.erase(key);
  }
  (void)map.map.clear();
  (void)map.segment.drop("map");
  for (int round = 0; round < 50; ++round) (void)map.segment.tree().insert("after", 1);
}

/// A child's exit code for one seed: 0 unless it came to grief.
int answers_everything(std::uint64_t of) {
  return Child([&] {
           alarm(30);
           std::mt19937_64 random(of);
           HostileMap map;
           for (int keys = 0; keys < 150; ++keys) map.put(keys % 2 == 0 ? random() % 600 : random(), 1);
           for (std::uint64_t words = random() % 6 + 1; words > 0; --words) {
             std::uint32_t& word = map.heap_word(random());
             const std::uint32_t other = map.heap_word(random());
             const std::uint64_t way = random() % 4;
             word = way == 0   ? static_cast<std::uint32_t>(random())
                    : way == 1 ? other
                               : word ^ 1U << random() % 32;
           }
           ask_everything(map, random);
           return 0;
         })
      .join();
}

TEST(IntegerMapHostileTest, AnyBytesAreAnsweredAndDoNoHarm) {
  fmt::print("seed {}; replay: {}\n", seed(), replay_command());
  for (std::uint64_t round = 0; round < 150 * scale() && !HasFailure(); ++round)
    EXPECT_EQ(answers_everything(seed() + round), 0) << "seed " << seed() + round;
}

}  // namespace
}  // namespace radish::tests
