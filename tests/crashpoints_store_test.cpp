// The explorer's judge and its engine of stores (stress/crashpoints/oracle.h, store_engine.h) on radish.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crashpoints/case_source.h"
#include "crashpoints/later.h"
#include "crashpoints/store_engine.h"
#include "crashpoints_subjects.h"
#include "support.h"

namespace radish::crashpoints {
namespace {

Case splitting() {
  return {.name = "that splits a leaf",
          .base = {model::insertion("leaf/one")},
          .mutation = model::insertion("leaf/two")};
}

class CrashpointsOracle : public testing::Test {
 protected:
  CrashpointsOracle() {
    oracle_.take(case_, pristine_);
    base_ = oracle_.arena().image();
  }
  [[nodiscard]] const Image& base() const { return base_; }
  /// What the mutation makes of the base.
  [[nodiscard]] Image end() {
    const Call call = call_of(case_.mutation);
    oracle_.arena().show(base_);
    EXPECT_EQ(oracle_.subject().operate(oracle_.witness(), &call), oracle_.reply());
    return oracle_.arena().image();
  }

  Oracle oracle_{shipped().subject()};
  Image pristine_ = oracle_.arena().image();
  Case case_ = splitting();
  Image base_{};
};

TEST_F(CrashpointsOracle, BaseAndEndHold) {
  const Image before = base(), after = end();
  EXPECT_EQ(oracle_.judge(before, {}, false).wrong, std::nullopt);
  EXPECT_EQ(oracle_.judge(after, {}, false).wrong, std::nullopt);
  EXPECT_EQ(oracle_.judge_end(after), std::nullopt);
}

TEST_F(CrashpointsOracle, EndOfAMutationMustShowWhatWasDone) {
  EXPECT_NE(oracle_.judge_end(base()), std::nullopt);
}

TEST_F(CrashpointsOracle, WhoOnlyReadMustNotHaveDoneTheMutation) {
  const auto judgement = oracle_.judge(end(), {.before = true, .after = false}, false);
  ASSERT_TRUE(judgement.wrong);
  EXPECT_TRUE(judgement.wrong->starts_with("O1")) << *judgement.wrong;
}

TEST_F(CrashpointsOracle, WhatReadersHaveSeenMayNotGoAgain) {
  const Image before = base();
  const auto judgement = oracle_.judge(before, {}, false);
  EXPECT_TRUE(judgement.left({}).before);
  EXPECT_FALSE(oracle_.judge(end(), {}, false).left({}).before);
  EXPECT_TRUE(oracle_.judge(before, {.before = false, .after = true}, false).wrong);
}

TEST_F(CrashpointsOracle, OfOneDigestTheFirstIsNewAndTheNextIsKnown) {
  Image state = base();
  EXPECT_FALSE(oracle_.judge(state, {}, false).is_known);
  EXPECT_TRUE(oracle_.judge(state, {}, false).is_known);
  state.back() = std::byte{7};  // beyond what is in use
  EXPECT_TRUE(oracle_.judge(state, {}, false).is_known);
  EXPECT_FALSE(oracle_.judge(state, {}, true).is_known);
}

/// Only who is alone may mend a lease, so this shows who is.
TEST_F(CrashpointsOracle, WhoOpensAloneIsAloneAndWhoAttachesIsNot) {
  const Subject& subject = oracle_.subject();
  for (std::uint32_t kind = 0; kind < subject.damages; ++kind) {
    Image state = base();
    subject.damage(state.data(), kind);
    EXPECT_TRUE(subject.debts(state.data()).alone);
    oracle_.solitude().show(state);
    EXPECT_EQ(Attachment(subject, oracle_.solitude().descriptor()).attached(), Attached::recovered) << kind;
    oracle_.arena().show(state);
    EXPECT_EQ(Attachment(subject, oracle_.arena().descriptor()).attached(), Attached::refused) << kind;
    oracle_.take(case_, pristine_);
  }
}

TEST_F(CrashpointsOracle, ReadInTheMidstIsAnnounced) {
  const Image before = base(), read = oracle_.image_in_a_read();
  ASSERT_EQ(read.size(), before.size());
  EXPECT_NE(read, before);
  EXPECT_NE(oracle_.subject().digest(read.data(), read.size()),
            oracle_.subject().digest(before.data(), before.size()));
  EXPECT_EQ(oracle_.judge(read, {}, false).wrong, std::nullopt);
}

TEST(CrashpointsLater, TheSameCaseHasTheSameOperationsAndAnotherHasOthers) {
  Case other = splitting();
  other.base.push_back(model::insertion("more"));
  const std::uint32_t all = ~0U;
  EXPECT_EQ(later_operations(splitting(), all), later_operations(splitting(), all));
  EXPECT_NE(later_operations(splitting(), all), later_operations(other, all));
  EXPECT_EQ(later_operations(splitting(), all).size(), 200U);
  for (const Operation& operation : later_operations(splitting(), bit_of(Act::insert)))
    EXPECT_EQ(operation.kind, model::Kind::insert);
}

/// A death of each kind that the engine knows beside those in the mutation: visitors, freezing, damage, those
/// who wait for the living.
TEST(CrashpointsStore, OthersMayDieBesideTheMutation) {
  StoreEngine engine(shipped(), instrumented());
  const Depth alone{.visitors = 0, .visits_permille = 0}, all{.visitors = 4, .visits_permille = 1000};
  Tally few, many;
  const auto none = engine.explore(splitting(), tests::seed(), alone, few);
  ASSERT_FALSE(none) << none->what << none->where;
  const auto found = engine.explore(splitting(), tests::seed(), all, many);
  ASSERT_FALSE(found) << found->what << "; " << found->where;
  fmt::print("{} + {} + {} states, with others {} + {} + {}\n", few.states[0], few.states[1], few.states[2],
             many.states[0], many.states[1], many.states[2]);
  EXPECT_EQ(few.visits + few.damaged + few.meetings + few.waits, 0U);
  EXPECT_EQ(many.visits, all_visits(shipped().subject()).size());
  EXPECT_EQ(many.damaged, 2 * shipped().subject().damages);
  EXPECT_EQ(many.meetings, 2U);
  EXPECT_EQ(many.waits, 1 + all.waits);
  // Which ones are drawn depends on the seed; every one of them adds states.
  EXPECT_GT(many.states[0], few.states[0]);
  EXPECT_GT(many.states[1], few.states[1]);
}

TEST(CrashpointsStore, RefusedMutationsLeaveNothing) {
  StoreEngine engine(shipped(), instrumented());
  Oracle oracle(shipped().subject());
  const Image pristine = oracle.arena().image();
  const CaseSource source(1);
  unsigned refused = 0;
  for (std::uint64_t number = 0; number < 100; ++number) {
    const Case explored = source.at(number);
    if (!explored.heap_is_full) continue;
    oracle.take(explored, pristine);
    refused += oracle.reply().error != 0 ? 1 : 0;
    Tally tally;
    const auto found = engine.explore(explored, tests::seed(), {.visits_permille = 0}, tally);
    EXPECT_FALSE(found) << explored.name << ": " << found->what << "; " << found->where;
  }
  EXPECT_GE(refused, 1U);
}

}  // namespace
}  // namespace radish::crashpoints
