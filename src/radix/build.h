// New nodes: blocks taken on paper and filled, which nobody sees before the transaction publishes them.
#pragma once

#include <array>
#include <initializer_list>

#include "heap/heap.h"
#include "radix/node.h"

namespace radish::radix {

/// A byte string said in pieces, so that what lies in other nodes need not be copied twice.
class Pieces {
 public:
  Pieces(std::initializer_list<std::string_view> pieces) {
    for (const std::string_view piece : pieces) add(piece);
  }
  void add(std::string_view piece) {
    require(count_ < pieces_.size(), "a node's bytes come in at most five pieces");
    pieces_[count_++] = piece;
    bytes_ += piece.size();
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] const std::string_view* begin() const { return pieces_.data(); }
  [[nodiscard]] const std::string_view* end() const { return pieces_.data() + count_; }

 private:
  std::array<std::string_view, 5> pieces_{};
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

/// Entries for a new inner node, the children in order of their bytes.
struct Entries {
  Reference terminal = 0;
  std::uint32_t count = 0;  ///< of children
  std::array<char, 256> bytes;
  std::array<Reference, 256> children;

  void add(unsigned char byte, Reference child) {
    bytes[count] = static_cast<char>(byte);
    children[count++] = child;
  }
  /// An entry for what is left of a key at this node: its terminal, or a child under its first byte.
  void add_key(std::string_view left, Reference leaf) {
    if (left.empty())
      terminal = leaf;
    else
      add(static_cast<unsigned char>(left.front()), leaf);
  }
  void sort();
};

/// Entries that a plan leaves in a node, except the one in the slot `without`.
[[nodiscard]] Entries live_entries(const txn::Transaction& tx, const Inner& node, Offset without = 0);

/// What is left of a key below the node that it came to: nothing, or what follows the child's byte.
[[nodiscard]] inline std::string_view below(std::string_view left) {
  return left.empty() ? left : left.substr(1);
}

/// Writes a leaf into a block that is large enough.
Reference fill_leaf(txn::Transaction& tx, Offset block, const Pieces& rest, std::uint64_t value);
[[nodiscard]] Expected<Reference> make_leaf(txn::Transaction& tx, const Pieces& rest, std::uint64_t value);
/// `corrupt` if the prefix is longer than any key.
[[nodiscard]] Expected<Reference> make_sparse(txn::Transaction& tx, const Pieces& prefix,
                                              const Entries& entries);
[[nodiscard]] Expected<Reference> make_dense(txn::Transaction& tx, const Entries& entries);

/// Changes a dense node's count of entries; nothing for a sparse one.
void count_entry(txn::Transaction& tx, const Inner& owner, std::uint32_t delta);

}  // namespace radish::radix
