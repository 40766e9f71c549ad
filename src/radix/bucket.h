// A bucket: up to 48 keys below one reference, as it lies in the heap. Nothing here writes.
//
// Invariants
//   K1  What readers may look at is said by one word, the state: entries that are there, and how long their
//       suffixes are. It is published after what it speaks of has been filled, and read once for each look.
//   K2  Entries come one behind the other and are never used twice: what lies behind those that ever were is
//       room, which readers ignore and the writer fills. An entry that was there keeps its suffix for as long
//       as the bucket is; its value is a word of its own.
//   K3  A key is prefix and suffix, the byte that led here included. No two entries that are there are the
//       same key, and one at least is there.
//   K4  An entry's tag is that of its suffix (`tag_of`).
#pragma once

#include <bit>
#include <cstring>
#include <string_view>

#include "segment/layout.h"
#include "sync/words.h"

#if defined(__SSE2__) && !defined(RADISH_PORTABLE)
#include <emmintrin.h>
#endif

// Bytes that are read too much, and ignored, may be stored to meanwhile: no race that ThreadSanitizer need
// speak of.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RADISH_READS_BESIDE_STORES [[clang::no_sanitize("thread")]]
#endif
#endif
#ifndef RADISH_READS_BESIDE_STORES
#define RADISH_READS_BESIDE_STORES
#endif

namespace radish::radix {

/// Entries of a bucket, a bit each.
using EntrySet = std::uint64_t;
constexpr EntrySet lowest_entries(std::uint32_t count) { return (EntrySet{1} << count) - 1; }

/// K1.
class BucketState {
 public:
  static constexpr std::uint32_t exact_lengths = 9;  ///< suffixes of 0 to 8 bytes are told apart

  constexpr explicit BucketState(std::uint64_t word) : word_(word) {}
  /// The first entries of a bucket, whose suffixes are so long.
  [[nodiscard]] static constexpr BucketState first(std::uint32_t entries, std::uint64_t lengths) {
    return BucketState(lowest_entries(entries) | std::uint64_t{entries} << 48 | lengths << 54);
  }
  [[nodiscard]] static constexpr std::uint64_t length_bit(std::size_t suffix_bytes) {
    return std::uint64_t{1} << (suffix_bytes < exact_lengths ? suffix_bytes : exact_lengths);
  }

  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }
  [[nodiscard]] constexpr EntrySet live() const { return word_ & lowest_entries(48); }
  [[nodiscard]] constexpr std::uint32_t live_count() const {
    return static_cast<std::uint32_t>(std::popcount(live()));
  }
  /// Entries that are there or were.
  [[nodiscard]] constexpr std::uint32_t used() const { return word_ >> 48 & 63; }
  /// A bit a length, the last one for all that are longer.
  [[nodiscard]] constexpr std::uint64_t lengths() const { return word_ >> 54; }
  /// Whether a bucket of this capacity can be in it.
  [[nodiscard]] constexpr bool fits(std::uint32_t capacity) const {
    return used() <= capacity && (live() & ~lowest_entries(used())) == 0;
  }
  [[nodiscard]] constexpr BucketState without(EntrySet entries) const {
    return BucketState(word_ & ~entries);
  }
  /// With one entry more, behind those that ever were.
  [[nodiscard]] constexpr BucketState with_next(std::size_t suffix_bytes) const {
    return BucketState((word_ | EntrySet{1} << used() | length_bit(suffix_bytes) << 54) +
                       (std::uint64_t{1} << 48));
  }

 private:
  std::uint64_t word_;
};

/// Up to eight bytes as a number; of fewer, no two strings of one length give the same.
inline std::uint64_t eight_bytes(const char* bytes, std::size_t count) {
  std::uint64_t word = 0;
  if (count >= 8) {
    std::memcpy(&word, bytes, 8);
  } else if (count >= 4) {
    std::uint32_t front, back;
    std::memcpy(&front, bytes, 4);
    std::memcpy(&back, bytes + count - 4, 4);
    word = front | std::uint64_t{back} << 32;
  } else if (count != 0) {
    const auto byte = [&](std::size_t at) { return std::uint64_t{static_cast<unsigned char>(bytes[at])}; };
    word = byte(0) | byte(count / 2) << 8 | byte(count - 1) << 16;
  }
  return word;
}

/// One byte of a suffix's hash: the multipliers are those of SplitMix64 and MurmurHash3's finaliser.
inline unsigned char tag_of(std::string_view suffix) {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15, finaliser = 0xff51afd7ed558ccd;
  const char* at = suffix.data();
  std::size_t left = suffix.size();
  std::uint64_t hash = left * golden;
  for (; left > 8; at += 8, left -= 8) {
    hash = (hash ^ eight_bytes(at, 8)) * finaliser;
    hash ^= hash >> 32;
  }
  return static_cast<unsigned char>(((hash ^ eight_bytes(at, left)) * finaliser) >> 56);
}

/// Most stretches are a few bytes, one of them often: a call would cost more than the comparison.
inline bool same_bytes(const char* a, const char* b, std::size_t count) {
  if (count == 1) return *a == *b;
  if (count > 16) return std::memcmp(a, b, count) == 0;
  if (count >= 8)
    return eight_bytes(a, 8) == eight_bytes(b, 8) &&
           eight_bytes(a + count - 8, 8) == eight_bytes(b + count - 8, 8);
  return eight_bytes(a, count) == eight_bytes(b, count);
}

struct Bucket {
  layout::Offset offset;
  const std::byte* block;
  std::uint32_t capacity;
  std::uint32_t bytes;
  std::string_view prefix;
  std::uint32_t suffix_bytes_max;  ///< what is there for suffixes, room included

