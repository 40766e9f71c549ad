// The explorer's engine of single steps (stress/crashpoints/step_engine.h) on radish: the library as it ships
// survives death at every instruction, the broken variants do not, and the store engine knows every state.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "crash_oracle.h"
#include "crashpoints/agreement.h"
#include "crashpoints/step_engine.h"
#include "crashpoints_subjects.h"
#include "sanitized.h"

namespace radish::crashpoints {
namespace {

using model::Kind;

/// So many bytes that they are states by the thousand.
bool is_long(const Case& one) { return one.mutation.key.size() > 2000; }

/// A sanitizer's instructions are not those that ship: one case shows that the engine itself is sound there.
std::vector<Case> stepped_cases(Kind kind) {
  std::vector<Case> cases = model::cases_of(kind);
  if (kind == Kind::insert) std::erase_if(cases, is_long);  // a test of its own
  if (tests::sanitized) cases.resize(1);
  return cases;
}

Case small_case() {
  return {.name = "that splits a leaf",
          .base = {model::insertion("leaf/one")},
          .mutation = model::insertion("leaf/two")};
}

std::string text_of(const std::optional<Finding>& finding) {
  return finding ? fmt::format("{}: {}, code {:#x}", finding->what, finding->where, finding->code)
                 : "nothing";
}

void print(const StepTally& tally) {
  fmt::print("{} processes, {} instructions, {} changes; {} + {} states; {} killed, {} of them stepping\n",
             tally.processes, tally.instructions, tally.changes, tally.states[0], tally.states[1],
             tally.killed, tally.killed_stepping);
  fmt::print("{} changes found in logs, {} after unreported noise; {} states of the logs unseen\n",
             tally.agreed, tally.unreported, tally.unseen);
}

class StepEngineTest : public testing::TestWithParam<Kind> {};

TEST_P(StepEngineTest, NoInstructionOfAMutationIsOneToDieAt) {
  tests::print_seed();
  StepEngine engine(shipped(), &instrumented());
  StepTally tally;
  const StepDepth depth{.kills = 4, .recoveries = 0, .visits_permille = 0};
  for (const Case& one : stepped_cases(GetParam())) {
    const auto found = engine.explore(one, tests::seed(), depth, tally);
    ASSERT_FALSE(found) << one.name << ": " << text_of(found);
  }
  print(tally);
  EXPECT_GE(tally.states[0], tally.processes);
  EXPECT_EQ(tally.agreed, tally.changes);
}

TEST_P(StepEngineTest, NoInstructionOfARecoveryIsOneToDieAt) {
  tests::print_seed();
  StepEngine engine(shipped(), &instrumented());
  StepTally tally;
  const Case one = model::cases_of(GetParam())[1];
  const auto found =
      engine.explore(one, tests::seed(), {.kills = 4, .recoveries = 2, .visits_permille = 0}, tally);
  ASSERT_FALSE(found) << one.name << ": " << text_of(found);
  print(tally);
  EXPECT_EQ(tally.processes, 3);
  EXPECT_EQ(tally.agreed, tally.changes);
}

INSTANTIATE_TEST_SUITE_P(Mutations, StepEngineTest, testing::ValuesIn(model::mutations), tests::name_of_case);

TEST(StepEngine, ALongKeyMayBeLeftAtAnyByte) {
  StepEngine engine(shipped(), &instrumented());
  StepTally tally;
  const StepDepth depth{.kills = 1, .recoveries = 0, .visits_permille = 0};
  for (const Case& one : model::cases_of(Kind::insert)) {
    if (!is_long(one)) continue;
    const auto found = engine.explore(one, tests::seed(), depth, tally);
    ASSERT_FALSE(found) << one.name << ": " << text_of(found);
  }
  print(tally);
  EXPECT_EQ(tally.processes, 1);
  EXPECT_GT(tally.unseen + tally.states[0], 1000);
}

TEST(StepEngine, WhoReadsOrComesAndGoesMayDieAtAnyInstruction) {
  tests::print_seed();
  StepEngine engine(shipped(), &instrumented());
  StepTally tally;
  const auto found =
      engine.explore(small_case(), tests::seed(),
                     {.kills = 4, .recoveries = 1, .visits_permille = 1000, .visits = 8}, tally);
  ASSERT_FALSE(found) << text_of(found);
  print(tally);
  EXPECT_EQ(tally.processes, 11);
}

// --- the broken variants ---------------------------------------------------------------------------------

/// What the engine finds when processes do as the variant does, and the shipped library judges.
std::string found_of(const char* twin, const Case& one) {
  const Impersonation impersonation(instrumented(), twin);
  StepEngine engine(shipped(), nullptr, &instrumented());
  StepTally tally;
  const auto found =
      engine.explore(one, tests::seed(), {.kills = 0, .recoveries = 0, .visits_permille = 0}, tally);
  EXPECT_TRUE(!found || found->code != 0);
  return text_of(found);
}

TEST(StepEngineTwins, TheInstrumentedLibraryItselfIsSound) {
  EXPECT_EQ(found_of("", small_case()), "nothing");
}
TEST(StepEngineTwins, PublishBeforeFillIsFound) {
  const std::string found = found_of("publish_before_fill", small_case());
  EXPECT_TRUE(found.starts_with("O2: ")) << found;
}
TEST(StepEngineTwins, CountOutsideRecordIsFound) {
  const std::string found = found_of("count_outside_record", small_case());
  EXPECT_TRUE(found.starts_with("O2: ")) << found;
}
TEST(StepEngineTwins, DisarmBeforeApplyIsFound) {
  const std::string found = found_of("disarm_before_apply", small_case());
  EXPECT_TRUE(found.starts_with("O2: ")) << found;
}

// --- death in earnest, and what the log allows
// ---------------------------------------------------------------

/// The small case, walked through.
class StepWalkTest : public testing::Test {
 protected:
  StepWalkTest() {
    tools_.oracle.take(case_, tools_.pristine);
    image_ = tools_.oracle.arena().image();
    walk_ = tools_.walker.walk(deed_, image_);
  }
  [[nodiscard]] std::vector<Store> stores() {
    const Task task{.image = &image_, .deed = deed_};
    return tools_.room->record(instrumented(), tools_.oracle, tools_.pristine, {&task, 1}).front().stores;
  }
  [[nodiscard]] bool agrees_with(const std::vector<Store>& stores) const {
    Agreement agreement(tools_.likeness, walk_.origin, stores);
    Stroll stroll(walk_, tools_.likeness);
    while (stroll.next())
      if (!agreement.allows(stroll.image())) return false;
    return agreement.ends_with(stroll.image());
  }
  const Case case_ = small_case();
  const Deed deed_{.mutation = &case_.mutation};
  StepTools tools_{shipped(), &instrumented(), shipped()};
  Image image_;
  Walk walk_;
};

TEST_F(StepWalkTest, WhoIsKilledLeavesTheStateOfTheMoment) {
  ASSERT_GT(walk_.moments.size(), 20);
  Stroll stroll(walk_, tools_.likeness);
  Image previous = walk_.origin;
  while (stroll.next()) {
    const Walker::Death death = tools_.walker.kill_at(stroll, deed_, image_);
    EXPECT_TRUE(tools_.likeness.alike(death.left, stroll.image())) << stroll.passed();
    EXPECT_FALSE(tools_.likeness.alike(death.left, previous)) << stroll.passed();
    previous = stroll.image();
  }
}

TEST_F(StepWalkTest, EveryMomentHasItsInstruction) {
  std::uint64_t last = 0;
  for (const Moment& moment : walk_.moments) {
    EXPECT_GT(moment.instruction, last);
    EXPECT_LE(moment.instruction, walk_.instructions);
    EXPECT_NE(moment.code, 0);
    last = moment.instruction;
  }
}

TEST_F(StepWalkTest, TheLogAllowsEveryMoment) { EXPECT_TRUE(agrees_with(stores())); }

TEST_F(StepWalkTest, ALogThatLacksAStoreDoesNot) {
  const std::vector<Store> all = stores();
  std::size_t tried = 0;
  for (std::size_t index = 0; index < all.size(); ++index) {
    const Store& store = all[index];
    if (store.bytes == 0 || store.before == store.after || tools_.likeness.is_noise(store.offset / 8))
      continue;
    std::vector<Store> doctored = all;
    doctored.erase(doctored.begin() + static_cast<std::ptrdiff_t>(index));
    EXPECT_FALSE(agrees_with(doctored)) << "without store " << index << " of " << all.size();
    ++tried;
  }
  EXPECT_GT(tried, 20);
}

TEST_F(StepWalkTest, ALogInAnotherOrderDoesNot) {
  std::vector<Store> reversed = stores();
  std::ranges::reverse(reversed);
  EXPECT_FALSE(agrees_with(reversed));
}

TEST_F(StepWalkTest, TheLogOfABrokenVariantDoesNot) {
  const Impersonation impersonation(instrumented(), "publish_before_fill");
  EXPECT_FALSE(agrees_with(stores()));
}

}  // namespace
}  // namespace radish::crashpoints
