// What is left of a query on a walk, and how it is compared with what nodes hold.
//
// Stretches are a few bytes long, of lengths that no branch predictor knows: comparing them by length would
// cost more than the comparison (docs/performance.md). So up to eight bytes are compared as one word without
// a branch, and nothing is read behind the query's end.
#pragma once

#include <cstring>
#include <string_view>

#include "radix/bucket.h"

namespace radish::radix {

/// Eight bytes, the last of which is the one before `end`; bytes may be stored to among those before `from`,
/// which the caller ignores.
[[nodiscard]] RADISH_READS_BESIDE_STORES inline std::uint64_t eight_bytes_before(const char* end) {
  std::uint64_t word;
  std::memcpy(&word, end - sizeof word, sizeof word);
  return word;
}

/// Refers to the query's bytes, or to itself: it stays where it is.
class Query {
 public:
  Query() = default;
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() = default;

  [[gnu::always_inline]] void begin(std::string_view query) {
    if (query.size() >= sizeof short_) {
      at_ = query.data();
    } else {  // as if eight bytes or more lay before its end
      const std::uint64_t word = without_last(eight_bytes(query.data(), query.size()), 8 - query.size());
      std::memcpy(short_, &word, sizeof word);
      at_ = short_ + sizeof short_ - query.size();
    }
    end_ = at_ + query.size();
    bytes_ = query.size();
  }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] std::size_t depth() const { return bytes_ - left(); }
  [[nodiscard]] std::string_view rest() const { return {at_, left()}; }
  [[nodiscard]] unsigned char front() const { return static_cast<unsigned char>(*at_); }

  /// What is left starts with bytes that lie in a block of the heap: with those before them, which may be
  /// what lies before the block, eight bytes are there to be read.
  [[nodiscard, gnu::always_inline]] bool starts_with(const char* bytes, std::size_t count) const {
    if (count > left()) return false;
    if (count > 8) [[unlikely]]
      return starts_with_long(bytes, count);
    const std::uint64_t have = without_first(eight_bytes_before(bytes + count), 8 - count);
    return without_last(have ^ word_at(at_), 8 - count) == 0;
  }
  [[gnu::always_inline]] bool skip(std::string_view prefix) {
    if (!starts_with(prefix.data(), prefix.size())) return false;
    at_ += prefix.size();
    return true;
  }
  /// Tag of what is left behind so many bytes, which are there.
  [[nodiscard, gnu::always_inline]] unsigned char tag_behind(std::size_t bytes) const {
    const char* const at = at_ + bytes;
    const auto count = static_cast<std::size_t>(end_ - at);
    return tag_of(at, count, word_at(count == 0 ? at : at + (count - 1) / 8 * 8));
  }
  /// Tag of the first `count` bytes, up to eight, behind so many.
  [[nodiscard, gnu::always_inline]] unsigned char tag_behind(std::size_t bytes, std::size_t count) const {
    const char* const at = at_ + bytes;
    return tag_of(at, count, without_first(without_last(word_at(at), 8 - count), 8 - count));
  }

 private:
  /// The first eight bytes from there; zeros stand for those behind the end.
  [[nodiscard, gnu::always_inline]] std::uint64_t word_at(const char* at) const {
    const char* const last = end_ - sizeof(std::uint64_t);
    const char* const from = at < last ? at : last;
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return without_first(word, static_cast<std::size_t>(at - from));
  }
  [[nodiscard]] bool starts_with_long(const char* bytes, std::size_t count) const {
    if (count > 16) return std::memcmp(bytes, at_, count) == 0;
    return eight_bytes(bytes, 8) == eight_bytes(at_, 8) &&
           eight_bytes(bytes + count - 8, 8) == eight_bytes(at_ + count - 8, 8);
  }

  const char* at_;
  const char* end_;
  std::size_t bytes_;
  char short_[8];
};

}  // namespace radish::radix
