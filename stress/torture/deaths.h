// Waiting for a process's death or stop, as the kernel reports it.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

namespace radish::stress::torture {

/// A pidfd; negative if there is no such process.
[[nodiscard]] inline int watch_process(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

/// Waits until the process is dead, all its threads included, and closes the pidfd. False if the time is over
/// first.
[[nodiscard]] inline bool await_death(int pidfd, int timeout_ms) {
  pollfd poller{pidfd, POLLIN, 0};
  const bool dead = poll(&poller, 1, timeout_ms) == 1;
  close(pidfd);
  return dead;
}

/// The whole process is gone, reaped or not.
[[nodiscard]] inline bool is_dead(pid_t pid) {
  const int pidfd = watch_process(pid);
  return pidfd < 0 || await_death(pidfd, 0);
}

/// State letter of a process, as in /proc/PID/stat; 0 if there is none.
[[nodiscard]] inline char state_of(pid_t pid) {
  const int descriptor = open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return 0;
  char text[256];
  const ssize_t bytes = read(descriptor, text, sizeof text);
  close(descriptor);
  const std::string_view line(text, bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  const std::size_t name_end = line.rfind(')');
  return name_end == std::string_view::npos || name_end + 2 >= line.size() ? '\0' : line[name_end + 2];
}

/// Stops a process, and waits until it stands still. False if it does not: it has ended, or takes its time.
[[nodiscard]] inline bool halt(pid_t pid) {
  constexpr int looks_max = 200;
  if (kill(pid, SIGSTOP) != 0) return false;
  for (int look = 0; look < looks_max; ++look)
    if (const char state = state_of(pid); state == 'T' || state == 0 || state == 'Z') return state == 'T';
  return false;
}

}  // namespace radish::stress::torture
