#include "sync/identity.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "sync/proc.h"

namespace radish::sync {

constinit std::atomic<ProcessPage*> process_page{nullptr};

namespace {

Expected<ProcessPage*> get_process_page() {
  if (ProcessPage* page = process_page.load(std::memory_order_acquire)) return page;
  void* fresh = mmap(nullptr, layout::page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (fresh == MAP_FAILED)
    return fault(Code::io, "cannot map the identity page", static_cast<unsigned>(errno));
  if (madvise(fresh, layout::page_bytes, MADV_WIPEONFORK) != 0) {
    const int error = errno;
    munmap(fresh, layout::page_bytes);
    return fault(Code::io, "the kernel has no MADV_WIPEONFORK", static_cast<unsigned>(error));
  }
  ProcessPage* expected = nullptr;
  auto* page = static_cast<ProcessPage*>(fresh);
  // Pairs with the acquire load above; a loser's page is given back.
  if (process_page.compare_exchange_strong(expected, page)) return page;
  munmap(fresh, layout::page_bytes);
  return expected;
}

std::unexpected<Fault> unreadable() {
  return fault(Code::io, "cannot read a file of /proc", static_cast<unsigned>(errno));
}

/// First bytes of a small file under /proc.
Expected<std::string_view> read_file(const char* path, char* buffer, std::size_t capacity) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return unreadable();
  std::size_t length = 0;
  ssize_t got = 1;
  while (length < capacity && got != 0) {
    got = read(descriptor, buffer + length, capacity - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    length += static_cast<std::size_t>(got);
  }
  const auto failure = unreadable();
  close(descriptor);
  if (got < 0) return failure;
  return std::string_view(buffer, length);
}

// The kernel's random bytes also seed the stack protector, so they are folded, never shown.
std::uint64_t exec_tag() {
  std::uint64_t random[2] = {0, 0};
  if (const auto* bytes = reinterpret_cast<const void*>(getauxval(AT_RANDOM)))
    std::memcpy(random, bytes, sizeof random);
  const std::uint64_t folded = (random[0] ^ (random[1] << 1 | random[1] >> 63)) * 0x9e3779b97f4a7c15;
  return folded >> (64 - tag_bits);
}

/// I4.
Expected<std::uint64_t> namespace_of_ones_own() {
  std::uint64_t drawn = 0;
  const auto page = get_process_page();
  if (!page) return std::unexpected(page.error());
  if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
    return fault(Code::io, "no random bytes", static_cast<unsigned>(errno));
  drawn |= std::uint64_t{1} << 63;
  std::uint64_t first = 0;
  return (*page)->own_namespace.compare_exchange_strong(first, drawn) ? drawn : first;
}

/// 0 where the kernel has no such namespaces, so that there is one for all.
Expected<std::uint64_t> namespace_number(const char* path) {
  struct stat status{};
  if (stat(path, &status) == 0) return status.st_ino;
  if (errno == ENOENT && stat("/proc/thread-self/ns", &status) == 0) return 0;
  return namespace_of_ones_own();
}

/// "NSpid:" has a thread's numbers in all pid namespaces from that of this /proc down to its own.
Expected<bool> check_proc_is_ours() {
  char only_number[24];
  std::snprintf(only_number, sizeof only_number, "NSpid:\t%d\n", gettid());
  bool ours = false;
  RADISH_TRY(each_line("/proc/thread-self/status", [&](std::string_view line) {
    if (!line.starts_with("NSpid:")) return true;
    ours = line == only_number;
    return false;
  }));
  return ours;
}

/// Field 22 of /proc/PID/stat.
std::optional<std::uint64_t> parse_start(std::string_view text) {
  // The command's name may hold blanks and parentheses; what follows its last one is plain.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  constexpr int start_field = 22, first_field_after_name = 3;
  for (int field = first_field_after_name; field <= start_field; ++field) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    text.remove_prefix(blank + 1);
  }
  std::uint64_t ticks = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), ticks).ec != std::errc{}) return std::nullopt;
  const std::uint64_t start = ticks & ((1U << start_bits) - 1);
  return start == 0 ? 1 : start;
}

/// nullopt if /proc does not say; `io`, with an errno, if it could not be asked.
Expected<std::optional<std::uint64_t>> ask_start(std::uint64_t pid) {
  const auto ours = check_proc_is_ours();
  if (!ours) return std::unexpected(ours.error());
  if (!*ours) return std::nullopt;
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%llu/stat", static_cast<unsigned long long>(pid));
  char buffer[1024];
  const auto text = read_file(path, buffer, sizeof buffer);
  if (!text) return std::unexpected(text.error());
  return parse_start(*text);
}

/// Only for want of room: asked again, the kernel may tell.
bool is_passing(const Fault& fault) {
  return fault.subject == EMFILE || fault.subject == ENFILE || fault.subject == ENOMEM;
}

}  // namespace

bool proc_is_ours() { return check_proc_is_ours().value_or(false); }

std::optional<std::uint64_t> read_start(std::uint64_t pid) { return ask_start(pid).value_or(std::nullopt); }

Expected<Identity> own_identity() {
  if (const Identity cached = cached_identity()) [[likely]]
    return cached;
  const auto page = get_process_page();
  if (!page) return std::unexpected(page.error());
  const auto pid = static_cast<std::uint64_t>(getpid());
  if (pid >= 1U << pid_bits) return fault(Code::io, "the process number exceeds 22 bits", pid);
  const auto start = ask_start(pid);
  if (!start && is_passing(start.error())) return std::unexpected(start.error());
  const Identity identity = make_identity(pid, start.value_or(std::nullopt).value_or(0), exec_tag());
  // Of two threads that compute it at once only one may have been told the start.
  Identity first = 0;
  return (*page)->identity.compare_exchange_strong(first, identity) ? identity : first;
}

Expected<layout::LeaseOrigin> own_origin() {
  layout::LeaseOrigin origin{};
  char buffer[64];
  const auto read = read_file("/proc/sys/kernel/random/boot_id", buffer, sizeof buffer);
  // A boot that is unknown for the moment only must not pass for another one: its lease would be made anew.
  if (!read && is_passing(read.error())) return std::unexpected(read.error());
  const std::string_view text = read.value_or(std::string_view());
  unsigned digits = 0;
  for (const char letter : text) {
    if (letter == '-' || letter == '\n' || digits == 32) continue;
    const auto nibble = static_cast<unsigned>(letter <= '9' ? letter - '0' : (letter | 32) - 'a' + 10);
    auto& byte = origin.boot_id[digits / 2];
    byte = static_cast<std::uint8_t>(static_cast<unsigned>(byte) << 4 | (nibble & 15));
    ++digits;
  }
  const auto pids = namespace_number("/proc/thread-self/ns/pid"),
             times = namespace_number("/proc/thread-self/ns/time");
  if (!pids) return std::unexpected(pids.error());
  if (!times) return std::unexpected(times.error());
  origin.pid_namespace = *pids;
  origin.time_namespace = *times;
  return origin;
}

}  // namespace radish::sync