  [[nodiscard]] layout::Offset state_at() const { return offset + offsetof(layout::BucketHeader, state); }
  [[nodiscard]] layout::Offset value_offset(std::uint32_t entry) const {
    return offset + layout::bucket_values_at(capacity) + sizeof(std::uint64_t) * entry;
  }
  [[nodiscard]] BucketState state() const {
    return BucketState(sync::observe(
        *reinterpret_cast<const std::uint64_t*>(block + offsetof(layout::BucketHeader, state))));
  }
  [[nodiscard]] const std::uint64_t& value(std::uint32_t entry) const {
    return reinterpret_cast<const std::uint64_t*>(block + layout::bucket_values_at(capacity))[entry];
  }
  [[nodiscard]] unsigned char tag(std::uint32_t entry) const {
    return static_cast<unsigned char>(block[sizeof(layout::BucketHeader) + entry]);
  }
  /// Where an entry's suffix begins and ends, from where the first one begins.
  [[nodiscard]] std::uint32_t end(std::uint32_t entry) const {
    std::uint16_t end;
    std::memcpy(&end, block + layout::bucket_ends_at(capacity) + sizeof end * entry, sizeof end);
    return end;
  }
  [[nodiscard]] std::uint32_t begin(std::uint32_t entry) const { return entry == 0 ? 0 : end(entry - 1); }
  [[nodiscard]] const char* suffixes() const { return prefix.data() + prefix.size(); }
  /// Of an entry that is there; its data is null if it does not lie in the bucket, as in a hostile one.
  [[nodiscard]] std::string_view suffix(std::uint32_t entry) const {
    const std::uint32_t from = begin(entry), to = end(entry);
    if (to > suffix_bytes_max || from > to) [[unlikely]]
      return {};
    return {suffixes() + from, to - from};
  }

  /// Entries with a tag, sixteen at a time: behind the last tag lie values at least, so what is read too much
  /// is the bucket's own.
  [[nodiscard]] RADISH_READS_BESIDE_STORES EntrySet tagged(unsigned char tag) const {
    const std::byte* tags = block + sizeof(layout::BucketHeader);
    EntrySet found = 0;
#if defined(__SSE2__) && !defined(RADISH_PORTABLE)
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(tag));
    for (std::uint32_t at = 0; at < capacity; at += 16) {
      const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tags + at));
      const auto same = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(sixteen, wanted)));
      found |= EntrySet{same} << at;
    }
#else
    constexpr std::uint64_t ones = 0x0101010101010101, lows = ones * 0x7f, gather = 0x0102040810204080;
    for (std::uint32_t at = 0; at < capacity; at += 8) {
      std::uint64_t eight;
      std::memcpy(&eight, tags + at, sizeof eight);
      eight ^= ones * tag;                                                    // the tag sought is 0 now
      const std::uint64_t zeros = ~(((eight & lows) + lows) | eight | lows);  // its highest bit, no other
      found |= ((zeros >> 7) * gather >> 56) << at;
    }
#endif
    return found;
  }

  static constexpr std::uint32_t none = UINT32_MAX;
  static constexpr std::uint32_t broken = UINT32_MAX - 1;
  /// The one of these entries that has the suffix; none; broken if one does not lie in the bucket.
  [[nodiscard]] std::uint32_t find(EntrySet among, std::string_view wanted) const {
    for (EntrySet left = tagged(tag_of(wanted)) & among; left != 0; left &= left - 1) {
      const auto entry = static_cast<std::uint32_t>(std::countr_zero(left));
      __builtin_prefetch(&value(entry));  // beside the suffix, not behind it
      const std::string_view have = suffix(entry);
      if (have.data() == nullptr) [[unlikely]]
        return broken;
      if (have.size() == wanted.size() && same_bytes(have.data(), wanted.data(), have.size())) [[likely]]
        return entry;
    }
    return none;
  }
  /// The one with the longest suffix that the query starts with; none; broken.
  [[nodiscard]] std::uint32_t find_longest(BucketState state, std::string_view query) const {
    if ((state.lengths() >> BucketState::exact_lengths & 1) != 0) {
      const std::uint32_t longest = find_longer(state.live(), query);
      if (longest != none) return longest;
    }
    std::uint64_t lengths = state.lengths() & lowest_entries(BucketState::exact_lengths);
    if (query.size() < BucketState::exact_lengths)
      lengths &= lowest_entries(static_cast<std::uint32_t>(query.size()) + 1);
    while (lengths != 0) {
      const auto length = static_cast<std::size_t>(std::bit_width(lengths)) - 1;
      const std::uint32_t entry = find(state.live(), query.substr(0, length));
      if (entry != none) return entry;
      lengths ^= std::uint64_t{1} << length;
    }
    return none;
  }
  /// `visit(entry, suffix)` for each of these; false once one does not lie in the bucket.
  template <class Visit>
  [[nodiscard]] bool each_suffix(EntrySet among, Visit visit) const {
    for (EntrySet left = among; left != 0; left &= left - 1) {
      const auto entry = static_cast<std::uint32_t>(std::countr_zero(left));
      const std::string_view have = suffix(entry);
      if (have.data() == nullptr) [[unlikely]]
        return false;
      visit(entry, have);
    }
    return true;
  }

 private:
  /// Of those that find_longest can not look for by length.
  [[nodiscard]] std::uint32_t find_longer(EntrySet among, std::string_view query) const {
    std::uint32_t longest = none;
    std::size_t longest_bytes = BucketState::exact_lengths - 1;
    const bool whole = each_suffix(among, [&](std::uint32_t entry, std::string_view have) {
      if (have.size() <= longest_bytes || !query.starts_with(have)) return;
      longest = entry;
      longest_bytes = have.size();
    });
    return whole ? longest : broken;
  }
};

}  // namespace radish::radix
