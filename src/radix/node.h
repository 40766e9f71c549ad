// Nodes as they lie in the heap, read with every offset bounded. Nothing here writes.
//
// Invariants
//   N1  A block is read only where it lies whole between the heap's start and the frontier; what does not is
//       `corrupt`. A stale frontier is looked at again before anything is refused. It comes down over pages
//       alone that hold nothing which a pin protects (H5, T4 of trim.h), so what a reader meets lies below
//       it.
//   N2  What a node holds besides references, values and a bucket's state and room never changes once it is
//       published, but for the link, which only writers read. All of these are single words, read as such.
//   N3  An inner node's references lie in a row: the terminal, which is position 0, then the children.
//   N4  Each child has the keys from its separator's byte up to the next one's; the first child those from
//       byte 0. The byte that leads to a child is the first of what the child holds: of an inner node's
//       prefix, of a leaf's rest, of each key in a bucket. So only the topmost node can have an empty prefix,
//       and a walk along a key is bounded by the key, whatever the bytes.
//   N5  A terminal refers to a leaf without a rest.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "radix/bucket.h"
#include "txn/extent.h"

namespace radish::radix {

using layout::NodeKind;
using layout::Offset;
using layout::Reference;

/// A position in an inner node: 0 is the terminal, further ones the children in order of their bytes.
using Position = std::uint32_t;
inline constexpr Position terminal_position = 0;
inline constexpr Position no_position = UINT32_MAX;

using txn::offset_of;
using txn::reference_to;

constexpr std::uint64_t leaf_value_at(std::uint64_t rest_bytes) {
  return layout::round_up(3 + rest_bytes, 8);
}
constexpr std::uint64_t leaf_bytes(std::uint64_t rest_bytes) { return leaf_value_at(rest_bytes) + 8; }
inline constexpr std::uint64_t node_bytes_min = 16;
/// What a node counts in the budget of a walk that no key guides: never nothing, though a hostile one can
/// claim fewer bytes than the smallest block has.
constexpr std::uint64_t visit_units(std::uint64_t bytes) {
  return std::max(bytes / node_bytes_min, std::uint64_t{1});
}

inline constexpr const char* outside_heap = "a reference points outside the heap";

/// Value, tag, end.
inline constexpr std::uint64_t bucket_entry_bytes_min = 11;

struct Leaf {
  Offset offset;
  std::string_view rest;
  const std::uint64_t* value;

  [[nodiscard]] Offset value_offset() const { return offset + leaf_value_at(rest.size()); }
  [[nodiscard]] std::uint64_t bytes() const { return leaf_bytes(rest.size()); }
};

struct Inner {
  Offset offset;
  NodeKind kind;             ///< sparse or indexed
  std::uint32_t separators;  ///< one less than children
  std::string_view prefix;
  const unsigned char* bytes_at;  ///< the separators, or the index
  const Reference* slots;         ///< N3

  [[nodiscard]] Position positions() const { return separators + 2; }
  [[nodiscard]] std::uint64_t bytes() const { return layout::inner_bytes(kind, separators, prefix.size()); }
  [[nodiscard]] Offset slot(Position position) const {
    return offset + layout::slots_at(kind, separators, prefix.size()) + position * sizeof(Reference);
  }
  [[nodiscard]] Reference at(Position position) const { return sync::observe(slots[position]); }
  /// The first byte of which a child has the keys; it is not less than `from`.
  [[nodiscard]] unsigned char byte(Position child, unsigned char from = 0) const {
    if (child <= 1) return 0;
    if (kind == NodeKind::sparse) return bytes_at[child - 2];
    unsigned byte = from;
    while (byte < 255 && bytes_at[byte] < child - 1) ++byte;
    return static_cast<unsigned char>(byte);
  }
  /// Position of the child that has the keys of a byte (N4).
  [[nodiscard]] RADISH_READS_BESIDE_STORES Position find(unsigned char wanted) const {
    if (kind == NodeKind::indexed) return Position{1} + std::min<Position>(bytes_at[wanted], separators);
    return Position{1} + count_not_greater(wanted);
  }

