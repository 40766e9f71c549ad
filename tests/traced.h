// A child under a tracer, which can stop it at its system calls, kill it there, and have the kernel tell it
// lies.
#pragma once

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "processes.h"

namespace radish::tests {

class Traced {
 public:
  explicit Traced(const std::function<int()>& body)
      : child_([&] {
          ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
          raise(SIGSTOP);
          return body();
        }) {
    waitpid(child_.pid(), nullptr, 0);
    ptrace(PTRACE_SETOPTIONS, child_.pid(), nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  }

  /// Lets it go on to its next stop: each system call makes two, at its begin and its end. False if it has
  /// ended.
  bool step() {
    ptrace(PTRACE_SYSCALL, child_.pid(), nullptr, nullptr);
    waitpid(child_.pid(), &status_, 0);
    if (WIFSTOPPED(status_)) return true;
    child_.forget();
    return false;
  }
  /// Steps it `stops` times, then kills it; false if it ended before, which must have been well.
  bool dies_after(std::uint64_t stops) {
    for (std::uint64_t made = 0; made < stops; ++made)
      if (!step()) {
        EXPECT_EQ(exit_code(), 0) << "of itself";
        return false;
      }
    child_.kill_and_reap();
    return true;
  }
  /// Of one that has ended; minus the signal that ended it.
  [[nodiscard]] int exit_code() const {
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  }

  /// What it stands before or behind.
  [[nodiscard]] __ptrace_syscall_info at() const {
    __ptrace_syscall_info info{};
    ptrace(PTRACE_GET_SYSCALL_INFO, child_.pid(), sizeof info, &info);
    return info;
  }
  /// Changes a word of its memory.
  void poke(std::uint64_t address, std::uint64_t word) const {
    if (ptrace(PTRACE_POKEDATA, child_.pid(), address, word) != 0) ADD_FAILURE() << "cannot poke";
  }

 private:
  Child child_;
  int status_ = 0;
};

}  // namespace radish::tests
