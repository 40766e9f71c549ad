// What the torture found, each as the shortest story that shows it.
#include <gtest/gtest.h>

#include "attachments.h"
#include "processes.h"
#include "radish/tree.hpp"

namespace radish {
namespace {

/// Ours, as an earlier program of this process would have borne it.
sync::Identity identity_before_exec() { return tests::take(sync::own_identity()) ^ std::uint64_t{1} << 63; }

// A program execs while it holds a stable view, and attaches again while a writer waits for that view. The
// writer sees a living process that maps the segment, and waits; the process must not wait for the writer
// before it gives back what its earlier program held.
TEST(TortureRegression, ViewHeldBeforeExecIsGivenBackAlthoughAWriterWaitsForIt) {
  const tests::Place place;
  place.lease().views[0] = identity_before_exec();
  tests::Child writer([&] {
    tests::take(place.first().acquire());
    place.first().release();
    return 0;
  });
  tests::spin_until(
      [&] { return sync::pid_of(place.lease().writer) == static_cast<std::uint64_t>(writer.pid()); });
  const auto tree = Tree::open_descriptor(place.first().segment().descriptor(),
                                          {.lock_timeout = std::chrono::milliseconds(2000)});
  EXPECT_TRUE(tree.has_value()) << tree.error().message;
  EXPECT_EQ(writer.join(), 0);
}

}  // namespace
}  // namespace radish
