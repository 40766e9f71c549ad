// The C interface over radish::Tree. Nothing is decided here: arguments are checked, failures become codes,
// and what may throw runs inside a noexcept function, so that what is not a std::exception ends the process
// instead of entering C.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "c/border.h"

namespace {

using radish::Code;
using radish::Error;
using radish::Match;
using radish::OpenOptions;
using radish::Result;
using radish::Tree;
using radish::c::answer;
using radish::c::bytes;
using radish::c::fail;
using radish::c::guarded;
using radish::c::look;
using radish::c::null_argument;
using radish::c::tell;
using radish::c::with_key;
using radish::c::with_tree;

// A size above this was not written by any caller that knows what it means.
constexpr std::size_t structure_bytes_max = 4096;

std::int64_t answer(const Result<std::uint64_t>& result) {
  return result ? static_cast<std::int64_t>(*result) : fail(result.error());
}

// --- opening ----------------------------------------------------------------------------------------------

// Takes over what the caller's version of the structure knows; what it does not know is zero, and so is what
// only a newer caller knows, or it is asking for something that is not here.
bool read_options(const radish_options* from, radish_options& to) {
  to = {};
  if (from == nullptr) return true;
  const std::size_t size = from->size;
  if (size < sizeof from->size || size > structure_bytes_max) return false;
  std::memcpy(&to, from, std::min(size, sizeof to));
  const auto* raw = reinterpret_cast<const unsigned char*>(from);
  const bool tail_is_zero = size <= sizeof to || std::all_of(raw + sizeof to, raw + size,
                                                             [](unsigned char byte) { return byte == 0; });
  const bool known =
      (to.flags & ~std::uint32_t{RADISH_EXCLUSIVE | RADISH_MUST_EXIST | RADISH_HUGE_PAGES}) == 0;
  return tail_is_zero && known && (to.mode & ~std::uint32_t{07777}) == 0;
}

Result<OpenOptions> options_of(const radish_options* from) {
  radish_options raw;
  if (!read_options(from, raw))
    return std::unexpected(
        Error{Code::invalid_argument, "radish_options has a wrong size, an unknown flag or a wrong mode"});
  OpenOptions options;
  options.capacity_bytes = raw.capacity_bytes;
  options.reader_slots = raw.reader_slots;
  options.record_entries = raw.record_entries;
  options.mode = raw.mode;
  options.exclusive = (raw.flags & RADISH_EXCLUSIVE) != 0;
  options.must_exist = (raw.flags & RADISH_MUST_EXIST) != 0;
  options.huge_pages = (raw.flags & RADISH_HUGE_PAGES) != 0;
  options.lock_timeout = std::chrono::milliseconds(raw.lock_timeout_ms);
  options.retired_bytes_max = raw.retired_bytes_max;
  return options;
}

// open() answers a Result<Tree>; the handle goes to the caller, or NULL and the reason to `error`.
template <class Open>
radish_tree* opened(radish_error* error, Open open) {
  radish_tree* handle = nullptr;
  guarded(error, [&]() -> int {
    Result<Tree> tree = open();
    if (!tree) return fail(tree.error(), error);
    handle = new radish_tree{*std::move(tree)};
    tell(error, 0, "");
    return 0;
  });
  return handle;
}

template <class Open>
radish_tree* opened_named(const char* name, const radish_options* raw, radish_error* error, Open open) {
  if (name == nullptr) {
    null_argument(error);
    return nullptr;
  }
  return opened(error, [&]() -> Result<Tree> {
    const auto options = options_of(raw);
    return options ? open(name, *options) : std::unexpected(options.error());
  });
}

// --- figures ----------------------------------------------------------------------------------------------

radish_stats figures(const radish::Stats& from, std::uint32_t size) {
  radish_stats to = {};
  to.size = size;
  to.frozen = from.frozen;
  to.read_only = from.read_only;
  to.reader_slots = from.reader_slots;
  to.reader_slots_used = from.reader_slots_used;
  to.keys = from.keys;
  to.blocks = from.blocks;
  to.blocks_retired = from.blocks_retired;
  to.heap_bytes_used = from.heap_bytes_used;
  to.heap_bytes_free = from.heap_bytes_free;
  to.capacity_bytes = from.capacity_bytes;
  to.backed_bytes = from.backed_bytes;
  to.epoch = from.epoch;
  to.generation = from.generation;
  to.reads = from.reads;
  to.writes = from.writes;
  return to;
}

// A batch of lookups, in pieces that need no memory of their own.
template <class Found, class Stored, class Convert>
std::int64_t read_batch(radish_tree* handle, const radish_key* keys, std::size_t count, Stored* stored,
                        unsigned char* found,
                        Result<void> (Tree::*read)(std::span<const std::string_view>,
                                                   std::span<std::optional<Found>>) const,
                        Convert convert) {
  return with_key<std::int64_t>(handle, nullptr, 0, [&](Tree& tree, auto) -> std::int64_t {
    if (count != 0 && (keys == nullptr || stored == nullptr || found == nullptr)) return null_argument();
    std::array<std::string_view, 256> views;
    std::array<std::optional<Found>, views.size()> answers;
    std::int64_t sum = 0;
    for (std::size_t from = 0; from < count; from += views.size()) {
      const std::size_t size = std::min(views.size(), count - from);
      for (std::size_t index = 0; index < size; ++index) {
        const auto view = bytes(keys[from + index].data, keys[from + index].len);
        if (!view) return null_argument();
        views[index] = *view;
      }
      const auto done = (tree.*read)(std::span(views).first(size), std::span(answers).first(size));
      if (!done) return fail(done.error());
      for (std::size_t index = 0; index < size; ++index) {
        found[from + index] = answers[index].has_value() ? 1 : 0;
        if (answers[index]) stored[from + index] = convert(*answers[index]);
        sum += answers[index] ? 1 : 0;
      }
    }
    return sum;
  });
}

}  // namespace

