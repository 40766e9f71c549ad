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
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "torture/deaths.h"
#include "torture/plan.h"
#include "torture/watchdog.h"

namespace radish::stress::torture {

Crew::Crew(const Ledger& ledger) : ledger_(ledger) {}

Crew::~Crew() { massacre(); }

void Crew::fill(const std::optional<Inherited>& inherited) {
  const pid_t parent = getpid();
  for (std::uint32_t seat = 0; seat < seats(); ++seat) {
    if (group(seat) != 0) continue;
    std::fflush(nullptr);  // a child must not print what is in our buffers
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error(fmt::format("cannot fork: {}", std::strerror(errno)));
    if (child == 0) {
      setpgid(0, 0);
      ledger_.group(seat).store(getpid());
      _exit(getppid() == parent ? run_worker(ledger_, seat, inherited) : 0);
    }
    setpgid(child, child);
    ledger_.group(seat).store(child);
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
  bool all_empty = true;
  for (std::uint32_t seat = 0; seat < seats(); ++seat) {
    if (group(seat) != 0 && kill(-group(seat), 0) != 0 && errno == ESRCH) ledger_.group(seat).store(0);
    all_empty &= group(seat) == 0;
  }
  return all_empty;
}

std::vector<pid_t> Crew::members(std::uint32_t seat) const {
  std::vector<pid_t> found;
  for (std::uint32_t index = 0; index < strands_per_seat; ++index) {
    const pid_t pid = ledger_.strand(seat * strands_per_seat + index).pid.load(std::memory_order_acquire);
    if (pid != 0 && std::ranges::find(found, pid) == found.end() && !is_dead(pid)) found.push_back(pid);
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
  for (std::uint32_t seat = 0; seat < seats(); ++seat)
    if (group(seat) != 0) kill(-group(seat), signal);
}

std::vector<pid_t> Crew::everybody() const {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    const pid_t group_of_it = pid > 0 ? getpgid(pid) : -1;
    for (std::uint32_t seat = 0; seat < seats(); ++seat)
      if (group_of_it > 0 && group(seat) == group_of_it) found.push_back(pid);
  }
  return found;
}

void Crew::await_standstill() const {
  constexpr std::uint64_t patience_ns = 5'000'000'000;
  const std::uint64_t begun_ns = now_ns();
  for (const pid_t pid : everybody())
    while (now_ns() - begun_ns < patience_ns)
      if (const char state = state_of(pid); state == 0 || state == 'T' || state == 'Z') break;
}

std::string Crew::describe() const {
  std::string text;
  for (const pid_t pid : everybody()) text += describe_process(pid);
  return text;
}

void Crew::massacre() {
  while (!reap()) {
    signal_all(SIGKILL);
    siginfo_t info{};
    waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
  }
}

}  // namespace radish::stress::torture
