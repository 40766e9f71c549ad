// A campaign of the explorer from outside (radish-check crashpoints): processes that come to no end or to a
// bad one, interruptions, directories that cannot be written. Its subject is the toy.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "processes.h"
#include "radish_check.h"
#include "scratch.h"

namespace radish::tests {
namespace {

class CrashpointsCampaign : public testing::Test {
 protected:
  [[nodiscard]] std::string cases() const { return scratch_.file("cases"); }
  /// Insertions, by one process.
  [[nodiscard]] std::string arguments(const char* judge, const char* twin, const char* engine,
                                      double seconds = 100) const {
    return fmt::format(
        "crashpoints --subject {} --instrumented {} --twin {} --engine {} --ops insert --jobs 1 --seed 1 "
        "--seconds {} --failures 1 --case-directory {}",
        judge, RADISH_STORE_TOY_PATH, twin, engine, seconds, cases());
  }
  /// An insertion that is a finding: these words are said of it, and it is laid down.
  [[nodiscard]] testing::AssertionResult finds(const std::string& command, const std::string& words) const {
    const CheckRun run = run_check(command);
    if (run.code == 1 && run.says("FAILED: " + words) && run.says("failures           1\n") &&
        std::filesystem::exists(cases() + "/0/case.json"))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << "exit code " << run.code << ": " << run.output;
  }
  const ScratchDirectory scratch_;
};

TEST_F(CrashpointsCampaign, WhoSleepsForEverIsAFinding) {
  for (const char* engine : {"store", "step", "span"})
    EXPECT_TRUE(finds(arguments(RADISH_TOY_PATH, "sleeps_for_ever", engine) + " --case-seconds 1",
                      "the process that judged found no end in 1 s"))
        << engine;
}

TEST_F(CrashpointsCampaign, WhoRunsForEverIsAFindingWhichIsNotMadeSmallerForEver) {
  EXPECT_TRUE(
      finds(arguments(RADISH_TOY_PATH, "loops_for_ever", "store") + " --processor-seconds 1 --case-seconds 4",
            "the "));
  EXPECT_NE(read_file(cases() + "/0/what.txt").find("no end"), std::string::npos);
}

TEST_F(CrashpointsCampaign, DeathOfTheOneWhoIsExploredIsAFinding) {
  for (const char* engine : {"store", "step"})
    EXPECT_TRUE(finds(arguments(RADISH_TOY_PATH, "aborts", engine), "the subject died of signal 6"))
        << engine;
  EXPECT_TRUE(finds(arguments(RADISH_TOY_PATH, "aborts", "span"), "the reader died of signal 6"));
}

TEST_F(CrashpointsCampaign, DeathOfTheJudgeIsAFinding) {
  EXPECT_TRUE(
      finds(arguments(RADISH_STORE_TOY_PATH, "aborts", "store"), "the process that judged died of signal 6"));
}

/// Whoever it meets: who is recorded, stepped or spanned, or the judge.
TEST_F(CrashpointsCampaign, KillByAStrangerIsNoFindingButAnErrorOfItsOwn) {
  const auto is_disturbed = [&](const char* judge, const char* engine) {
    const CheckRun run = run_check(arguments(judge, "killed_by_a_stranger", engine));
    const bool told = run.says("disturbed: a stranger has killed a process that explored");
    if (run.code == 3 && told && run.says("failures           0\n")) return testing::AssertionSuccess();
    return testing::AssertionFailure() << engine << ", exit code " << run.code << ": " << run.output;
  };
  for (const char* engine : {"store", "step", "span"}) EXPECT_TRUE(is_disturbed(RADISH_TOY_PATH, engine));
  EXPECT_TRUE(is_disturbed(RADISH_STORE_TOY_PATH, "store"));
  EXPECT_FALSE(std::filesystem::exists(cases()));
}

/// The first heap is not even full by then.
TEST_F(CrashpointsCampaign, ACaseThatTakesLongerThanTheTimeIsCutOffAndCounted) {
  const std::string json = scratch_.file("json");
  const CheckRun run =
      run_check(arguments(RADISH_STORE_TOY_PATH, "takes_its_time", "store", 1) + " --json " + json);
  EXPECT_TRUE(run.says("1 cases were cut off when the time was over")) << run.output;
  const auto figures = nlohmann::json::parse(read_file(json)).at("operations").at("insert");
  EXPECT_EQ(figures.at("cut"), 1);
  EXPECT_EQ(figures.at("cases"), 1);
  EXPECT_EQ(figures.at("failures"), 0);
}

TEST_F(CrashpointsCampaign, WhereNothingCanBeLaidDownNothingIsBegun) {
  const CheckRun run = run_check("crashpoints --seconds 1 --case-directory /proc/nowhere");
  EXPECT_EQ(run.code, 3);
  EXPECT_TRUE(run.says("cases cannot be laid down in /proc/nowhere")) << run.output;
  EXPECT_FALSE(run.says("processes")) << run.output;
}

TEST_F(CrashpointsCampaign, AFindingThatCannotBeLaidDownIsToldAndCounted) {
  std::filesystem::create_directory(cases());
  write_file(cases() + "/0", "in the way");
  for (const char* judge : {RADISH_TOY_PATH, RADISH_STORE_TOY_PATH}) {
    const CheckRun run = run_check(arguments(judge, "aborts", "store"));
    EXPECT_EQ(run.code, 1);
    EXPECT_TRUE(run.says("FAILED: the ")) << run.output;
    EXPECT_TRUE(run.says("the case cannot be laid down, or not all of it")) << run.output;
    EXPECT_TRUE(run.says("failures           1\n")) << run.output;
  }
}

TEST_F(CrashpointsCampaign, LeavesNoDirectoryWhereNothingWasFound) {
  EXPECT_EQ(run_check("crashpoints --engine store --cases 1 --jobs 1 --case-directory " + cases()).code, 0);
  EXPECT_FALSE(std::filesystem::exists(cases()));
}

/// A campaign without end, that is sent a signal.
class Interrupted {
 public:
  explicit Interrupted(const std::string& output)
      : child_([&] {
          setpgid(0, 0);
          if (std::freopen(output.c_str(), "w", stdout) == nullptr) return 127;
          dup2(STDOUT_FILENO, STDERR_FILENO);
          execl(RADISH_CHECK_PATH, RADISH_CHECK_PATH, "crashpoints", "--seconds", "100000", "--jobs", "2",
                nullptr);
          return 127;
        }) {
    const std::string path = fmt::format("/proc/{0}/task/{0}/children", child_.pid());
    spin_until([&] { return !read_file(path).empty(); });
  }
  int end_by(int signal) {
    kill(child_.pid(), signal);
    return child_.join();
  }
  /// Anybody of its group.
  [[nodiscard]] static bool is_there(pid_t group) { return kill(-group, 0) == 0; }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }

 private:
  Child child_;
};

TEST_F(CrashpointsCampaign, WhenItIsInterruptedItTellsAndLeavesNobody) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string output = scratch_.file("output");
    Interrupted campaign(output);
    const pid_t group = campaign.pid();
    EXPECT_EQ(campaign.end_by(signal), 3);
    EXPECT_FALSE(Interrupted::is_there(group));
    const std::string said = read_file(output);
    EXPECT_NE(said.find("states judged"), std::string::npos) << said;
    EXPECT_NE(said.find("interrupted"), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace radish::tests
