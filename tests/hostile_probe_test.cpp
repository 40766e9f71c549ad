// Bytes that no transaction leaves, behind the probing seam: how much is done before the answer.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "radish/tree.hpp"
#include "seam/probe_seam.h"
#include "segment/layout.h"

namespace radish::tests {
namespace {

/// A tree in a memfd, and its bytes.
class HostileProbeTest : public ::testing::Test {
 protected:
  void make(std::uint64_t capacity_bytes) {
    auto tree = Tree::create_memfd("hostile", {.capacity_bytes = capacity_bytes, .reader_slots = 16});
    if (!tree) throw std::runtime_error(tree.error().message);
    tree_.emplace(std::move(*tree));
    bytes_ = capacity_bytes;
    void* base = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, tree_->descriptor(), 0);
    if (base == MAP_FAILED) throw std::runtime_error("mmap");
    base_ = static_cast<std::byte*>(base);
  }
  void TearDown() override { munmap(base_, bytes_); }
  [[nodiscard]] const layout::Geometry& geometry() const {
    return reinterpret_cast<const layout::Superblock*>(base_)->geometry;
  }
  [[nodiscard]] layout::Roots& roots() const {
    return *reinterpret_cast<layout::Roots*>(base_ + geometry().roots_offset);
  }
  [[nodiscard]] layout::Record& record() const {
    return *reinterpret_cast<layout::Record*>(base_ + geometry().record_offset);
  }

  std::optional<Tree> tree_;
  std::byte* base_ = nullptr;
  std::uint64_t bytes_ = 0;
};

TEST_F(HostileProbeTest, FiguresOfPagesThatAreHolesAreNotGoneThrough) {
  make(1 << 30);
  for (int key = 0; key < 5000; ++key) ASSERT_TRUE(tree_->insert(std::to_string(key * 7919), 1));
  const auto truth = tree_->stats();
  roots().frontier = roots().backed = bytes_ / layout::page_bytes;
  const probe::Watch watch(probe::Watched::events);
  const auto stats = tree_->stats();
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->blocks, truth->blocks);
  constexpr std::uint64_t words_of_a_header = 16;
  EXPECT_LT(probe::Watch::seen(), bytes_ / layout::page_bytes / 16 * words_of_a_header);
}

TEST_F(HostileProbeTest, RoomThatIsMadeWithoutEndIsCorrupt) {
  make(layout::capacity_bytes_min);
  std::uint64_t keys = 0;
  while (tree_->insert("key" + std::to_string(keys * 7919), 1)) ++keys;
  ASSERT_TRUE(tree_->erase_prefix("key1"));
  const layout::Offset content = geometry().roots_offset;
  const std::vector<std::byte> before(base_ + content, base_ + bytes_);
  // What a transaction has given back is there to be given back again: a heap that never runs dry.
  std::uint64_t rounds = 0;
  bool armed = false;
  const probe::Watch watch(probe::Watched::events, 0, [&] {
    const bool was_armed = std::exchange(armed, record().armed != 0);
    if (!was_armed || armed || ++rounds > bytes_) return;
    std::memcpy(base_ + content, before.data(), before.size());
  });
  const auto inserted = tree_->insert(std::string(60000, 'x') + std::string(5000, 'y'), 1);
  EXPECT_LE(rounds, bytes_);
  ASSERT_FALSE(inserted);
  EXPECT_EQ(inserted.error().code, Code::corrupt) << inserted.error().message;
}

}  // namespace
}  // namespace radish::tests
