// What a campaign of the explorer says at its end (stress/crashpoints/report.h).
#include <gtest/gtest.h>

#include "crashpoints/build_id.h"
#include "crashpoints/report.h"
#include "radish_check.h"
#include "scratch.h"

namespace radish::crashpoints {
namespace {

TEST(CrashpointsReport, HeldAreAllStatesButThoseThatFailed) {
  Row row{};
  row.store_states[0] = 10;
  row.step_states[1] = 5;
  EXPECT_EQ(row.held(), 15U);
  row.failures[static_cast<std::size_t>(EngineKind::store)] = 1;
  row.failures[static_cast<std::size_t>(EngineKind::step)] = 2;
  row.failures[static_cast<std::size_t>(EngineKind::span)] = 4;  // reads, not states
  EXPECT_EQ(row.states(), 15U);
  EXPECT_EQ(row.held(), 12U);
  EXPECT_EQ(row.all_failures(), 7U);
}

TEST(CrashpointsReport, ACampaignThatLookedAtNothingMeansNothing) {
  Row sum{};
  EXPECT_EQ(shortcoming(sum, false), "nothing was judged");
  EXPECT_EQ(shortcoming(sum, true), "nothing was judged");
  sum.span_reads = 1;
  EXPECT_EQ(shortcoming(sum, false), std::nullopt);
  sum.step_states[0] = sum.cases[static_cast<std::size_t>(EngineKind::step)] = 1;
  EXPECT_NE(shortcoming(sum, false).value_or("").find("looked up"), std::string::npos);
  EXPECT_EQ(shortcoming(sum, true), std::nullopt);          // a broken variant's are not
  sum.cut[static_cast<std::size_t>(EngineKind::step)] = 1;  // its end was not reached
  EXPECT_EQ(shortcoming(sum, false), std::nullopt);
  sum.cut[static_cast<std::size_t>(EngineKind::step)] = 0;
  sum.agreed = 1;
  EXPECT_EQ(shortcoming(sum, false), std::nullopt);
}

TEST(CrashpointsReport, WithoutTimeNothingIsJudgedWhichIsAnError) {
  const auto run = tests::run_check("crashpoints --seconds 1e-9 --seed 1");
  EXPECT_EQ(run.code, 3);
  EXPECT_TRUE(run.says("radish-check: nothing was judged")) << run.output;
}

TEST(CrashpointsReport, FiguresTellOfTheBuildsAndOfTheAgreement) {
  const tests::ScratchDirectory scratch;
  const std::string json = scratch.file("report.json");
  const auto run = tests::run_check("crashpoints --engine step --cases 1 --seed 1 --jobs 1 --json " + json);
  ASSERT_EQ(run.code, 0) << run.output;
  const auto told = nlohmann::json::parse(tests::read_file(json));
  EXPECT_EQ(told.at("subject").at("build_id"), build_id_of(RADISH_SUBJECT_PATH));
  EXPECT_FALSE(told.at("subject").at("build").get<std::string>().empty());
  EXPECT_NE(told.at("instrumented").at("build_id"), told.at("subject").at("build_id"));
  const auto& insert = told.at("operations").at("insert");
  EXPECT_GT(insert.at("agreed"), 0);
  EXPECT_GT(insert.at("held"), 0);
  for (const char* figure : {"unseen", "unreported", "killed_stepping"}) EXPECT_TRUE(insert.contains(figure));
}

TEST(CrashpointsReport, ThereIsATestCaseForEachOperationAndEngine) {
  const tests::ScratchDirectory scratch;
  const Options options{.subject = RADISH_SUBJECT_PATH, .instrumented = RADISH_STORE_SUBJECT_PATH};
  const Engines engines(options);
  Board& board = make_board();
  Row& row = board.rows[static_cast<std::size_t>(Act::erase)];
  for (const EngineKind engine : {EngineKind::store, EngineKind::span})
    row.cases[static_cast<std::size_t>(engine)] = 9;
  row.failures[static_cast<std::size_t>(EngineKind::span)] = 2;
  write_junit(scratch.file("report.xml"), {{board, options, engines, 1.5}});
  EXPECT_EQ(tests::read_file(scratch.file("report.xml")),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"crashpoints\" time=\"1.5\" tests=\"2\" failures=\"1\">\n"
            "  <testcase classname=\"crashpoints.store\" name=\"erase\"></testcase>\n"
            "  <testcase classname=\"crashpoints.span\" name=\"erase\"><failure message=\"2 of 9 "
            "cases\"/></testcase>\n"
            "</testsuite>\n");
}

TEST(CrashpointsReport, AFileThatCannotBeWrittenIsAnError) {
  const auto run = tests::run_check("crashpoints --engine store --cases 1 --jobs 1 --json /proc/nowhere");
  EXPECT_EQ(run.code, 3);
  EXPECT_TRUE(run.says("cannot write /proc/nowhere")) << run.output;
}

}  // namespace
}  // namespace radish::crashpoints
