// Several mutations at once, of one root or of several of a segment.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "radish/integer_map.hpp"

namespace radish {

/// How a batch came out.
struct BatchOutcome {
  bool committed;
  std::size_t refused_by;  ///< if not: the first of its mutations whose condition did not hold, from 0

  bool operator==(const BatchOutcome&) const = default;
};

/// Mutations that are collected, then made all or not at all, in their order: whoever dies meanwhile, what is
/// left is the state before the batch or after all of it, in every root (an index and its reverse, say). A
/// later one sees what an earlier one did. Readers may see some of the keys a moment before the others, each
/// as it was before the batch or as it is after it; who takes a stable view sees all or nothing.
///
/// A batch is a plan of single stores, and what the segment's redo record holds bounds it
/// (`OpenOptions::record_entries`). A key costs a few stores, rarely fifty, the fewer the closer it lies to
/// others of the batch, more if it is much longer than its neighbours, and none if it comes out as it was;
/// how often it is named does not matter. A batch that needs more than the record holds is refused whole:
/// `batch_too_large`.
///
/// Not for two threads at once. It keeps the attachment of its trees and maps, which must be one.
class Batch {
 public:
  Batch() = default;

  Batch& insert(const Tree& tree, std::string_view key, std::uint64_t value);
  Batch& fetch_add(const Tree& tree, std::string_view key, std::uint64_t delta);
  /// It is no obstacle if the key is not there.
  Batch& erase(const Tree& tree, std::string_view key);
  /// If the key is there, nothing of the batch is done.
  Batch& insert_new(const Tree& tree, std::string_view key, std::uint64_t value);
  /// If the key is not there with the value `expected`, nothing of the batch is done.
  Batch& compare_exchange(const Tree& tree, std::string_view key, std::uint64_t expected,
                          std::uint64_t desired);

  Batch& insert(const IntegerMap& map, std::uint64_t key, std::uint64_t value);
  Batch& fetch_add(const IntegerMap& map, std::uint64_t key, std::uint64_t delta);
  Batch& erase(const IntegerMap& map, std::uint64_t key);
  Batch& insert_new(const IntegerMap& map, std::uint64_t key, std::uint64_t value);
  Batch& compare_exchange(const IntegerMap& map, std::uint64_t key, std::uint64_t expected,
                          std::uint64_t desired);

  [[nodiscard]] std::size_t size() const { return mutations_.size(); }
  void clear();

  /// Makes them, as one mutation of the segment that they are all of; the batch stays as it is. What a single
  /// mutation may fail with, `batch_too_large`, and `invalid_argument` if they are of several attachments.
  [[nodiscard]] Result<BatchOutcome> commit();
  /// The value that a mutation, counted from 0, found at the last commit; nullopt if its key was absent, if
  /// it comes after the one that refused the batch, if the commit failed, or if it was added since.
  [[nodiscard]] std::optional<std::uint64_t> found(std::size_t mutation) const {
    return mutation < found_.size() ? found_[mutation] : std::nullopt;
  }

 private:
  enum class Kind : int { assign, insert_new, compare_exchange, fetch_add, erase };
  struct Mutation {
    Kind kind;
    std::uint64_t operand;
    std::uint64_t expected;
    detail::RootWords root;
    unsigned depth;        ///< of an integer map; 0 for a tree
    std::string key;       ///< of a tree
    std::uint64_t number;  ///< the key of an integer map
  };
  class Changes;
  struct Planner;
  Batch& add(const Tree& tree, std::string_view key, Kind kind, std::uint64_t operand = 0,
             std::uint64_t expected = 0);
  Batch& add(const IntegerMap& map, std::uint64_t key, Kind kind, std::uint64_t operand = 0,
             std::uint64_t expected = 0);
  void join(const std::shared_ptr<detail::Handle>& handle);

  std::shared_ptr<detail::Handle> handle_;
  bool mixed_ = false;  ///< mutations of several attachments
  std::vector<Mutation> mutations_;
  std::vector<std::optional<std::uint64_t>> found_;
};

}  // namespace radish
