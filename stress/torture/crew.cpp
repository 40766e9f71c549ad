#include "torture/crew.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "torture/plan.h"

namespace radish::stress::torture {

Crew::Crew(const Ledger& ledger) : ledger_(ledger), leaders_(ledger.setting().seats(), 0) {}

Crew::~Crew() { massacre(); }

void Crew::fill(const std::optional<Inherited>& inherited) {
  for (std::uint32_t seat = 0; seat < seats(); ++seat) {
    if (leaders_[seat] != 0) continue;
    std::fflush(nullptr);  // a child must not print what is in our buffers
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("cannot fork");
    if (child == 0) {
      setpgid(0, 0);
      _exit(run_worker(ledger_, seat, inherited));
    }
    setpgid(child, child);
    leaders_[seat] = child;
  }
}

void Crew::judge_end(pid_t pid, int status) const {
  if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
    ledger_.report(
        fmt::format("process {} died of signal {}, {}", pid, WTERMSIG(status), strsignal(WTERMSIG(status))));
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
    ledger_.report(fmt::format("process {} ended with exit code {}", pid, WEXITSTATUS(status)));
}

bool Crew::reap() {
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    judge_end(pid, status);
    for (std::uint32_t index = 0; index < coordinator_strand; ++index) {
      std::int32_t registered = pid;
      ledger_.strand(index).pid.compare_exchange_strong(registered, 0);
    }
  }
  for (pid_t& leader : leaders_)
    if (leader != 0 && kill(-leader, 0) != 0 && errno == ESRCH) leader = 0;
  return std::ranges::all_of(leaders_, [](pid_t leader) { return leader == 0; });
}

std::vector<pid_t> Crew::members(std::uint32_t seat) const {
  std::vector<pid_t> found;
  for (std::uint32_t index = 0; index < strands_per_seat; ++index) {
    const pid_t pid = ledger_.strand(seat * strands_per_seat + index).pid.load(std::memory_order_acquire);
    if (pid != 0 && std::ranges::find(found, pid) == found.end()) found.push_back(pid);
  }
  return found;
}

std::optional<std::uint32_t> Crew::seat_of(pid_t pid) const {
  if (pid == 0) return std::nullopt;
  for (std::uint32_t index = 0; index < seats() * strands_per_seat; ++index)
    if (ledger_.strand(index).pid.load(std::memory_order_acquire) == pid) return index / strands_per_seat;
  return std::nullopt;
}

void Crew::signal_all(int signal) const {
  for (const pid_t leader : leaders_)
    if (leader != 0) kill(-leader, signal);
}

void Crew::massacre() {
  while (!reap()) {
    signal_all(SIGKILL);
    siginfo_t info{};
    waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
  }
}

}  // namespace radish::stress::torture
