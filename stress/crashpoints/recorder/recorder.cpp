// The recorder of an instrumented subject: linked into it, and told of every store by it and by the compiler.
//
// Invariants
//   L1  A store that the subject reports is announced before and recorded after; its words of 8 bytes are
//       stores of their own.
//   L2  The compiler calls in before each store that it compiles (-fsanitize-coverage=trace-stores). One to
//       the memory that is watched and not announced goes into the log as not reported; what it stored is
//       seen at the next event.
//   L3  Nothing is left out but what changes nothing and orders nothing.
//   L4  The file is watched wherever it is mapped: the subject's calls of mmap and munmap come by here
//       (--wrap).
#include "recorder.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <vector>

extern "C" {
extern const char __ehdr_start __attribute__((visibility("hidden")));
void* __real_mmap(void*, std::size_t, int, int, int, off_t);
int __real_munmap(void*, std::size_t);
}

namespace radish::crashpoints {
namespace {

struct Span {
  std::byte* first = nullptr;
  std::size_t bytes = 0;
  [[nodiscard]] bool holds(const std::byte* address, std::size_t more) const {
    return address >= first && address + more <= first + bytes;
  }
};

struct FileId {
  dev_t device;
  ino_t inode;
  bool operator==(const FileId&) const = default;
};

struct Mapping {
  Span span;
  std::uint64_t offset;
  FileId file;
};

FileId file_behind(int descriptor) {
  struct stat status{};
  fstat(descriptor, &status);
  return {status.st_dev, status.st_ino};
}

StoreLog* store_log = nullptr;
FileId watched_file;
std::vector<Mapping> mappings;
Span announced;
Span compiled;                    // seen by the compiler, not announced, its value not yet known
std::vector<std::byte> previous;  // what the bytes in question were
std::uint64_t compiled_code = 0;

const Mapping* watched_at(const std::byte* address, std::size_t bytes) {
  for (const Mapping& mapping : mappings)
    if (mapping.file == watched_file && mapping.span.holds(address, bytes)) return &mapping;
  return nullptr;
}

std::uint64_t code_of(const void* address) {
  return static_cast<std::uint64_t>(static_cast<const char*>(address) - &__ehdr_start);
}

void append(const Store& store) {
  if (store_log->count < store_log->capacity)
    store_log->stores()[store_log->count++] = store;
  else
    ++store_log->lost;
}

std::uint64_t word_at(const std::byte* bytes, std::size_t count) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  return word;
}

/// L1: the largest piece that no border of a word cuts.
std::size_t piece_bytes(std::uint64_t offset, std::size_t left) {
  std::size_t bytes = 8;
  while (offset % bytes != 0 || bytes > left) bytes /= 2;
  return bytes;
}

/// What is there now, against what was before. `kind` says the rest.
void append_span(const Span& span, Store kind) {
  const Mapping* mapping = watched_at(span.first, span.bytes);
  if (mapping == nullptr) return;  // unmapped since
  const std::uint64_t start = mapping->offset + static_cast<std::uint64_t>(span.first - mapping->span.first);
  for (std::size_t done = 0; done < span.bytes;) {
    const std::size_t bytes = piece_bytes(start + done, span.bytes - done);
    const std::uint64_t before = word_at(previous.data() + done, bytes);
    const std::uint64_t after = word_at(span.first + done, bytes);
    Store store = kind;
    store.offset = start + done;
    store.before = before;
    store.after = after;
    store.bytes = static_cast<std::uint8_t>(bytes);
    if (before != after || kind.order != Order::free) append(store);
    done += bytes;
  }
}

void remember(const Span& span) { previous.assign(span.first, span.first + span.bytes); }

/// L2: what the last store that the compiler alone saw has left.
void settle_compiled() {
  if (compiled.bytes == 0) return;
  append_span(compiled, {.code = compiled_code, .order = Order::free, .reported = false, .whole = false});
  compiled = {};
}

void record_announced(const Store& kind) {
  if (store_log == nullptr || announced.first == nullptr) return;
  append_span(announced, kind);
  announced = {};
}

void on_compiled_store(void* address, std::size_t bytes, const void* code) {
  auto* first = static_cast<std::byte*>(address);
  if (store_log == nullptr || watched_at(first, bytes) == nullptr) return;
  ++store_log->compiled;
  if (announced.holds(first, bytes)) return;
  settle_compiled();
  compiled = {first, bytes};
  compiled_code = code_of(code);
  remember(compiled);
}

void start(StoreLog* into, int descriptor) {
  store_log = into;
  watched_file = file_behind(descriptor);
  announced = compiled = {};
}

void stop() {
  if (store_log != nullptr) settle_compiled();
  store_log = nullptr;
}

void (*load_hook)(void*) = nullptr;
void* load_context = nullptr;

void at_loads(void (*hook)(void*), void* context) {
  load_hook = hook;
  load_context = context;
}

const Leader* leader = nullptr;

void follow(const Leader* whom) { leader = whom; }

constexpr Recorder recorder{
    .start = start, .stop = stop, .at_loads = at_loads, .follow = follow, .become = become_variant};

}  // namespace