extern "C" {

radish_tree* radish_open(const char* path, const radish_options* options, radish_error* error) {
  return opened_named(path, options, error, Tree::open);
}

radish_tree* radish_open_readonly(const char* path, radish_error* error) {
  return opened_named(path, nullptr, error,
                      [](const char* name, const OpenOptions&) { return Tree::open_readonly(name); });
}

radish_tree* radish_create_anonymous(const radish_options* options, radish_error* error) {
  return opened_named("", options, error,
                      [](const char*, const OpenOptions& known) { return Tree::create_anonymous(known); });
}

radish_tree* radish_create_memfd(const char* name, const radish_options* options, radish_error* error) {
  return opened_named(name, options, error, Tree::create_memfd);
}

radish_tree* radish_open_fd(int fd, radish_error* error) {
  if (fd < 0) {
    fail(Code::invalid_argument, "the descriptor is negative", error);
    return nullptr;
  }
  return opened(error, [&] { return Tree::open_descriptor(fd); });
}

void radish_close(radish_tree* handle) { delete handle; }

int radish_fd(const radish_tree* handle) {
  return look(handle, -1, [](const Tree& tree) { return tree.descriptor(); });
}

const char* radish_path(const radish_tree* handle) {
  return look(handle, static_cast<const char*>(nullptr),
              [](const Tree& tree) { return tree.path().empty() ? nullptr : tree.path().c_str(); });
}

int radish_open_outcome(const radish_tree* handle) {
  return look(handle, int{RADISH_E_INVALID},
              [](const Tree& tree) { return static_cast<int>(tree.outcome()); });
}

std::uint64_t radish_generation(const radish_tree* handle) {
  return look(handle, std::uint64_t{0}, [](const Tree& tree) { return tree.generation(); });
}

int radish_insert(radish_tree* handle, const void* key, std::size_t len, std::uint64_t value) {
  return with_key(handle, key, len, [&](Tree& tree, auto view) { return answer(tree.insert(view, value)); });
}

int radish_insert_new(radish_tree* handle, const void* key, std::size_t len, std::uint64_t value) {
  return with_key(handle, key, len,
                  [&](Tree& tree, auto view) { return answer(tree.insert_new(view, value)); });
}

int radish_compare_exchange(radish_tree* handle, const void* key, std::size_t len, std::uint64_t* expected,
                            std::uint64_t desired) {
  return with_key(handle, key, len, [&](Tree& tree, auto view) -> int {
    if (expected == nullptr) return null_argument();
    const auto exchange = tree.compare_exchange(view, *expected, desired);
    if (!exchange) return fail(exchange.error());
    if (!exchange->actual) return RADISH_ABSENT;
    if (!exchange->exchanged) *expected = *exchange->actual;
    return exchange->exchanged;
  });
}

int radish_fetch_add(radish_tree* handle, const void* key, std::size_t len, std::uint64_t delta,
                     std::uint64_t* previous) {
  return with_key(handle, key, len, [&](Tree& tree, auto view) -> int {
    if (previous == nullptr) return null_argument();
    const auto before = tree.fetch_add(view, delta);
    if (!before) return fail(before.error());
    *previous = before->value_or(0);
    return before->has_value();
  });
}

int radish_find(radish_tree* handle, const void* key, std::size_t len, std::uint64_t* value) {
  return with_key(handle, key, len, [&](Tree& tree, auto view) -> int {
    if (value == nullptr) return null_argument();
    const auto found = tree.find(view);
    if (!found) return fail(found.error());
    if (*found) *value = **found;
    return found->has_value();
  });
}

int radish_longest_prefix(radish_tree* handle, const void* query, std::size_t len, std::uint64_t* value,
                          std::size_t* matched) {
  return with_key(handle, query, len, [&](Tree& tree, auto view) -> int {
    if (value == nullptr || matched == nullptr) return null_argument();
    const auto match = tree.longest_prefix(view);
    if (!match) return fail(match.error());
    if (!*match) return 0;
    *value = (*match)->value;
    *matched = (*match)->length;
    return 1;
  });
}

int radish_erase(radish_tree* handle, const void* key, std::size_t len) {
  return with_key(handle, key, len, [](Tree& tree, auto view) { return answer(tree.erase(view)); });
}

int radish_clear(radish_tree* handle) {
  return with_tree(handle, nullptr, [](Tree& tree) { return tree.clear(); });
}

std::int64_t radish_erase_prefix(radish_tree* handle, const void* prefix, std::size_t len) {
  return with_key<std::int64_t>(handle, prefix, len,
                                [](Tree& tree, auto view) { return answer(tree.erase_prefix(view)); });
}

std::int64_t radish_count(radish_tree* handle) {
  return with_key<std::int64_t>(handle, nullptr, 0, [](Tree& tree, auto) { return answer(tree.count()); });
}

std::int64_t radish_prefixes(radish_tree* handle, const void* query, std::size_t len, radish_match* matches,
                             std::size_t capacity) {
  return with_key<std::int64_t>(handle, query, len, [&](Tree& tree, auto view) -> std::int64_t {
    if (matches == nullptr && capacity > 0) return null_argument();
    const auto found = tree.prefixes(view);
    if (!found) return fail(found.error());
    for (std::size_t i = 0; i < std::min(capacity, found->size()); ++i)
      matches[i] = {(*found)[i].value, (*found)[i].length};
    return static_cast<std::int64_t>(found->size());
  });
}

std::int64_t radish_find_batch(radish_tree* handle, const radish_key* keys, std::size_t count,
                               std::uint64_t* values, unsigned char* found) {
  return read_batch(handle, keys, count, values, found, &Tree::find_batch,
                    [](std::uint64_t value) { return value; });
}

std::int64_t radish_longest_prefix_batch(radish_tree* handle, const radish_key* queries, std::size_t count,
                                         radish_match* matches, unsigned char* found) {
  return read_batch(handle, queries, count, matches, found, &Tree::longest_prefix_batch,
                    [](const Match& match) { return radish_match{match.value, match.length}; });
}

int radish_replace_all(radish_tree* handle, const radish_key* keys, const std::uint64_t* values,
                       std::size_t count) {
  return with_key(handle, nullptr, 0, [&](Tree& tree, auto) -> int {
    if (count != 0 && (keys == nullptr || values == nullptr)) return null_argument();
    std::vector<std::string_view> views;
    views.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
      const auto view = bytes(keys[index].data, keys[index].len);
      if (!view) return null_argument();
      views.push_back(*view);
    }
    const auto done = tree.replace_all(views, {values, count});
    return done ? 0 : fail(done.error());
  });
}

