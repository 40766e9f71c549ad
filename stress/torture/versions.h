// What the torture stores: each key runs through versions 0, 1, 2, ..., one a change. A version says by
// itself whether the key is there, and the value in the tree names the key and the version. So two versions,
// one known to be past and one that may have been reached, say which answers are allowed.
#pragma once

#include <cstdint>
#include <optional>

namespace radish::stress::torture {

using KeyId = std::uint32_t;
using Version = std::uint64_t;

inline constexpr unsigned version_bits = 40;
inline constexpr std::uint64_t version_mask = (std::uint64_t{1} << version_bits) - 1;

[[nodiscard]] constexpr std::uint64_t value_of(KeyId key, Version version) {
  return std::uint64_t{key} << version_bits | version;
}
[[nodiscard]] constexpr KeyId key_of(std::uint64_t value) {
  return static_cast<KeyId>(value >> version_bits);
}
[[nodiscard]] constexpr Version version_of(std::uint64_t value) { return value & version_mask; }

/// A key is absent at version 0 and, unless its period is 0, at each multiple of the period.
[[nodiscard]] constexpr bool is_present(std::uint32_t period, Version version) {
  return version != 0 && (period == 0 || version % period != 0);
}
/// The version that an erasure leads to.
[[nodiscard]] constexpr Version erased_version(std::uint32_t period, Version version) {
  return (version / period + 1) * period;
}

/// Versions that a key may have had at some moment of a call: `low` was reached before it, `high` is the
/// newest that was begun before its end. One that leaps, with an erasure, has nothing in between: what is not
/// the newest has been acknowledged, at the latest when `high` had been read.
struct Interval {
  Version low;
  Version high;
  Version acknowledged;
};

[[nodiscard]] constexpr bool may_be_absent(std::uint32_t period, Interval at) {
  if (at.low == 0) return true;
  return period != 0 && at.high / period * period >= at.low;
}
[[nodiscard]] constexpr bool may_be_value(KeyId key, std::uint32_t period, Interval at, std::uint64_t value) {
  const Version version = version_of(value);
  const bool was_reached = version == at.high || (version < at.high && version <= at.acknowledged);
  return key_of(value) == key && is_present(period, version) && at.low <= version && was_reached;
}
/// The version that an answer shows for certain, of those that it allows; 0 if there are several.
[[nodiscard]] constexpr Version shown_version(std::uint32_t period, Interval at,
                                              std::optional<std::uint64_t> answer) {
  if (answer) return version_of(*answer);
  if (period == 0) return 0;
  const Version newest = at.high / period * period;
  return newest < period || newest - period < at.low ? newest : 0;
}
[[nodiscard]] constexpr bool may_be(KeyId key, std::uint32_t period, Interval at,
                                    std::optional<std::uint64_t> answer) {
  return answer ? may_be_value(key, period, at, *answer) : may_be_absent(period, at);
}

static_assert(!is_present(0, 0) && is_present(0, 1) && is_present(2, 3) && !is_present(2, 4));
static_assert(erased_version(5, 3) == 5 && erased_version(2, 5) == 6);
static_assert(may_be_absent(5, {4, 6, 4}) && !may_be_absent(5, {6, 9, 6}) && !may_be_absent(0, {1, 9, 1}));
static_assert(may_be(7, 2, {3, 3, 3}, value_of(7, 3)) && !may_be(7, 2, {3, 3, 3}, std::nullopt));
static_assert(!may_be(7, 2, {3, 3, 3}, value_of(8, 3)) && !may_be(7, 2, {3, 5, 5}, value_of(7, 4)));
static_assert(!may_be(7, 7, {3, 7, 3}, value_of(7, 5)) && may_be(7, 7, {3, 7, 7}, value_of(7, 5)));
static_assert(shown_version(5, {4, 6, 4}, std::nullopt) == 5 && shown_version(5, {4, 11, 9}, {}) == 0);
static_assert(shown_version(5, {0, 6, 4}, std::nullopt) == 0 && shown_version(5, {0, 4, 0}, {}) == 0);

}  // namespace radish::stress::torture
