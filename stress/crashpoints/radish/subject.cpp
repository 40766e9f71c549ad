// radish under the explorer: the library as it ships, behind the explorer's interface.
#include "../subject.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include "image.h"
#include "radish/tree.hpp"

namespace radish::crashpoints {
namespace {

#ifndef RADISH_SUBJECT_BUILD
#define RADISH_SUBJECT_BUILD "unknown"
#endif

constexpr std::string_view absent_key = "\x7f no such key";

Tree& tree_of(Handle* handle) { return *reinterpret_cast<Tree*>(handle); }
std::string_view view_of(Bytes bytes) { return {bytes.data, bytes.size}; }
std::int32_t error_of(const Error& error) { return static_cast<std::int32_t>(error.code); }

template <class T>
std::int32_t error_of(const Result<T>& result) {
  return result ? 0 : error_of(result.error());
}

int make(std::uint64_t capacity_bytes) {
  OpenOptions options;
  options.capacity_bytes = capacity_bytes;
  options.reader_slots = 8;
  const auto tree = Tree::create_memfd("crashpoints", options);
  // Opened anew: a duplicate would share the tree's lock, and hold it for ever.
  return tree ? open(("/proc/self/fd/" + std::to_string(tree->descriptor())).c_str(), O_RDWR | O_CLOEXEC)
              : -1;
}

Attached attached_by(const Result<Tree>& tree) {
  if (!tree) return Attached::refused;
  // Healing counts as a takeover.
  const bool recovered = tree->outcome() == Outcome::recovered || tree->outcome() == Outcome::healed;
  return recovered ? Attached::recovered : Attached::plainly;
}

Handle* attach(int descriptor, std::uint32_t patience_ms, Attached* attached) {
  OpenOptions options;
  options.lock_timeout = std::chrono::milliseconds(patience_ms);
  auto tree = Tree::open_descriptor(descriptor, options);
  if (attached != nullptr) *attached = attached_by(tree);
  return tree ? reinterpret_cast<Handle*>(new Tree(std::move(*tree))) : nullptr;
}

void detach(Handle* handle) { delete &tree_of(handle); }

Reply reply(const Result<bool>& result) {
  return {.error = error_of(result), .has_value = false, .number = result.value_or(false), .value = 0};
}
Reply reply(const Result<std::optional<std::uint64_t>>& result) {
  const auto found = result.value_or(std::nullopt);
  return {.error = error_of(result), .has_value = found.has_value(), .number = 0, .value = found.value_or(0)};
}
Reply reply(const Result<Exchange>& result) {
  const Exchange found = result.value_or(Exchange{});
  return {.error = error_of(result),
          .has_value = found.actual.has_value(),
          .number = found.exchanged,
          .value = found.actual.value_or(0)};
}
Reply reply(const Result<std::uint64_t>& result) {
  return {.error = error_of(result), .has_value = false, .number = result.value_or(0), .value = 0};
}
Reply reply(const Result<void>& result) {
  return {.error = error_of(result), .has_value = false, .number = 0, .value = 0};
}

Reply operate(Handle* handle, const Call* call) {
  Tree& tree = tree_of(handle);
  const std::string_view key = view_of(call->key);
  switch (call->act) {
    case Act::insert:
      return reply(tree.insert(key, call->value));
    case Act::insert_new:
      return reply(tree.insert_new(key, call->value));
    case Act::compare_exchange:
      return reply(tree.compare_exchange(key, call->value, call->second));
    case Act::fetch_add:
      return reply(tree.fetch_add(key, call->value));
    case Act::erase:
      return reply(tree.erase(key));
    case Act::erase_prefix:
      return reply(tree.erase_prefix(key));
    case Act::clear:
      return reply(tree.clear());
    case Act::freeze:
      return reply(tree.freeze());
  }
  return {.error = -1, .has_value = false, .number = 0, .value = 0};
}

bool recover(Handle* handle, bool by_writing) {
  if (!by_writing) return tree_of(handle).view().has_value();
  const auto erased = tree_of(handle).erase(absent_key);
  return erased || erased.error().code == Code::frozen;
}

std::int32_t find(Handle* handle, Bytes key, bool* found, std::uint64_t* value) {
  const auto result = tree_of(handle).find(view_of(key));
  const auto stored = result.value_or(std::nullopt);
  *found = stored.has_value();
  *value = stored.value_or(0);
  return error_of(result);
}

std::int32_t longest_prefix(Handle* handle, Bytes query, bool* found, std::uint64_t* value,
                            std::size_t* length) {
  const auto result = tree_of(handle).longest_prefix(view_of(query));
  const Match match = result.value_or(std::nullopt).value_or(Match{});
  *found = result && result->has_value();
  *value = match.value;
  *length = match.length;
  return error_of(result);
}

std::int32_t dump(Handle* handle, DumpSink sink, void* context) {
  auto cursor = tree_of(handle).cursor();
  if (!cursor) return error_of(cursor.error());
  for (;;) {
    const auto entry = cursor->next();
    if (!entry) return error_of(entry.error());
    if (!*entry) return 0;
    sink(context, {(*entry)->key.data(), (*entry)->key.size()}, (*entry)->value);
  }
}

std::int32_t count(Handle* handle, std::uint64_t* keys) {
  const auto result = tree_of(handle).count();
  *keys = result.value_or(0);
  return error_of(result);
}

bool audit(Handle* handle, char* message, std::size_t message_bytes) {
  const auto whole = tree_of(handle).verify();
  if (whole) return true;
  const std::string& text = whole.error().message;
  message[text.copy(message, message_bytes - 1)] = '\0';
  return false;
}

constexpr Subject subject{
    .version = subject_version,
    .name = "radish",
    .build = RADISH_SUBJECT_BUILD,
    .acts = (1U << act_count) - 1,
    .gave_up = static_cast<std::int32_t>(Code::timed_out),
    .make = make,
    .attach = attach,
    .detach = detach,
    .operate = operate,
    .recover = recover,
    .find = find,
    .longest_prefix = longest_prefix,
    .dump = dump,
    .count = count,
    .audit = audit,
    .extent = extent_of,
    .debts = debts_of,
    .digest = digest_of,
    .announce_read = announce_read,
    .damages = damage_kinds,
    .damage = damage,
    .noise = noise_of,
};

}  // namespace
}  // namespace radish::crashpoints

const radish::crashpoints::Subject* crashpoints_subject() { return &radish::crashpoints::subject; }
