// A process under single steps (stress/crashpoints/stepped.h): what signals do to it, and to who waits for
// it.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>

#include "crashpoints/limit.h"
#include "crashpoints/stepped.h"
#include "processes.h"

namespace radish::crashpoints {
namespace {

using Body = std::function<int()>;

void nothing() {}

/// What the body returned, by single steps.
int step_through(const Body& body) {
  SteppedProcess process(nothing, body);
  while (process.step()) {
  }
  return process.finish();
}

std::string death_of(const Body& body) {
  try {
    return "it returned " + std::to_string(step_through(body));
  } catch (const SubjectDied& died) {
    return died.what();
  }
}

TEST(CrashpointsStepped, GoesThroughToItsEnd) {
  EXPECT_EQ(step_through([] { return 7; }), 7);
}

TEST(CrashpointsStepped, DeathByASignalOfItsOwnIsToldAsOne) {
  EXPECT_EQ(death_of([]() -> int { std::abort(); }), "the subject died of signal 6");
  // Not SIGSEGV: a sanitizer would handle it.
  EXPECT_EQ(death_of([] { return kill(getpid(), SIGQUIT); }), "the subject died of signal 3");
}

TEST(CrashpointsStepped, DeathBeforeTheFirstStepIsToldToo) {
  const auto before = [] { std::abort(); };
  EXPECT_THROW(SteppedProcess(before, [] { return 0; }), SubjectDied);
}

TEST(CrashpointsStepped, WhoRunsIsToldToHaveDiedLikeWhoIsStepped) {
  SteppedProcess process(nothing, []() -> int { std::abort(); });
  EXPECT_THROW((void)process.run_to(1), SubjectDied);
}

TEST(CrashpointsStepped, ASignalThatIsIgnoredChangesNothing) {
  EXPECT_EQ(step_through([] { return raise(SIGWINCH) + 7; }), 7);
}

TEST(CrashpointsStepped, ASignalIsHandled) {
  static volatile std::sig_atomic_t handled = 0;
  EXPECT_EQ(step_through([] {
              std::signal(SIGTERM, [](int) { handled = 1; });
              raise(SIGTERM);
              return handled + 7;
            }),
            8);
}

TEST(CrashpointsStepped, WhoIsStoppedFromOutsideGoesOn) {
  EXPECT_EQ(step_through([] { return kill(getpid(), SIGSTOP) + 7; }), 7);
  EXPECT_EQ(step_through([] { return kill(getpid(), SIGTSTP) + 7; }), 7);
}

TEST(CrashpointsStepped, SignalsBeforeTheFirstStepArePassedOn) {
  const auto before = [] { raise(SIGWINCH); };
  SteppedProcess process(before, [] { return 7; });
  while (process.step()) {
  }
  EXPECT_EQ(process.finish(), 7);
}

/// Makes everything that is forked meanwhile find its limit soon.
class ShortLimit {
 public:
  ShortLimit() : before_(limits) { limits.processor_seconds = 1; }
  ShortLimit(const ShortLimit&) = delete;
  ShortLimit& operator=(const ShortLimit&) = delete;
  ~ShortLimit() { limits = before_; }

 private:
  Limits before_;
};

TEST(CrashpointsStepped, WhoFindsNoEndIsEnded) {
  const ShortLimit limit;
  EXPECT_EQ(death_of([]() -> int {
              volatile int turn = 0;
              while (true) turn = turn + 1;
            }),
            "the subject died of signal 27: no end was found");
}

TEST(CrashpointsStepped, NobodyOutlivesTheOneWhoWaits) {
  const tests::Shared<std::atomic<pid_t>> stepped;
  tests::Child parent([&] {
    const SteppedProcess process([&] { *stepped = getpid(); }, [] { return 0; });
    tests::rest_until_killed();
    return 0;
  });
  tests::spin_until([&] { return stepped->load() != 0; });
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, stepped->load(), 0));
  parent.kill_and_reap();
  pollfd ended{.fd = descriptor, .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ended, 1, -1), 1);
  close(descriptor);
}

}  // namespace
}  // namespace radish::crashpoints
