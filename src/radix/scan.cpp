#include "radix/scan.h"

#include <algorithm>
#include <array>
#include <optional>

#include "radix/node.h"

namespace radish::radix {
namespace {

constexpr std::size_t batch_key_bytes_max = 64 << 10;

/// True if the key lies behind the bound, in order of keys.
bool lies_behind(const Bound& bound, std::string_view key) {
  if (bound.side == Bound::Side::end) return false;
  return bound.side == Bound::Side::before ? key >= bound.key : key > bound.key;
}

/// A key on the walk: what lies behind the path, and its value.
struct Entry {
  std::string_view rest;
  const std::uint64_t* value;
  Offset offset;  ///< of the leaf or bucket
};

/// The entries of a bucket that were there at one moment, in the order of a walk.
class Sorted {
 public:
  [[nodiscard]] bool empty() const { return next_ == count_; }
  [[nodiscard]] const Entry& take() { return entries_[order_[next_++]]; }
  void clear() {
    next_ = count_ = 0;
    is_ascending_ = true;
  }
  void add(const Entry& entry) {
    heads_[count_] = __builtin_bswap64(eight_bytes(entry.rest.data(), entry.rest.size()));
    is_ascending_ &= count_ == 0 || heads_[count_ - 1] < heads_[count_];
    order_[count_] = static_cast<std::uint8_t>(count_);
    entries_[count_++] = entry;
  }
  /// False if one of them is there twice.
  [[nodiscard]] bool sort(bool forward) {
    if (!is_ascending_) {  // as what was loaded, or came in order
      sort_by_heads();
      if (!sort_by_rests()) return false;
    }
    if (!forward) std::reverse(order_.data(), order_.data() + count_);
    return true;
  }
  /// Leaves out those from the start of the walk that `is_before` says.
  template <class IsBefore>
  void skip(IsBefore is_before) {
    while (!empty() && is_before(entries_[order_[next_]].rest)) ++next_;
  }

 private:
  /// Each entry's place is how many there are with a lesser head: counting takes the square of their number,
  /// but no branch depends on a comparison, and there are few (docs/performance.md). Heads are cut here, and
  /// told apart by where their entries are; what that gets wrong is between neighbours.
  void sort_by_heads() {
    std::array<std::int32_t, layout::bucket_entries_max> cut{}, places{};
    for (std::uint32_t index = 0; index < count_; ++index)
      cut[index] = static_cast<std::int32_t>((heads_[index] >> 32 & ~std::uint64_t{63}) | index) ^ INT32_MIN;
    for (std::uint32_t other = 0; other < count_; ++other)
      for (std::uint32_t index = 0; index < layout::bucket_entries_max; ++index)
        places[index] += cut[index] > cut[other] ? 1 : 0;
    for (std::uint32_t index = 0; index < count_; ++index)
      order_[static_cast<std::uint32_t>(places[index])] = static_cast<std::uint8_t>(index);
  }
  [[nodiscard]] bool is_less(std::uint8_t a, std::uint8_t b) const {
    return heads_[a] != heads_[b] ? heads_[a] < heads_[b] : entries_[a].rest < entries_[b].rest;
  }
  /// By insertion, since few are out of order by now. False if two are the same.
  [[nodiscard]] bool sort_by_rests() {
    for (std::uint32_t index = 1; index < count_; ++index) {
      const std::uint8_t entry = order_[index];
      std::uint32_t place = index;
      for (; place != 0 && is_less(entry, order_[place - 1]); --place) order_[place] = order_[place - 1];
      order_[place] = entry;
      if (place != 0 && !is_less(order_[place - 1], entry)) return false;
    }
    return true;
  }

  /// The first eight bytes of an entry's rest as a number, in which zeros stand for bytes that it has not.
  std::array<std::uint64_t, layout::bucket_entries_max> heads_;
  std::array<std::uint8_t, layout::bucket_entries_max> order_;
  std::array<Entry, layout::bucket_entries_max> entries_;
  std::uint32_t next_ = 0;
  std::uint32_t count_ = 0;
  bool is_ascending_ = true;
};

/// The walk: a stack of inner nodes, each with the position that comes next, the bytes that lead there, and
/// the keys at hand.
class Walker {
 public:
  Walker(const segment::Segment& segment, Reference root, Direction direction)
      : memory_(segment), root_(root), forward_(direction == Direction::forward) {}

