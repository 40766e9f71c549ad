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
    : pid_(fork()) {
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) live(before, body);
  int status = 0;
  waitpid(pid_, &status, 0);
  if (!WIFSTOPPED(status)) throw std::runtime_error(fmt::format("the process ended early, with {}", status));
  ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_EXITKILL);
}

SteppedProcess::~SteppedProcess() {
  if (pid_ > 0) kill();
}

bool SteppedProcess::step() {
  ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr);
  return await_trap();
}

bool SteppedProcess::run_to(std::uintptr_t address) {
  constexpr std::uintptr_t first_one_when_executed = 1;
  const auto set = [&](std::size_t number, std::uintptr_t value) {
    const auto offset = offsetof(user, u_debugreg) + number * sizeof(std::uintptr_t);
    return ptrace(PTRACE_POKEUSER, pid_, offset, value) == 0;
  };
  if (!set(0, address) || !set(7, first_one_when_executed)) return false;
  ptrace(PTRACE_CONT, pid_, nullptr, nullptr);
  return await_trap();
}

bool SteppedProcess::await_trap() {
  int status = 0;
  waitpid(pid_, &status, 0);
  if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP) return true;
  if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP) return false;
  if (!WIFSTOPPED(status)) pid_ = -1;
  throw std::runtime_error(fmt::format("a process that is stepped got into {:#x}", status));
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
