#include "integer.h"

#include <fmt/format.h>

#include <array>

namespace radish::model {
namespace {

using Kind = IntegerOperation::Kind;
using Numbers = std::map<std::uint64_t, std::uint64_t>;
using Entry = std::optional<IntegerEntry>;

constexpr std::array<const char*, integer_kinds> kind_names{
    "insert",        "insert_new",  "compare_exchange", "fetch_add",   "erase",           "clear",
    "find",          "contains",    "lower_bound",      "predecessor", "count",           "scan_forward",
    "scan_backward", "cursor_seek", "cursor_end",       "cursor_next", "cursor_previous", "verify",
    "switch_handle"};
constexpr std::uint64_t scan_steps_max = 64;

std::uint64_t greatest_of(unsigned depth) { return UINT64_MAX >> (64 - 4 * depth); }

std::string text_of(const Entry& entry) {
  return entry ? fmt::format("{:#x} = {}", entry->key, entry->value) : std::string("nothing");
}

/// Unbatched: it sees every change at once. It rests before the key, or behind it.
struct ModelRest {
  std::uint64_t key = 0;
  bool behind = false;
  bool at_end = false;

  Entry next(const Numbers& numbers) {
    if (at_end) return std::nullopt;
    const auto at = behind ? numbers.upper_bound(key) : numbers.lower_bound(key);
    if (at == numbers.end()) return std::nullopt;
    *this = {.key = at->first, .behind = true};
    return IntegerEntry{at->first, at->second};
  }
  Entry previous(const Numbers& numbers) {
    const auto end = at_end ? numbers.end() : behind ? numbers.upper_bound(key) : numbers.lower_bound(key);
    if (end == numbers.begin()) return std::nullopt;
    const auto at = std::prev(end);
    *this = {.key = at->first};
    return IntegerEntry{at->first, at->second};
  }
};

template <class T>
T take(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

/// A map with two handles, a resting cursor, and what the map must hold.
class Runner {
 public:
  explicit Runner(unsigned depth)
      : depth_(depth),
        segment_(take(Segment::create_memfd("integers", {.capacity_bytes = 1 << 20, .reader_slots = 16}))),
        map_(take(segment_.integer_map("map", {.depth = depth}))),
        other_(take(take(Segment::open_descriptor(segment_.descriptor())).integer_map("map"))),
        cursor_(take(map_.cursor())) {}

  /// What is wrong, if anything.
  std::optional<std::string> step(const IntegerOperation& operation);
  std::optional<std::string> finish();

 private:
  using Wrong = std::optional<std::string>;

  /// The answer is the one wanted; or a key too great was refused, or one that found no room.
  template <class T>
  Wrong expect(const Result<T>& answer, const T& wanted, const IntegerOperation& operation);
  template <class T, class Apply>
  Wrong edit(const Result<T>& answer, const T& wanted, const IntegerOperation& operation, Apply apply) {
    const auto wrong = expect(answer, wanted, operation);
    if (!wrong && answer) apply();
    return wrong;
  }
  Wrong expect_entry(const Result<Entry>& answer, const Entry& wanted) const {
    if (!answer) return answer.error().message;
    if (*answer == wanted) return std::nullopt;
    return fmt::format("{} where {} was wanted", text_of(*answer), text_of(wanted));
  }
  Wrong mutate(const IntegerOperation& operation);
  Wrong ask(const IntegerOperation& operation);
  Wrong scan(const IntegerOperation& operation, bool forward);
  Wrong move(const IntegerOperation& operation);

  [[nodiscard]] std::optional<std::uint64_t> value_of(std::uint64_t key) const {
    const auto at = numbers_.find(key);
    return at == numbers_.end() ? std::nullopt : std::optional(at->second);
  }
  [[nodiscard]] Entry entry_at(Numbers::const_iterator at) const {
    return at == numbers_.end() ? std::nullopt : Entry({at->first, at->second});
  }

  unsigned depth_;
  Segment segment_;
  IntegerMap map_;
  IntegerMap other_;
  IntegerCursor cursor_;
  ModelRest rest_;
  Numbers numbers_;
};

bool may_make_a_key(Kind kind) {
  return kind == Kind::insert || kind == Kind::insert_new || kind == Kind::fetch_add;
}

template <class T>
std::optional<std::string> Runner::expect(const Result<T>& answer, const T& wanted,
                                          const IntegerOperation& operation) {
  const bool too_great = operation.key > greatest_of(depth_);
  if (answer && !too_great) return *answer == wanted ? Wrong{} : Wrong("another answer than the model's");
  if (answer) return "a key beyond the depth was taken";
  if (too_great && answer.error().code == Code::invalid_argument) return std::nullopt;
  const bool no_room = answer.error().code == Code::full && may_make_a_key(operation.kind) &&
                       !numbers_.contains(operation.key);
  return no_room ? Wrong{} : Wrong(answer.error().message);
}

std::optional<std::string> Runner::mutate(const IntegerOperation& operation) {
  const auto& [kind, key, value, second] = operation;
  const auto before = value_of(key);
  switch (kind) {
    case Kind::insert:
      return edit(map_.insert(key, value), !before, operation, [&] { numbers_[key] = value; });
    case Kind::insert_new:
      return edit(map_.insert_new(key, value), !before, operation, [&] { numbers_.emplace(key, value); });
    case Kind::compare_exchange:
      return edit(map_.compare_exchange(key, value, second), Exchange{before == value, before}, operation,
                  [&] {
                    if (before == value) numbers_[key] = second;
                  });
    case Kind::fetch_add:
      return edit(map_.fetch_add(key, value), before, operation, [&] { numbers_[key] += value; });
    case Kind::erase:
      return edit(map_.erase(key), before.has_value(), operation, [&] { numbers_.erase(key); });
    default:
      if (const auto cleared = map_.clear(); !cleared) return cleared.error().message;
      numbers_.clear();
      return std::nullopt;
  }
}

std::optional<std::string> Runner::ask(const IntegerOperation& operation) {
  const std::uint64_t key = operation.key;
  switch (operation.kind) {
    case Kind::find:
      return expect(map_.find(key), value_of(key), operation);
    case Kind::contains:
      return expect(map_.contains(key), numbers_.contains(key), operation);
    case Kind::lower_bound:
      return expect(map_.lower_bound(key), entry_at(numbers_.lower_bound(key)), operation);
    case Kind::predecessor: {
      const auto behind = numbers_.upper_bound(key);
      return expect(map_.predecessor(key), behind == numbers_.begin() ? Entry{} : entry_at(std::prev(behind)),
                    operation);
    }
    case Kind::count:
      return expect(map_.count(), std::uint64_t{numbers_.size()}, {});
    default:
      const auto whole = segment_.verify();
      return whole ? Wrong{} : Wrong(whole.error().message);
  }
}

std::optional<std::string> Runner::scan(const IntegerOperation& operation, bool forward) {
  auto cursor = map_.cursor();
  if (!cursor) return cursor.error().message;
  ModelRest rest{.key = operation.key, .at_end = !forward && operation.key == greatest_of(depth_)};
  if (rest.at_end)
    cursor->seek_end();
  else
    cursor->seek(operation.key);
  for (std::uint64_t step = 0; step < operation.value % scan_steps_max; ++step) {
    const Entry wanted = forward ? rest.next(numbers_) : rest.previous(numbers_);
    if (const auto wrong = expect_entry(forward ? cursor->next() : cursor->previous(), wanted)) return wrong;
    if (!wanted) break;
  }
  return std::nullopt;
}

std::optional<std::string> Runner::move(const IntegerOperation& operation) {
  switch (operation.kind) {
    case Kind::cursor_seek:
      cursor_.seek(operation.key);
      rest_ = {.key = operation.key};
      return std::nullopt;
    case Kind::cursor_end:
      cursor_.seek_end();
      rest_ = {.at_end = true};
      return std::nullopt;
    case Kind::cursor_next:
      return expect_entry(cursor_.next(), rest_.next(numbers_));
    default:
      return expect_entry(cursor_.previous(), rest_.previous(numbers_));
  }
}

std::optional<std::string> Runner::step(const IntegerOperation& operation) {
  switch (operation.kind) {
    case Kind::scan_forward:
    case Kind::scan_backward:
      return scan(operation, operation.kind == Kind::scan_forward);
    case Kind::cursor_seek:
    case Kind::cursor_end:
    case Kind::cursor_next:
    case Kind::cursor_previous:
      return move(operation);
    case Kind::switch_handle: {
      // A cursor of one handle sees what another changed with its next batch only.
      std::swap(map_, other_);
      auto cursor = map_.cursor();
      if (!cursor) return cursor.error().message;
      cursor_ = *std::move(cursor);
      rest_ = {};
      return std::nullopt;
    }
    default:
      return operation.kind <= Kind::clear ? mutate(operation) : ask(operation);
  }
}

std::optional<std::string> Runner::finish() {
  const auto everything = scan({.kind = Kind::scan_forward, .value = scan_steps_max - 1}, true);
  if (everything) return everything;
  return ask({.kind = Kind::verify});
}

/// Insertions and erasures more often than the others, so that there is something to be asked about.
Kind decoded_kind(unsigned drawn) {
  if (drawn < integer_kinds) return Kind(drawn);
  return drawn % 3 == 0 ? Kind::erase : Kind::insert;
}

}  // namespace

std::uint64_t shaped_key(KeyShape shape, std::uint64_t drawn, unsigned depth) {
  const std::uint64_t greatest = greatest_of(depth);
  switch (shape) {
    case KeyShape::dense:
      return drawn % 96 % (greatest + (greatest == UINT64_MAX ? 0 : 1));
    case KeyShape::clustered:  // a few places, a stretch of consecutive keys at each
      return (drawn % 7 * 0x9e37'79b9'7f4a'7c15 + drawn / 7 % 40) & greatest;
    case KeyShape::boundary: {
      const std::uint64_t power = std::uint64_t{1} << drawn % 16 * 4;
      const std::uint64_t from = drawn / 16 % 3 == 0 ? greatest : drawn / 16 % 3 == 1 ? power : power * 15;
      return from + drawn / 48 % 5 - 2;
    }
    case KeyShape::random:
      break;
  }
  return drawn & greatest;
}

std::string to_text(const IntegerSequence& sequence) {
  std::string text = fmt::format("depth {}\n", sequence.depth);
  for (const auto& [kind, key, value, second] : sequence.operations)
    text += fmt::format("{} key={:#x} value={} second={}\n", kind_names[static_cast<std::size_t>(kind)], key,
                        value, second);
  return text;
}

/// The first byte is the depth; an operation is its kind, the shape of its key, what is drawn for that and
/// two small values.
IntegerSequence decode_integers(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t operation_bytes = 8;
  IntegerSequence sequence;
  if (bytes.empty()) return sequence;
  sequence.depth = bytes[0] % 16U + 1;
  for (auto left = bytes.subspan(1); left.size() >= operation_bytes; left = left.subspan(operation_bytes)) {
    std::uint64_t drawn = 0;
    for (std::size_t byte = 2; byte < 6; ++byte) drawn = drawn << 8 | left[byte];
    const auto shape = KeyShape(left[1] % key_shapes);
    if (shape == KeyShape::random) drawn *= 0x9e37'79b9'7f4a'7c15;
    sequence.operations.push_back({.kind = decoded_kind(left[0] % 64),
                                   .key = shaped_key(shape, drawn, sequence.depth),
                                   .value = left[6],
                                   .second = left[7]});
  }
  return sequence;
}

std::optional<std::string> run(const IntegerSequence& sequence) {
  Runner runner(sequence.depth);
  for (std::size_t index = 0; index < sequence.operations.size(); ++index)
    if (const auto wrong = runner.step(sequence.operations[index]))
      return fmt::format("operation {} ({}): {}", index,
                         kind_names[static_cast<std::size_t>(sequence.operations[index].kind)], *wrong);
  const auto wrong = runner.finish();
  return wrong ? std::optional("at the end: " + *wrong) : std::nullopt;
}

}  // namespace radish::model
