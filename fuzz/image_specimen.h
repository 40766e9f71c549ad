// Valid segments to start from when bytes are made to lie: built once by the library itself, held in memory,
// and indexed, so that a lie can be told where it matters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/image_pages.h"
#include "segment/segment.h"

namespace radish::image {

using layout::Offset;
using layout::PageNumber;
using layout::Reference;

/// The bytes of a file. The regions are where they truly are, whatever the bytes say.
class Image {
 public:
  explicit Image(std::span<const std::byte> bytes);

  template <class T>
  [[nodiscard]] T& at(Offset offset) {
    return *reinterpret_cast<T*>(pages_.at(offset));
  }
  [[nodiscard]] layout::Superblock& superblock() { return at<layout::Superblock>(0); }
  [[nodiscard]] layout::Lease& lease() { return at<layout::Lease>(layout::page_bytes); }
  [[nodiscard]] layout::Slot& slot(std::uint32_t index) {
    return at<layout::Slot>(geometry_.slots_offset + index * sizeof(layout::Slot));
  }
  [[nodiscard]] layout::Record& record() { return at<layout::Record>(geometry_.record_offset); }
  [[nodiscard]] layout::RecordEntry& entry(std::uint32_t index) {
    return at<layout::RecordEntry>(geometry_.record_offset + sizeof(layout::Record) +
                                   index * sizeof(layout::RecordEntry));
  }
  [[nodiscard]] layout::Roots& roots() { return at<layout::Roots>(geometry_.roots_offset); }
  [[nodiscard]] layout::PageHeader& page(std::uint64_t number) {
    return at<layout::PageHeader>(number * layout::page_bytes);
  }
  [[nodiscard]] std::uint64_t& map_word(std::uint64_t index) {
    return at<std::uint64_t>(geometry_.page_map_offset + index * 8);
  }

  [[nodiscard]] const layout::Geometry& geometry() const { return geometry_; }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return pages_.bytes().first(geometry_.capacity_bytes);
  }
  /// The same without the pages that nobody wrote.
  [[nodiscard]] std::vector<Extent> extents() const { return pages_.extents(geometry_.capacity_bytes); }
  /// Of the file: `bytes` is cut, or followed by zeros.
  std::uint64_t file_bytes;
  /// Superblock, and content if sealed: what is checked before anything is believed.
  void remake_checksums();

 private:
  Pages pages_;  ///< and room behind them: lies about lengths are told on top of each other
  layout::Geometry geometry_;
};

/// A node, and the word that refers to it.
struct NodeAt {
  Offset node;
  Offset slot;
};

/// What lies where in a valid image.
struct Index {
  std::vector<NodeAt> leaves;  ///< but for terminals
  std::vector<NodeAt> terminals;
  std::vector<NodeAt> buckets;
  std::vector<NodeAt> sparse;
  std::vector<NodeAt> indexed;
  std::vector<NodeAt> condemned;
  std::vector<std::uint64_t> slabs, runs, free_pages;
  std::vector<std::uint64_t> partial;  ///< pages of the longest partial list, in its order
  std::vector<std::uint64_t> waiting;  ///< the waiting list
};

enum class Kind : std::uint8_t {
  empty,   ///< no key, no page
  single,  ///< a leaf at the root
  words,   ///< terminals, prefixes, buckets, sparse nodes
  rich,    ///< something of everything: indexed nodes, runs, free, partial and waiting pages, condemned nodes
  full,    ///< no room but what can be given back
  frozen,  ///< `words`, sealed
  armed,   ///< `words`, with a record that waits to be replayed
  vast,    ///< `words`, and some of `rich`, at the end of thousands of pages that are free, and holes
};
inline constexpr std::size_t specimen_count = 8;
constexpr std::string_view name_of(Kind kind) {
  constexpr std::array<std::string_view, specimen_count> names{"empty", "single", "words", "rich",
                                                               "full",  "frozen", "armed", "vast"};
  return names[static_cast<std::size_t>(kind)];
}

struct Specimen {
  Image image;
  Index index;
  std::vector<std::string> keys;  ///< some of its keys, and some that it had
};

/// Built at the first call. Throws std::runtime_error if the library cannot.
[[nodiscard]] const Specimen& specimen(Kind kind);

}  // namespace radish::image
