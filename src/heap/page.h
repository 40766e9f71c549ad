// A page's header as a transaction sees it. Nothing in it is trusted further than its bounds.
#pragma once

#include "heap/page_map.h"
#include "heap/page_shape.h"

namespace radish::heap {

class Page {
 public:
  /// `corrupt` unless the number names a page in use of the heap with a sound header.
  [[nodiscard]] static Expected<Page> open(txn::Transaction& tx, std::uint64_t number);

  [[nodiscard]] PageNumber number() const { return number_; }
  [[nodiscard]] bool is_run() const { return shape_.is_run(); }
  [[nodiscard]] std::uint32_t size_class() const { return shape_.size_class; }
  [[nodiscard]] std::uint32_t pages() const { return shape_.pages; }
  [[nodiscard]] std::uint32_t slots() const { return shape_.slots(); }
  [[nodiscard]] std::uint32_t bitmap_words() const { return shape_.bitmap_words(); }
  [[nodiscard]] Offset slot_at(std::uint32_t slot) const {
    return at(sizeof(layout::PageHeader)) + slot * shape_.slot_bytes();
  }
  /// `corrupt` unless a slot starts at the offset.
  [[nodiscard]] Expected<std::uint32_t> slot_of(Offset block) const;

  [[nodiscard]] std::uint32_t word32(std::size_t field) const { return tx_->load32(at(field)); }
  [[nodiscard]] std::uint64_t word64(std::size_t field) const { return tx_->load64(at(field)); }
  void set32(std::size_t field, std::uint32_t value) { tx_->store32(at(field), value); }
  void set64(std::size_t field, std::uint64_t value) { tx_->store64(at(field), value); }

  [[nodiscard]] std::uint64_t free(std::uint32_t word) const {
    return word64(bitmap(offsetof(layout::PageHeader, free), word));
  }
  [[nodiscard]] std::uint64_t free_before_plan(std::uint32_t word) const {
    return load64_before_plan(*tx_, at(bitmap(offsetof(layout::PageHeader, free), word)));
  }
  /// M5
  [[nodiscard]] std::uint64_t free_to_take(std::uint32_t word) const {
    return free(word) & free_before_plan(word);
  }
  [[nodiscard]] std::uint64_t young(std::uint32_t word) const {
    return word64(bitmap(offsetof(layout::PageHeader, young), word));
  }
  [[nodiscard]] std::uint64_t old(std::uint32_t word) const {
    return word64(bitmap(offsetof(layout::PageHeader, old), word));
  }
  void set_free(std::uint32_t word, std::uint64_t bits) {
    set_bits(offsetof(layout::PageHeader, free), word, bits);
  }
  void set_young(std::uint32_t word, std::uint64_t bits) {
    set_bits(offsetof(layout::PageHeader, young), word, bits);
  }
  void set_old(std::uint32_t word, std::uint64_t bits) {
    set_bits(offsetof(layout::PageHeader, old), word, bits);
  }

  [[nodiscard]] bool has_free() const { return any(offsetof(layout::PageHeader, free)); }
  [[nodiscard]] bool has_young() const { return any(offsetof(layout::PageHeader, young)); }
  [[nodiscard]] bool has_old() const { return any(offsetof(layout::PageHeader, old)); }
  [[nodiscard]] bool all_free() const;

 private:
  Page() = default;
  [[nodiscard]] Offset at(std::size_t field) const { return Offset{number_} * layout::page_bytes + field; }
  [[nodiscard]] static std::size_t bitmap(std::size_t field, std::uint32_t word) {
    return field + word * std::size_t{8};
  }
  void set_bits(std::size_t field, std::uint32_t word, std::uint64_t bits) {
    if (word64(bitmap(field, word)) != bits) set64(bitmap(field, word), bits);
  }
  [[nodiscard]] bool any(std::size_t field) const {
    for (std::uint32_t word = 0; word < bitmap_words(); ++word)
      if (word64(bitmap(field, word)) != 0) return true;
    return false;
  }

  txn::Transaction* tx_ = nullptr;
  PageNumber number_ = 0;
  PageShape shape_;
};

}  // namespace radish::heap
