#include "model/operation.h"

#include <algorithm>
#include <charconv>

namespace radish::model {

namespace {

// In the order of Kind.
constexpr std::array<KindFields, kind_count> fields_table = {{
    {.name = "insert", .key = true, .value = true},
    {.name = "insert_new", .key = true, .value = true},
    {.name = "compare_exchange", .key = true, .value = true, .second = true},
    {.name = "fetch_add", .key = true, .value = true},
    {.name = "erase", .key = true},
    {.name = "erase_prefix", .key = true},
    {.name = "clear"},
    {.name = "find", .key = true},
    {.name = "contains", .key = true},
    {.name = "longest_prefix", .key = true},
    {.name = "prefixes", .key = true},
    {.name = "count"},
    {.name = "scan_forward", .key = true, .bound = true, .count = true},
    {.name = "scan_backward", .key = true, .bound = true, .count = true},
    {.name = "walk", .key = true, .bound = true, .value = true, .count = true},
    {.name = "cursor_open", .key = true},
    {.name = "cursor_seek", .bound = true},
    {.name = "cursor_next", .count = true},
    {.name = "cursor_previous", .count = true},
    {.name = "view", .key = true},
    {.name = "verify"},
    {.name = "stats"},
    {.name = "reopen"},
    {.name = "switch_handle"},
    {.name = "replace_all"},
}};
static_assert(fields_table[kind_count - 1].name == "replace_all");

constexpr std::array<std::string_view, 3> storage_names = {"anonymous", "memfd", "file"};

constexpr std::size_t repeat_bytes_min = 12;

void append_byte(std::string& text, char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(byte);
  if (byte == '"' || byte == '\\') {
    text += '\\';
    text += byte;
  } else if (code >= 0x20 && code < 0x7f) {
    text += byte;
  } else {
    text += "\\x";
    text += digits[code >> 4];
    text += digits[code & 15];
  }
}

/// Reads a line from left to right; the first thing that does not fit leaves a complaint.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  [[nodiscard]] bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  [[nodiscard]] std::string_view word() {
    const auto taken = rest_.substr(0, rest_.find_first_of(" ="));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  template <class Number>
  [[nodiscard]] bool number(Number& into, int base = 10, std::size_t digits_max = 20) {
    const auto digits = rest_.substr(0, digits_max);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), into, base);
    if (error != std::errc{}) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - digits.data()));
    return true;
  }

  [[nodiscard]] bool quoted(std::string& into) {
    if (!take("\"")) return false;
    while (!take("\"")) {
      std::uint64_t times = 1;
      if (take("\\*") && !(number(times) && take(":") && times <= repeat_max)) return false;
      char byte = 0;
      if (!one_byte(byte)) return false;
      into.append(times, byte);
    }
    return true;
  }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  // Keeps a damaged file from asking for all memory.
  static constexpr std::uint64_t repeat_max = 1 << 24;

  [[nodiscard]] bool one_byte(char& byte) {
    if (take("\\x")) {
      unsigned code = 0;
      const std::size_t before = rest_.size();
      if (!number(code, 16, 2) || before - rest_.size() != 2) return false;
      byte = static_cast<char>(code);
      return true;
    }
    if (rest_.starts_with("\\")) {
      rest_.remove_prefix(1);
      if (!rest_.starts_with("\\") && !rest_.starts_with("\"")) return false;
    }
    if (rest_.empty()) return false;
    byte = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
};

[[nodiscard]] bool parse_bound(LineReader& line, Operation& operation) {
  if (!line.take(" bound=")) return true;
  return line.quoted(operation.bound.emplace());
}

[[nodiscard]] std::expected<Setting, std::string> parse_setting(std::string_view text) {
  LineReader line(text);
  Setting setting;
  if (!line.take("segment storage=")) return std::unexpected("expected segment storage=");
  const auto storage = storage_named(line.word());
  if (!storage) return std::unexpected("unknown storage");
  setting.storage = *storage;
  const bool whole = line.take(" capacity=") && line.number(setting.capacity_bytes) && line.take(" slots=") &&
                     line.number(setting.reader_slots) && line.at_end();
  if (!whole) return std::unexpected("expected capacity= and slots=");
  return setting;
}

}  // namespace

