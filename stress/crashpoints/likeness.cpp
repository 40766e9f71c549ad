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

std::uint64_t Likeness::hash_difference(const Image& from, const Image& to) const {
  std::uint64_t difference = 0;
  for (std::uint64_t index = 0; index * 8 < from.size(); ++index)
    difference += hash(index, word_of(to, index)) - hash(index, word_of(from, index));
  return difference;
}

std::uint64_t Likeness::first_difference(const Image& one, const Image& other, std::uint64_t from) const {
  constexpr std::uint64_t block_bytes = 512;
  const std::uint64_t end = std::min(one.size(), other.size());
  while (from + 8 <= end) {
    const std::uint64_t block_end = std::min(end / 8 * 8, (from / block_bytes + 1) * block_bytes);
    if (std::memcmp(one.data() + from, other.data() + from, block_end - from) != 0)
      for (; from < block_end; from += 8)
        if (meaning(from / 8, word_of(one, from / 8)) != meaning(from / 8, word_of(other, from / 8)))
          return from;
    from = block_end;
  }
  return end;
}

}  // namespace radish::crashpoints
