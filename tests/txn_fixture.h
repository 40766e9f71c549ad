// A segment with a record to arm, for tests of floor 2.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "attachments.h"
#include "processes.h"
#include "scratch.h"
#include "txn/recovery.h"
#include "txn/transaction.h"

namespace radish::txn {

/// Healing takes any content.
inline Expected<void> accept(const segment::Segment&) { return {}; }

using sync::Identity;
using tests::Child;
using tests::no_fault;
using tests::Party;
using tests::Place;
using tests::refusal;
using tests::subject;
using tests::take;

inline constexpr std::uint64_t short_wait_ms = 20;

/// A segment with four pages of heap in use, and a plan's view of it.
class TxnTest : public testing::Test {
 protected:
  TxnTest() { roots().frontier += 4; }

  [[nodiscard]] const segment::Segment& segment() const { return place_.first().segment(); }
  [[nodiscard]] layout::Roots& roots() const { return segment().roots(); }
  [[nodiscard]] layout::Record& record() const { return segment().record(); }
  [[nodiscard]] layout::Lease& lease() const { return place_.lease(); }
  [[nodiscard]] sync::Attachment& attachment() const { return *place_.first().attachment; }
  /// The nth word of the heap.
  [[nodiscard]] Offset offset(std::size_t index) const {
    return segment().geometry().heap_offset + index * 8;
  }
  [[nodiscard]] std::uint64_t& word(std::size_t index) const { return place_.words()[index]; }

  /// What a writer that died between arming and its first store would leave.
  void arm(const std::vector<layout::RecordEntry>& entries) const {
    std::copy(entries.begin(), entries.end(), segment().record_entries());
    record().entry_count = static_cast<std::uint32_t>(entries.size());
    record().takeover_generation = roots().generation + 1;
    record().armed = layout::armed_mark;
  }
  [[nodiscard]] layout::RecordEntry entry(std::size_t index, std::uint64_t value) const {
    return {offset(index) << 4 | 8, value};
  }
  void arm_two_words() const { arm({entry(0, 10), entry(1, 11)}); }
  void expect_two_words_and_generation(std::uint64_t generation) const {
    EXPECT_EQ(word(0), 10U);
    EXPECT_EQ(word(1), 11U);
    EXPECT_EQ(roots().generation, generation);
    EXPECT_EQ(record().armed, 0U);
  }
  [[nodiscard]] Identity dead_writer() const {
    EXPECT_EQ(Child([&] { return take(place_.first().acquire()) ? 1 : 0; }).join(), 0);
    EXPECT_NE(lease().writer, 0U);
    return lease().writer;
  }

  Place place_;
};

inline Identity own() { return take(sync::own_identity()); }
inline Identity before_exec() {
  return own() ^ Identity { 1 } << 63;
}

}  // namespace radish::txn
