// One description of an operation and of a sequence of them, shared by properties, fuzz targets and every
// later harness: what one of them finds, all of them replay.
//
// The text form is one line an operation, the kind first, then the fields that the kind has:
//     segment storage=memfd capacity=262144 slots=16
//     insert key="a\x00b" value=7
//     scan_backward key="" bound="b" count=3
//     # a comment
// Bytes outside printable ASCII, '"' and '\' are written \xHH, \" and \\; \*N: before a byte repeats it N
// times. A field in the table's `optional` column may be missing.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radish::model {

enum class Kind : std::uint8_t {
  insert,
  insert_new,
  compare_exchange,
  fetch_add,
  erase,
  erase_prefix,
  clear,
  find,
  contains,
  longest_prefix,
  prefixes,
  count,
  scan_forward,     ///< a fresh cursor over prefix `key`: seek(bound) if given, then `count` times next
  scan_backward,    ///< a fresh cursor over prefix `key`: seek(bound) or seek_end(), then previous
  walk,             ///< a fresh cursor that turns: step i goes forward if bit i mod 64 of `value` is set
  cursor_open,      ///< a cursor over prefix `key` that rests while other operations run
  cursor_seek,      ///< moves it: seek(bound), or seek_end()
  cursor_next,      ///< `count` steps of it
  cursor_previous,  ///< `count` steps of it
  view,             ///< a stable view, one nested in it, reads of `key` and a refused mutation below it
  verify,
  stats,
  reopen,         ///< closes every handle and opens the segment again
  switch_handle,  ///< goes on through the other of two handles
  replace_all,    ///< loads what is there anew
};
inline constexpr std::size_t kind_count = 25;

/// The longest key that a tree stores; said here again, so that a change of the library's bound is noticed.
inline constexpr std::size_t key_bytes_max = 65535;

struct Operation {
  Kind kind = Kind::count;
  std::string key{};
  std::optional<std::string> bound{};
  std::uint64_t value = 0;
  std::uint64_t second = 0;  ///< `desired` of compare_exchange, whose `expected` is `value`
  std::uint32_t count = 0;

  bool operator==(const Operation&) const = default;
};

/// Which fields an operation of a kind has; the others keep their defaults.
struct KindFields {
  std::string_view name;
  bool key = false;
  bool bound = false;  ///< optional
  bool value = false;
  bool second = false;
  bool count = false;
};
[[nodiscard]] const KindFields& fields_of(Kind kind);

/// Where the segment of a sequence lives.
enum class Storage : std::uint8_t { anonymous, memfd, file };

struct Setting {
  Storage storage = Storage::anonymous;
  std::uint64_t capacity_bytes = std::uint64_t{1} << 20;
  std::uint32_t reader_slots = 16;

  bool operator==(const Setting&) const = default;
};

struct Sequence {
  Setting setting{};
  std::vector<Operation> operations{};

  bool operator==(const Sequence&) const = default;
};

[[nodiscard]] std::string_view storage_name(Storage storage);
[[nodiscard]] std::optional<Storage> storage_named(std::string_view name);

[[nodiscard]] std::string quote(std::string_view bytes);
/// `quote`, cut in the middle if it is long: for messages, not to be parsed.
[[nodiscard]] std::string quote_short(std::string_view bytes);

[[nodiscard]] std::string to_text(const Operation& operation);
[[nodiscard]] std::string to_text(const Sequence& sequence);

/// The error names the line and what is wrong with it.
[[nodiscard]] std::expected<Operation, std::string> parse_operation(std::string_view line);
[[nodiscard]] std::expected<Sequence, std::string> parse_sequence(std::string_view text);

}  // namespace radish::model
