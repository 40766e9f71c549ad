#include "sync/identity.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace radish::sync {
namespace {

// I3: the page, not a static, because only whole pages can be wiped in a child.
struct ProcessPage {
  std::atomic<Identity> identity;
};

std::atomic<ProcessPage*> process_page{nullptr};

Expected<ProcessPage*> get_process_page() {
  if (ProcessPage* page = process_page.load(std::memory_order_acquire)) return page;
  void* fresh = mmap(nullptr, layout::page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (fresh == MAP_FAILED)
    return fault(Code::io, "cannot map the identity page", static_cast<unsigned>(errno));
  if (madvise(fresh, layout::page_bytes, MADV_WIPEONFORK) != 0)
    return fault(Code::io, "the kernel has no MADV_WIPEONFORK", static_cast<unsigned>(errno));
  ProcessPage* expected = nullptr;
  auto* page = static_cast<ProcessPage*>(fresh);
  // Pairs with the acquire load above; a loser's page is given back.
  if (process_page.compare_exchange_strong(expected, page)) return page;
  munmap(fresh, layout::page_bytes);
  return expected;
}

/// First bytes of a small file under /proc, or an empty view.
std::string_view read_file(const char* path, char* buffer, std::size_t capacity) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  std::size_t length = 0;
  while (length < capacity) {
    const ssize_t got = read(descriptor, buffer + length, capacity - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  close(descriptor);
  return {buffer, length};
}

// The kernel's random bytes also seed the stack protector, so they are folded, never shown.
std::uint64_t exec_tag() {
  std::uint64_t random[2] = {0, 0};
  if (const auto* bytes = reinterpret_cast<const void*>(getauxval(AT_RANDOM)))
    std::memcpy(random, bytes, sizeof random);
  const std::uint64_t folded = (random[0] ^ (random[1] << 1 | random[1] >> 63)) * 0x9e3779b97f4a7c15;
  return folded >> (64 - tag_bits);
}

/// 0 where the kernel does not say: it has one of them then, or hides /proc from all alike.
std::uint64_t namespace_number(const char* path) {
  struct stat status{};
  return stat(path, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

bool proc_is_ours() {
  char target[24];
  const ssize_t length = readlink("/proc/self", target, sizeof target);
  if (length <= 0) return false;
  pid_t pid = 0;
  const auto parsed = std::from_chars(target, target + length, pid);
  return parsed.ec == std::errc{} && parsed.ptr == target + length && pid == getpid();
}

std::optional<std::uint64_t> read_start(std::uint64_t pid) {
  if (!proc_is_ours()) return std::nullopt;
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%llu/stat", static_cast<unsigned long long>(pid));
  char buffer[1024];
  std::string_view text = read_file(path, buffer, sizeof buffer);
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

Identity cached_identity() {
  const ProcessPage* page = process_page.load(std::memory_order_acquire);
  return page == nullptr ? 0 : page->identity.load(std::memory_order_relaxed);
}

Expected<Identity> own_identity() {
  if (const Identity cached = cached_identity()) [[likely]]
    return cached;
  const auto page = get_process_page();
  if (!page) return std::unexpected(page.error());
  const auto pid = static_cast<std::uint64_t>(getpid());
  if (pid >= 1U << pid_bits) return fault(Code::io, "the process number exceeds 22 bits", pid);
  const Identity identity = make_identity(pid, read_start(pid).value_or(0), exec_tag());
  // Two threads may compute it at once: they store the same word.
  (*page)->identity.store(identity, std::memory_order_relaxed);
  return identity;
}

layout::LeaseOrigin own_origin() {
  layout::LeaseOrigin origin{};
  char buffer[64];
  const std::string_view text = read_file("/proc/sys/kernel/random/boot_id", buffer, sizeof buffer);
  unsigned digits = 0;
  for (const char letter : text) {
    if (letter == '-' || letter == '\n' || digits == 32) continue;
    const auto nibble = static_cast<unsigned>(letter <= '9' ? letter - '0' : (letter | 32) - 'a' + 10);
    auto& byte = origin.boot_id[digits / 2];
    byte = static_cast<std::uint8_t>(static_cast<unsigned>(byte) << 4 | (nibble & 15));
    ++digits;
  }
  origin.pid_namespace = namespace_number("/proc/self/ns/pid");
  origin.time_namespace = namespace_number("/proc/self/ns/time");
  return origin;
}

}  // namespace radish::sync
