// A subject that is nothing like radish under the explorer of crash points: it passes, and each of its broken
// variants is found by the invariant that it breaks (tests/toy/).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "crashpoints/store_engine.h"
#include "crashpoints_subjects.h"
#include "support.h"

namespace radish::crashpoints {
namespace {

using model::Kind;

Operation insert(std::string key, std::uint64_t value) {
  return {.kind = Kind::insert, .key = std::move(key), .value = value};
}
Operation erase(std::string key) { return {.kind = Kind::erase, .key = std::move(key)}; }

std::string to_text(const Case& explored) {
  std::string text;
  for (const Operation& operation : explored.base) text += model::to_text(operation) + '\n';
  return text + "and then, dying, " + model::to_text(explored.mutation);
}

testing::AssertionResult passes(StoreEngine& engine, const Case& explored, std::uint64_t seed, Tally& tally) {
  const auto found = engine.explore(explored, seed, {}, tally);
  if (!found) return testing::AssertionSuccess();
  return testing::AssertionFailure() << found->what << "\n" << found->where << "\n" << to_text(explored);
}

void print(const char* what, const Tally& tally) {
  fmt::print("{}: {} + {} + {} states by one, two and three deaths, {} stores, {} lives\n", what,
             tally.states[0], tally.states[1], tally.states[2], tally.stores, tally.lives);
}

bool toy_has(const Operation& operation) {
  return model::is_mutation(operation.kind) && (toy().subject().acts & bit_of(call_of(operation).act)) != 0;
}

/// Every mutation of "" and "a" that there is, with values by which they differ.
std::vector<Operation> mutations() {
  std::vector<Operation> all;
  for (const char* key : {"", "a"}) {
    for (const Kind kind : {Kind::insert, Kind::insert_new, Kind::fetch_add, Kind::erase, Kind::erase_prefix})
      all.push_back({.kind = kind, .key = key, .value = model::fields_of(kind).value ? 7U : 0U});
    all.push_back({.kind = Kind::compare_exchange, .key = key, .value = 7, .second = 8});
  }
  all.push_back({.kind = Kind::clear});
  return all;
}

TEST(CrashpointsToy, DeathInTheLastOfAllShortSequencesLeavesBeforeOrAfter) {
  StoreEngine engine(toy(), store_toy());
  Tally tally;
  std::vector<std::vector<Operation>> bases{{}};
  for (const Operation& first : mutations()) bases.push_back({first, insert("ab", 3)});
  for (const auto& base : bases)
    for (const Operation& mutation : mutations())
      ASSERT_TRUE(passes(engine, {"short", base, mutation}, 1, tally));
  print("short sequences", tally);
  EXPECT_GT(tally.states[0], 1000U);
  EXPECT_GT(tally.states[1], 500U);
}

Case random_case(std::uint64_t seed) {
  model::Generator generator(seed, model::Profile::tiny);
  model::Random random(seed);
  Case drawn{.name = fmt::format("random {}", seed), .base = {}, .mutation = {}};
  for (std::uint64_t left = random.below(80) + 1; left > 0;) {
    const Operation operation = generator.next();
    if (!toy_has(operation)) continue;
    if (--left == 0)
      drawn.mutation = operation;
    else
      drawn.base.push_back(operation);
  }
  return drawn;
}

TEST(CrashpointsToy, DeathAfterRandomSequencesLeavesBeforeOrAfter) {
  fmt::print("{}\n", tests::replay_command());
  std::fflush(stdout);  // processes are forked
  StoreEngine engine(toy(), store_toy());
  Tally tally;
  for (std::uint64_t index = 0; index < 150 * tests::scale(); ++index)
    ASSERT_TRUE(passes(engine, random_case(tests::seed() + index), tests::seed(), tally));
  print("random sequences", tally);
}

TEST(CrashpointsToy, LacksWhatItDoesNotClaim) {
  const Oracle oracle(toy().subject());
  const Call freeze{.act = Act::freeze, .key = {"", 0}, .value = 0, .second = 0};
  EXPECT_FALSE(toy().subject().acts & bit_of(Act::freeze));
  EXPECT_NE(toy().subject().operate(oracle.witness(), &freeze).error, 0);
  EXPECT_EQ(toy().subject().longest_prefix, nullptr);
}

TEST(CrashpointsToy, KnowsItsVariantsByName) {
  EXPECT_EQ(toy().recorder(), nullptr);
  EXPECT_FALSE(store_toy().recorder()->become("no such variant"));
  EXPECT_TRUE(store_toy().recorder()->become(""));
}

// ---- broken variants

enum class Judge { as_shipped, by_itself };

struct Broken {
  const char* twin;
  Judge judge;
  const char* invariant;  ///< that is to find it
  const char* where;      ///< what is said of the death, among other things
  Case explored;
};

void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.twin; }

std::vector<Operation> many_keys() {
  std::vector<Operation> operations;
  for (std::uint64_t number = 0; number < 150; ++number)
    operations.push_back(insert("key " + std::to_string(number), number));
  return operations;
}

const Case inserts{"insert", {insert("b", 1)}, insert("a", 7)};
const Case erases{"erase", {insert("a", 7), insert("b", 1)}, erase("a")};

std::vector<Broken> broken_toys() {
  return {
      {"value_before_key_published", Judge::as_shipped, "O1", "the mutation dies", inserts},
      {"count_apart", Judge::as_shipped, "O2: the count", "the mutation dies", inserts},
      {"armed_in_any_order", Judge::as_shipped, "O2", "further ones", inserts},
      {"erase_leaves_record_armed", Judge::as_shipped, "O2: something is owed", "the mutation dies", erases},
      {"recovery_forgets_count", Judge::as_shipped, "O2: the count", "stores; recovery by", inserts},
      {"recovery_forgets_count", Judge::by_itself, "O2: the count", "the mutation dies", inserts},
      {"takeover_uncounted", Judge::by_itself, "O3", "the mutation dies", inserts},
      {"erase_breaks_chains",
       Judge::by_itself,
       "O4",
       "the mutation dies",
       {"many", many_keys(), insert("a", 7)}},
  };
}

class CrashpointsBrokenToy : public testing::TestWithParam<Broken> {};

TEST_P(CrashpointsBrokenToy, IsFoundByTheInvariantThatItBreaks) {
  const Broken& broken = GetParam();
  const Plugin& judge = broken.judge == Judge::by_itself ? store_toy() : toy();
  const Impersonation impersonation(store_toy(), broken.twin);
  StoreEngine engine(judge, store_toy());
  Tally tally;
  const auto found = engine.explore(broken.explored, 1, {}, tally);
  ASSERT_TRUE(found) << "after " << tally.visited << " states";
  fmt::print("{}: {}; {}\n", broken.twin, found->what, found->where);
  EXPECT_TRUE(found->what.starts_with(broken.invariant)) << found->what;
  EXPECT_NE(found->where.find(broken.where), std::string::npos) << found->where;
}

INSTANTIATE_TEST_SUITE_P(Toys, CrashpointsBrokenToy, testing::ValuesIn(broken_toys()),
                         [](const auto& broken) {
                           return fmt::format(
                               "{}{}", broken.param.twin,
                               broken.param.judge == Judge::by_itself ? "_judging_itself" : "");
                         });

// ---- stores that are not reported

Recording record_insert(RecordingRoom room = RecordingRoom()) {
  const Oracle oracle(toy().subject());
  const Image pristine = oracle.arena().image();
  const Task task{.image = &pristine, .deed = {.mutation = &inserts.mutation}};
  return room.record(store_toy(), oracle, pristine, {&task, 1}).front();
}

TEST(CrashpointsToyRecorded, LogOfAWholeMutationIsComplete) {
  const Recording recording = record_insert();
  EXPECT_TRUE(recording.complete);
  EXPECT_FALSE(recording.refused);
  EXPECT_EQ(recording.reply.number, 1U);
  for (const Store& store : recording.stores) EXPECT_TRUE(store.reported);
}

TEST(CrashpointsToyRecorded, RoomThatIsTooSmallForTheLogIsAnErrorOfTheHarness) {
  EXPECT_TRUE(record_insert(RecordingRoom(4096)).complete);
  EXPECT_THROW((void)record_insert(RecordingRoom(256)), std::runtime_error);
  EXPECT_THROW((void)record_insert(RecordingRoom(16)), std::runtime_error);
}

TEST(CrashpointsToyRecorded, LogThatLacksAStoreIsNotComplete) {
  const Impersonation impersonation(store_toy(), "count_unseen");
  EXPECT_FALSE(record_insert().complete);
  StoreEngine engine(toy(), store_toy());
  Tally tally;
  const auto found = engine.explore(inserts, 1, {}, tally);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->what.starts_with("E2")) << found->what;
}

TEST(CrashpointsToyRecorded, StoreThatGoesRoundTheReportsIsNoticed) {
  const Impersonation impersonation(store_toy(), "count_round_the_reports");
  const Recording recording = record_insert();
  StoreEngine engine(toy(), store_toy());
  Tally tally;
  const auto found = engine.explore(inserts, 1, {}, tally);
  ASSERT_TRUE(found);
#ifdef __clang__
  EXPECT_GT(recording.compiled, 0U);
  EXPECT_TRUE(recording.complete) << "the compiler's report takes the place of the subject's";
  EXPECT_NE(found->what.find("went round the subject's reports"), std::string::npos) << found->what;
#else
  fmt::print(
      "This compiler does not report the stores that it compiles: the log is found to lack one instead.\n");
  EXPECT_EQ(recording.compiled, 0U);
  EXPECT_FALSE(recording.complete);
  EXPECT_TRUE(found->what.starts_with("E2")) << found->what;
#endif
}

}  // namespace
}  // namespace radish::crashpoints
