// Private to the lies: how one is told, and the rows of the table that says all of them.
#pragma once

#include <limits>
#include <span>

#include "fuzz/image_lies.h"
#include "radix/node.h"

namespace radish::image {

/// What a lie is told with.
struct Teller {
  Image& image;
  const Index& index;
  std::uint8_t where;
  std::uint32_t what;

  /// One of several, or null.
  template <class T>
  [[nodiscard]] const T* one_of(const std::vector<T>& places) const {
    return places.empty() ? nullptr : &places[where % places.size()];
  }
  /// Something else than the word says: form 0 is one more.
  template <class Word>
  void change(Word& word) const {
    const Word before = word;
    switch (what % 6) {
      case 0:
        ++word;
        break;
      case 1:
        --word;
        break;
      case 2:
        word = 0;
        break;
      case 3:
        word = std::numeric_limits<Word>::max();
        break;
      case 4:
        word = static_cast<Word>(word ^ Word{1} << what / 6 % std::numeric_limits<Word>::digits);
        break;
      default:
        word = static_cast<Word>(what / 6);
        break;
    }
    if (word == before) ++word;
  }
  [[nodiscard]] layout::Roots& roots() const { return image.roots(); }
  [[nodiscard]] Reference& slot(const NodeAt& place) const { return image.at<Reference>(place.slot); }
  [[nodiscard]] layout::InnerHeader& inner(const NodeAt& place) const {
    return image.at<layout::InnerHeader>(place.node);
  }
};

/// A row of the table. False if the image has no place for the lie.
struct Row {
  Lie lie;
  std::string_view name;
  bool (*tell)(const Teller& teller);
  bool about_checksums = false;  ///< told after they were made again
};

/// By floor, each in the order of the enumeration.
[[nodiscard]] std::span<const Row> door_rows();
[[nodiscard]] std::span<const Row> heap_rows();
[[nodiscard]] std::span<const Row> tree_rows();

}  // namespace radish::image
