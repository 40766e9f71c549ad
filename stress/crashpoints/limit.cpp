#include "crashpoints/limit.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace radish::crashpoints {

namespace {

/// Of the calling process; 0: none.
void limit_processor_time(unsigned seconds) {
  const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = seconds, .tv_usec = 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
}

}  // namespace

ProcessorTimeLimit::ProcessorTimeLimit() { limit_processor_time(limits.processor_seconds); }
ProcessorTimeLimit::~ProcessorTimeLimit() { limit_processor_time(0); }

pid_t fork_bounded() {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(3);
  limit_processor_time(limits.processor_seconds);
  return 0;
}

std::expected<int, std::string> await_bounded(pid_t child) {
  pollfd ended{.fd = static_cast<int>(syscall(SYS_pidfd_open, child, 0)), .events = POLLIN, .revents = 0};
  const bool in_time = poll(&ended, 1, static_cast<int>(limits.case_seconds) * 1000) == 1;
  close(ended.fd);
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  if (in_time) require_own_death(WTERMSIG(status));
  return std::unexpected(in_time ? died_of(WTERMSIG(status)) : overslept());
}

std::string died_of(int signal) {
  return fmt::format("died of signal {}{}", signal, signal == SIGPROF ? ": no end was found" : "");
}

void require_own_death(int signal) {
  if (signal == SIGKILL) throw Disturbed();
}

void throw_death(int signal) {
  require_own_death(signal);
  throw SubjectDied(signal);
}

bool time_is_over() { return deadline && std::chrono::steady_clock::now() >= *deadline; }

void heed_deadline() {
  if (time_is_over()) throw CutOff();
}

std::string overslept() { return fmt::format("found no end in {} s", limits.case_seconds); }

}  // namespace radish::crashpoints