  /// Goes to the bound. Entries on its far side will not be visited.
  Expected<void> seek(const Bound& from);
  /// Goes on to keys if none are at hand; false at the end.
  Expected<bool> open_next();
  /// Their keys are path() and their rests.
  [[nodiscard]] Sorted& at_hand() { return at_hand_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Frame {
    Inner node;
    Position next;           ///< no_position behind the last in the direction
    std::size_t path_bytes;  ///< of the path with the node's prefix
  };

  [[nodiscard]] Position first(const Inner& node) const { return forward_ ? 0 : node.positions() - 1; }
  [[nodiscard]] Position after(const Inner& node, Position position) const {
    if (forward_) return position + 1 < node.positions() ? position + 1 : no_position;
    return position == 0 ? no_position : position - 1;
  }
  /// C2, by the bytes that are looked at. What is visited stays where it is while the pin holds, so the heap
  /// as it is now holds all of it.
  Expected<void> count_visit(std::uint64_t bytes) {
    visits_ += visit_units(bytes);
    if (visits_ <= visits_max_) return {};
    visits_max_ = memory_.blocks_max();
    if (visits_ <= visits_max_) return {};
    return corrupt("a walk through more nodes than the heap can hold", visits_max_);
  }
  Expected<void> push(const Inner& node, Position next) {
    if (!stack_.empty() && node.prefix.empty())
      return corrupt("an inner node has no byte", node.offset);  // N4
    path_ += node.prefix;
    if (path_.size() > layout::key_bytes_max) return corrupt("a path longer than any key", node.offset);
    stack_.push_back({node, next, path_.size()});
    return count_visit(node.bytes());
  }
  [[nodiscard]] Expected<void> check_rest(std::string_view rest, Offset offset) const {
    if (path_.size() + rest.size() <= layout::key_bytes_max) return {};
    return corrupt("a key longer than any key", offset);
  }
  /// What a leaf or bucket holds is at hand from now on.
  Expected<void> open_keys(const Node& node);
  Expected<void> open_bucket(const Bucket& bucket);
  Expected<std::optional<Reference>> seek_below(const Inner& node, const Bound& from);
  Expected<void> seek_keys(const Node& node, const Bound& from);

  Memory memory_;
  Reference root_;
  bool forward_;
  std::uint64_t visits_ = 0;
  std::uint64_t visits_max_ = 0;
  std::vector<Frame> stack_;
  std::string path_;
  Sorted at_hand_;
};

Expected<void> Walker::open_keys(const Node& node) {
  at_hand_.clear();
  if (node.is_bucket()) return open_bucket(node.bucket);
  RADISH_TRY(check_rest(node.leaf.rest, node.leaf.offset));
  at_hand_.add({node.leaf.rest, node.leaf.value, node.leaf.offset});
  return count_visit(node.leaf.bytes());
}

Expected<void> Walker::open_bucket(const Bucket& bucket) {
  const BucketState state = bucket.state();
  if (!state.fits(bucket.capacity)) return corrupt("a bucket's state is none of its own", bucket.offset);
  path_ += bucket.prefix;
  std::size_t longest = 0;
  const bool whole = bucket.each_suffix(state.live(), [&](std::uint32_t entry, std::string_view suffix) {
    longest = std::max(longest, suffix.size());
    at_hand_.add({suffix, &bucket.value(entry), bucket.offset});
  });
  if (!whole) return corrupt("a suffix reaches beyond its bucket", bucket.offset);
  if (path_.size() + longest > layout::key_bytes_max)
    return corrupt("a key longer than any key", bucket.offset);
  if (!at_hand_.sort(forward_)) return corrupt("a bucket holds a key twice", bucket.offset);  // K3
  return count_visit(bucket.bytes);
}

Expected<void> Walker::seek_keys(const Node& node, const Bound& from) {
  RADISH_TRY(open_keys(node));
  at_hand_.skip(
      [&](std::string_view rest) { return lies_behind(from, path_ + std::string(rest)) != forward_; });
  return {};
}

/// Pushes a node that the bound's key leads to; what it goes on to, or nullopt if the bound lies here.
Expected<std::optional<Reference>> Walker::seek_below(const Inner& node, const Bound& from) {
  const std::string_view key = from.key;
  const std::size_t depth = path_.size();
  const std::string_view left = depth < key.size() ? key.substr(depth) : std::string_view{};
  if (!left.starts_with(node.prefix)) {
    // All of the node's keys lie on one side of the bound.
    const bool node_is_behind = node.prefix > left;
    if (node_is_behind == forward_) RADISH_TRY(push(node, first(node)));
    return std::nullopt;
  }
  if (left.size() == node.prefix.size()) {
    // The bound's key ends here: the terminal is that key, the children are behind it.
    const bool terminal_is_behind = from.side == Bound::Side::before;
    const Position behind = terminal_is_behind ? terminal_position : 1;
    if (forward_)
      RADISH_TRY(push(node, behind));
    else
      RADISH_TRY(push(node, behind == 0 ? no_position : terminal_position));
    return std::nullopt;
  }
  const Position at = node.find(static_cast<unsigned char>(left[node.prefix.size()]));
  RADISH_TRY(push(node, after(node, at)));
  return node.at(at);
}

Expected<void> Walker::seek(const Bound& from) {
  Reference reference = root_;
  while (reference != 0) {
    const auto node = memory_.node(reference);
    if (!node) return std::unexpected(node.error());
    const bool at_end = from.side == Bound::Side::end;
    if (at_end && forward_) return {};
    if (!node->is_inner()) return at_end ? open_keys(*node) : seek_keys(*node, from);
    if (at_end) return push(node->inner, first(node->inner));
    const auto below = seek_below(node->inner, from);
    if (!below) return std::unexpected(below.error());
    if (!*below) return {};
    reference = **below;
  }
  return {};
}

Expected<bool> Walker::open_next() {
  while (at_hand_.empty() && !stack_.empty()) {
    Frame& frame = stack_.back();
    path_.resize(frame.path_bytes);
    if (frame.next == no_position) {
      stack_.pop_back();
      continue;
    }
    const Position position = frame.next;
    frame.next = after(frame.node, position);
    if (frame.next != no_position) memory_.foresee(frame.node.at(frame.next));
    const Reference reference = frame.node.at(position);
    if (reference == 0) continue;
    const auto below = memory_.node(reference);
    if (!below) return std::unexpected(below.error());
    if (position == terminal_position && (!below->is_leaf() || !below->leaf.rest.empty()))  // N5
      return corrupt("a terminal is not a leaf without a rest", offset_of(reference));
    RADISH_TRY(below->is_inner() ? push(below->inner, first(below->inner)) : open_keys(*below));
  }
  return !at_hand_.empty();
}

/// The least key that is greater than all keys with the prefix; the end if there is none.
Bound behind_prefix(std::string_view prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.remove_suffix(1);
  if (prefix.empty()) return {.side = Bound::Side::end};
  Bound bound{.side = Bound::Side::before, .key = std::string(prefix)};
  bound.key.back() = static_cast<char>(static_cast<unsigned char>(bound.key.back()) + 1);
  return bound;
}

/// True if the first bound comes before the second.
bool is_less(const Bound& a, const Bound& b) {
  if (a.side == Bound::Side::end || b.side == Bound::Side::end)
    return a.side != b.side && b.side == Bound::Side::end;
  const int order = a.key.compare(b.key);
  return order != 0 ? order < 0 : a.side < b.side;
}

/// The bound, or the edge of the prefix's range if that is nearer.
Bound clamp(Direction direction, const Bound& from, std::string_view prefix) {
  if (direction == Direction::forward) {
    Bound begin{.side = Bound::Side::before, .key = std::string(prefix)};
    return is_less(from, begin) ? begin : from;
  }
  Bound end = behind_prefix(prefix);
  return is_less(end, from) ? end : from;
}

/// C2: the order that no sound tree breaks.
bool follows(Direction direction, const Bound& start, const Batch& batch) {
  const bool forward = direction == Direction::forward;
  const std::string_view last = batch.key(batch.size() - 1);
  if (batch.size() == 1) return lies_behind(start, last) == forward;
  const std::string_view before = batch.key(batch.size() - 2);
  return forward ? before < last : last < before;
}

/// Of a key in two pieces.
bool starts_with(std::string_view path, std::string_view rest, std::string_view prefix) {
  if (path.size() >= prefix.size()) return path.starts_with(prefix);
  return prefix.starts_with(path) && rest.starts_with(prefix.substr(path.size()));
}

}  // namespace

Expected<void> scan(const segment::Segment& segment, const txn::Root& root, Direction direction,
                    const Bound& from, std::string_view prefix, std::size_t entries_max, Batch& batch) {
  batch.clear();
  Walker walker(segment, root.node(segment), direction);
  const Bound start = clamp(direction, from, prefix);
  RADISH_TRY(walker.seek(start));
  const auto has_room = [&] { return batch.size() < entries_max && batch.key_bytes() < batch_key_bytes_max; };
  while (has_room()) {
    const auto opened = walker.open_next();
    if (!opened) return std::unexpected(opened.error());
    if (!*opened) return {};
    for (bool first = true; !walker.at_hand().empty() && has_room(); first = false) {
      const Entry& entry = walker.at_hand().take();
      if (!starts_with(walker.path(), entry.rest, prefix)) return {};
      batch.add(walker.path(), entry.rest, sync::observe(*entry.value));
      if (first && !follows(direction, start, batch)) return corrupt("keys out of order", entry.offset);
    }
  }
  return {};
}

}  // namespace radish::radix
