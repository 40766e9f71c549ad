// Keys and numbers as text. The escaped form of a key is one line of valid UTF-8 for any bytes: \t \n \r
// \\ and
// \xNN, the latter for other control bytes and for what is not UTF-8. All else stands for itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace radish::cli {

/// Bytes of the well-formed UTF-8 sequence that `text` starts with; 0 if it starts with none.
[[nodiscard]] std::size_t utf8_sequence_bytes(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text);

void append_escaped(std::string& to, std::string_view key);
/// Replaces `key` by what `text` stands for; false if `text` has an escape that is none.
[[nodiscard]] bool unescape(std::string_view text, std::string& key);

[[nodiscard]] std::string to_hex(std::string_view key);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);

/// A decimal number from 0 to 2^64 - 1, digits only.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);
/// A number with an optional K, M, G or T, in powers of 1024.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
/// How many reader slots: 1 to 65536.
[[nodiscard]] std::optional<std::uint32_t> parse_slots(std::string_view text);
/// A file mode in octal, up to 0777.
[[nodiscard]] std::optional<std::uint32_t> parse_mode(std::string_view text);

/// Three digits and a k, M, G: 1.23 M.
[[nodiscard]] std::string short_number(double number);

}  // namespace radish::cli
