// Crowds of real processes and threads through the public interface: more readers than slots, more views than
// entries, processes that come and go by the thousand.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "crowds.h"
#include "processes.h"
#include "trees.h"

namespace radish::tests {
namespace {

std::uint32_t slots_used(const Tree& tree) { return take(tree.stats()).reader_slots_used; }

// --- reader slots ----------------------------------------------------------------------------------------

constexpr std::uint32_t slots = 1024;
constexpr std::size_t single_processes = 128;
constexpr std::size_t threaded_processes = 56;
constexpr std::size_t threads_each = 16;
static_assert(single_processes + threaded_processes * threads_each == slots);

class ReaderCrowdTest : public testing::Test {
 protected:
  ReaderCrowdTest() : tree_(take(Tree::create_memfd("crowd", {.capacity_bytes = 1 << 20}))) {
    take(tree_.insert("key", 7));
    const auto read = [this] {
      const auto found = tree_.find("key");
      return found && *found == 7U;
    };
    crowd_.add(threaded_processes, threads_each, read);
    crowd_.add(single_processes, 1, read);
    crowd_.await_all();
  }

  Tree tree_;
  Crowd crowd_;
};

TEST_F(ReaderCrowdTest, ReaderBeyondTheLastSlotIsRefusedAndALivingOneNamed) {
  EXPECT_EQ(slots_used(tree_), slots);
  const auto refused = tree_.find("key");
  EXPECT_TRUE(is_refused(refused, Code::too_many_readers));
  EXPECT_TRUE(crowd_.has(named_process(refused.error()))) << refused.error().message;
  EXPECT_TRUE(is_done(tree_.insert("another key", 1))) << "writers need no slot";
  EXPECT_EQ(slots_used(tree_), slots);
}

TEST_F(ReaderCrowdTest, WhenHalfAreDeadTheNextReaderGetsInAndNoLivingOneIsRobbed) {
  crowd_.kill_half();
  EXPECT_EQ(slots_used(tree_), slots) << "the dead give nothing back themselves";
  EXPECT_EQ(take(tree_.find("key")), 7U);
  constexpr std::size_t living = threaded_processes / 2 * threads_each + single_processes / 2;
  EXPECT_EQ(slots_used(tree_), living + 1);
  std::jthread([this] { EXPECT_EQ(take(tree_.find("key")), 7U); }).join();
}

TEST_F(ReaderCrowdTest, WhenAllAreDeadTheNextReaderGetsInAndFindsTheTableEmpty) {
  crowd_.kill_all();
  EXPECT_EQ(take(tree_.find("key")), 7U);
  EXPECT_EQ(slots_used(tree_), 1U);
}

// --- stable views ----------------------------------------------------------------------------------------

class ViewCrowdTest : public testing::Test {
 protected:
  ViewCrowdTest() : tree_(take(Tree::create_memfd("views", {.capacity_bytes = 1 << 20}))) {
    take(tree_.insert("key", 7));
    crowd_.add(layout::view_entries, 1, [this] { return hold_view(); });
    crowd_.await_all();
  }

  /// For as long as the process lives.
  [[nodiscard]] bool hold_view() const {
    static std::optional<View> held;
    if (auto view = tree_.view()) held = std::move(*view);
    return held.has_value();
  }

