#include "torture/warden.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>

#include "case.h"
#include "interruption.h"
#include "torture/deaths.h"
#include "torture/violation.h"
#include "torture/waking_time.h"
#include "torture/watchdog.h"

namespace radish::stress::torture {
namespace {

constexpr int look_ms = 1000;

[[noreturn]] void run_coordinator(const Ledger& ledger, const std::function<void()>& coordinate) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    coordinate();
  } catch (const Violation& violation) {
    ledger.report(violation.what());
  } catch (const std::exception& exception) {
    ledger.report_trouble(fmt::format("coordinator: {}", exception.what()));
  }
  std::fflush(nullptr);
  _exit(interrupted);
}

pid_t start(const Ledger& ledger, const std::function<void()>& coordinate) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) run_coordinator(ledger, coordinate);
  return child;
}

void report_hang(pid_t coordinator, const Options& options, const Ledger& ledger) {
  ledger.report(fmt::format("the coordinator hangs\n{}", describe_process(coordinator)));
  try {
    write_text_file(options.case_directory, "processes.txt", describe_processes(ledger));
  } catch (const std::exception& exception) {
    ledger.report_trouble(exception.what());
  }
}

/// Until it has ended: listens to its heart, hands interruptions on.
void watch_over(pid_t coordinator, const Options& options, const Ledger& ledger) {
  const auto patience_ns = static_cast<std::uint64_t>((options.hang_seconds + 30) * 1e9);
  WakingTime time(2'000'000ULL * look_ms);
  std::uint64_t silent_ns = 0, last_beat_ns = 0;
  bool told = false;
  pollfd poller{watch_process(coordinator), POLLIN, 0};
  if (poller.fd < 0) ledger.report_trouble("cannot watch the coordinator"), kill(coordinator, SIGKILL);
  while (poller.fd >= 0 && poll(&poller, 1, look_ms) != 1) {
    if (interrupted != 0 && !told) told = kill(coordinator, SIGTERM) == 0;
    const std::uint64_t passed_ns = time.passed_ns(now_ns());
    const std::uint64_t beat_ns = ledger.heartbeat().last_ns();
    silent_ns = beat_ns == last_beat_ns ? silent_ns + passed_ns : 0;
    last_beat_ns = beat_ns;
    if (silent_ns < patience_ns) continue;
    report_hang(coordinator, options, ledger);
    kill(coordinator, SIGKILL);
    silent_ns = 0;
  }
  close(poller.fd);
}

/// All of them are this process's children by now, so none of their numbers can have gone to a stranger.
void end_everybody(const Ledger& ledger) {
  for (std::uint32_t seat = 0; seat < seats_max; ++seat)
    if (const pid_t group = ledger.group(seat).load(); group > 0) kill(-group, SIGKILL);
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) continue;
}

}  // namespace

void guard(const Options& options, const Ledger& ledger, const std::function<void()>& coordinate) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  ledger.heartbeat().beat(now_ns());
  const pid_t coordinator = start(ledger, coordinate);
  if (coordinator < 0) return ledger.report_trouble(fmt::format("cannot fork: {}", std::strerror(errno)));
  watch_over(coordinator, options, ledger);
  int status = 0;
  while (waitpid(coordinator, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && ledger.failures() == 0)
    ledger.report_trouble("the coordinator was killed");
  else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
    ledger.report(fmt::format("the coordinator died of signal {}", WTERMSIG(status)));
  else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
    interrupted = 1;
  end_everybody(ledger);
}

}  // namespace radish::stress::torture
