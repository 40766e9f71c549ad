// radish behind the explorer's interface, whatever of a segment is explored: a Store says what its map from
// byte strings to numbers is made of.
//
//     static constexpr const char* name;
//     static constexpr std::uint32_t acts;                   // bit_of each that it has
//     static constexpr std::uint64_t pages_per_operation_max;
//     static constexpr bool has_longest_prefix;
//     static bool lay_out(Segment&);                         // what an empty one holds
//     static Result<Store> of(Segment);                      // of one that is laid out; changes nothing
//     Segment segment;
//     Reply operate(const Call&);
//     Result<bool> change_nothing();                         // as a writer
//     Found find(std::string_view) const;
//     Result<std::optional<Match>> longest_prefix(std::string_view) const;
//     Result<void> dump(const Sink&) const;
//     Result<std::uint64_t> count() const;
//     std::string complaint() const;                         // of what holds it together; empty: none
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "../subject.h"
#include "image.h"
#include "radish/segment.hpp"

#ifndef RADISH_SUBJECT_BUILD
#define RADISH_SUBJECT_BUILD "unknown"
#endif

namespace radish::crashpoints {

inline constexpr std::string_view absent_key = "\x7f no such key";
inline constexpr std::uint32_t all_acts = (1U << act_count) - 1;

using Found = Result<std::optional<std::uint64_t>>;
using Sink = std::function<void(std::string_view key, std::uint64_t value)>;

inline std::string_view view_of(Bytes bytes) { return {bytes.data, bytes.size}; }
inline std::int32_t error_of(const Error& error) { return static_cast<std::int32_t>(error.code); }
template <class T>
std::int32_t error_of(const Result<T>& result) {
  return result ? 0 : error_of(result.error());
}

inline Reply reply(const Result<bool>& result) {
  return {.error = error_of(result), .has_value = false, .number = result.value_or(false), .value = 0};
}
inline Reply reply(const Found& result) {
  const auto found = result.value_or(std::nullopt);
  return {.error = error_of(result), .has_value = found.has_value(), .number = 0, .value = found.value_or(0)};
}
inline Reply reply(const Result<Exchange>& result) {
  const Exchange found = result.value_or(Exchange{});
  return {.error = error_of(result),
          .has_value = found.actual.has_value(),
          .number = found.exchanged,
          .value = found.actual.value_or(0)};
}
inline Reply reply(const Result<std::uint64_t>& result) {
  return {.error = error_of(result), .has_value = false, .number = result.value_or(0), .value = 0};
}
inline Reply reply(const Result<void>& result) {
  return {.error = error_of(result), .has_value = false, .number = 0, .value = 0};
}

inline Reply operate_on(Tree& tree, const Call& call) {
  const std::string_view key = view_of(call.key);
  switch (call.act) {
    case Act::insert:
      return reply(tree.insert(key, call.value));
    case Act::insert_new:
      return reply(tree.insert_new(key, call.value));
    case Act::compare_exchange:
      return reply(tree.compare_exchange(key, call.value, call.second));
    case Act::fetch_add:
      return reply(tree.fetch_add(key, call.value));
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

inline Result<void> dump_tree(const Tree& tree, const Sink& sink) {
  auto cursor = tree.cursor();
  if (!cursor) return std::unexpected(cursor.error());
  for (;;) {
    const auto entry = cursor->next();
    if (!entry) return std::unexpected(entry.error());
    if (!*entry) return {};
    sink((*entry)->key, (*entry)->value);
  }
}

/// A Store of the tree without a name, but for its name, `operate` and what that takes.
struct UnnamedTree {
  static constexpr std::uint32_t acts = all_acts;
  static constexpr bool has_longest_prefix = true;

  static bool lay_out(const Segment&) { return true; }
  static UnnamedTree of(Segment segment) {
    Tree tree = segment.tree();
    return {std::move(segment), std::move(tree)};
  }
  Result<bool> change_nothing() { return tree.erase(absent_key); }
  [[nodiscard]] Found find(std::string_view key) const { return tree.find(key); }
  [[nodiscard]] auto longest_prefix(std::string_view query) const { return tree.longest_prefix(query); }
  [[nodiscard]] Result<void> dump(const Sink& sink) const { return dump_tree(tree, sink); }
  [[nodiscard]] Result<std::uint64_t> count() const { return tree.count(); }
  [[nodiscard]] static std::string complaint() { return {}; }

  Segment segment;
  Tree tree;
};

template <class Store>
struct Face {
  static Store& store_of(Handle* handle) { return *reinterpret_cast<Store*>(handle); }

  static int make(std::uint64_t capacity_bytes) {
    OpenOptions options;
    options.capacity_bytes = capacity_bytes;
    options.reader_slots = 8;
    auto segment = Segment::create_memfd("crashpoints", options);
    if (!segment || !Store::lay_out(*segment)) return -1;
    // Opened anew: a duplicate would share the segment's lock, and hold it for ever.
    return open(("/proc/self/fd/" + std::to_string(segment->descriptor())).c_str(), O_RDWR | O_CLOEXEC);
  }

  static Handle* attach(int descriptor, std::uint32_t patience_ms, Attached* attached) {
    OpenOptions options;
    options.lock_timeout = std::chrono::milliseconds(patience_ms);
    auto segment = Segment::open_descriptor(descriptor, options);
    const Outcome outcome = segment ? segment->outcome() : Outcome::attached;
    auto store = segment ? Store::of(std::move(*segment)) : std::unexpected(segment.error());
    if (attached != nullptr) *attached = store ? attached_by(outcome) : Attached::refused;
    return store ? reinterpret_cast<Handle*>(new Store(std::move(*store))) : nullptr;
  }
  /// Healing counts as a takeover.
  static Attached attached_by(Outcome outcome) {
    return outcome == Outcome::recovered || outcome == Outcome::healed ? Attached::recovered
                                                                       : Attached::plainly;
  }
  static void detach(Handle* handle) { delete &store_of(handle); }

  static Reply operate(Handle* handle, const Call* call) {
    if (call->act == Act::freeze) return reply(store_of(handle).segment.freeze());
    return store_of(handle).operate(*call);
  }
  static bool recover(Handle* handle, bool by_writing) {
    if (!by_writing) return store_of(handle).segment.view().has_value();
    const auto changed = store_of(handle).change_nothing();
    return changed || changed.error().code == Code::frozen;
  }

  static std::int32_t find(Handle* handle, Bytes key, bool* found, std::uint64_t* value) {
    const Found result = store_of(handle).find(view_of(key));
    const auto stored = result.value_or(std::nullopt);
    *found = stored.has_value();
    *value = stored.value_or(0);
    return error_of(result);
  }
  static std::int32_t longest_prefix(Handle* handle, Bytes query, bool* found, std::uint64_t* value,
                                     std::size_t* length) {
    const auto result = store_of(handle).longest_prefix(view_of(query));
    const Match match = result.value_or(std::nullopt).value_or(Match{});
    *found = result && result->has_value();
    *value = match.value;
    *length = match.length;
    return error_of(result);
  }
  static std::int32_t dump(Handle* handle, DumpSink sink, void* context) {
    return error_of(store_of(handle).dump(
        [&](std::string_view key, std::uint64_t value) { sink(context, {key.data(), key.size()}, value); }));
  }
  static std::int32_t count(Handle* handle, std::uint64_t* keys) {
    const auto result = store_of(handle).count();
    *keys = result.value_or(0);
    return error_of(result);
  }
  static bool audit(Handle* handle, char* message, std::size_t message_bytes) {
    const auto whole = store_of(handle).segment.verify();
    const std::string text = whole ? store_of(handle).complaint() : whole.error().message;
    message[text.copy(message, message_bytes - 1)] = '\0';
    return text.empty();
  }
  static std::uint64_t extent(const std::byte* image) {
    return extent_of(image, Store::pages_per_operation_max);
  }
  static std::uint64_t digest(const std::byte* image, std::uint64_t bytes) {
    return digest_of(image, std::min(bytes, extent(image)));
  }

  static constexpr Subject subject() {
    return {
        .version = subject_version,
        .name = Store::name,
        .build = RADISH_SUBJECT_BUILD,
        .acts = Store::acts,
        .gave_up = static_cast<std::int32_t>(Code::timed_out),
        .look_ms = 2,  // K4
        .make = make,
        .attach = attach,
        .detach = detach,
        .operate = operate,
        .recover = recover,
        .find = find,
        .longest_prefix = Store::has_longest_prefix ? longest_prefix : nullptr,
        .dump = dump,
        .count = count,
        .audit = audit,
        .extent = extent,
        .debts = debts_of,
        .digest = digest,
        .announce_read = announce_read,
        .damages = damage_kinds,
        .damage = damage,
        .noise = noise_of,
    };
  }
};

}  // namespace radish::crashpoints