int radish_freeze(radish_tree* handle) {
  return with_tree(handle, nullptr, [](Tree& tree) { return tree.freeze(); });
}

int radish_frozen(const radish_tree* handle) {
  return look(handle, int{RADISH_E_INVALID}, [](const Tree& tree) { return int{tree.frozen()}; });
}

int radish_readonly(const radish_tree* handle) {
  return look(handle, int{RADISH_E_INVALID}, [](const Tree& tree) { return int{tree.read_only()}; });
}

int radish_sync(radish_tree* handle) {
  return with_tree(handle, nullptr, [](Tree& tree) { return tree.sync(); });
}

int radish_compact(radish_tree* handle, const char* to, const radish_options* raw, radish_error* error) {
  return with_tree(handle, error, [&](Tree& tree) -> Result<void> {
    if (to == nullptr) return std::unexpected(Error{Code::invalid_argument, "the path is NULL"});
    const auto options = options_of(raw);
    return options ? tree.compact_to(to, *options) : std::unexpected(options.error());
  });
}

std::int64_t radish_trim(radish_tree* handle) {
  return with_key<std::int64_t>(handle, nullptr, 0, [](Tree& tree, auto) { return answer(tree.trim()); });
}

int radish_unlink(radish_tree* handle) {
  return with_tree(handle, nullptr, [](Tree& tree) { return tree.unlink(); });
}

// An older caller gets the fields that it knows; a newer one gets zero in those that are not known here.
int radish_stats_get(radish_tree* handle, radish_stats* stats) {
  return with_tree(handle, nullptr, [&](Tree& tree) -> Result<void> {
    if (stats == nullptr || stats->size < sizeof stats->size || stats->size > structure_bytes_max)
      return std::unexpected(Error{Code::invalid_argument, "radish_stats is NULL or its size was not set"});
    const auto current = tree.stats();
    if (!current) return std::unexpected(current.error());
    const std::size_t size = stats->size;
    const radish_stats known = figures(*current, stats->size);
    std::memcpy(stats, &known, std::min(size, sizeof known));
    auto* raw = reinterpret_cast<unsigned char*>(stats);
    std::fill(raw + std::min(size, sizeof known), raw + size, static_cast<unsigned char>(0));
    return {};
  });
}

int radish_verify(radish_tree* handle, radish_error* error) {
  return with_tree(handle, error, [](Tree& tree) { return tree.verify(); });
}

}  // extern "C"
