// Keys on their way from nodes into new ones, in this process's memory.
#pragma once

#include <array>
#include <bit>
#include <string>
#include <string_view>

#include "radix/node.h"

namespace radish::radix {

/// Some of the items, a bit each.
using ItemSet = std::uint64_t;

class Items {
 public:
  /// What one bucket holds, and a key more.
  static constexpr std::uint32_t count_max = layout::bucket_entries_max + 1;

  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] ItemSet all() const { return lowest_entries(count_); }
  [[nodiscard]] std::string_view content(std::uint32_t item) const {
    return std::string_view(text_).substr(items_[item].at, items_[item].bytes);
  }
  [[nodiscard]] std::uint64_t value(std::uint32_t item) const { return items_[item].value; }

  /// There is room for it.
  void add(std::string_view front, std::string_view back, std::uint64_t value) {
    require(count_ < count_max, "no more items than fit");
    items_[count_++] = {text_.size(), front.size() + back.size(), value};
    text_ += front;
    text_ += back;
  }
  /// What a leaf or bucket holds as a plan leaves it, behind `front`; of a bucket not the entries `without`.
  /// `corrupt` if it is neither, or broken.
  [[nodiscard]] Expected<void> add_keys(const txn::Transaction& tx, const Node& node,
                                        std::string_view front = {}, EntrySet without = 0);

  /// Length of what all of these have in common, from the first `skip` bytes on, which they share.
  [[nodiscard]] std::size_t common(ItemSet chosen, std::size_t skip) const;
  /// `visit(item)` for each of these, in order.
  template <class Visit>
  static void each(ItemSet chosen, Visit visit) {
    for (; chosen != 0; chosen &= chosen - 1) visit(static_cast<std::uint32_t>(std::countr_zero(chosen)));
  }

 private:
  struct Item {
    std::size_t at;
    std::size_t bytes;
    std::uint64_t value;
  };
  [[nodiscard]] Expected<void> add_bucket(const txn::Transaction& tx, const Bucket& bucket,
                                          std::string_view front, EntrySet without);

  std::string text_;
  std::array<Item, count_max> items_;
  std::uint32_t count_ = 0;
};

}  // namespace radish::radix
