// Ordered walks, a batch at a time. Called under a pin; lock-free.
//
// Invariants
//   C1  A batch holds entries in order, each once; every key of the range that was there throughout the call
//       is among them or behind the last of them, none that was absent throughout is.
//   C2  Whatever the bytes, a batch ends: no key is longer than a key can be, keys ascend (or descend), and
//       no more nodes are visited than the heap can hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "txn/bound.h"
#include "txn/root.h"

namespace radish::radix {

using txn::Direction;
using Bound = txn::Bound<std::string>;

/// Entries of a walk, their keys in one piece of memory.
class Batch {
 public:
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t key_bytes() const { return keys_.size(); }
  [[nodiscard]] std::string_view key(std::size_t index) const {
    return std::string_view(keys_).substr(entries_[index].key_at, entries_[index].key_bytes);
  }
  [[nodiscard]] std::uint64_t value(std::size_t index) const { return entries_[index].value; }
  void clear() {
    keys_.clear();
    entries_.clear();
  }
  void add(std::string_view front, std::string_view back, std::uint64_t value) {
    entries_.push_back({keys_.size(), front.size() + back.size(), value});
    keys_.append(front).append(back);
  }

 private:
  struct Entry {
    std::size_t key_at;
    std::size_t key_bytes;
    std::uint64_t value;
  };
  std::string keys_;
  std::vector<Entry> entries_;
};

/// Fills `batch` with up to `entries_max` entries next to the bound in the direction whose keys start with
/// `prefix`. Fewer, only if there are no more, or their keys fill 64 KiB. O(key length + entries).
[[nodiscard]] Expected<void> scan(const segment::Segment& segment, const txn::Root& root, Direction direction,
                                  const Bound& from, std::string_view prefix, std::size_t entries_max,
                                  Batch& batch);

}  // namespace radish::radix
