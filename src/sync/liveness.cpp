#include "sync/liveness.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "segment/twin.h"
#include "sync/proc.h"

namespace radish::sync {
namespace {

/// Fields 4 and 5 of a line of /proc/PID/maps: "MAJOR:MINOR INODE".
std::string_view device_and_inode(std::string_view line) {
  for (int field = 0; field < 3; ++field) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return {};
    line.remove_prefix(blank + 1);
  }
  const std::size_t device_end = line.find(' ');
  if (device_end == std::string_view::npos) return {};
  return line.substr(0, line.find_first_of(" \n", device_end + 1));
}

/// A process whose main thread has exited shows no mappings: that proves nothing (L3, L1).
bool has_left_the_segment(std::uint64_t pid, const MappingKey& mapping) {
  if (!mapping.is_known() || !proc_is_ours()) return false;
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%llu/maps", static_cast<unsigned long long>(pid));
  bool any = false, found = false;
  const auto readable = each_line(path, [&](std::string_view line) {
    any = true;
    found = device_and_inode(line) == mapping.device_and_inode;
    return !found;
  });
  return readable && any && !found;
}

/// The part of /proc/PID/stat behind the name: state, then numbers, the 17th of them the count of threads.
bool is_zombie_without_threads(std::string_view line) {
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= line.size()) return false;
  line.remove_prefix(name_end + 2);
  const bool zombie = line.front() == 'Z' || line.front() == 'X';
  if (broken(Twin::zombie_by_state_letter)) return zombie;
  for (int field = 0; field < 17; ++field) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return false;
    line.remove_prefix(blank + 1);
  }
  return zombie && line.starts_with("1 ");
}

/// Where the kernel, or a tool that stands in for it, knows no pidfd.
bool has_exited_without_pidfd(std::uint64_t pid) {
  if (kill(static_cast<pid_t>(pid), 0) != 0) return errno == ESRCH;
  if (!proc_is_ours()) return false;
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%llu/stat", static_cast<unsigned long long>(pid));
  bool exited = false;
  const auto readable = each_line(path, [&](std::string_view line) {
    exited = is_zombie_without_threads(line);
    return false;
  });
  return readable && exited;
}

/// True if the kernel reports the thread group gone.
bool has_exited(std::uint64_t pid) {
  if (broken(Twin::zombie_by_state_letter)) return has_exited_without_pidfd(pid);
  const auto descriptor = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
  // Refused (ENOSYS, or EPERM by a filter of system calls that does not know this one) is not an answer.
  if (descriptor < 0) return errno == ESRCH || has_exited_without_pidfd(pid);
  pollfd poller{descriptor, POLLIN, 0};
  const bool exited = poll(&poller, 1, 0) == 1 && (poller.revents & POLLIN) != 0;
  close(descriptor);
  return exited;
}

}  // namespace

MappingKey mapping_key(const void* mapped) {
  MappingKey key;
  const auto address = reinterpret_cast<std::uintptr_t>(mapped);
  const auto readable = each_line("/proc/thread-self/maps", [&](std::string_view line) {
    std::uintptr_t begin = 0;
    std::from_chars(line.data(), line.data() + line.size(), begin, 16);
    if (begin != address) return true;
    key.device_and_inode = device_and_inode(line);
    return false;
  });
  return readable ? key : MappingKey{};
}

bool has_ended(Identity identity) {
  const Identity own = cached_identity();
  if (identity == own) return false;  // L2
  if (is_left_over(identity, own)) return true;
  if (same_process(identity, own)) return false;
  if (broken(Twin::living_taken_for_dead)) return true;
  const std::uint64_t pid = pid_of(identity);
  if (pid == 0) return true;  // no process ever
  // Our own pid under another name: another life of it, unless only the start time could not be read (L1).
  if (pid == pid_of(own)) return start_of(identity) != 0 && start_of(own) != 0;
  if (broken(Twin::liveness_by_number_alone)) return kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
  if (has_exited(pid)) return true;
  const auto start = read_start(pid);
  return start && start_of(identity) != 0 && *start != start_of(identity);
}

bool certainly_dead(Identity identity, const MappingKey& mapping) {
  if (has_ended(identity)) return true;
  if (broken(Twin::liveness_by_number_alone) || pid_of(identity) == pid_of(cached_identity())) return false;
  return has_left_the_segment(pid_of(identity), mapping);
}

}  // namespace radish::sync
