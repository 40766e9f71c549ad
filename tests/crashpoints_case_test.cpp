// What the explorer lays down when it finds something (stress/crashpoints/case_file.h), and the ways back to
// it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "crashpoints/build_id.h"
#include "crashpoints/case_file.h"
#include "radish_check.h"
#include "scratch.h"

namespace radish::crashpoints {
namespace {

using tests::read_file;
using tests::run_check;

struct Found {
  const char* name;
  std::string arguments;
  std::string what;  ///< how it begins
};

std::string toy_arguments(const char* twin, const char* engine) {
  return fmt::format("--subject {} --instrumented {} --twin {} --engine {} --ops insert", RADISH_TOY_PATH,
                     RADISH_STORE_TOY_PATH, twin, engine);
}

void PrintTo(const Found& found, std::ostream* out) { *out << found.name; }

class CrashpointsCase : public testing::TestWithParam<Found> {
 protected:
  [[nodiscard]] std::string file(const std::string& name) const {
    return read_file(scratch_.file("cases/0/" + name));
  }
  const tests::ScratchDirectory scratch_;
};

TEST_P(CrashpointsCase, TellsEverythingAndIsFoundAgain) {
  const auto run =
      run_check(fmt::format("crashpoints {} --jobs 1 --seed 1 --seconds 100 --failures 1 "
                            "--case-directory {}",
                            GetParam().arguments, scratch_.file("cases")));
  ASSERT_EQ(run.code, 1) << run.output;
  const auto stored = nlohmann::json::parse(file("case.json"));
  const std::string what = stored.at("options").at("what");
  EXPECT_TRUE(what.starts_with(GetParam().what)) << what;
  EXPECT_NE(file("what.txt").find(what), std::string::npos);
  EXPECT_NE(file("what.txt").find(stored.at("options").at("state_index").dump()), std::string::npos);
  EXPECT_NE(file("what.txt").find("build id "), std::string::npos);
  EXPECT_NE(file("before.txt"), file("after.txt"));
  EXPECT_FALSE(file("difference.txt").empty());
  EXPECT_FALSE(file("base.image").empty());
  EXPECT_NE(file("base.image"), file("state.image"));
  const std::string directory = scratch_.file("cases/0");
  EXPECT_TRUE(run.says("replay " + directory + "\n")) << run.output;
  EXPECT_TRUE(run.says("replay " + directory + " --state\n")) << run.output;
  const auto again = run_check("replay " + directory);
  EXPECT_EQ(again.code, 1);
  EXPECT_TRUE(again.says(what) && again.says("found again\n")) << again.output;
  const auto state = run_check("replay --state " + directory);
  EXPECT_EQ(state.code, 1);
  EXPECT_TRUE(state.says("the state: ") && state.says(what)) << state.output;
  const std::string way = stored.at("options").at("recovery");
  EXPECT_EQ(way.empty(), what.starts_with("O1")) << way;
  EXPECT_TRUE(way.empty() || state.says("after recovery by " + way + ": ")) << state.output;
}

INSTANTIATE_TEST_SUITE_P(
    Of, CrashpointsCase,
    testing::Values(Found{"ToyByStores", toy_arguments("count_apart", "store"), "O2: the count"},
                    Found{"ToyBySteps", toy_arguments("count_apart", "step"), "O2: the count"},
                    Found{"ToyReaders", toy_arguments("value_before_key_published", "store"), "O1: "},
                    Found{"RadishByStores", "--twin count_outside_record --engine store", "O2: the count"},
                    Found{"RadishBySteps", "--twin count_outside_record --engine step", "O2: the count"}),
    [](const auto& found) { return found.param.name; });

// Whoever was attached when the state was laid down is dead, and its machine may have been started anew.
TEST(CrashpointsReplay, AStateOfAnotherBootIsJudgedLikeOneOfThis) {
  constexpr std::size_t boot_id_offset = 4096;
  const tests::ScratchDirectory scratch;
  const std::string directory = scratch.file("case");
  const Options options{.subject = RADISH_SUBJECT_PATH, .instrumented = RADISH_STORE_SUBJECT_PATH};
  const Case explored{.name = "any", .base = {model::insertion("a")}, .mutation = model::insertion("b")};
  const Engines engines(options);
  Finding found{.what = "O2: nothing at all", .where = "nowhere"};
  found.state = {std::byte{}};
  found.way = name_of(Way::by_attaching);
  write_finding(directory, {.options = options, .engine = EngineKind::store, .seed = 1, .explored = explored},
                found, engines);
  std::string state = read_file(directory + "/base.image"), empty = read_file(directory + "/empty.image");
  for (std::string* image : {&state, &empty}) (*image)[boot_id_offset] ^= 1;
  tests::write_file(directory + "/state.image", state);
  tests::write_file(directory + "/empty.image", empty);
  const auto run = run_check("replay --state " + directory);
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(run.says("after recovery by attaching: nothing is wrong")) << run.output;
  EXPECT_EQ(run_check("replay " + directory).code, 0);
}

TEST(CrashpointsKind, IsTheInvariantOrWhatIsSaidBeforeAnyFigure) {
  EXPECT_EQ(kind_of("O2: the audit: page 12"), "O2");
  EXPECT_EQ(kind_of("the subject died of signal 11"), "the subject died of signal ");
  EXPECT_EQ(kind_of("a read of \"a\" stopped: N1: no"), "a read of ");
  EXPECT_EQ(kind_of("a state that is unknown to the store engine"),
            "a state that is unknown to the store engine");
}

TEST(CrashpointsShrinking, KeepsToWhatWasFound) {
  Engines engines(
      {.seed = 1, .subject = RADISH_TOY_PATH, .instrumented = RADISH_STORE_TOY_PATH, .twin = "count_apart"});
  const Case large{.name = "large",
                   .base = {model::insertion("a"), model::insertion("b"), model::erasure("a")},
                   .mutation = model::insertion("c")};
  const Told told{.options = {}, .engine = EngineKind::store, .seed = 1, .explored = large};
  const auto found = engines.explore(told.engine, told.explored, told.seed);
  ASSERT_TRUE(found);
  EXPECT_EQ(shrink(engines, told, *found, 50).explored.base.size(), 0U);
  const Finding other{.what = "O7: something else", .where = {}};
  EXPECT_EQ(shrink(engines, told, other, 50).explored, large);
  engines.instrumented().recorder()->become("");
}

TEST(CrashpointsBuild, IsNamedByItsBuildId) {
  const std::string id = build_id_of(RADISH_SUBJECT_PATH);
  EXPECT_EQ(id.size(), 40U) << id;
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
  EXPECT_NE(id, build_id_of(RADISH_STORE_SUBJECT_PATH));
  EXPECT_EQ(build_id_of("/proc/self/stat"), "");
  EXPECT_EQ(build_id_of("/nowhere"), "");
}

}  // namespace
}  // namespace radish::crashpoints
