// What becomes of an exploration when the campaign's time is over (stress/crashpoints/limit.h, B5).
#include <gtest/gtest.h>

#include <chrono>

#include "crashpoints/engines.h"
#include "crashpoints/limit.h"

namespace radish::crashpoints {
namespace {

using namespace std::chrono_literals;

class CrashpointsDeadline : public testing::TestWithParam<EngineKind> {
 protected:
  void TearDown() override { deadline.reset(); }
  [[nodiscard]] std::optional<Finding> explore() {
    const Case splitting{.name = "that splits a leaf",
                         .base = {model::insertion("leaf/one")},
                         .mutation = model::insertion("leaf/two")};
    return engines_.explore(GetParam(), splitting, 1);
  }
  [[nodiscard]] std::uint64_t judged() const {
    return engines_.stores.states[0] + engines_.steps.states[0] + engines_.spans.reads;
  }

 private:
  const Options options_{.subject = RADISH_SUBJECT_PATH, .instrumented = RADISH_STORE_SUBJECT_PATH};
  Engines engines_{options_};
};

TEST_P(CrashpointsDeadline, CutsOffAnExplorationBeforeTheNextState) {
  deadline = std::chrono::steady_clock::now();
  EXPECT_THROW((void)explore(), CutOff);
  EXPECT_EQ(judged(), 0U);
}

TEST_P(CrashpointsDeadline, ThatIsFarChangesNothing) {
  deadline = std::chrono::steady_clock::now() + 1h;
  EXPECT_FALSE(explore());
  const std::uint64_t before = judged();
  EXPECT_NE(before, 0U);
  deadline.reset();
  EXPECT_FALSE(explore());
  EXPECT_EQ(judged(), 2 * before);
}

INSTANTIATE_TEST_SUITE_P(Engines, CrashpointsDeadline,
                         testing::Values(EngineKind::store, EngineKind::step, EngineKind::span),
                         [](const auto& kind) { return std::string(name_of(kind.param)); });

}  // namespace
}  // namespace radish::crashpoints
