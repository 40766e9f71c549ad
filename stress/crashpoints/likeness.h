// When two images are one state: all their words are the same, but that of a word of noise (subject.h) it
// only matters whether it is zero.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "crashpoints/arena.h"

namespace radish::crashpoints {

inline std::uint64_t word_of(const Image& image, std::uint64_t index) {
  std::uint64_t word = 0;
  std::memcpy(&word, image.data() + index * 8, 8);
  return word;
}

class Likeness {
 public:
  Likeness(const Subject& subject, const Image& image, std::uint64_t bytes);

  [[nodiscard]] bool is_noise(std::uint64_t word_index) const { return noise_[word_index]; }
  /// What counts of a word.
  [[nodiscard]] std::uint64_t meaning(std::uint64_t word_index, std::uint64_t word) const {
    return noise_[word_index] ? std::uint64_t{word != 0} : word;
  }
  /// An image's hash is the sum over its words.
  [[nodiscard]] std::uint64_t hash(std::uint64_t word_index, std::uint64_t word) const;
  /// By how much the hash of the second differs from that of the first, which is as long.
  [[nodiscard]] std::uint64_t hash_difference(const Image& from, const Image& to) const;
  /// The offset of the first word, of those from an offset on, that tells one from the other; or the size of
  /// the shorter.
  [[nodiscard]] std::uint64_t first_difference(const Image& one, const Image& other,
                                               std::uint64_t from = 0) const;
  [[nodiscard]] bool alike(const Image& one, const Image& other) const {
    return first_difference(one, other) == std::min(one.size(), other.size());
  }

 private:
  std::vector<bool> noise_;  ///< by words
};

/// An image that changes, and its hash.
class HashedImage {
 public:
  HashedImage(const Likeness& likeness, Image image) : likeness_(likeness), image_(std::move(image)) {
    for (std::uint64_t index = 0; index * 8 < image_.size(); ++index) hash_ += of(index);
  }
  void change(std::uint64_t word_index, std::uint64_t word) {
    hash_ -= of(word_index);
    std::memcpy(image_.data() + word_index * 8, &word, 8);
    hash_ += of(word_index);
  }
  [[nodiscard]] const Image& image() const { return image_; }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  [[nodiscard]] std::uint64_t of(std::uint64_t index) const {
    return likeness_.hash(index, word_of(image_, index));
  }
  const Likeness& likeness_;
  Image image_;
  std::uint64_t hash_ = 0;
};

}  // namespace radish::crashpoints
