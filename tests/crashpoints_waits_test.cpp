// Who is parked behind a living process (stress/crashpoints/waits.h): woken by whoever releases, at its next
// look where the other has died, wherever the two of them stood.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crashpoints/waits.h"
#include "crashpoints_subjects.h"

namespace radish::crashpoints {
namespace {

const Deed view{.way = Way::by_reading_lock}, writer{.way = Way::by_writing_lock};

class CrashpointsWaits : public testing::Test {
 protected:
  CrashpointsWaits() {
    oracle_.take(case_, pristine_);
    base_ = oracle_.arena().image();
  }
  [[nodiscard]] WaitPlan plan(const Deed& holder, const Deed& waiter) const {
    return {.image = &base_, .holder = holder, .waiter = waiter};
  }
  void expect_sound(const WaitPlan& plan, const WaitCourse& course) {
    ASSERT_EQ(course.wrong, std::nullopt) << to_text(plan);
    EXPECT_EQ(judge_left(oracle_, plan), std::nullopt) << to_text(plan);
    EXPECT_EQ(course.parked, course.woken || course.looked) << to_text(plan);
    EXPECT_TRUE(plan.dies || !course.looked) << to_text(plan);
  }
  void expect_all_sound(const Deed& holder, const Deed& waiter) {
    std::size_t waits = 0, parked = 0, looked = 0;
    each_wait(instrumented(), oracle_, pristine_, plan(holder, waiter),
              [&](const WaitPlan& taken, const WaitCourse& course) {
                expect_sound(taken, course);
                ++waits;
                parked += course.parked ? 1 : 0;
                looked += course.looked ? 1 : 0;
                return !HasFatalFailure();
              });
    fmt::print("{} waits, {} asleep, {} of these ended by a look\n", waits, parked, looked);
    EXPECT_GT(looked, 0U);
    EXPECT_GT(parked, looked);
  }
  /// Behind a holder that stands half-way.
  [[nodiscard]] WaitCourse take_half_way(WaitPlan plan) const {
    plan.holder_stands = take_turns(instrumented(), oracle_, pristine_, plan).holder_points / 2;
    return take_turns(instrumented(), oracle_, pristine_, plan);
  }

  Oracle oracle_{shipped().subject()};
  Image pristine_ = oracle_.arena().image();
  Case case_{.name = "that splits a leaf",
             .base = {model::insertion("leaf/one")},
             .mutation = model::insertion("leaf/two")};
  Deed mutation_{.mutation = &case_.mutation};
  Image base_{};
};

TEST_F(CrashpointsWaits, ViewBehindAMutationIsWokenOrLooks) { expect_all_sound(mutation_, view); }
TEST_F(CrashpointsWaits, WriterBehindAMutationIsWokenOrLooks) { expect_all_sound(mutation_, writer); }
TEST_F(CrashpointsWaits, WriterBehindAViewIsWokenOrLooks) { expect_all_sound(view, writer); }

TEST_F(CrashpointsWaits, WhoIsNotWokenIsNamed) {
  const Impersonation broken(instrumented(), "release_forgets_to_wake");
  for (const auto& [holder, waiter] : {std::pair{mutation_, view}, {mutation_, writer}, {view, writer}})
    EXPECT_EQ(take_half_way(plan(holder, waiter)).wrong,
              "V1: what was waited for is released, and nobody has woken who sleeps");
}

TEST_F(CrashpointsWaits, WhoDoesNotWaitForTheLivingIsNamed) {
  const Impersonation broken(instrumented(), "living_taken_for_dead");
  EXPECT_NE(take_half_way(plan(mutation_, writer)).wrong, std::nullopt);
}

}  // namespace
}  // namespace radish::crashpoints
