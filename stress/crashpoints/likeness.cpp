#include "crashpoints/likeness.h"

#include <algorithm>

namespace radish::crashpoints {
namespace {

std::uint64_t mix(std::uint64_t word) {
  word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ULL;
  word = (word ^ word >> 27) * 0x94d049bb133111ebULL;
  return word ^ word >> 31;
}

}  // namespace

Likeness::Likeness(const Subject& subject, const Image& image, std::uint64_t bytes) : noise_(bytes / 8) {
  const auto sink = [](void* context, Piece piece) {
    auto& noise = *static_cast<std::vector<bool>*>(context);
    for (std::uint64_t at = piece.offset; at < piece.offset + piece.bytes; ++at) noise[at / 8] = true;
  };
  subject.noise(image.data(), sink, &noise_);
}

std::uint64_t Likeness::hash(std::uint64_t word_index, std::uint64_t word) const {
  return mix(mix(word_index + 1) ^ meaning(word_index, word));
}

std::uint64_t Likeness::first_difference(const Image& one, const Image& other) const {
  const std::uint64_t words = std::min(one.size(), other.size()) / 8;
  for (std::uint64_t index = 0; index < words; ++index)
    if (meaning(index, word_of(one, index)) != meaning(index, word_of(other, index))) return index * 8;
  return words * 8;
}

}  // namespace radish::crashpoints
