#include "model/bytes.h"

#include <algorithm>
#include <array>

namespace radish::model {

namespace {

constexpr std::array<std::uint64_t, 4> capacities_bytes = {128 << 10, 160 << 10, 192 << 10, 256 << 10};
constexpr std::size_t decoded_bytes_max = key_bytes_max + 65;
// What keeps one input from taking seconds.
constexpr std::size_t operations_max = 1024;
constexpr std::size_t total_bytes_max = std::size_t{8} << 20;
constexpr std::size_t earlier_keys_max = 32;
constexpr std::size_t repeat_bytes_min = 8;

constexpr std::uint8_t more = 0x80;
constexpr std::uint8_t literal_bytes_max = 63;
constexpr std::uint8_t chunk_earlier = 64;
constexpr std::uint8_t chunk_cut = 96;
constexpr std::uint8_t chunk_repeat = 104;
constexpr std::uint8_t chunk_replace = 120;
constexpr std::uint8_t no_bound = 255;
constexpr std::uint8_t small_value_max = 239;

/// The latest keys, latest first.
class EarlierKeys {
 public:
  void add(const std::string& key) {
    if (keys_.size() == earlier_keys_max) keys_.erase(keys_.begin());
    keys_.push_back(key);
  }
  [[nodiscard]] const std::string& at(std::size_t age) const {
    static const std::string none;
    return keys_.empty() ? none : keys_[keys_.size() - 1 - age % keys_.size()];
  }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  std::vector<std::string> keys_;
};

class Decoder {
 public:
  explicit Decoder(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  Sequence sequence() {
    Sequence sequence;
    sequence.setting.capacity_bytes = capacities_bytes[byte() % capacities_bytes.size()];
    while (!rest_.empty() && sequence.operations.size() < operations_max && total_bytes_ < total_bytes_max)
      sequence.operations.push_back(operation());
    return sequence;
  }

 private:
  Operation operation() {
    Operation operation{.kind = static_cast<Kind>(byte() % kind_count)};
    const KindFields& fields = fields_of(operation.kind);
    if (fields.key) operation.key = key();
    if (fields.bound) {
      if (!rest_.empty() && rest_.front() == no_bound)
        (void)byte();
      else
        operation.bound = key();
    }
    if (fields.value) operation.value = value();
    if (fields.second) operation.second = value();
    if (fields.count) operation.count = byte();
    return operation;
  }

  std::string key() {
    std::string key;
    std::uint8_t control = more;
    while (control & more) {
      control = byte();
      chunk(control & 0x7f, key);
      if (key.size() > decoded_bytes_max) key.resize(decoded_bytes_max);
    }
    earlier_.add(key);
    total_bytes_ += key.size();
    return key;
  }

  void chunk(std::uint8_t control, std::string& key) {
    if (control <= literal_bytes_max) {
      const auto taken = take(control);
      key.append(taken.begin(), taken.end());
    } else if (control < chunk_cut) {
      key += earlier_.at(control - chunk_earlier);
    } else if (control < chunk_repeat) {
      key.resize(number(2) % (key.size() + 1));
    } else if (control < chunk_replace) {
      const auto repeated = static_cast<char>(byte());
      key.append(number(2) + (control & 1), repeated);
    } else {
      const std::uint64_t place = number(2);
      const auto replacement = static_cast<char>(byte());
      if (!key.empty()) key[place % key.size()] = replacement;
    }
  }

  std::uint64_t value() {
    const std::uint8_t control = byte();
    return control <= small_value_max ? control : number((control & 7U) + 1);
  }

  std::uint64_t number(std::size_t bytes) {
    std::uint64_t result = 0;
    for (std::size_t i = 0; i < bytes; ++i) result |= std::uint64_t{byte()} << (8 * i);
    return result;
  }

  std::span<const std::uint8_t> take(std::size_t bytes) {
    const auto taken = rest_.first(std::min(bytes, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  std::uint8_t byte() {
    const auto taken = take(1);
    return taken.empty() ? 0 : taken.front();
  }

  std::span<const std::uint8_t> rest_;
  std::size_t total_bytes_ = 0;
  EarlierKeys earlier_;
};

class Encoder {
 public:
  std::vector<std::uint8_t> sequence(const Sequence& sequence) {
    const auto found = std::ranges::find(capacities_bytes, sequence.setting.capacity_bytes);
    byte(found == capacities_bytes.end() ? 0 : static_cast<std::uint8_t>(found - capacities_bytes.begin()));
    for (const Operation& one : sequence.operations) operation(one);
    return std::move(bytes_);
  }

 private:
  void operation(const Operation& operation) {
    const KindFields& fields = fields_of(operation.kind);
    byte(static_cast<std::uint8_t>(operation.kind));
    if (fields.key) key(operation.key);
    if (fields.bound && operation.bound) key(*operation.bound);
    if (fields.bound && !operation.bound) byte(no_bound);
    if (fields.value) value(operation.value);
    if (fields.second) value(operation.second);
    if (fields.count) byte(static_cast<std::uint8_t>(std::min(operation.count, 255U)));
  }

  void key(const std::string& whole) {
    // Each chunk is written once it is known whether another follows.
    const std::string key = whole.substr(0, decoded_bytes_max);
    std::string_view rest = key;
    std::vector<std::vector<std::uint8_t>> chunks;
    if (const auto age = longest_earlier(rest)) {
      chunks.push_back({static_cast<std::uint8_t>(chunk_earlier + *age)});
      rest.remove_prefix(earlier_.at(*age).size());
    }
    while (!rest.empty()) chunks.push_back(next_chunk(rest));
    if (chunks.empty()) chunks.push_back({0});
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (i + 1 < chunks.size()) chunks[i][0] |= more;
      bytes_.insert(bytes_.end(), chunks[i].begin(), chunks[i].end());
    }
    earlier_.add(key);
  }

  /// The age of the longest earlier key that starts this one.
  [[nodiscard]] std::optional<std::size_t> longest_earlier(std::string_view key) const {
    std::optional<std::size_t> best;
    for (std::size_t age = 0; age < earlier_.size(); ++age) {
      const std::string& candidate = earlier_.at(age);
      if (candidate.empty() || !key.starts_with(candidate)) continue;
      if (!best || candidate.size() > earlier_.at(*best).size()) best = age;
    }
    return best;
  }

  static std::vector<std::uint8_t> next_chunk(std::string_view& rest) {
    const std::size_t run = run_bytes(rest);
    if (run >= repeat_bytes_min) {
      const std::size_t times = std::min<std::size_t>(run, 0xffff);
      const auto repeated = static_cast<std::uint8_t>(rest.front());
      rest.remove_prefix(times);
      return {chunk_repeat, repeated, static_cast<std::uint8_t>(times & 0xff),
              static_cast<std::uint8_t>(times >> 8)};
    }
    std::size_t length = 0;
    while (length < rest.size() && length < literal_bytes_max &&
           run_bytes(rest.substr(length, repeat_bytes_min)) < repeat_bytes_min)
      ++length;
    std::vector<std::uint8_t> chunk = {static_cast<std::uint8_t>(length)};
    chunk.insert(chunk.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(length));
    rest.remove_prefix(length);
    return chunk;
  }

  static std::size_t run_bytes(std::string_view bytes) {
    return std::min(bytes.find_first_not_of(bytes.front()), bytes.size());
  }

  void value(std::uint64_t value) {
    if (value <= small_value_max) return byte(static_cast<std::uint8_t>(value));
    std::size_t length = 8;
    while (value >> (8 * (length - 1)) == 0) --length;
    byte(static_cast<std::uint8_t>(small_value_max + 1 + length - 1));
    for (std::size_t i = 0; i < length; ++i) byte(static_cast<std::uint8_t>(value >> (8 * i) & 0xff));
  }

  void byte(std::uint8_t byte) { bytes_.push_back(byte); }

  std::vector<std::uint8_t> bytes_;
  EarlierKeys earlier_;
};

}  // namespace

Sequence decode(std::span<const std::uint8_t> bytes) { return Decoder(bytes).sequence(); }

std::vector<std::uint8_t> encode(const Sequence& sequence) { return Encoder().sequence(sequence); }

}  // namespace radish::model