 private:
  /// Of the separators, which ascend: how many there are before the first that is greater. Sixteen at a time:
  /// behind the last of them lie prefix and three references at least, so what is read too much is the node's
  /// own.
  [[nodiscard]] RADISH_READS_BESIDE_STORES Position count_not_greater(unsigned char wanted) const {
    Position count = 0;
#if defined(__SSE2__) && !defined(RADISH_PORTABLE)
    const __m128i bound = _mm_set1_epi8(static_cast<char>(wanted));
    std::uint64_t not_greater = 0;
    for (; count < separators; count += 16) {
      const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes_at + count));
      const auto these = static_cast<std::uint32_t>(
          _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(sixteen, bound), sixteen)));
      not_greater |= std::uint64_t{these} << count;
    }
    return std::min(static_cast<Position>(std::countr_one(not_greater)), separators);
#else
    while (count < separators && bytes_at[count] <= wanted) ++count;
    return count;
#endif
  }
};

/// One of the three, as the kind says; the others hold nothing.
struct Node {
  NodeKind kind;
  Leaf leaf;
  Bucket bucket;
  Inner inner;

  [[nodiscard]] bool is_leaf() const { return kind == NodeKind::leaf; }
  [[nodiscard]] bool is_bucket() const { return kind == NodeKind::bucket; }
  [[nodiscard]] bool is_inner() const { return !is_leaf() && !is_bucket(); }
};

/// The heap of a segment, for reading.
class Memory {
 public:
  explicit Memory(const segment::Segment& segment) : extent_(segment) {}
  /// With the pages that a plan takes.
  explicit Memory(const txn::Transaction& tx) : extent_(tx) {}

  /// No more blocks than this can lie in the heap as it is now: what bounds walks that no key guides.
  [[nodiscard]] std::uint64_t blocks_max() { return extent_.blocks_max(node_bytes_min); }

  /// No more keys than this can lie in it: what each takes in a bucket, at least.
  [[nodiscard]] std::uint64_t keys_max() { return extent_.blocks_max(bucket_entry_bytes_min); }

  /// Reads the node behind a reference; what is wrong with it, or null.
  [[nodiscard, gnu::always_inline]] const char* read(Reference reference, Node& node) {
    const std::byte* at = block(reference);
    if (at == nullptr) [[unlikely]]
      return outside_heap;
    node.kind = static_cast<NodeKind>(*at);
    if (node.kind == NodeKind::bucket) return read_bucket(offset_of(reference), at, node.bucket);
    if (node.kind == NodeKind::leaf) return read_leaf(offset_of(reference), at, node.leaf);
    return read_inner(offset_of(reference), at, node.inner);
  }

  [[nodiscard]] Expected<Node> node(Reference reference) {
    Node node;
    if (const char* wrong = read(reference, node)) return corrupt(wrong, offset_of(reference));
    return node;
  }

  [[nodiscard]] Expected<Leaf> leaf(Reference reference) {
    Node node;
    if (const char* wrong = read(reference, node)) return corrupt(wrong, offset_of(reference));
    if (!node.is_leaf()) return corrupt("no leaf where one must be", offset_of(reference));
    return node.leaf;
  }

  /// N5: the leaf of a key that ends at an inner node.
  [[nodiscard]] Expected<Leaf> terminal(Reference reference) {
    auto found = leaf(reference);
    if (found && !found->rest.empty()) return corrupt("a terminal leaf has a rest", offset_of(reference));
    return found;
  }

  [[nodiscard]] Expected<Inner> inner(Reference reference) {
    Node node;
    if (const char* wrong = read(reference, node)) return corrupt(wrong, offset_of(reference));
    if (!node.is_inner()) return corrupt("no inner node where one must be", offset_of(reference));
    return node.inner;
  }