const KindFields& fields_of(Kind kind) { return fields_table[static_cast<std::size_t>(kind)]; }

std::string_view storage_name(Storage storage) { return storage_names[static_cast<std::size_t>(storage)]; }

std::optional<Storage> storage_named(std::string_view name) {
  const auto found = std::ranges::find(storage_names, name);
  if (found == storage_names.end()) return std::nullopt;
  return static_cast<Storage>(found - storage_names.begin());
}

std::string quote(std::string_view bytes) {
  std::string text = "\"";
  while (!bytes.empty()) {
    const std::size_t run = std::min(bytes.find_first_not_of(bytes.front()), bytes.size());
    const bool repeats = run >= repeat_bytes_min;
    if (repeats) text += "\\*" + std::to_string(run) + ":";
    append_byte(text, bytes.front());
    bytes.remove_prefix(repeats ? run : 1);
  }
  return text + '"';
}

std::string quote_short(std::string_view bytes) {
  constexpr std::size_t side_bytes = 40;
  if (bytes.size() <= 2 * side_bytes) return quote(bytes);
  return quote(bytes.substr(0, side_bytes)) + "..." + quote(bytes.substr(bytes.size() - side_bytes)) + " (" +
         std::to_string(bytes.size()) + " bytes)";
}

std::string to_text(const Operation& operation) {
  const KindFields& fields = fields_of(operation.kind);
  std::string text(fields.name);
  if (fields.key) text += " key=" + quote(operation.key);
  if (fields.bound && operation.bound) text += " bound=" + quote(*operation.bound);
  if (fields.value) text += " value=" + std::to_string(operation.value);
  if (fields.second) text += " second=" + std::to_string(operation.second);
  if (fields.count) text += " count=" + std::to_string(operation.count);
  return text;
}

std::string to_text(const Sequence& sequence) {
  std::string text = "segment storage=" + std::string(storage_name(sequence.setting.storage)) +
                     " capacity=" + std::to_string(sequence.setting.capacity_bytes) +
                     " slots=" + std::to_string(sequence.setting.reader_slots) + "\n";
  for (const Operation& operation : sequence.operations) text += to_text(operation) + "\n";
  return text;
}

std::expected<Operation, std::string> parse_operation(std::string_view text) {
  LineReader line(text);
  const std::string_view name = line.word();
  const auto found = std::ranges::find(fields_table, name, &KindFields::name);
  if (found == fields_table.end()) return std::unexpected("unknown operation");
  const KindFields& fields = *found;
  Operation operation{.kind = static_cast<Kind>(found - fields_table.begin())};
  if (fields.key && !(line.take(" key=") && line.quoted(operation.key)))
    return std::unexpected("expected key=");
  if (fields.bound && !parse_bound(line, operation)) return std::unexpected("bad bound=");
  if (fields.value && !(line.take(" value=") && line.number(operation.value)))
    return std::unexpected("expected value=");
  if (fields.second && !(line.take(" second=") && line.number(operation.second)))
    return std::unexpected("expected second=");
  if (fields.count && !(line.take(" count=") && line.number(operation.count)))
    return std::unexpected("expected count=");
  if (!line.at_end()) return std::unexpected("text after the last field");
  return operation;
}

std::expected<Sequence, std::string> parse_sequence(std::string_view text) {
  Sequence sequence;
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty() || line.starts_with('#')) continue;
    const auto complain = [&](const std::string& what) {
      return std::unexpected("line " + std::to_string(line_number) + ": " + what);
    };
    if (line.starts_with("segment ")) {
      const auto setting = parse_setting(line);
      if (!setting) return complain(setting.error());
      sequence.setting = *setting;
    } else {
      auto operation = parse_operation(line);
      if (!operation) return complain(operation.error());
      sequence.operations.push_back(std::move(*operation));
    }
  }
  return sequence;
}

}  // namespace radish::model
