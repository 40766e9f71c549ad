// Child processes for tests, and how they and the test tell each other that something has happened.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace radish::tests {

/// Events that processes tell each other of. A wait for an end that is gone is an error.
class Bell {
 public:
  Bell() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  ~Bell() {
    for (const int end : ends_)
      if (end >= 0) close(end);
  }
  void ring() {
    const char byte = 0;
    if (write(ends_[1], &byte, 1) != 1) throw std::runtime_error("nobody hears the bell");
  }
  void wait() {
    if (!heard()) throw std::runtime_error("nobody is left to ring the bell");
  }
  /// Waits until it was rung, or until every other process that could ring it has exited or exec'ed.
  [[nodiscard]] bool heard() {
    if (ends_[1] >= 0) close(std::exchange(ends_[1], -1));
    char byte = 0;
    return read(ends_[0], &byte, 1) == 1;
  }
  /// For a child that is to exec: its standard input is this bell.
  void become_standard_input() {
    heard_nowhere_else();
    dup2(ends_[0], STDIN_FILENO);
  }

 private:
  void heard_nowhere_else() {
    if (ends_[1] >= 0) close(std::exchange(ends_[1], -1));
  }
  std::array<int, 2> ends_{-1, -1};
};

/// A forked process that runs a function and exits with its result. Killed when it goes out of scope.
class Child {
 public:
  explicit Child(const std::function<int()>& body) : Child(fork(), body) {}
  /// The same with a fork that runs no handlers of the C library.
  static Child raw(const std::function<int()>& body) { return {_Fork(), body}; }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) kill_and_reap();
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Exit code, or minus the signal that ended it.
  int join() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int kill_and_reap() {
    kill(pid_, SIGKILL);
    return join();
  }
  void send_kill() const { kill(pid_, SIGKILL); }
  /// Waits until it has ended, and leaves the zombie.
  void await_end() const {
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  /// Waits until it has stopped. False if it has ended instead.
  [[nodiscard]] bool await_stop() const {
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT);
    return info.si_code == CLD_STOPPED;
  }
  void resume() const { kill(pid_, SIGCONT); }
  /// Somebody else has reaped it.
  void forget() { pid_ = -1; }

 private:
  Child(pid_t pid, const std::function<int()>& body) : pid_(pid) {
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) run(body);
  }
  /// An exception ends the child here, rather than going on with the parent's tests.
  [[noreturn]] static void run(const std::function<int()>& body) noexcept { _exit(body()); }

  pid_t pid_;
};

/// One object that a test shares with the children it forks, zero at first.
template <class T>
class Shared {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  Shared() {
    void* memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    object_ = new (memory) T{};
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { munmap(static_cast<void*>(object_), sizeof(T)); }

  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }

 private:
  T* object_;
};

[[noreturn]] inline void rest_until_killed() {
  while (true) pause();
}

/// Ends the calling thread alone. A process without its main thread shows as a zombie, and lives.
[[noreturn]] inline void exit_this_thread_alone() {
  while (true) syscall(SYS_exit, 0);
}

/// True once the main thread of a process has exited.
inline bool main_thread_has_exited(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string line((std::istreambuf_iterator<char>(file)), {});
  return line.find(") Z ") != std::string::npos;
}

/// Gives the processor away until a condition of shared memory holds.
template <class Condition>
void spin_until(Condition condition) {
  while (!condition()) sched_yield();
}

}  // namespace radish::tests
