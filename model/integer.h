// Integer maps beside std::map: every public operation of radish::IntegerMap, its cursor and its refusals.
// Properties and the fuzz target draw the same operations and run them here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "radish/integer_map.hpp"

namespace radish::model {

struct IntegerOperation {
  enum class Kind : std::uint8_t {
    insert,
    insert_new,
    compare_exchange,
    fetch_add,
    erase,
    clear,
    find,
    contains,
    lower_bound,
    predecessor,
    count,
    scan_forward,   ///< a fresh cursor: seek(key), then `value` mod 64 times next
    scan_backward,  ///< the same, previous; from behind all if the key is the greatest there is
    cursor_seek,    ///< of a cursor that rests while other operations run
    cursor_end,
    cursor_next,
    cursor_previous,
    verify,
    switch_handle,  ///< goes on through the other of two handles
  };
  Kind kind = Kind::count;
  std::uint64_t key = 0;
  std::uint64_t value = 0;
  std::uint64_t second = 0;  ///< `desired` of compare_exchange, whose `expected` is `value`
};
inline constexpr std::size_t integer_kinds = 19;

/// How keys lie: whatever is drawn becomes a key of a kind that meets others.
enum class KeyShape : std::uint8_t { dense, clustered, boundary, random };
inline constexpr std::size_t key_shapes = 4;
/// Boundaries lie beside powers of 16 and beside the depth's greatest key, beyond it too.
[[nodiscard]] std::uint64_t shaped_key(KeyShape shape, std::uint64_t drawn, unsigned depth);

struct IntegerSequence {
  unsigned depth = 16;
  std::vector<IntegerOperation> operations{};
};
[[nodiscard]] std::string to_text(const IntegerSequence& sequence);
/// Any bytes are a sequence.
[[nodiscard]] IntegerSequence decode_integers(std::span<const std::uint8_t> bytes);
/// The first disagreement between map and model, or nullopt.
[[nodiscard]] std::optional<std::string> run(const IntegerSequence& sequence);

}  // namespace radish::model