void announce_store(const void* address, std::size_t bytes) {
  auto* first = static_cast<std::byte*>(const_cast<void*>(address));
  if (store_log == nullptr || watched_at(first, bytes) == nullptr) return;
  settle_compiled();
  announced = {first, bytes};
  remember(announced);
}

__attribute__((noinline)) void record_store(Order order) {
  record_announced({.code = code_of(__builtin_return_address(0)), .order = order, .reported = true});
}

__attribute__((noinline)) void record_fill() {
  record_announced(
      {.code = code_of(__builtin_return_address(0)), .order = Order::free, .reported = true, .whole = false});
}

void meet_load() {
  if (load_hook != nullptr) [[unlikely]]
    load_hook(load_context);
  meet_store();
}

void meet_store() {
  if (leader != nullptr) [[unlikely]]
    leader->meet(leader->context);
}

bool sleep_as_led(const std::uint32_t& word, std::uint32_t expected, std::uint64_t timeout_ns) {
  if (leader != nullptr) leader->sleep(leader->context, word, expected, timeout_ns);
  return leader != nullptr;
}

bool wake_as_led() {
  if (leader != nullptr) leader->wake(leader->context);
  return leader != nullptr;
}

void record_barrier() {
  if (store_log == nullptr) return;
  settle_compiled();
  append({.order = Order::barrier, .reported = true});
}

}  // namespace radish::crashpoints

const radish::crashpoints::Recorder* crashpoints_recorder() { return &radish::crashpoints::recorder; }

extern "C" {

// L4
void* __wrap_mmap(void* address, std::size_t bytes, int protection, int flags, int descriptor, off_t offset) {
  using namespace radish::crashpoints;
  void* base = __real_mmap(address, bytes, protection, flags, descriptor, offset);
  if (base != MAP_FAILED && descriptor >= 0 && (flags & MAP_SHARED) != 0)
    mappings.push_back({{static_cast<std::byte*>(base), bytes},
                        static_cast<std::uint64_t>(offset),
                        file_behind(descriptor)});
  return base;
}

int __wrap_munmap(void* address, std::size_t bytes) {
  using namespace radish::crashpoints;
  if (store_log != nullptr) settle_compiled();
  std::erase_if(mappings, [&](const Mapping& mapping) { return mapping.span.first == address; });
  return __real_munmap(address, bytes);
}

// What -fsanitize-coverage=trace-stores calls.
#define RADISH_COMPILED_STORE(BYTES)                                                     \
  void __sanitizer_cov_store##BYTES(void* address) {                                     \
    radish::crashpoints::on_compiled_store(address, BYTES, __builtin_return_address(0)); \
  }
RADISH_COMPILED_STORE(1)
RADISH_COMPILED_STORE(2)
RADISH_COMPILED_STORE(4)
RADISH_COMPILED_STORE(8)
RADISH_COMPILED_STORE(16)
}
