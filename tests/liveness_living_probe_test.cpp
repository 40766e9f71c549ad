// A holder that lives, whatever it looks like, and those who want what it holds: they are refused with its
// name at their deadline, and it goes on unharmed.
#include <gtest/gtest.h>

#include "liveness_departure.h"

namespace radish::tests {
namespace {

Comer refused_comer(const LivenessScene& scene, const Rights& rights = {}) {
  return {scene, brisk,
          [&scene](Tree& tree) { return is_refused_what_the_living_hold(tree, scene, scene.legacy()); },
          rights};
}

void expect_refusal(LivenessScene& scene) {
  Comer comer = refused_comer(scene);
  comer.come();
  EXPECT_EQ(comer.answer(), "");
}

class HolderThatLives : public testing::TestWithParam<Held> {};

TEST_P(HolderThatLives, IsNotRobbedWhileItIsStoppedForEver) {
  LivenessScene scene(GetParam());
  scene.stop_holder();
  expect_refusal(scene);
  EXPECT_EQ(goes_on_unharmed(scene), "");
}

TEST_P(HolderThatLives, IsNotRobbedWhenItsMainThreadHasExited) {
  LivenessScene scene(GetParam(),
                      {.beside = [](const LivenessScene&, Handles&) { exit_this_thread_alone(); }});
  spin_until([&] { return main_thread_has_exited(scene.holder().pid()); });
  expect_refusal(scene);
  EXPECT_EQ(goes_on_unharmed(scene), "");
}

INSTANTIATE_TEST_SUITE_P(Each, HolderThatLives, testing::ValuesIn(every_held),
                         [](const auto& test) { return name_of(test.param); });

class StoppedSleeper : public testing::TestWithParam<Held> {};

TEST_P(StoppedSleeper, HoldsNobodyUp) {
  LivenessScene scene(GetParam());
  const Legacy legacy = scene.legacy();
  scene.stop_holder();
  scene.release();
  for (const Wish wish : every_wish) {
    Comer comer(scene, patience, [&](Tree& tree) {
      (void)tree.erase("comer");
      return fulfil(tree, scene, wish, legacy);
    });
    comer.come();
    EXPECT_EQ(comer.answer(), "") << name_of(wish);
  }
  EXPECT_EQ(scene.finish(), "");
  EXPECT_EQ(scene.afterwards(mutates(legacy.held)), "");
}

INSTANTIATE_TEST_SUITE_P(Each, StoppedSleeper, testing::Values(Held::place_in_line, Held::posted_turn),
                         [](const auto& test) { return name_of(test.param); });

// --- its forked children ---------------------------------------------------------------------------------

class ForkedChildOfTheLiving : public testing::TestWithParam<ForkCase> {};

constexpr int not_over = -1;

/// The child tries everything through the handles that it inherits, closes them and exits.
TEST_P(ForkedChildOfTheLiving, HasNothingOfItsAndTakesNothingFromIt) {
  const auto [held, forked] = GetParam();
  const Shared<std::atomic<int>> result;
  *result = not_over;
  const auto fork_one = [&result, forked](const LivenessScene& scene, Handles& handles) {
    const pid_t child = fork_by(forked);
    if (child == 0) {
      const std::string complaint =
          is_refused_what_the_living_hold(*handles.impatient, scene, scene.legacy());
      if (!complaint.empty()) std::fprintf(stderr, "%s\n", complaint.c_str());
      handles = {};
      _exit(complaint.empty() ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    *result = status;
  };
  Conduct conduct;
  (forked == Forked::by_the_holding_thread ? conduct.at_hold : conduct.beside) = fork_one;
  LivenessScene scene(held, conduct);
  spin_until([&] { return *result != not_over; });
  EXPECT_EQ(*result, 0);
  EXPECT_TRUE(sleeps(held) || scene.holds()) << "the child's end took it away";
  expect_refusal(scene);
  EXPECT_EQ(goes_on_unharmed(scene), "");
}

INSTANTIATE_TEST_SUITE_P(Each, ForkedChildOfTheLiving, testing::ValuesIn(fork_cases()), name_of_fork_case);

}  // namespace
}  // namespace radish::tests
