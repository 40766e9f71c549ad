#include "integer/lookup.h"

#include <array>

#include "integer/node.h"

namespace radish::integer {
namespace {

template <Direction direction>
inline constexpr int step = direction == Direction::forward ? 1 : -1;
template <Direction direction>
inline constexpr int end = direction == Direction::forward ? digits : -1;

/// The first child from a digit on, behind which the digit is put; null behind the last.
template <Direction direction>
Reference next_child(const Node& node, int& digit) {
  Reference found = 0;
  for (; digit != end<direction> && found == 0; digit += step<direction>)
    found = node.child(static_cast<unsigned>(digit));
  return found;
}

/// The walk of the ordered questions: a stack of inner nodes, each with the digit that comes next, and the
/// leaf at hand.
template <Direction direction>
class Walker {
 public:
  explicit Walker(const segment::Segment& segment) : extent_(segment) {}

  /// Goes to the key. Entries on its far side will not be visited.
  Expected<void> seek(Reference top, std::uint64_t key);
  /// nullopt at the end.
  Expected<std::optional<Entry>> next();

 private:
  static constexpr bool forward = direction == Direction::forward;
  static constexpr int first = forward ? 0 : digits - 1;
  static constexpr int step = integer::step<direction>;
  static constexpr int end = integer::end<direction>;

  struct Frame {
    Node node;
    int next;  ///< `end` behind the last in the direction
  };

  void push(const Node& node, int next) { frames_[depth_++] = {node, next}; }
  void rest_at(const Node& leaf, int next) { leaf_ = {leaf, next}; }
  /// Below the frame at hand.
  Expected<void> enter(Reference reference);
  std::optional<Entry> next_of_leaf();
  /// Q2. What is visited stays where it is while the pin holds, so the heap as it is now holds all of it.
  Expected<void> count_visit() {
    if (++visits_ <= visits_max_) return {};
    visits_max_ = extent_.blocks_max(node_bytes_min);
    if (visits_ <= visits_max_) return {};
    return corrupt("a walk through more nodes than the heap can hold", visits_max_);
  }
  /// Q2: the order that no sound tree breaks.
  Expected<void> check_order(std::uint64_t key) {
    const bool follows = forward ? key >= limit_ : key <= limit_;
    if (!follows || passed_end_) return corrupt("keys out of order", key);
    passed_end_ = forward ? key == UINT64_MAX : key == 0;
    limit_ = forward ? key + 1 : key - 1;
    return {};
  }

