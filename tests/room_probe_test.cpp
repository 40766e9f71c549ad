// Making room, and what stands beside it: deadlines under a clock of the test's own, openers beside a writer
// that takes pages, readers that died under their pin.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "api/verify.h"
#include "attachments.h"
#include "processes.h"
#include "radish/tree.hpp"
#include "seam/probe_seam.h"
#include "sync/attachment.h"

namespace radish::tests {
namespace {

Tree make_tree(const OpenOptions& options) {
  auto tree = Tree::create_memfd("room", options);
  if (!tree) throw std::runtime_error(tree.error().message);
  return std::move(*tree);
}

Party attach(const Tree& tree) {
  segment::OpenRequest request;
  request.identity = take(sync::own_identity());
  request.origin = take(sync::own_origin());
  auto opening = take(segment::open_descriptor(tree.descriptor(), request));
  return {std::make_shared<sync::Attachment>(take(std::move(opening).finish()), 0)};
}

TEST(RoomTest, InsertThatFindsNoRoomGivesUpAtItsDeadlineAndGoesOnFromThere) {
  Tree tree =
      make_tree({.capacity_bytes = 2 << 20, .reader_slots = 16, .lock_timeout = std::chrono::hours(1)});
  std::uint64_t keys = 0;
  while (tree.insert(std::to_string(keys * 7919), keys)) ++keys;
  ASSERT_TRUE(tree.clear());
  const std::string large(60000, 'x');
  probe::clock_step_ns = std::uint64_t{3'600'000'000'000};  // an hour each time it is looked at
  const auto refused = tree.insert(large, 1);
  probe::clock_step_ns = 0;
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::timed_out) << refused.error().message;
  EXPECT_TRUE(tree.verify());
  const auto inserted = tree.insert(large, 1);
  EXPECT_TRUE(inserted) << inserted.error().message;
  EXPECT_TRUE(tree.verify());
}

TEST(RoomTest, OpenerBesideAWriterThatTakesPagesFindsSoundRoots) {
  Tree tree = make_tree({.capacity_bytes = 64 << 20, .reader_slots = 16});
  const Party opener = attach(tree);
  std::uint64_t refusals = 0, looks = 0;
  for (std::uint64_t key = 0; key < 400; ++key) {
    // The second key of a pair splits a long leaf: two runs of pages in one plan, which some insert takes on
    // both sides of the end of what is backed.
    const std::string rest(5000 + 37 * key, 'x');
    for (const char* side : {"a", "b"}) {
      const std::string name = std::to_string(key) + side + rest;
      const probe::Watch watch(probe::Watched::writes, 0, [&] {
        ++looks;
        if (!detail::check_roots(opener.segment())) ++refusals;
      });
      ASSERT_TRUE(tree.insert(name, key));
    }
  }
  EXPECT_GT(looks, 1000U);
  EXPECT_EQ(refusals, 0U);
}

TEST(RoomTest, ReaderKilledUnderItsPinDoesNotKeepMemoryFromBeingUsedAgain) {
  Tree tree = make_tree({.capacity_bytes = 64 << 20, .reader_slots = 16});
  for (std::uint64_t key = 0; key < 2000; ++key) ASSERT_TRUE(tree.insert(std::to_string(key), key));
  Bell pinned;
  Child reader([&]() -> int {
    const Party party = attach(tree);
    const auto pin = sync::Pin::take(*party.attachment);
    pinned.ring();
    rest_until_killed();
  });
  pinned.wait();
  const std::uint64_t before = tree.stats()->heap_bytes_used;
  reader.kill_and_reap();
  for (std::uint64_t round = 0; round < 100000; ++round) {
    const std::string key = std::to_string(round % 2000);
    ASSERT_TRUE(tree.erase(key));
    ASSERT_TRUE(tree.insert(key, round));
  }
  EXPECT_LE(tree.stats()->heap_bytes_used, before * 6);
  EXPECT_EQ(tree.stats()->reader_slots_used, 0U);
  EXPECT_TRUE(tree.verify());
}

}  // namespace
}  // namespace radish::tests
