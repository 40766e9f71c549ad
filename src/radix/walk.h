// A walk from a root along a query, a node at a time: what lookups are made of, one or many at once.
//
// A reference that the walk observes was in the tree at that moment, and so was what lies behind it; what is
// read of a node unlinked meanwhile is what it held when it was.
#pragma once

#include "radix/lookup.h"
#include "radix/node.h"
#include "radix/query.h"

namespace radish::radix {

/// What is broken, and where; null: nothing.
struct Wrong {
  const char* what = nullptr;
  Offset offset = 0;
};

// What a walk seeks says
//     wants_prefixes                    whether keys that end before the query does matter
//     hit(value, bytes)                 is told of a key that so many bytes of the query are
//     end(memory, terminal, bytes)      the same, of a key that ends at an inner node
//     aim(bucket, state, query)         finds out what to look at, asks for its memory; false: nothing
//     sight(bucket)                     asks for what `aim` could not know
//     look(bucket, query)               looks; false if an entry does not lie in the bucket
// The query of `aim` has the bucket's prefix before it still.

/// N5: `seek` is told of the key that ends at an inner node.
template <class Seek>
Wrong hit_terminal(Memory& memory, Reference terminal, std::size_t depth, Seek& seek) {
  const auto leaf = memory.terminal(terminal);
  if (!leaf) [[unlikely]]
    return {leaf.error().what, leaf.error().subject};
  seek.hit(leaf->value, depth);
  return {};
}

/// Entries of a bucket that a walk has aimed at.
struct Aim {
  EntrySet candidates;
  std::uint32_t common_length;

  [[gnu::always_inline]] bool at(const Bucket& bucket, BucketState state, EntrySet entries) {
    candidates = entries & state.live();
    common_length = state.common_length();
    if (candidates == 0) return false;
    bucket.foresee(candidates, common_length);
    return true;
  }
  [[gnu::always_inline]] void sight(const Bucket& bucket) const {
    if (common_length == 0) bucket.foresee_suffix(candidates);
  }
};

/// Of a whole key.
class Whole {
 public:
  static constexpr bool wants_prefixes = false;

  void hit(const std::uint64_t* at, std::size_t) { value_ = at; }
  Wrong end(Memory& memory, Reference terminal, std::size_t depth) {
    return hit_terminal(memory, terminal, depth, *this);
  }
  [[gnu::always_inline]] bool aim(const Bucket& bucket, BucketState state, const Query& query) {
    return aim_.at(bucket, state, bucket.tagged(query.tag_behind(bucket.prefix.size())));
  }
  [[gnu::always_inline]] void sight(const Bucket& bucket) const { aim_.sight(bucket); }
  [[gnu::always_inline]] bool look(const Bucket& bucket, const Query& query) {
    for (EntrySet left = aim_.candidates; left != 0; left &= left - 1) {
      const auto entry = static_cast<std::uint32_t>(std::countr_zero(left));
      const std::string_view have = bucket.suffix(entry, aim_.common_length);
      if (have.data() == nullptr) [[unlikely]]
        return false;
      if (have.size() == query.left() && query.starts_with(have.data(), have.size())) [[likely]] {
        value_ = &bucket.value(entry);
        return true;
      }
    }
    return true;
  }
  [[gnu::always_inline]] Wrong finish(Memory&, txn::Answer<std::uint64_t>& answer) const {
    if (value_ != nullptr) answer = {.found = true, .value = sync::observe(*value_)};
    return {};
  }

 private:
  const std::uint64_t* value_ = nullptr;
  Aim aim_;
};

/// Value and terminal are read at the end: one cache miss, not one for each prefix.
class Longest {
 public:
  static constexpr bool wants_prefixes = true;

  void hit(const std::uint64_t* at, std::size_t matched) {
    value_ = at;
    bytes_ = matched;
    terminal_ = 0;
  }
  Wrong end(Memory&, Reference reference, std::size_t depth) {
    terminal_ = reference;
    bytes_ = depth;
    return {};
  }
  [[gnu::always_inline]] bool aim(const Bucket& bucket, BucketState state, const Query& query) {
    return aim_.at(bucket, state, tagged_as_starts(bucket, state, query));
  }
  [[gnu::always_inline]] void sight(const Bucket& bucket) const { aim_.sight(bucket); }
  [[gnu::always_inline]] bool look(const Bucket& bucket, const Query& query) {
    std::size_t bytes_wanted = 0;
    const auto take_if_longer = [&](std::uint32_t entry, std::string_view have) {
      if (have.size() < bytes_wanted || !query.starts_with(have.data(), have.size())) return;
      hit(&bucket.value(entry), query.depth() + have.size());
      bytes_wanted = have.size() + 1;
    };
    return bucket.each_suffix(aim_.candidates, take_if_longer, aim_.common_length);
  }
  [[gnu::always_inline]] Wrong finish(Memory& memory, txn::Answer<PrefixMatch>& answer) {
    if (terminal_ != 0) {
      const Wrong wrong = hit_terminal(memory, terminal_, bytes_, *this);
      if (wrong.what != nullptr) [[unlikely]]
        return wrong;
    }
    if (value_ != nullptr) answer = {.found = true, .value = {sync::observe(*value_), bytes_}};
    return {};
  }

