// The explorer on one library as many compilers make it (stress/crashpoints/matrix.h). Here one of the
// subjects is not what the instrumented one is: a toy.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "radish_check.h"
#include "scratch.h"

namespace radish::tests {
namespace {

class CrashpointsMatrix : public testing::Test {
 protected:
  void put(const std::string& build, const std::string& subject) const {
    const std::string folder = matrix() + "/" + build;
    std::filesystem::create_directories(folder);
    std::filesystem::create_symlink(subject, folder + "/radish_subject.so");
  }
  [[nodiscard]] std::string matrix() const { return scratch_.file("matrix"); }
  [[nodiscard]] std::string file(const char* name) const { return scratch_.file(name); }
  [[nodiscard]] CheckRun explore(const std::string& more) const {
    return run_check(fmt::format("crashpoints --compiler-matrix {} --seed 1 --jobs 1 --case-directory {} {}",
                                 matrix(), file("cases"), more));
  }
  const ScratchDirectory scratch_;
};

TEST_F(CrashpointsMatrix, EverySubjectIsExploredAndTheWorstDecides) {
  put("one", RADISH_TOY_PATH);
  put("two/stress/crashpoints", RADISH_SUBJECT_PATH);
  const CheckRun run = explore(fmt::format("--instrumented {} --cases 1 --failures 1 --json {} --junit {}",
                                           RADISH_STORE_SUBJECT_PATH, file("json"), file("junit")));
  EXPECT_EQ(run.code, 1) << run.output;
  EXPECT_TRUE(run.says("\n  one  ")) << run.output;
  EXPECT_TRUE(run.says("\n  two  ")) << run.output;
  EXPECT_TRUE(run.says("failures           1\n")) << run.output;
  const auto parts = nlohmann::json::parse(read_file(file("json"))).at("parts");
  EXPECT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts.at("one").at("failures"), 1);
  EXPECT_EQ(parts.at("two").at("failures"), 0);
  EXPECT_GT(parts.at("two").at("operations").at("insert").at("agreed"), 0);
  EXPECT_EQ(parts.at("two").at("operations").at("insert").at("store_states").at(0), 0);
  EXPECT_NE(read_file(file("junit")).find("classname=\"crashpoints.step.two\""), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(file("cases") + "/one/0/case.json"));
  EXPECT_FALSE(std::filesystem::exists(file("cases") + "/two"));
}

TEST_F(CrashpointsMatrix, WithoutASubjectItSaysWhoBuildsThem) {
  std::filesystem::create_directories(matrix());
  const CheckRun run = explore("");
  EXPECT_EQ(run.code, 3);
  EXPECT_TRUE(run.says("there is no radish_subject.so below")) << run.output;
  EXPECT_TRUE(run.says("ci/crashpoints builds them")) << run.output;
}

TEST_F(CrashpointsMatrix, WhatCannotBeLoadedIsToldBeforeAnythingIsExplored) {
  put("one", RADISH_SUBJECT_PATH);
  put("two", RADISH_CHECK_PATH);
  const CheckRun run = explore("");
  EXPECT_EQ(run.code, 3);
  EXPECT_FALSE(run.says("processes")) << run.output;
}

TEST_F(CrashpointsMatrix, GoesWithTheStepEngineAlone) {
  put("one", RADISH_SUBJECT_PATH);
  EXPECT_EQ(explore("--engine store").code, 2);
  EXPECT_EQ(explore("--subject one").code, 2);
}

}  // namespace
}  // namespace radish::tests