  /// What is there of any node; null if it does not lie in the heap.
  [[nodiscard, gnu::always_inline]] const std::byte* block(Reference reference) {
    return extent_.bytes(offset_of(reference), node_bytes_min);  // N1
  }
  /// Asks for so many lines of what may lie there.
  [[gnu::always_inline]] void foresee(Reference reference, int lines = most_of_a_bucket) const {
    const std::byte* block = extent_.base() + offset_of(reference);
    for (int line = 0; line < lines; ++line) __builtin_prefetch(block + line * 64);
  }
  static constexpr int most_of_a_bucket = 10;
  static constexpr int all_of_a_bucket = 13;  ///< where a further key will be too
  /// Of a block that begins as its kind does: what is wrong with it, or null.
  [[nodiscard, gnu::always_inline]] const char* read_leaf(Offset offset, const std::byte* block, Leaf& leaf) {
    std::uint16_t rest_bytes;
    std::memcpy(&rest_bytes, block + 1, sizeof rest_bytes);
    if (!extent_.reaches(offset, leaf_bytes(rest_bytes))) [[unlikely]]
      return "a leaf reaches beyond the frontier";
    leaf = {offset,
            {reinterpret_cast<const char*>(block + 3), rest_bytes},
            reinterpret_cast<const std::uint64_t*>(block + leaf_value_at(rest_bytes))};
    return nullptr;
  }

  [[nodiscard, gnu::always_inline]] const char* read_bucket(Offset offset, const std::byte* block,
                                                            Bucket& bucket) {
    layout::BucketHeader header;
    std::memcpy(&header, block, offsetof(layout::BucketHeader, state));
    const std::uint64_t prefix_at = layout::bucket_prefix_at(header.capacity);
    const std::uint64_t suffixes_at = prefix_at + header.prefix_bytes;
    if (header.capacity < 2 || header.capacity > layout::bucket_entries_max ||
        header.bytes > layout::bucket_bytes_max || suffixes_at > header.bytes) [[unlikely]]
      return "a bucket of no possible shape";
    if (!extent_.reaches(offset, header.bytes)) [[unlikely]]
      return "a bucket reaches beyond the frontier";
    bucket = {offset,
              block,
              header.capacity,
              header.bytes,
              {reinterpret_cast<const char*>(block + prefix_at), header.prefix_bytes},
              static_cast<std::uint32_t>(header.bytes - suffixes_at)};
    return nullptr;
  }

  [[nodiscard, gnu::always_inline]] const char* read_inner(Offset offset, const std::byte* block,
                                                           Inner& inner) {
    layout::InnerHeader header;
    std::memcpy(&header, block, sizeof(std::uint32_t));  // the link is the writer's
    const bool sparse = header.kind == NodeKind::sparse;
    if (!sparse && header.kind != NodeKind::indexed) [[unlikely]]
      return "a node of no known kind";
    if ((header.separators <= layout::sparse_separators_max) != sparse) [[unlikely]]
      return "a node of no possible shape";
    const std::uint64_t prefix_at = layout::prefix_at(header.kind, header.separators);
    const std::uint64_t slots_at = layout::round_up(prefix_at + header.prefix_bytes, sizeof(Reference));
    if (!extent_.reaches(offset, slots_at + sizeof(Reference) * (header.separators + 2U))) [[unlikely]]
      return "a node reaches beyond the frontier";
    inner = {offset,
             header.kind,
             header.separators,
             {reinterpret_cast<const char*>(block + prefix_at), header.prefix_bytes},
             reinterpret_cast<const unsigned char*>(block + sizeof header),
             reinterpret_cast<const Reference*>(block + slots_at)};
    return nullptr;
  }

 private:
  txn::Extent extent_;
};

/// A reference as a plan leaves it, in nodes that it fills itself too.
[[nodiscard]] inline Reference planned_at(const txn::Transaction& tx, const Inner& node, Position position) {
  return tx.load32(node.slot(position));
}
/// What is there in a bucket as a plan leaves it; `corrupt` if that can not be.
[[nodiscard]] inline Expected<BucketState> planned_state(const txn::Transaction& tx, const Bucket& bucket) {
  const BucketState state(tx.load64(bucket.state_at()));
  if (!state.fits(bucket.capacity) || state.live() == 0)
    return corrupt("a bucket's state is none of its own", bucket.offset);
  return state;
}

/// Entries of an inner node that a plan leaves, counted up to `enough`.
[[nodiscard]] inline std::uint32_t count_entries(const txn::Transaction& tx, const Inner& node,
                                                 std::uint32_t enough) {
  std::uint32_t count = 0;
  for (Position position = 0; position < node.positions() && count < enough; ++position)
    count += planned_at(tx, node, position) != 0 ? 1U : 0U;
  return count;
}

/// Length of what two byte strings have in common from their start.
[[nodiscard]] inline std::size_t common_bytes(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace radish::radix
