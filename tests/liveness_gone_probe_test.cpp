// A holder that is gone for good, each way it can go, and whoever comes for what it held: before its death,
// to sleep behind it, or after it.
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "liveness_departure.h"
#include "rights.h"

namespace radish::tests {
namespace {

void expect_inheritance(Held held, Going going, Forked forked = Forked::by_fork) {
  for (const Wish wish : every_wish) {
    for (const Arrival arrival : {Arrival::before_the_death, Arrival::after_the_death}) {
      if (arrival == Arrival::before_the_death && !waits(wish, held)) continue;
      Departure departure(held, going, forked);
      EXPECT_EQ(inherit(departure, wish, arrival), "")
          << name_of(wish)
          << (arrival == Arrival::before_the_death ? ", asleep at the death" : ", after the death");
    }
  }
}

class HolderThatIsGone : public testing::TestWithParam<std::tuple<Held, Going>> {};

TEST_P(HolderThatIsGone, LeavesWhatItHeldToTheNext) {
  RADISH_SKIP_UNLESS_ROOT();
  expect_inheritance(std::get<Held>(GetParam()), std::get<Going>(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(
    Each, HolderThatIsGone,
    testing::Combine(testing::ValuesIn(every_held),
                     testing::Values(Going::killed, Going::zombie, Going::recycled_for_a_stranger,
                                     Going::recycled_for_one_that_maps_the_segment,
                                     Going::killed_without_main_thread, Going::replaced_by_a_siblings_exec)),
    [](const auto& test) {
      return name_of(std::get<Held>(test.param)) + "_" + name_of(std::get<Going>(test.param));
    });

class ForkedChildOfTheDead : public testing::TestWithParam<ForkCase> {};

TEST_P(ForkedChildOfTheDead, IsNotTakenForTheHolder) {
  const auto [held, forked] = GetParam();
  expect_inheritance(held, Going::killed_beside_a_forked_child, forked);
}

INSTANTIATE_TEST_SUITE_P(Each, ForkedChildOfTheDead, testing::ValuesIn(fork_cases()), name_of_fork_case);

}  // namespace
}  // namespace radish::tests
