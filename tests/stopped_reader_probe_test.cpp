// A reader that is stopped before any one event of its lookup: memory that it holds back, who is named for
// it, and how all goes on when it does, or dies.
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "processes.h"
#include "seam/probe_seam.h"
#include "support.h"
#include "trees.h"

namespace radish::tests {
namespace {

using probe::Watch;
using probe::Watched;

constexpr std::uint64_t value_in_the_way = 7;

/// A process that looks a key up and stops before the nth event of that. It has its slot already: where all
/// are taken, a thread's first lookup has the writer's lock for a moment, to free those of the dead.
class StoppedReader {
 public:
  enum Answer { right = 0, absent = 1, wrong = 2 };

  StoppedReader(const Tree& tree, std::uint64_t nth)
      : child_([&tree, nth] {
          take(tree.find("another key"));
          const Watch watch(Watched::events, nth, [] { raise(SIGSTOP); });
          const auto found = tree.find("key 0");
          if (!found) return wrong;
          if (!*found) return absent;
          return **found == value_in_the_way ? right : wrong;
        }),
        stopped_(child_.await_stop()) {}

  /// False if the lookup has fewer events and is over.
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  /// Lets it go on; what it answered.
  int go_on() {
    child_.resume();
    return child_.join();
  }
  void die() { child_.kill_and_reap(); }

 private:
  Child child_;
  bool stopped_;
};

enum class Ending { goes_on, dies };

class StoppedReaderTest : public testing::TestWithParam<Ending> {
 protected:
  StoppedReaderTest()
      : tree_(take(Tree::create_memfd("stopped", {.capacity_bytes = 256 << 10, .reader_slots = 4}))) {
    fill_with("key ");
    keys_ = take(tree_.count());
  }

  /// With as much as goes in; why no more did.
  Error fill_with(const std::string& prefix) {
    std::uint64_t inserted = 0;
    const Error error = fill(tree_, inserted, prefix);
    if (inserted != 0) take(tree_.insert(prefix + "0", value_in_the_way));
    return error;
  }

  /// The reader holds back what was erased: the writer says so, and can do all that needs no room.
  void expect_pinned(const Error& error, const StoppedReader& reader) {
    EXPECT_EQ(named_process(error), reader.pid()) << error.message;
    EXPECT_LT(take(tree_.count()), keys_ * 9 / 10);
    EXPECT_EQ(take(tree_.find("key 0")), std::nullopt);
    expect_work_without_room();
  }

  /// Overwriting, erasing and reading, with a key of the new content if there is one.
  void expect_work_without_room() {
    if (take(tree_.contains("new 0"))) {
      EXPECT_FALSE(take(tree_.insert("new 0", 8)));
      EXPECT_EQ(take(tree_.find("new 0")), 8U);
      EXPECT_TRUE(take(tree_.erase("new 0")));
    }
    EXPECT_EQ(take(tree_.find("new 0")), std::nullopt);
    EXPECT_TRUE(is_done(tree_.verify()));
  }

  void end(StoppedReader& reader) {
    if (GetParam() == Ending::dies)
      reader.die();
    else
      EXPECT_NE(reader.go_on(), StoppedReader::wrong);
  }

  /// With the reader out of the way all room can be had again, and the tree is as it was.
  void expect_room_again() {
    EXPECT_EQ(fill_with("new ").code, Code::full);
    EXPECT_GE(take(tree_.count()), keys_ * 9 / 10);
    EXPECT_TRUE(is_done(tree_.verify()));
    take(tree_.clear());
    EXPECT_EQ(fill_with("key ").code, Code::full);
    EXPECT_EQ(take(tree_.count()), keys_);
  }

  Tree tree_;
  std::uint64_t keys_ = 0;
};

TEST_P(StoppedReaderTest, HoldsBackMemoryThatItMayReadAndNothingElse) {
  std::uint64_t pinned = 0, free_before = 0, free_after = 0;
  for (std::uint64_t nth = 1; !HasFailure(); ++nth) {
    SCOPED_TRACE("stopped before event " + std::to_string(nth));
    StoppedReader reader(tree_, nth);
    if (!reader.stopped()) break;
    EXPECT_EQ(take(tree_.find("key 0")), value_in_the_way);
    EXPECT_EQ(take(tree_.erase_prefix("key ")), keys_);
    const Error error = fill_with("new ");
    if (error.code == Code::pinned) {
      ++pinned;
      EXPECT_EQ(free_after, 0U) << "pinned again, after it was not";
      expect_pinned(error, reader);
    } else {
      EXPECT_EQ(error.code, Code::full) << error.message;
      ++(pinned == 0 ? free_before : free_after);
    }
    end(reader);
    expect_room_again();
  }
  std::printf("pinned before %llu events of a lookup, not before %llu ahead of these and %llu behind them\n",
              static_cast<unsigned long long>(pinned), static_cast<unsigned long long>(free_before),
              static_cast<unsigned long long>(free_after));
  EXPECT_GT(pinned, 5U) << "a lookup walks from the root to a leaf under its pin";
}

INSTANTIATE_TEST_SUITE_P(Endings, StoppedReaderTest, testing::Values(Ending::goes_on, Ending::dies),
                         [](const auto& parameter) {
                           return parameter.param == Ending::dies ? "ThenItDies" : "ThenItGoesOn";
                         });

}  // namespace
}  // namespace radish::tests
