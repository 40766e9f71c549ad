#include "radix/lookup.h"

#include <algorithm>
#include <array>
#include <utility>

#include "radix/node.h"

namespace radish::radix {
namespace {

/// What is broken, and where; null: nothing.
struct Wrong {
  const char* what = nullptr;
  Offset offset = 0;
};

/// A child's first lines are asked for at once: a bucket's tags, ends, values and suffixes come side by side,
/// not one when the one before it is there (docs/performance.md).
void foresee(const segment::Segment& segment, Reference reference) {
  const std::byte* block = segment.base() + offset_of(reference);
  for (int line = 0; line < 4; ++line) __builtin_prefetch(block + line * 64);
}

/// N5: `seek` is told of the key that ends at an inner node.
template <class Seek>
Wrong hit_terminal(Memory& memory, Reference terminal, std::size_t depth, Seek& seek) {
  const auto leaf = memory.terminal(terminal);
  if (!leaf) [[unlikely]]
    return {leaf.error().what, leaf.error().subject};
  seek.hit(leaf->value, depth);
  return {};
}

/// Of a whole key.
struct Whole {
  static constexpr bool wants_prefixes = false;
  const std::uint64_t* value = nullptr;

  void hit(const std::uint64_t* at, std::size_t) { value = at; }
  Wrong end(Memory& memory, Reference terminal, std::size_t depth) {
    return hit_terminal(memory, terminal, depth, *this);
  }
  bool look_into(const Bucket& bucket, BucketState state, std::string_view left, std::size_t) {
    const std::uint32_t entry = bucket.find(state.live(), left);
    if (entry < bucket.capacity) value = &bucket.value(entry);
    return entry != Bucket::broken;
  }
};

/// Value and terminal are read at the end: one cache miss, not one for each prefix.
struct Longest {
  static constexpr bool wants_prefixes = true;
  const std::uint64_t* value = nullptr;
  std::size_t bytes = 0;
  Reference terminal = 0;  ///< which is longer than the value's key

  void hit(const std::uint64_t* at, std::size_t matched) {
    value = at;
    bytes = matched;
    terminal = 0;
  }
  Wrong end(Memory&, Reference reference, std::size_t depth) {
    terminal = reference;
    bytes = depth;
    return {};
  }
  bool look_into(const Bucket& bucket, BucketState state, std::string_view left, std::size_t depth) {
    const std::uint32_t entry = bucket.find_longest(state, left);
    if (entry < bucket.capacity) hit(&bucket.value(entry), depth + bucket.suffix(entry).size());
    return entry != Bucket::broken;
  }
};

struct Every {
  static constexpr bool wants_prefixes = true;
  const std::function<void(PrefixMatch)>& visit;

  void hit(const std::uint64_t* at, std::size_t matched) { visit({sync::observe(*at), matched}); }
  Wrong end(Memory& memory, Reference terminal, std::size_t depth) {
    return hit_terminal(memory, terminal, depth, *this);
  }
  bool look_into(const Bucket& bucket, BucketState state, std::string_view left, std::size_t depth) {
    std::array<std::pair<std::size_t, std::uint32_t>, layout::bucket_entries_max> found;
    std::size_t count = 0;
    const bool whole = bucket.each_suffix(state.live(), [&](std::uint32_t entry, std::string_view suffix) {
      if (left.starts_with(suffix)) found[count++] = {suffix.size(), entry};
    });
    if (!whole) return false;
    std::sort(found.begin(), found.begin() + count);
    for (std::size_t index = 0; index < count; ++index)
      hit(&bucket.value(found[index].second), depth + found[index].first);
    return true;
  }
};

/// A walk along the query; `seek` is told of each stored key that it may want, shortest first.
template <class Seek>
class Walk {
 public:
  Walk(const segment::Segment& segment, std::string_view query, Seek& seek)
      : segment_(segment),
        memory_(segment),
        query_bytes_(query.size()),
        at_(query.data()),
        left_(query.size()),
        seek_(seek) {}

  [[gnu::always_inline]] Wrong from(Reference top) {
    for (Reference reference = top; reference != 0; below_ = true) {
      const std::byte* block = memory_.block(reference);
      if (block == nullptr) [[unlikely]]
        return {outside_heap, offset_of(reference)};
      const auto kind = static_cast<NodeKind>(*block);
      if (kind == NodeKind::bucket) return look_into_bucket(offset_of(reference), block);
      if (kind == NodeKind::leaf) return look_into_leaf(offset_of(reference), block);
      const Wrong wrong = step(block, reference);
      if (wrong.what != nullptr) [[unlikely]]
        return wrong;
    }
    return {};
  }