  Tree tree_;
  Crowd crowd_;
};

TEST_F(ViewCrowdTest, ViewBeyondTheLastEntryIsRefusedAndALivingHolderNamed) {
  const auto refused = tree_.view();
  EXPECT_TRUE(is_refused(refused, Code::too_many_views));
  EXPECT_TRUE(crowd_.has(named_process(refused.error()))) << refused.error().message;
  EXPECT_EQ(take(tree_.find("key")), 7U) << "lookups need no entry";
}

TEST_F(ViewCrowdTest, WhenHalfAreDeadTheNextViewGetsInAndWritersStillWait) {
  crowd_.kill_half();
  EXPECT_TRUE(is_done(tree_.view()));
  Tree hasty =
      take(Tree::open_descriptor(tree_.descriptor(), {.lock_timeout = std::chrono::milliseconds(20)}));
  const auto refused = hasty.insert("key", 8);
  EXPECT_TRUE(is_refused(refused, Code::timed_out));
  EXPECT_TRUE(crowd_.has(named_process(refused.error()))) << refused.error().message;
}

TEST_F(ViewCrowdTest, WhenAllAreDeadViewsAndWritersGetIn) {
  crowd_.kill_all();
  EXPECT_TRUE(is_done(tree_.view()));
  EXPECT_FALSE(take(tree_.insert("key", 8)));
  EXPECT_TRUE(is_done(tree_.verify()));
}

// --- a view among busy writers ---------------------------------------------------------------------------

using std::chrono::steady_clock;

/// Four processes, each of which goes through its turns without pause.
class BusyWriters {
 public:
  /// `turn` is given the writer's number and the turn's; it answers whether the turn went as it must.
  explicit BusyWriters(const std::function<bool(int, std::uint64_t)>& turn) {
    for (int number = 0; number < 4; ++number)
      children_.emplace_back([this, &turn, number] {
        for (std::uint64_t count = 0; !*enough_; ++count, ++*turns_)
          if (!turn(number, count)) return 1;
        return 0;
      });
  }
  ~BusyWriters() {
    *enough_ = true;
    for (Child& child : children_) EXPECT_EQ(child.join(), 0);
  }
  BusyWriters(const BusyWriters&) = delete;
  BusyWriters& operator=(const BusyWriters&) = delete;

  /// Until they have made so many turns more. Gives nobody the processor: who waits here goes on while they
  /// run.
  void await_turns(std::uint64_t more) const {
    const std::uint64_t before = *turns_;
    while (*turns_ < before + more) {
    }
  }

 private:
  Shared<std::atomic<bool>> enough_;
  Shared<std::atomic<std::uint64_t>> turns_;
  std::deque<Child> children_;
};

/// A view that has waited for 50 ms posts its turn, and then each writer stays out for up to 2 ms: by the
/// lock's own doing it is in within 100 ms. The clock counts more than that. The writers share the processors
/// with whatever else runs, and while the one that holds the lock waits for a processor, so does everybody:
/// hence a tenth of the views may take longer, but none as long as one that is kept out.
void expect_views_get_in(const Tree& tree, const BusyWriters& writers, std::size_t views,
                         std::uint64_t turns_between) {
  std::vector<double> waits_ms;
  while (waits_ms.size() < views) {
    writers.await_turns(turns_between);
    const auto start = steady_clock::now();
    const View view = take(tree.view());
    waits_ms.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - start).count());
  }
  std::ranges::sort(waits_ms);
  std::printf("%zu views waited: median %.2f ms, 9 of 10 up to %.2f ms, longest %.2f ms\n", views,
              waits_ms[views / 2], waits_ms[views * 9 / 10], waits_ms.back());
  EXPECT_LE(waits_ms[views * 9 / 10], 100.0);
  EXPECT_LE(waits_ms.back(), 1000.0);
}

TEST(BusyWritersTest, ViewGetsInWithinAHundredMillisecondsWhereTurnsAreShort) {
  Tree tree = take(Tree::create_memfd("busy", {.capacity_bytes = 1 << 20}));
  const BusyWriters writers([&](int number, std::uint64_t turn) {
    const std::string key = "writer " + std::to_string(number);
    return turn % 2 == 0 ? is_done(tree.insert(key, turn)) : is_done(tree.erase(key));
  });
  expect_views_get_in(tree, writers, 100, 100);
}

// Each turn is an insert that waits in vain for room, 2 ms long, and the next one follows at once: whoever
// waits for the lock never finds it free.
TEST(BusyWritersTest, ViewGetsInWithinAHundredMillisecondsWhereTurnsAreLong) {
  Tree tree = take(Tree::create_memfd("busy", {.capacity_bytes = 256 << 10}));
  std::uint64_t keys = 0;
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  Resting reader([party = attach(tree)] { new sync::Pin(take(sync::Pin::take(*party.attachment))); });
  ASSERT_EQ(take(tree.erase_prefix("key ")), keys);
  ASSERT_EQ(fill(tree, keys, "another ").code, Code::pinned);
  const BusyWriters writers([&](int number, std::uint64_t turn) {
    const auto refused = tree.insert("writer " + std::to_string(number) + std::string(20'000, 'x'), turn);
    return refusal(refused) == Code::pinned;
  });
  expect_views_get_in(tree, writers, 20, 4);
}

}  // namespace
}  // namespace radish::tests
