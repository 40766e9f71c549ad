#include "radix/scan.h"

#include <optional>
#include <utility>

#include "radix/node.h"

namespace radish::radix {
namespace {

constexpr std::size_t batch_key_bytes_max = 64 << 10;

/// True if the key lies behind the bound, in order of keys.
bool lies_behind(const Bound& bound, std::string_view key) {
  if (bound.side == Bound::Side::end) return false;
  return bound.side == Bound::Side::before ? key >= bound.key : key > bound.key;
}

/// The walk: a stack of inner nodes, each with the position that comes next, and the bytes that lead there.
class Walker {
 public:
  Walker(const segment::Segment& segment, Reference root, Direction direction)
      : memory_(segment), root_(root), forward_(direction == Direction::forward) {}

  /// Goes to the bound. Entries on its far side will not be visited.
  Expected<void> seek(const Bound& from);
  /// The next leaf, whose key is path() and the leaf's rest; nullopt at the end.
  Expected<std::optional<Leaf>> next();
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
    path_ += node.prefix;
    if (path_.size() > layout::key_bytes_max) return corrupt("a path longer than any key", node.offset);
    stack_.push_back({node, next, path_.size()});
    return count_visit(node.bytes());
  }
  /// The byte of a child joins the path.
  void step(const Inner& node, Position position) {
    if (position != terminal_position) path_.push_back(static_cast<char>(node.byte(position)));
  }
  Expected<void> check_leaf(const Node& node, bool terminal) {
    if (!node.is_leaf) return corrupt("a terminal is no leaf", node.inner.offset);
    if (terminal && !node.leaf.rest.empty()) return corrupt("a terminal leaf has a rest", node.leaf.offset);
    if (path_.size() + node.leaf.rest.size() > layout::key_bytes_max)
      return corrupt("a key longer than any key", node.leaf.offset);
    return count_visit(node.leaf.bytes());
  }
  Expected<std::optional<Reference>> seek_below(const Inner& node, const Bound& from);
  Expected<void> seek_leaf(const Node& node, const Bound& from);

  Memory memory_;
  Reference root_;
  bool forward_;
  std::uint64_t visits_ = 0;
  std::uint64_t visits_max_ = 0;
  std::vector<Frame> stack_;
  std::string path_;
  std::optional<Leaf> pending_;  ///< the leaf at the bound itself, if it is to be visited
};

Expected<void> Walker::seek_leaf(const Node& node, const Bound& from) {
  RADISH_TRY(check_leaf(node, false));
  if (lies_behind(from, path_ + std::string(node.leaf.rest)) == forward_) pending_ = node.leaf;
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
      RADISH_TRY(push(node, behind < node.positions() ? behind : no_position));
    else
      RADISH_TRY(push(node, behind == 0 ? no_position : terminal_position));
    return std::nullopt;
  }
  const auto byte = static_cast<unsigned char>(left[node.prefix.size()]);
  const Position at = node.lower_bound(byte);
  const bool hit = at < node.positions() && node.byte(at) == byte;
  if (!hit) {
    if (forward_)
      RADISH_TRY(push(node, at < node.positions() ? at : no_position));
    else
      RADISH_TRY(push(node, at - 1));
    return std::nullopt;
  }
  RADISH_TRY(push(node, after(node, at)));
  step(node, at);
  return node.at(at);
}

Expected<void> Walker::seek(const Bound& from) {
  Reference reference = root_;
  while (reference != 0) {
    const auto node = memory_.node(reference);
    if (!node) return std::unexpected(node.error());
    if (node->is_leaf) return seek_leaf(*node, from);
    const Inner& inner = node->inner;
    if (from.side == Bound::Side::end) return forward_ ? Expected<void>{} : push(inner, first(inner));
    const auto below = seek_below(inner, from);
    if (!below) return std::unexpected(below.error());
    if (!*below) return {};
    reference = **below;
  }
  return {};
}

Expected<std::optional<Leaf>> Walker::next() {
  if (pending_) return std::exchange(pending_, std::nullopt);
  while (!stack_.empty()) {
    Frame& frame = stack_.back();
    path_.resize(frame.path_bytes);
    if (frame.next == no_position) {
      stack_.pop_back();
      continue;
    }
    const Position position = frame.next;
    const Inner node = frame.node;
    frame.next = after(node, position);
    const Reference reference = node.at(position);
    if (reference == 0) continue;
    step(node, position);
    const auto below = memory_.node(reference);
    if (!below) return std::unexpected(below.error());
    if (below->is_leaf || position == terminal_position) {
      RADISH_TRY(check_leaf(*below, position == terminal_position));
      return std::optional(below->leaf);
    }
    RADISH_TRY(push(below->inner, first(below->inner)));
  }
  return std::nullopt;
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

void Batch::clear() {
  keys_.clear();
  entries_.clear();
}

void Batch::add(std::string_view front, std::string_view back, std::uint64_t value) {
  const std::size_t key_at = keys_.size();
  keys_ += front;
  keys_ += back;
  entries_.push_back({key_at, keys_.size() - key_at, value});
}

Expected<void> scan(const segment::Segment& segment, const txn::Root& root, Direction direction,
                    const Bound& from, std::string_view prefix, std::size_t entries_max, Batch& batch) {
  batch.clear();
  Walker walker(segment, root.node(segment), direction);
  const Bound start = clamp(direction, from, prefix);
  RADISH_TRY(walker.seek(start));
  while (batch.size() < entries_max && batch.key_bytes() < batch_key_bytes_max) {
    const auto next = walker.next();
    if (!next) return std::unexpected(next.error());
    const std::optional<Leaf>& leaf = *next;
    if (!leaf || !starts_with(walker.path(), leaf->rest, prefix)) return {};
    batch.add(walker.path(), leaf->rest, sync::observe(*leaf->value));
    if (!follows(direction, start, batch)) return corrupt("keys out of order", leaf->offset);
  }
  return {};
}

}  // namespace radish::radix