 private:
  [[gnu::always_inline]] bool skip(std::string_view prefix) {
    if (prefix.size() > left_ || !same_bytes(prefix.data(), at_, prefix.size())) return false;
    at_ += prefix.size();
    left_ -= prefix.size();
    return true;
  }
  [[nodiscard]] std::size_t depth() const { return query_bytes_ - left_; }

  [[gnu::always_inline]] Wrong look_into_bucket(Offset offset, const std::byte* block) {
    Bucket bucket;
    if (const char* wrong = memory_.read_bucket(offset, block, bucket)) [[unlikely]]
      return {wrong, offset};
    const BucketState state = bucket.state();
    if (!state.fits(bucket.capacity)) [[unlikely]]
      return {"a bucket's state is none of its own", offset};
    if (!skip(bucket.prefix)) return {};
    const bool whole = seek_.look_into(bucket, state, {at_, left_}, depth());
    return whole ? Wrong{} : Wrong{"a suffix reaches beyond its bucket", offset};
  }

  [[gnu::always_inline]] Wrong look_into_leaf(Offset offset, const std::byte* block) {
    Leaf leaf;
    if (const char* wrong = memory_.read_leaf(offset, block, leaf)) [[unlikely]]
      return {wrong, offset};
    if (skip(leaf.rest) && (Seek::wants_prefixes || left_ == 0)) seek_.hit(leaf.value, depth());
    return {};
  }

  /// From an inner node to what the next byte leads to; to none where the walk ends.
  [[gnu::always_inline]] Wrong step(const std::byte* block, Reference& reference) {
    Inner inner;
    if (const char* wrong = memory_.read_inner(offset_of(reference), block, inner)) [[unlikely]]
      return {wrong, offset_of(reference)};
    if (below_ && inner.prefix.empty()) [[unlikely]]
      return {"an inner node has no byte", inner.offset};  // N4
    reference = 0;
    if (!skip(inner.prefix)) return {};
    if (Seek::wants_prefixes || left_ == 0) {
      const Wrong wrong = look_at_terminal(inner);
      if (left_ == 0 || wrong.what != nullptr) return wrong;
    }
    reference = inner.at(inner.find(static_cast<unsigned char>(*at_)));
    foresee(segment_, reference);
    return {};
  }

  Wrong look_at_terminal(const Inner& inner) {
    const Reference terminal = inner.at(terminal_position);
    return terminal == 0 ? Wrong{} : seek_.end(memory_, terminal, depth());
  }

  const segment::Segment& segment_;
  Memory memory_;
  std::size_t query_bytes_;
  const char* at_;
  std::size_t left_;
  bool below_ = false;
  Seek& seek_;
};

template <class Seek>
[[gnu::always_inline]] inline Wrong walk(const segment::Segment& segment, const txn::Root& root,
                                         std::string_view query, Seek& seek) {
  return Walk<Seek>(segment, query, seek).from(root.node(segment));
}

template <class T>
txn::Answer<T> no_answer(const Wrong& wrong) {
  return {.wrong = wrong.what, .offset = wrong.offset};
}

}  // namespace

txn::Answer<std::uint64_t> find(const segment::Segment& segment, const txn::Root& root,
                                std::string_view key) {
  Whole seek;
  const Wrong wrong = walk(segment, root, key, seek);
  if (wrong.what != nullptr || seek.value == nullptr) return no_answer<std::uint64_t>(wrong);
  return {.found = true, .value = sync::observe(*seek.value)};
}

txn::Answer<PrefixMatch> longest_prefix(const segment::Segment& segment, const txn::Root& root,
                                        std::string_view query) {
  Longest seek;
  Wrong wrong = walk(segment, root, query, seek);
  if (wrong.what == nullptr && seek.terminal != 0) {
    Memory memory(segment);
    wrong = hit_terminal(memory, seek.terminal, seek.bytes, seek);
  }
  if (wrong.what != nullptr || seek.value == nullptr) return no_answer<PrefixMatch>(wrong);
  return {.found = true, .value = {sync::observe(*seek.value), seek.bytes}};
}

Expected<void> each_prefix(const segment::Segment& segment, const txn::Root& root, std::string_view query,
                           const std::function<void(PrefixMatch)>& visit) {
  Every seek{visit};
  const Wrong wrong = walk(segment, root, query, seek);
  return wrong.what == nullptr ? Expected<void>{} : corrupt(wrong.what, wrong.offset);
}

}  // namespace radish::radix
