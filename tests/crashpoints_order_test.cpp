// Processes that do the same in another order, each in its own (W1 and S2 of the step engine): a variant of
// the toy fills memory that nobody reads yet forwards or backwards, as its process id is.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crashpoints/step_engine.h"
#include "crashpoints_subjects.h"

namespace radish::crashpoints {
namespace {

/// That copies what stays.
Case erasure_of_some() {
  Case made{.name = "erasure of some", .mutation = model::prefix_erasure("gone")};
  for (const char* name : {"gone", "stays"})
    for (std::uint64_t number = 0; number < 20; ++number)
      made.base.push_back(model::insertion(fmt::format("{} {}", name, number), number));
  return made;
}

TEST(CrashpointsStrayOrder, WhoIsKilledOnAWayOfHisOwnLeavesAStateLikeAny) {
  const Impersonation impersonation(store_toy(), "fills_by_turns");
  StepEngine engine(toy(), &store_toy(), &store_toy());
  StepTally tally;
  const auto found =
      engine.explore(erasure_of_some(), 1, {.kills = 40, .recoveries = 0, .visits_permille = 0}, tally);
  ASSERT_FALSE(found) << found->what << "; " << found->where;
  fmt::print("{} changes, {} states, {} killed, {} of them stepping\n", tally.changes, tally.states[0],
             tally.killed, tally.killed_stepping);
  EXPECT_EQ(tally.killed, 40U);
  EXPECT_EQ(tally.agreed, tally.changes);
  EXPECT_GT(tally.killed_stepping, 0U) << "nobody went another way";
  EXPECT_GT(tally.states[0], tally.changes) << "nobody was killed on another way";
}

}  // namespace
}  // namespace radish::crashpoints