  txn::Extent extent_;
  std::uint64_t visits_ = 0;
  std::uint64_t visits_max_ = levels;
  std::uint64_t limit_ = 0;  ///< no key before it may come any more
  bool passed_end_ = false;  ///< nor any other: the last that there can be has been met
  unsigned depth_ = 0;
  Frame leaf_{{}, end};
  std::array<Frame, levels> frames_;
};

template <Direction direction>
Expected<void> Walker<direction>::seek(Reference reference, std::uint64_t key) {
  limit_ = key;
  Level limit = levels;
  for (Node node; reference != 0; reference = node.child(digit_of(key, limit))) {
    if (const char* wrong = read(extent_, reference, limit, node)) [[unlikely]]
      return corrupt(wrong, offset_of(reference));
    prefetch(node, key);
    limit = node.head.level;
    const std::uint64_t prefix = node.prefix(), wanted = prefix_of(key, limit);
    const bool matches = prefix == wanted;
    if (!matches && (prefix > wanted) != forward) return {};  // all of it lies on the far side
    const int next = matches ? static_cast<int>(digit_of(key, limit)) : first;
    if (node.head.is_leaf()) {
      rest_at(node, next);
      return {};
    }
    push(node, matches ? next + step : next);
    if (!matches) return {};
  }
  return {};
}

template <Direction direction>
std::optional<Entry> Walker<direction>::next_of_leaf() {
  while (leaf_.next != end) {
    const int digit = nearest_bit<direction>(leaf_.node.head.taken, static_cast<unsigned>(leaf_.next));
    if (digit == none) break;
    leaf_.next = digit + step;
    if (const auto value = leaf_.node.value(static_cast<unsigned>(digit)))
      return Entry{leaf_.node.prefix() | static_cast<unsigned>(digit), *value};
  }
  leaf_.next = end;
  return std::nullopt;
}

template <Direction direction>
Expected<void> Walker<direction>::enter(Reference reference) {
  RADISH_TRY(count_visit());
  const Level limit = frames_[depth_ - 1].node.head.level;
  Node node;
  if (const char* wrong = read(extent_, reference, limit, node)) return corrupt(wrong, offset_of(reference));
  prefetch(node, static_cast<std::uint64_t>(first));
  if (node.head.is_leaf())
    rest_at(node, first);
  else
    push(node, first);
  return {};
}

template <Direction direction>
Expected<std::optional<Entry>> Walker<direction>::next() {
  for (;;) {
    if (const auto entry = next_of_leaf()) {
      RADISH_TRY(check_order(entry->key));
      return entry;
    }
    if (depth_ == 0) return std::nullopt;
    Frame& frame = frames_[depth_ - 1];
    const Reference reference = next_child<direction>(frame.node, frame.next);
    if (reference == 0) {
      if (broken(Twin::bound_does_not_backtrack)) return std::nullopt;
      --depth_;
      continue;
    }
    RADISH_TRY(enter(reference));
  }
}

/// Of the leaf beside the bound's own, or its place, under the parent of a walk that `search` speaks of:
/// mostly the entry is there. nullopt: or somewhere else. Nothing that was there throughout is passed over:
/// the bound's leaf had nothing from it on, and each child in between was seen to be absent. If the parent
/// has been unlinked meanwhile its slots are as they were.
template <Direction direction>
std::optional<Entry> next_leaf_entry(const segment::Segment& segment, std::uint64_t bound,
                                     const Node& parent) {
  if (parent.block == nullptr || parent.head.level != 1) return std::nullopt;
  if (parent.prefix() != prefix_of(bound, 1)) return std::nullopt;
  int behind = static_cast<int>(digit_of(bound, 1)) + step<direction>;
  const Reference reference = next_child<direction>(parent, behind);
  if (reference == 0) return std::nullopt;
  txn::Extent extent(segment);
  Node leaf;
  if (read(extent, reference, 1, leaf) != nullptr) return std::nullopt;
  const std::uint64_t prefix =
      prefix_of(bound, 1) | digit_at(static_cast<unsigned>(behind - step<direction>), 1);
  const int digit = nearest_bit<direction>(leaf.head.taken, direction == Direction::forward ? 0 : digits - 1);
  if (digit == none || leaf.prefix() != prefix) return std::nullopt;
  const auto value = leaf.value(static_cast<unsigned>(digit));
  if (!value) return std::nullopt;
  return Entry{prefix | static_cast<unsigned>(digit), *value};
}

template <Direction direction>
Expected<void> scan_from(const segment::Segment& segment, const txn::Root& root, std::uint64_t key,
                         std::size_t entries_max, Batch& batch) {
  Walker<direction> walker(segment);
  RADISH_TRY(walker.seek(root.node(segment), key));
  while (batch.size() < entries_max) {
    const auto next = walker.next();
    if (!next) return std::unexpected(next.error());
    const auto& entry = *next;
    if (!entry) return {};
    batch.push_back(*entry);
  }
  return {};
}

/// The first key that a walk from the bound may meet; nullopt if there can be none.
std::optional<std::uint64_t> first_key(Direction direction, const Bound& from) {
  const bool forward = direction == Direction::forward;
  if (from.side == Bound::Side::end) return forward ? std::nullopt : std::optional(UINT64_MAX);
  if ((from.side == Bound::Side::before) == forward) return from.key;
  if (from.key == (forward ? UINT64_MAX : 0)) return std::nullopt;
  return forward ? from.key + 1 : from.key - 1;
}

}  // namespace

template <Direction direction>
txn::Answer<Entry> search(const segment::Segment& segment, const txn::Root& root, std::uint64_t bound,
                          const Node& parent) {
  if (const auto entry = next_leaf_entry<direction>(segment, bound, parent))
    return {.found = true, .value = *entry};
  Walker<direction> walker(segment);
  if (const auto sought = walker.seek(root.node(segment), bound); !sought)
    return {.wrong = sought.error().what, .offset = sought.error().subject};
  const auto entry = walker.next();
  if (!entry) return {.wrong = entry.error().what, .offset = entry.error().subject};
  return {.found = entry->has_value(), .value = entry->value_or(Entry{})};
}
template txn::Answer<Entry> search<Direction::forward>(const segment::Segment&, const txn::Root&,
                                                       std::uint64_t, const Node&);
template txn::Answer<Entry> search<Direction::backward>(const segment::Segment&, const txn::Root&,
                                                        std::uint64_t, const Node&);

Expected<void> scan(const segment::Segment& segment, const txn::Root& root, Direction direction,
                    const Bound& from, std::size_t entries_max, Batch& batch) {
  batch.clear();
  const auto key = first_key(direction, from);
  if (!key) return {};
  return direction == Direction::forward
             ? scan_from<Direction::forward>(segment, root, *key, entries_max, batch)
             : scan_from<Direction::backward>(segment, root, *key, entries_max, batch);
}

}  // namespace radish::integer
