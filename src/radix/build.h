// New nodes: blocks taken on paper and filled, which nobody sees before the transaction publishes them.
#pragma once

#include <array>
#include <initializer_list>

#include "heap/heap.h"
#include "radix/items.h"
#include "radix/node.h"

namespace radish::radix {

/// A byte string said in pieces, so that what lies in other nodes need not be copied twice.
class Pieces {
 public:
  Pieces(std::initializer_list<std::string_view> pieces) {
    for (const std::string_view piece : pieces) add(piece);
  }
  void add(std::string_view piece) {
    require(count_ < pieces_.size(), "a node's bytes come in at most two pieces");
    pieces_[count_++] = piece;
    bytes_ += piece.size();
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] const std::string_view* begin() const { return pieces_.data(); }
  [[nodiscard]] const std::string_view* end() const { return pieces_.data() + count_; }

 private:
  std::array<std::string_view, 2> pieces_{};
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

/// Entries for a new inner node, the children in order of their bytes.
struct Entries {
  Reference terminal = 0;
  std::uint32_t count = 0;  ///< of children
  std::array<unsigned char, 256>
      bytes;  ///< the first of each child; that of the first child is not asked for
  std::array<Reference, 256> children;

  void add(unsigned char byte, Reference child) { insert(count, byte, child); }
  void insert(std::uint32_t index, unsigned char byte, Reference child);
  /// What came before it has its keys' bytes from now on; if it was the first, what comes behind it.
  void remove(std::uint32_t index);
  /// The child's keys from a byte on become another child's, which comes behind it. `corrupt` if the child
  /// is none of these, or the byte is not between its first and the next child's.
  [[nodiscard]] Expected<void> divide(std::uint32_t index, unsigned char byte, Reference other);
  /// `count` if it is none of these.
  [[nodiscard]] std::uint32_t index_of(Reference child) const;
};

/// Entries that a plan leaves in a node. Children that are null are left out; one stays if there is no other.
[[nodiscard]] Entries live_entries(const txn::Transaction& tx, const Inner& node);

[[nodiscard]] Expected<Reference> make_leaf(txn::Transaction& tx, const Pieces& rest, std::uint64_t value);
/// `corrupt` if the prefix is longer than any key. There is a child at least.
[[nodiscard]] Expected<Reference> make_inner(txn::Transaction& tx, const Pieces& prefix,
                                             const Entries& entries);

/// Up to here there is a reason to keep keys together: more bytes are more cache lines, and are copied with
/// each key that comes when there is no room.
inline constexpr std::uint64_t good_bucket_bytes = 992;
/// Of so many keys, prefix and suffixes of so many bytes in all.
constexpr bool is_good_bucket(std::size_t entries, std::uint64_t key_bytes) {
  return entries <= layout::bucket_entries_max &&
         layout::bucket_prefix_at(entries) + key_bytes <= good_bucket_bytes;
}

/// Whether a bucket can hold them, without their first `skip` bytes: at all, and as a good one does.
[[nodiscard]] bool fit_bucket(const Items& items, ItemSet chosen, std::size_t skip);
[[nodiscard]] bool fit_bucket_well(const Items& items, ItemSet chosen, std::size_t skip);
/// How large a bucket is made.
enum class Room : std::uint8_t {
  to_grow,  ///< a few keys more than come now, in a block of one of a few sizes
  as_is,    ///< in the smallest block that holds it
};
/// A leaf for one of them, a bucket for several, without their first `skip` bytes.
[[nodiscard]] Expected<Reference> make_keys(txn::Transaction& tx, const Items& items, ItemSet chosen,
                                            std::size_t skip, Room room = Room::to_grow);

/// Whether a bucket and a key make a bucket that is the same with an entry more: all that ever were are
/// there, the key begins as they do, and a good bucket holds them.
[[nodiscard]] bool is_enlargeable(const Bucket& bucket, BucketState state, std::string_view content);
/// That bucket, with room to grow.
[[nodiscard]] Expected<Reference> enlarge(txn::Transaction& tx, const Bucket& bucket, BucketState state,
                                          std::string_view content, std::uint64_t value);

/// Plans that a key joins a bucket behind the entries that are there. False if it has no room, or begins in
/// another way than they do.
[[nodiscard]] bool append(txn::Transaction& tx, const Bucket& bucket, BucketState state,
                          std::string_view content, std::uint64_t value);

}  // namespace radish::radix
