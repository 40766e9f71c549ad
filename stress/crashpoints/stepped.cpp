#include "crashpoints/stepped.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <exception>
#include <stdexcept>

#include "crashpoints/limit.h"

namespace radish::crashpoints {
namespace {

[[noreturn]] void live(const std::function<void()>& before, const std::function<int()>& body) noexcept {
  before();
  ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  raise(SIGSTOP);
  const int result = body();
  raise(SIGSTOP);
  _exit(result);
}

const void* object_at(std::uintptr_t address) {
  Dl_info info{};
  return dladdr(reinterpret_cast<const void*>(address), &info) != 0 ? info.dli_fbase : nullptr;
}

}  // namespace

SteppedProcess::SteppedProcess(const std::function<void()>& before, const std::function<int()>& body)
    : pid_(fork_bounded()) {
  if (pid_ == 0) live(before, body);
  (void)await_trap(PTRACE_CONT);
  ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_EXITKILL);
}

SteppedProcess::~SteppedProcess() {
  if (pid_ > 0) kill();
}

bool SteppedProcess::step() {
  ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr);
  return await_trap(PTRACE_SINGLESTEP);
}

bool SteppedProcess::run_to(std::uintptr_t address) {
  constexpr std::uintptr_t first_one_when_executed = 1;
  const auto set = [&](std::size_t number, std::uintptr_t value) {
    const auto offset = offsetof(user, u_debugreg) + number * sizeof(std::uintptr_t);
    return ptrace(PTRACE_POKEUSER, pid_, offset, value) == 0;
  };
  if (!set(0, address) || !set(7, first_one_when_executed)) return false;
  ptrace(PTRACE_CONT, pid_, nullptr, nullptr);
  return await_trap(PTRACE_CONT);
}

bool SteppedProcess::await_trap(int request) {
  while (true) {
    const int stop = await_stop();
    if (stop == SIGTRAP) return true;
    siginfo_t cause{};
    // Stopped as a whole, by a signal that has been passed on, it has no cause to tell.
    const bool arrived = ptrace(PTRACE_GETSIGINFO, pid_, nullptr, &cause) == 0;
    const bool raised = arrived && cause.si_code == SI_TKILL && cause.si_pid == pid_;
    if (stop == SIGSTOP && raised) return false;
    const long passed_on = arrived ? stop : 0;
    ptrace(static_cast<__ptrace_request>(request), pid_, nullptr, passed_on);
  }
}

int SteppedProcess::await_stop() {
  int status = 0;
  waitpid(pid_, &status, 0);
  if (WIFSTOPPED(status)) return WSTOPSIG(status);
  pid_ = -1;
  if (WIFSIGNALED(status)) throw_death(WTERMSIG(status));
  throw std::runtime_error(fmt::format("a process that is stepped has exited with {}", WEXITSTATUS(status)));
}

std::uintptr_t SteppedProcess::position() const {
  user_regs_struct registers{};
  ptrace(PTRACE_GETREGS, pid_, nullptr, &registers);
  return registers.rip;
}

std::uintptr_t SteppedProcess::position_in(const void* inside) const {
  constexpr std::uintptr_t words_looked_at = 256;
  user_regs_struct registers{};
  ptrace(PTRACE_GETREGS, pid_, nullptr, &registers);
  const void* object = object_at(reinterpret_cast<std::uintptr_t>(inside));
  if (object_at(registers.rip) == object) return registers.rip;
  for (std::uintptr_t word = 0; word < words_looked_at; ++word) {
    const auto address = static_cast<std::uintptr_t>(
        ptrace(PTRACE_PEEKDATA, pid_, registers.rsp + word * sizeof(std::uintptr_t), nullptr));
    if (object_at(address) == object) return address;
  }
  return registers.rip;
}

int SteppedProcess::finish() {
  ::kill(pid_, SIGCONT);  // somebody may have stopped it as a whole: that holds once it is let go
  ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
  return reap();
}

void SteppedProcess::kill() {
  ::kill(pid_, SIGKILL);
  reap();
}

int SteppedProcess::reap() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace radish::crashpoints