 private:
  /// All entries, if some have suffixes of lengths that are not told apart.
  [[nodiscard]] static EntrySet tagged_as_starts(const Bucket& bucket, BucketState state,
                                                 const Query& query) {
    const std::size_t left = query.left() - bucket.prefix.size();
    std::uint64_t lengths = state.lengths();
    if (left < BucketState::exact_lengths) lengths &= lowest_entries(static_cast<std::uint32_t>(left) + 1);
    if ((lengths >> BucketState::exact_lengths) != 0) return lowest_entries(bucket.capacity);
    EntrySet found = 0;
    for (; lengths != 0; lengths &= lengths - 1)
      found |= bucket.tagged(
          query.tag_behind(bucket.prefix.size(), static_cast<std::size_t>(std::countr_zero(lengths))));
    return found;
  }

  const std::uint64_t* value_ = nullptr;
  std::size_t bytes_;
  Reference terminal_ = 0;  ///< which is longer than the value's key
  Aim aim_;
};

/// What comes next on a walk.
enum class Next : std::uint8_t {
  nothing,  ///< it is over
  node,     ///< `visit`
  bucket,   ///< `look`; `sight` before it, if other walks come between
};

/// A walk along the query; what it seeks is told of each stored key that it may want, shortest first.
template <class Seek>
class Walk {
 public:
  [[gnu::always_inline]] void begin(std::string_view query, Reference top, const Seek& seek) {
    query_.begin(query);
    reference_ = top;
    below_ = false;
    wrong_ = {};
    seek_ = seek;
  }
  [[nodiscard]] const Wrong& wrong() const { return wrong_; }
  [[nodiscard]] Seek& seek() { return seek_; }

  /// One node further. `lines`: as many of the next one are asked for.
  [[nodiscard, gnu::always_inline]] Next visit(Memory& memory, int lines) {
    const std::byte* block = memory.block(reference_);
    if (block == nullptr) [[unlikely]]
      return reference_ == 0 ? Next::nothing : fail(outside_heap, offset_of(reference_));
    const auto kind = static_cast<NodeKind>(*block);
    if (kind == NodeKind::bucket) return aim(memory, block);
    if (kind == NodeKind::leaf) return look_into_leaf(memory, block);
    return step(memory, block, lines);
  }
  [[gnu::always_inline]] void sight() const { seek_.sight(bucket_); }
  [[gnu::always_inline]] void look() {
    if (query_.skip(bucket_.prefix) && !seek_.look(bucket_, query_)) [[unlikely]]
      fail("a suffix reaches beyond its bucket", bucket_.offset);
  }

 private:
  Next fail(const char* what, Offset offset) {
    wrong_ = {what, offset};
    return Next::nothing;
  }

  [[gnu::always_inline]] Next aim(Memory& memory, const std::byte* block) {
    const Offset offset = offset_of(reference_);
    if (const char* wrong = memory.read_bucket(offset, block, bucket_)) [[unlikely]]
      return fail(wrong, offset);
    const BucketState state = bucket_.state();
    if (!state.fits(bucket_.capacity)) [[unlikely]]
      return fail("a bucket's state is none of its own", offset);
    if (bucket_.prefix.size() > query_.left()) return Next::nothing;
    return seek_.aim(bucket_, state, query_) ? Next::bucket : Next::nothing;
  }

  [[gnu::always_inline]] Next look_into_leaf(Memory& memory, const std::byte* block) {
    Leaf leaf;
    if (const char* wrong = memory.read_leaf(offset_of(reference_), block, leaf)) [[unlikely]]
      return fail(wrong, offset_of(reference_));
    if (query_.skip(leaf.rest) && (Seek::wants_prefixes || query_.left() == 0))
      seek_.hit(leaf.value, query_.depth());
    return Next::nothing;
  }

  /// From an inner node to what the next byte leads to.
  [[gnu::always_inline]] Next step(Memory& memory, const std::byte* block, int lines) {
    Inner inner;
    if (const char* wrong = memory.read_inner(offset_of(reference_), block, inner)) [[unlikely]]
      return fail(wrong, offset_of(reference_));
    if (below_ && inner.prefix.empty()) [[unlikely]]
      return fail("an inner node has no byte", inner.offset);  // N4
    below_ = true;
    if (!query_.skip(inner.prefix)) return Next::nothing;
    if (Seek::wants_prefixes || query_.left() == 0) {
      const Reference terminal = inner.at(terminal_position);
      if (terminal != 0) wrong_ = seek_.end(memory, terminal, query_.depth());
      if (query_.left() == 0 || wrong_.what != nullptr) return Next::nothing;
    }
    reference_ = inner.at(inner.find(query_.front()));
    // At once: a bucket's tags, ends, values and suffixes come side by side, not one when the one before it
    // is there.
    memory.foresee(reference_, lines);
    return Next::node;
  }
  Query query_;
  Reference reference_;
  bool below_;  ///< the topmost node
  Wrong wrong_;
  Seek seek_;
  Bucket bucket_;
};

}  // namespace radish::radix
