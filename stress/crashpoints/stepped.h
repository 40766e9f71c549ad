// A child process that is led through something one machine instruction at a time. Of whatever it does it may
// die by a signal: then SubjectDied is thrown, or Disturbed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

namespace radish::crashpoints {

class SteppedProcess {
 public:
  /// The child comes to stand between the two. Throws std::runtime_error if it exits instead. A fork has its
  /// parent's address space, laid out in the same way: instructions are where they are in the parent.
  SteppedProcess(const std::function<void()>& before, const std::function<int()>& body);
  SteppedProcess(const SteppedProcess&) = delete;
  SteppedProcess& operator=(const SteppedProcess&) = delete;
  SteppedProcess(SteppedProcess&&) = delete;
  SteppedProcess& operator=(SteppedProcess&&) = delete;
  ~SteppedProcess();

  /// One instruction, or system call, or iteration of a repeated one. False if the body has come to its end.
  [[nodiscard]] bool step();
  /// At full speed to where the instruction at the address would be next, or next again. False if the body
  /// has come to its end.
  [[nodiscard]] bool run_to(std::uintptr_t address);
  /// Of the next instruction.
  [[nodiscard]] std::uintptr_t position() const;
  /// The same, or if that is not in the object that holds `inside`, where it is to return to there.
  [[nodiscard]] std::uintptr_t position_in(const void* inside) const;
  /// Lets it go; what the body returned, or minus the signal that ended it. It is dead and buried then.
  int finish();
  void kill();

 private:
  /// Goes on by the request until then: signals of any other kind are passed on.
  [[nodiscard]] bool await_trap(int request);
  [[nodiscard]] int await_stop();
  int reap();
  pid_t pid_;
};

}  // namespace radish::crashpoints
