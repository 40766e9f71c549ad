// A heap for tests, and what is known of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "attachments.h"
#include "heap/census.h"
#include "heap/figures.h"
#include "heap/heap.h"
#include "heap/lists.h"
#include "heap/page.h"
#include "mounts.h"
#include "scratch.h"
#include "support.h"

namespace radish::heap {

using layout::page_bytes;
using layout::PageHeader;
using segment::Segment;
using tests::refusal;
using tests::subject;
using tests::take;
using txn::Transaction;

inline constexpr std::uint64_t every_pin = UINT64_MAX;
inline constexpr std::uint64_t two_slots_bytes = class_bytes[class_count - 1];
inline constexpr std::uint64_t largest_block_bytes = 65552;

inline Segment make_segment(std::uint64_t capacity_bytes) {
  segment::OpenRequest request;
  request.capacity_bytes = capacity_bytes;
  request.reader_slots = 16;
  request.identity = 1;
  return take(take(segment::create_memfd("heap", request)).finish());
}

inline std::uint64_t first_page(const Segment& segment) {
  return segment.geometry().heap_offset / page_bytes;
}
inline PageHeader& header(const Segment& segment, std::uint64_t page) {
  return *reinterpret_cast<PageHeader*>(segment.at(page * page_bytes));
}
inline std::uint64_t* map_words(const Segment& segment) {
  return reinterpret_cast<std::uint64_t*>(segment.at(segment.geometry().page_map_offset));
}
inline std::uint64_t* summary_words(const Segment& segment) {
  return map_words(segment) + segment::page_map_words(segment.geometry().capacity_bytes);
}

/// A heap, and what is known of it: which blocks are in use, with what in them.
class Heap {
 public:
  struct Block {
    std::uint64_t bytes;
    std::uint8_t pattern;
  };
  struct Retired {
    Block block;
    std::uint64_t epoch;
  };

  explicit Heap(std::uint64_t capacity_bytes = 1 << 20) : segment_(make_segment(capacity_bytes)) {}

  [[nodiscard]] const Segment& segment() const { return segment_; }
  [[nodiscard]] std::map<Offset, Block>& blocks() { return blocks_; }
  [[nodiscard]] std::uint64_t epoch() const { return segment_.roots().epoch; }

  /// One block, by a transaction of its own.
  Offset allocate(std::uint64_t bytes) {
    Transaction tx(segment_);
    const Offset block = take(heap::allocate(tx, bytes));
    EXPECT_LE(tx.planned(), allocate_stores);
    fill(tx, block, bytes);
    tx.commit();
    return block;
  }
  void release(Offset block) {
    Transaction tx(segment_);
    take(heap::release(tx, block));
    EXPECT_LE(tx.planned(), release_stores);
    tx.commit();
    blocks_.erase(block);
  }
  void retire(Offset block) {
    Transaction tx(segment_);
    take(heap::retire(tx, block));
    EXPECT_LE(tx.planned(), retire_stores);
    tx.commit();
    blocks_.erase(block);
  }
  ReclaimResult reclaim(std::uint64_t oldest_pin_epoch = every_pin) {
    Transaction tx(segment_);
    const ReclaimResult result = take(reclaim_step(tx, oldest_pin_epoch));
    EXPECT_LE(tx.planned(), reclaim_pages_per_step * reclaim_page_stores + 2);
    tx.commit();
    return result;
  }
  void fill(Transaction& tx, Offset block, std::uint64_t bytes) {
    const auto pattern = static_cast<std::uint8_t>(++fills_);
    const std::vector<std::uint8_t> content(bytes, pattern);
    tx.fill(block, content.data(), content.size());
    blocks_[block] = {bytes, pattern};
  }
  [[nodiscard]] bool is_intact(Offset offset, const Block& block) const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(segment_.at(offset));
    return std::all_of(bytes, bytes + block.bytes, [&](std::uint8_t byte) { return byte == block.pattern; });
  }
  [[nodiscard]] Expected<void> census() const {
    auto census = Census::begin(segment_);
    if (!census) return std::unexpected(census.error());
    for (const auto& [offset, block] : blocks_) RADISH_TRY(census->count_block(offset, block.bytes));
    return census->finish();
  }
  [[nodiscard]] ::testing::AssertionResult is_sound() const {
    for (const auto& [offset, block] : blocks_)
      if (!is_intact(offset, block)) return ::testing::AssertionFailure() << "block " << offset << " changed";
    const auto result = census();
    if (result) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << result.error().what << ", subject " << result.error().subject;
  }
  void expect_all_free() {
    EXPECT_EQ(segment_.roots().free_pages, segment_.roots().frontier - first_page(segment_));
    EXPECT_TRUE(is_sound());
  }

 private:
  Segment segment_;
  std::map<Offset, Block> blocks_;
  std::uint64_t fills_ = 0;
};

inline std::uint64_t page_of(Offset block) { return block / page_bytes; }

}  // namespace radish::heap
