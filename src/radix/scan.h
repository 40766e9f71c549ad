// Ordered walks, a batch at a time. Called under a pin; lock-free.
//
// Invariants
//   C1  A batch holds entries in order, each once; every key of the range that was there throughout the call
//       is among them or behind the last of them, none that was absent throughout is.
//   C2  Whatever the bytes, a batch ends: no key is longer than a key can be, keys ascend (or descend), and
//       no more nodes are visited than the heap can hold.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "radix/bucket.h"
#include "txn/bound.h"
#include "txn/root.h"

namespace radish::radix {

using txn::Direction;
using Bound = txn::Bound<std::string>;

/// Entries of a walk, their keys in one piece of memory.
class Batch {
 public:
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t key_bytes() const { return key_bytes_; }
  [[nodiscard]] std::string_view key(std::size_t index) const {
    return std::string_view(keys_).substr(entries_[index].key_at, entries_[index].key_bytes);
  }
  [[nodiscard]] std::uint64_t value(std::size_t index) const { return entries_[index].value; }
  void clear() {
    key_bytes_ = 0;
    entries_.clear();
  }
  void add(std::string_view front, std::string_view back, std::uint64_t value) {
    const std::size_t bytes = front.size() + back.size();
    if (keys_.size() < key_bytes_ + bytes + copied_at_least) [[unlikely]]
      keys_.resize(2 * (key_bytes_ + bytes) + copied_at_least);
    copy(key_bytes_, front);
    copy(key_bytes_ + front.size(), back);
    entries_.push_back({key_bytes_, bytes, value});
    key_bytes_ += bytes;
  }

 private:
  struct Entry {
    std::size_t key_at;
    std::size_t key_bytes;
    std::uint64_t value;
  };
  /// Most pieces are short, and a call would cost more than the bytes: so many are written at least, the last
  /// of them in vain.
  static constexpr std::size_t copied_at_least = 8;
  void copy(std::size_t at, std::string_view bytes) {
    if (bytes.size() > copied_at_least) {
      std::memcpy(keys_.data() + at, bytes.data(), bytes.size());
    } else {
      const std::uint64_t word = eight_bytes(bytes.data(), bytes.size());
      std::memcpy(keys_.data() + at, &word, sizeof word);
    }
  }

  std::string keys_;  ///< with room behind the last of them
  std::size_t key_bytes_ = 0;
  std::vector<Entry> entries_;
};

/// Fills `batch` with up to `entries_max` entries next to the bound in the direction whose keys start with
/// `prefix`. Fewer, only if there are no more, or their keys fill 64 KiB. O(key length + entries).
[[nodiscard]] Expected<void> scan(const segment::Segment& segment, const txn::Root& root, Direction direction,
                                  const Bound& from, std::string_view prefix, std::size_t entries_max,
                                  Batch& batch);

}  // namespace radish::radix
