// The public C++ interface: an ordered map from 64-bit numbers to 64-bit numbers, in a segment that many
// processes share.
#pragma once

#include "radish/integer_entry.hpp"
#include "radish/segment.hpp"

namespace radish {

/// Walks the keys in order, both ways. What is said of `Cursor` holds of it.
class IntegerCursor {
 public:
  IntegerCursor(IntegerCursor&&) noexcept;
  IntegerCursor& operator=(IntegerCursor&&) noexcept;
  IntegerCursor(const IntegerCursor&) = delete;
  IntegerCursor& operator=(const IntegerCursor&) = delete;
  ~IntegerCursor();

  /// Moves before the first key that is not less than `bound`. O(1): the walk comes with the next call.
  void seek(std::uint64_t bound);
  /// Moves behind the last key.
  void seek_end();
  /// The entry after the rest position, which moves behind it; nullopt at the end.
  [[nodiscard]] Result<std::optional<IntegerEntry>> next();
  /// The entry before the rest position, which moves before it; nullopt at the beginning.
  [[nodiscard]] Result<std::optional<IntegerEntry>> previous();

 private:
  friend class IntegerMap;
  class State;
  explicit IntegerCursor(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

/// The map of a named root (`Segment::integer_map`), a radix tree of four bits a level. Its depth is how many
/// digits of four bits a key has: of depth 8, say, keys have 32 bits. A key of more is `invalid_argument`.
/// Zero is a value like any other. Usable from any number of threads at once; copies share one attachment;
/// what is said of `Tree` about deaths, locks, forks and dropped roots holds of it. Every operation costs at
/// most `depth` steps.
class IntegerMap {
 public:
  /// True if the key is new, false if its value was replaced. Replacing never needs room.
  [[nodiscard]] Result<bool> insert(std::uint64_t key, std::uint64_t value);
  /// True if the key is new; false if it was there, unchanged.
  [[nodiscard]] Result<bool> insert_new(std::uint64_t key, std::uint64_t value);
  /// Stores `desired` if the key is there with value `expected`.
  [[nodiscard]] Result<Exchange> compare_exchange(std::uint64_t key, std::uint64_t expected,
                                                  std::uint64_t desired);
  /// Adds, modulo 2^64; the value before, or nullopt if the key was absent and now holds `delta`.
  [[nodiscard]] Result<std::optional<std::uint64_t>> fetch_add(std::uint64_t key, std::uint64_t delta);
  /// True if the key was there. Never needs room.
  [[nodiscard]] Result<bool> erase(std::uint64_t key);
  /// Erases everything, at once. Never needs room. O(1).
  [[nodiscard]] Result<void> clear();

  [[nodiscard]] Result<std::optional<std::uint64_t>> find(std::uint64_t key) const;
  [[nodiscard]] Result<bool> contains(std::uint64_t key) const;
  /// The entry with the least key that is not less than `bound`.
  [[nodiscard]] Result<std::optional<IntegerEntry>> lower_bound(std::uint64_t bound) const;
  /// The entry with the greatest key that is not greater than `bound`.
  [[nodiscard]] Result<std::optional<IntegerEntry>> predecessor(std::uint64_t bound) const;
  /// Number of keys; on a live map it may differ from what finds see by the transaction in flight.
  [[nodiscard]] Result<std::uint64_t> count() const;
  /// A cursor that rests before the first key.
  [[nodiscard]] Result<IntegerCursor> cursor() const;

  /// Digits of a key, 1 to 16.
  [[nodiscard]] unsigned depth() const { return depth_; }
  /// All of what this map is part of.
  [[nodiscard]] Segment segment() const;

 private:
  friend class Segment;
  friend class Batch;
  IntegerMap(std::shared_ptr<detail::Handle>, const detail::RootWords&, unsigned depth);
  std::shared_ptr<detail::Handle> handle_;
  detail::RootWords root_;
  unsigned depth_;
};

}  // namespace radish
