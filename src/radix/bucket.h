// A bucket: up to 48 keys below one reference, as it lies in the heap. Nothing here writes.
//
// Invariants
//   K1  What readers may look at is said by one word, the state: entries that are there, and how long the
//       suffixes are of all that ever were. It is published after what it speaks of has been filled, and read
//       once for each look. So where one length is said, an entry's place says where its suffix is.
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
  /// What all suffixes have, if it is the same that is told apart; else 0.
  [[nodiscard]] constexpr std::uint32_t common_length() const {
    const std::uint64_t all = lengths();
    const auto length = static_cast<std::uint32_t>(std::countr_zero(all));
    return (all & (all - 1)) == 0 && length < exact_lengths ? length : 0;
  }
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

/// Up to eight bytes as a number, the first one lowest; zeros stand for those that are not there.
inline std::uint64_t eight_bytes(const char* bytes, std::size_t count) {
  std::uint64_t word = 0;
  if (count >= 8) {
    std::memcpy(&word, bytes, 8);
  } else if (count >= 4) {
    std::uint32_t front, back;
    std::memcpy(&front, bytes, 4);
    std::memcpy(&back, bytes + count - 4, 4);
    word = front | std::uint64_t{back} << (count - 4) * 8;
  } else if (count != 0) {
    const auto byte = [&](std::size_t at) {
      return std::uint64_t{static_cast<unsigned char>(bytes[at])} << at * 8;
    };
    word = byte(0) | byte(count / 2) | byte(count - 1);
  }
  return word;
}
/// Shifts by whole bytes, 0 to 8 of them.
constexpr std::uint64_t without_last(std::uint64_t word, std::size_t bytes) {
  return word << bytes * 4 << bytes * 4;
}
constexpr std::uint64_t without_first(std::uint64_t word, std::size_t bytes) {
  return word >> bytes * 4 >> bytes * 4;
}

/// One byte of a suffix's hash, of which `tail` is what lies behind the last eight whole bytes, eight of them
/// if they go out even. The multipliers are those of SplitMix64 and MurmurHash3's finaliser; the first
/// spreads bytes that follow one another best (Knuth, volume 3, 6.4: Fibonacci hashing), as the last bytes of
/// keys do.
inline unsigned char tag_of(const char* at, std::size_t left, std::uint64_t tail) {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15, finaliser = 0xff51afd7ed558ccd;
  std::uint64_t hash = left * finaliser;
  for (; left > 8; at += 8, left -= 8) {
    hash = (hash ^ eight_bytes(at, 8)) * finaliser;
    hash ^= hash >> 32;
  }
  return static_cast<unsigned char>(((hash ^ tail) * golden) >> 56);
}
inline unsigned char tag_of(std::string_view suffix) {
  const std::size_t before = suffix.empty() ? 0 : (suffix.size() - 1) / 8 * 8;
  return tag_of(suffix.data(), suffix.size(), eight_bytes(suffix.data() + before, suffix.size() - before));
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
    return between(begin(entry), end(entry));
  }
  /// The same, without a look at where it ends if all are so long (0: they are not).
  [[nodiscard]] std::string_view suffix(std::uint32_t entry, std::uint32_t common_length) const {
    if (common_length == 0) return suffix(entry);
    return between(entry * common_length, (entry + 1) * common_length);
  }
  [[nodiscard]] std::string_view between(std::uint32_t from, std::uint32_t to) const {
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
    std::uint32_t found = none;
    const bool whole =
        each_suffix(tagged(tag_of(wanted)) & among, [&](std::uint32_t entry, std::string_view have) {
          if (found == none && have == wanted) found = entry;
        });
    return whole ? found : broken;
  }
  /// Asks for the prefix, and for the value of the first of these entries and for what says where its suffix
  /// is, or for the suffix.
  [[gnu::always_inline]] void foresee(EntrySet candidates, std::uint32_t common_length) const {
    const auto entry = static_cast<std::uint32_t>(std::countr_zero(candidates));
    __builtin_prefetch(prefix.data());
    __builtin_prefetch(&value(entry));
    if (common_length == 0)
      __builtin_prefetch(block + layout::bucket_ends_at(capacity) + sizeof(std::uint16_t) * entry);
    else
      __builtin_prefetch(suffixes() + entry * common_length);
  }
  /// Asks for the suffix of the first of these entries.
  [[gnu::always_inline]] void foresee_suffix(EntrySet candidates) const {
    __builtin_prefetch(suffixes() + begin(static_cast<std::uint32_t>(std::countr_zero(candidates))));
  }
  /// `visit(entry, suffix)` for each of these; false once one does not lie in the bucket.
  template <class Visit>
  [[nodiscard]] bool each_suffix(EntrySet among, Visit visit, std::uint32_t common_length = 0) const {
    for (EntrySet left = among; left != 0; left &= left - 1) {
      const auto entry = static_cast<std::uint32_t>(std::countr_zero(left));
      const std::string_view have = suffix(entry, common_length);
      if (have.data() == nullptr) [[unlikely]]
        return false;
      visit(entry, have);
    }
    return true;
  }
};

}  // namespace radish::radix
