#include "text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace radish::cli {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

/// The byte that the first two characters of `text` spell.
std::optional<char> hex_byte(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const int high = hex_value(text[0]);
  const int low = hex_value(text[1]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

void append_hex(std::string& to, char byte) {
  const auto value = static_cast<unsigned char>(byte);
  to += hex_digits[value >> 4];
  to += hex_digits[value & 15];
}

struct Escape {
  char letter;
  char byte;
};
constexpr std::array<Escape, 4> escapes = {{{'t', '\t'}, {'n', '\n'}, {'r', '\r'}, {'\\', '\\'}}};

void append_escape(std::string& to, char byte) {
  to += '\\';
  for (const Escape& escape : escapes) {
    if (escape.byte == byte) {
      to += escape.letter;
      return;
    }
  }
  to += 'x';
  append_hex(to, byte);
}

/// Takes one escape, without its backslash, from the front of `text`.
std::optional<char> take_escape(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const char letter = text[0];
  text.remove_prefix(1);
  for (const Escape& escape : escapes)
    if (escape.letter == letter) return escape.byte;
  const auto byte = letter == 'x' ? hex_byte(text) : std::nullopt;
  if (byte) text.remove_prefix(2);
  return byte;
}

template <class Number>
std::optional<Number> parse(std::string_view text, int base) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Length of a sequence by its first byte, and the range of its second.
struct Lead {
  std::size_t length;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xC2 || byte > 0xF4) return {0};
  if (byte < 0xE0) return {2};
  // What is excluded: over-long forms, surrogates, and code points above 0x10FFFF.
  if (byte < 0xF0)
    return {3, static_cast<unsigned char>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<unsigned char>(byte == 0xED ? 0x9F : 0xBF)};
  return {4, static_cast<unsigned char>(byte == 0xF0 ? 0x90 : 0x80),
          static_cast<unsigned char>(byte == 0xF4 ? 0x8F : 0xBF)};
}

}  // namespace

std::size_t utf8_sequence_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Lead lead = lead_of(byte(0));
  if (lead.length <= 1) return lead.length;
  if (text.size() < lead.length || byte(1) < lead.low || byte(1) > lead.high) return 0;
  for (std::size_t i = 2; i < lead.length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  return lead.length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_bytes(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_escaped(std::string& to, std::string_view key) {
  while (!key.empty()) {
    const std::size_t length = utf8_sequence_bytes(key);
    const char first = key[0];
    const bool control = length == 1 && (first < ' ' || first == '\x7f');
    if (length == 0 || control || first == '\\')
      append_escape(to, first);
    else
      to += key.substr(0, length);
    key.remove_prefix(length == 0 ? 1 : length);
  }
}

bool unescape(std::string_view text, std::string& key) {
  key.clear();
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    key += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    text.remove_prefix(1);
    const auto byte = take_escape(text);
    if (!byte) return false;
    key += *byte;
  }
  return true;
}

std::string to_hex(std::string_view key) {
  std::string text;
  text.reserve(2 * key.size());
  for (const char byte : key) append_hex(text, byte);
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string key;
  key.reserve(text.size() / 2);
  for (; !text.empty(); text.remove_prefix(2)) {
    const auto byte = hex_byte(text);
    if (!byte) return std::nullopt;
    key += *byte;
  }
  return key;
}

std::optional<std::uint64_t> parse_number(std::string_view text) { return parse<std::uint64_t>(text, 10); }

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view units = "KMGT";
  unsigned shift = 0;
  if (!text.empty() && units.find(text.back()) != std::string_view::npos) {
    shift = 10 * (static_cast<unsigned>(units.find(text.back())) + 1);
    text.remove_suffix(1);
  }
  const auto number = parse_number(text);
  if (!number || *number > std::numeric_limits<std::uint64_t>::max() >> shift) return std::nullopt;
  return *number << shift;
}

std::optional<std::uint32_t> parse_slots(std::string_view text) {
  const auto slots = parse<std::uint32_t>(text, 10);
  return slots && *slots >= 1 && *slots <= 65536 ? slots : std::nullopt;
}

std::optional<std::uint32_t> parse_mode(std::string_view text) {
  const auto mode = parse<std::uint32_t>(text, 8);
  return mode && *mode <= 0777 ? mode : std::nullopt;
}

std::string short_number(double number) {
  constexpr std::array<const char*, 5> units = {"", " k", " M", " G", " T"};
  std::size_t unit = 0;
  for (; number >= 999.5 && unit + 1 < units.size(); ++unit) number /= 1000;
  const int digits = unit == 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f}{}", number, digits, units[unit]);
}

}  // namespace radish::cli
