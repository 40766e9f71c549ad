// Named roots and integer maps of the C interface.
#include <algorithm>
#include <utility>

#include "c/border.h"

namespace {

using radish::Code;
using radish::Error;
using radish::IntegerMap;
using radish::Result;
using radish::RootOptions;
using radish::Segment;
using radish::c::answer;
using radish::c::fail;
using radish::c::guarded;
using radish::c::null_argument;
using radish::c::tell;

Result<RootOptions> root_options(std::uint32_t flags, std::uint32_t depth) {
  if ((flags & ~std::uint32_t{RADISH_EXCLUSIVE | RADISH_MUST_EXIST}) != 0)
    return std::unexpected(Error{Code::invalid_argument, "an unknown flag of a root"});
  return RootOptions{.exclusive = (flags & RADISH_EXCLUSIVE) != 0,
                     .must_exist = (flags & RADISH_MUST_EXIST) != 0,
                     .depth = depth};
}

/// open(segment, options) answers a Result of what a Handle holds; NULL and the reason otherwise.
template <class Handle, class Open>
Handle* opened(radish_tree* from, const char* name, std::uint32_t flags, std::uint32_t depth,
               radish_error* error, Open open) {
  Handle* handle = nullptr;
  guarded(error, [&]() -> int {
    if (from == nullptr || name == nullptr) return null_argument(error);
    const auto options = root_options(flags, depth);
    if (!options) return fail(options.error(), error);
    Segment segment = from->tree.segment();
    auto root = open(segment, *options);
    if (!root) return fail(root.error(), error);
    handle = new Handle{*std::move(root)};
    tell(error, 0, "");
    return 0;
  });
  return handle;
}

radish_root_info info_of(const radish::RootInfo& from) {
  radish_root_info to = {};
  std::copy(from.name.begin(), from.name.end(), to.name);
  to.name_size = static_cast<std::uint32_t>(from.name.size());
  to.kind = static_cast<std::uint32_t>(from.kind);
  to.depth = from.depth;
  to.keys = from.keys;
  return to;
}

/// body(map) answers a number.
template <class Answer = int, class Body>
Answer with_map(radish_integer_map* handle, Body body) {
  return guarded(nullptr, [&]() -> Answer {
    if (handle == nullptr) return null_argument();
    return body(handle->map);
  });
}

int answer(const Result<std::optional<radish::IntegerEntry>>& entry, std::uint64_t* key,
           std::uint64_t* value) {
  if (key == nullptr || value == nullptr) return null_argument();
  if (!entry) return fail(entry.error());
  const std::optional<radish::IntegerEntry>& found = *entry;
  if (!found) return 0;
  *key = found->key;
  *value = found->value;
  return 1;
}

}  // namespace

extern "C" {

radish_tree* radish_root(radish_tree* handle, const char* name, std::uint32_t flags, radish_error* error) {
  return opened<radish_tree>(
      handle, name, flags, 0, error,
      [&](Segment& segment, const RootOptions& options) { return segment.tree(name, options); });
}

int radish_root_drop(radish_tree* handle, const char* name) {
  return guarded(nullptr, [&]() -> int {
    if (handle == nullptr || name == nullptr) return null_argument();
    return answer(handle->tree.segment().drop(name));
  });
}

std::int64_t radish_roots(radish_tree* handle, radish_root_info* roots, std::size_t capacity) {
  return guarded(nullptr, [&]() -> std::int64_t {
    if (handle == nullptr || (roots == nullptr && capacity > 0)) return null_argument();
    const auto found = handle->tree.segment().roots();
    if (!found) return fail(found.error());
    std::transform(found->begin(),
                   found->begin() + static_cast<std::ptrdiff_t>(std::min(capacity, found->size())), roots,
                   info_of);
    return static_cast<std::int64_t>(found->size());
  });
}

radish_integer_map* radish_integer_map_open(radish_tree* handle, const char* name, std::uint32_t depth,
                                            std::uint32_t flags, radish_error* error) {
  return opened<radish_integer_map>(
      handle, name, flags, depth, error,
      [&](Segment& segment, const RootOptions& options) { return segment.integer_map(name, options); });
}

void radish_integer_map_close(radish_integer_map* handle) { delete handle; }

int radish_integer_insert(radish_integer_map* handle, std::uint64_t key, std::uint64_t value) {
  return with_map(handle, [&](IntegerMap& map) { return answer(map.insert(key, value)); });
}

int radish_integer_insert_new(radish_integer_map* handle, std::uint64_t key, std::uint64_t value) {
  return with_map(handle, [&](IntegerMap& map) { return answer(map.insert_new(key, value)); });
}

int radish_integer_compare_exchange(radish_integer_map* handle, std::uint64_t key, std::uint64_t* expected,
                                    std::uint64_t desired) {
  return with_map(handle, [&](IntegerMap& map) -> int {
    if (expected == nullptr) return null_argument();
    const auto exchange = map.compare_exchange(key, *expected, desired);
    if (!exchange) return fail(exchange.error());
    if (!exchange->actual) return RADISH_ABSENT;
    if (!exchange->exchanged) *expected = *exchange->actual;
    return exchange->exchanged;
  });
}

int radish_integer_fetch_add(radish_integer_map* handle, std::uint64_t key, std::uint64_t delta,
                             std::uint64_t* previous) {
  return with_map(handle, [&](IntegerMap& map) -> int {
    if (previous == nullptr) return null_argument();
    const auto before = map.fetch_add(key, delta);
    if (!before) return fail(before.error());
    *previous = before->value_or(0);
    return before->has_value();
  });
}

int radish_integer_find(radish_integer_map* handle, std::uint64_t key, std::uint64_t* value) {
  return with_map(handle, [&](IntegerMap& map) -> int {
    if (value == nullptr) return null_argument();
    const auto found = map.find(key);
    if (!found) return fail(found.error());
    if (*found) *value = **found;
    return found->has_value();
  });
}

int radish_integer_erase(radish_integer_map* handle, std::uint64_t key) {
  return with_map(handle, [&](IntegerMap& map) { return answer(map.erase(key)); });
}

int radish_integer_lower_bound(radish_integer_map* handle, std::uint64_t bound, std::uint64_t* key,
                               std::uint64_t* value) {
  return with_map(handle, [&](IntegerMap& map) { return answer(map.lower_bound(bound), key, value); });
}

int radish_integer_predecessor(radish_integer_map* handle, std::uint64_t bound, std::uint64_t* key,
                               std::uint64_t* value) {
  return with_map(handle, [&](IntegerMap& map) { return answer(map.predecessor(bound), key, value); });
}

int radish_integer_clear(radish_integer_map* handle) {
  return with_map(handle, [&](IntegerMap& map) -> int {
    const auto cleared = map.clear();
    return cleared ? 0 : fail(cleared.error());
  });
}

std::int64_t radish_integer_count(radish_integer_map* handle) {
  return with_map<std::int64_t>(handle, [&](IntegerMap& map) -> std::int64_t {
    const auto count = map.count();
    return count ? static_cast<std::int64_t>(*count) : fail(count.error());
  });
}

}  // extern "C"
