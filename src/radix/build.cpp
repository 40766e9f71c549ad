#include "radix/build.h"

#include <algorithm>
#include <cstring>

#include "heap/classes.h"

namespace radish::radix {
namespace {

constexpr std::array<std::byte, 8> zeros{};

/// Fills a block from its start on.
class Filler {
 public:
  Filler(txn::Transaction& tx, Offset block) : tx_(tx), block_(block), at_(block) {}
  void put(const void* bytes, std::size_t count) {
    tx_.fill(at_, bytes, count);
    at_ += count;
  }
  void put(const Pieces& pieces) {
    for (const std::string_view piece : pieces) put(piece.data(), piece.size());
  }
  /// Zeros up to so many bytes from the block's start.
  void pad(std::uint64_t end) {
    if (block_ + end != at_) put(zeros.data(), block_ + end - at_);
  }

 private:
  txn::Transaction& tx_;
  Offset block_;
  Offset at_;
};

/// For each byte, how many of the separators are not greater.
std::array<unsigned char, layout::index_bytes> index_over(const Entries& entries) {
  std::array<unsigned char, layout::index_bytes> index{};
  std::uint32_t child = 0;
  for (std::uint32_t byte = 0; byte < index.size(); ++byte) {
    while (child + 1 < entries.count && entries.bytes[child + 1] <= byte) ++child;
    index[byte] = static_cast<unsigned char>(child);
  }
  return index;
}

/// How large a bucket becomes.
struct BucketPlan {
  std::uint32_t entries;
  std::uint64_t prefix_bytes;
  std::uint64_t suffix_bytes;  ///< of all of them

  /// With words for so many entries, and room for the suffixes of those to come, like those that are there.
  [[nodiscard]] std::uint64_t bytes(std::uint32_t capacity) const {
    const std::uint64_t typical = (suffix_bytes + entries - 1) / entries;
    return layout::bucket_prefix_at(capacity) + prefix_bytes + suffix_bytes + (capacity - entries) * typical;
  }
};

BucketPlan plan_bucket(const Items& items, ItemSet chosen, std::size_t skip) {
  BucketPlan plan{static_cast<std::uint32_t>(std::popcount(chosen)), items.common(chosen, skip), 0};
  Items::each(chosen, [&](std::uint32_t item) {
    plan.suffix_bytes += items.content(item).size() - skip - plan.prefix_bytes;
  });
  return plan;
}

/// So that a bucket is copied once for a sixth of it, not for each key.
std::uint32_t wanted_capacity(const BucketPlan& plan) {
  const std::uint32_t more = std::max(plan.entries / 6, 2U);
  std::uint32_t capacity = std::min(plan.entries + more, layout::bucket_entries_max);
  while (capacity > plan.entries && plan.bytes(capacity) > good_bucket_bytes) --capacity;
  return capacity;
}

/// A few of the heap's classes alone: keys that come at random make all buckets grow side by side, and what
/// they leave behind in a class that no other bucket is about to need is lost until they are divided
/// (docs/performance.md).
std::uint64_t block_bytes_for(std::uint64_t bytes) {
  constexpr std::array<std::uint64_t, 5> sizes = {136, 264, 496, 656, good_bucket_bytes};
  const auto* const size = std::ranges::lower_bound(sizes, bytes);
  return heap::class_bytes[heap::class_of(size != sizes.end() ? *size : bytes)];
}

/// A bucket in this process's memory.
struct Draft {
  alignas(8) std::array<std::byte, layout::bucket_bytes_max> bytes{};
  std::size_t used = 0;

  void put(std::size_t at, const void* source, std::size_t count) {
    std::memcpy(bytes.data() + at, source, count);
  }
};

/// All but what is left as room.
void draft_bucket(Draft& draft, const Items& items, ItemSet chosen, std::size_t skip, const BucketPlan& plan,
                  const layout::BucketHeader& header) {
  const std::size_t tags = sizeof header, ends = layout::bucket_ends_at(header.capacity),
                    values = layout::bucket_values_at(header.capacity),
                    prefix = layout::bucket_prefix_at(header.capacity);
  const std::size_t suffixes = prefix + plan.prefix_bytes;
  std::uint32_t entry = 0;
  std::uint16_t end = 0;
  std::uint64_t lengths = 0;
  Items::each(chosen, [&](std::uint32_t item) {
    const std::string_view suffix = items.content(item).substr(skip + plan.prefix_bytes);
    const std::uint64_t value = items.value(item);
    draft.put(suffixes + end, suffix.data(), suffix.size());
    end = static_cast<std::uint16_t>(end + suffix.size());
    draft.bytes[tags + entry] = std::byte{tag_of(suffix)};
    draft.put(ends + entry * sizeof end, &end, sizeof end);
    draft.put(values + entry * sizeof value, &value, sizeof value);
    lengths |= BucketState::length_bit(suffix.size());
    ++entry;
  });
  const auto first = static_cast<std::uint32_t>(std::countr_zero(chosen));
  draft.put(prefix, items.content(first).data() + skip, plan.prefix_bytes);
  layout::BucketHeader whole = header;
  whole.state = BucketState::first(entry, lengths).word();
  draft.put(0, &whole, sizeof whole);
  draft.used = suffixes + end;
}

/// The block of a bucket, and how much it has words for: as much as a block of that size holds.
layout::BucketHeader header_of(const BucketPlan& plan, Room room) {
  std::uint32_t capacity = std::max(room == Room::to_grow ? wanted_capacity(plan) : plan.entries, 2U);
  const std::uint64_t needed = plan.bytes(capacity);
  const std::uint64_t bytes =
      room == Room::to_grow ? block_bytes_for(needed) : heap::class_bytes[heap::class_of(needed)];
  while (capacity < layout::bucket_entries_max && plan.bytes(capacity + 1) <= bytes) ++capacity;
  return {.kind = NodeKind::bucket,
          .capacity = static_cast<std::uint8_t>(capacity),
          .prefix_bytes = static_cast<std::uint16_t>(plan.prefix_bytes),
          .bytes = static_cast<std::uint16_t>(bytes),
          .reserved = 0,
          .state = 0};
}

Expected<Reference> make_bucket(txn::Transaction& tx, const Items& items, ItemSet chosen, std::size_t skip,
                                Room room) {
  const BucketPlan plan = plan_bucket(items, chosen, skip);
  const layout::BucketHeader header = header_of(plan, room);
  const auto block = heap::allocate(tx, header.bytes);
  if (!block) return std::unexpected(block.error());
  Draft draft;
  draft_bucket(draft, items, chosen, skip, plan, header);
  tx.fill(*block, draft.bytes.data(), draft.used);
  return reference_to(*block);
}

}  // namespace

void Entries::insert(std::uint32_t index, unsigned char byte, Reference child) {
  std::copy_backward(bytes.begin() + index, bytes.begin() + count, bytes.begin() + count + 1);
  std::copy_backward(children.begin() + index, children.begin() + count, children.begin() + count + 1);
  bytes[index] = byte;
  children[index] = child;
  ++count;
}

void Entries::remove(std::uint32_t index) {
  std::copy(bytes.begin() + index + 1, bytes.begin() + count, bytes.begin() + index);
  std::copy(children.begin() + index + 1, children.begin() + count, children.begin() + index);
  --count;
}

Expected<void> Entries::divide(std::uint32_t index, unsigned char byte, Reference other) {
  const bool possible = index < count && count < children.size() && byte > bytes[index] &&
                        (index + 1 == count || byte < bytes[index + 1]);
  if (!possible) return corrupt("a child holds keys that are not its own", other);
  insert(index + 1, byte, other);
  return {};
}

std::uint32_t Entries::index_of(Reference child) const {
  const auto* const found = std::find(children.begin(), children.begin() + count, child);
  return static_cast<std::uint32_t>(found - children.begin());
}

Entries live_entries(const txn::Transaction& tx, const Inner& node) {
  Entries entries;
  entries.terminal = planned_at(tx, node, terminal_position);
  unsigned char byte = 0;
  for (Position position = 1; position < node.positions(); ++position) {
    byte = node.byte(position, byte);
    if (const Reference child = planned_at(tx, node, position); child != 0) entries.add(byte, child);
  }
  if (entries.count == 0) entries.add(0, 0);
  entries.bytes[0] = 0;  // N4
  return entries;
}

Expected<Reference> make_leaf(txn::Transaction& tx, const Pieces& rest, std::uint64_t value) {
  if (rest.bytes() > layout::key_bytes_max) return corrupt("a key longer than any key", rest.bytes());
  const auto block = heap::allocate(tx, leaf_bytes(rest.bytes()));
  if (!block) return std::unexpected(block.error());
  Filler filler(tx, *block);
  const auto kind = NodeKind::leaf;
  const auto rest_bytes = static_cast<std::uint16_t>(rest.bytes());
  filler.put(&kind, sizeof kind);
  filler.put(&rest_bytes, sizeof rest_bytes);
  filler.put(rest);
  filler.pad(leaf_value_at(rest.bytes()));
  filler.put(&value, sizeof value);
  return reference_to(*block);
}

Expected<Reference> make_inner(txn::Transaction& tx, const Pieces& prefix, const Entries& entries) {
  require(entries.count != 0, "an inner node has a child");
  if (prefix.bytes() > layout::key_bytes_max) return corrupt("a prefix longer than any key", prefix.bytes());
  const std::uint32_t separators = entries.count - 1;
  const auto kind = separators <= layout::sparse_separators_max ? NodeKind::sparse : NodeKind::indexed;
  const auto block = heap::allocate(tx, layout::inner_bytes(kind, separators, prefix.bytes()));
  if (!block) return std::unexpected(block.error());
  Filler filler(tx, *block);
  const layout::InnerHeader header{.kind = kind,
                                   .separators = static_cast<std::uint8_t>(separators),
                                   .prefix_bytes = static_cast<std::uint16_t>(prefix.bytes()),
                                   .link = 0};
  filler.put(&header, sizeof header);
  if (kind == NodeKind::sparse) {
    filler.put(entries.bytes.data() + 1, separators);
  } else {
    const auto index = index_over(entries);
    filler.put(index.data(), index.size());
  }
  filler.put(prefix);
  filler.pad(layout::slots_at(kind, separators, prefix.bytes()));
  filler.put(&entries.terminal, sizeof entries.terminal);
  filler.put(entries.children.data(), entries.count * sizeof(Reference));
  return reference_to(*block);
}

bool fit_bucket(const Items& items, ItemSet chosen, std::size_t skip) {
  const BucketPlan plan = plan_bucket(items, chosen, skip);
  if (plan.entries == 1) return true;
  return plan.entries <= layout::bucket_entries_max && plan.bytes(plan.entries) <= layout::bucket_bytes_max;
}

bool fit_bucket_well(const Items& items, ItemSet chosen, std::size_t skip) {
  const BucketPlan plan = plan_bucket(items, chosen, skip);
  return is_good_bucket(plan.entries, plan.prefix_bytes + plan.suffix_bytes);
}

Expected<Reference> make_keys(txn::Transaction& tx, const Items& items, ItemSet chosen, std::size_t skip,
                              Room room) {
  if (std::popcount(chosen) != 1) return make_bucket(tx, items, chosen, skip, room);
  const auto item = static_cast<std::uint32_t>(std::countr_zero(chosen));
  return make_leaf(tx, {items.content(item).substr(skip)}, items.value(item));
}

bool is_enlargeable(const Bucket& bucket, BucketState state, std::string_view content) {
  const std::uint32_t used = state.used();
  if (state.live_count() != used || !content.starts_with(bucket.prefix)) return false;
  std::uint32_t end = 0;
  for (std::uint32_t entry = 0; entry < used; ++entry) {
    if (bucket.end(entry) < end) return false;
    end = bucket.end(entry);
  }
  return end <= bucket.suffix_bytes_max && is_good_bucket(used + 1, content.size() + end);
}

Expected<Reference> enlarge(txn::Transaction& tx, const Bucket& bucket, BucketState state,
                            std::string_view content, std::uint64_t value) {
  const std::uint32_t used = state.used();
  const std::size_t prefix_bytes = bucket.prefix.size(), suffix_bytes = bucket.end(used - 1);
  const std::string_view suffix = content.substr(prefix_bytes);
  layout::BucketHeader header =
      header_of({used + 1, prefix_bytes, suffix_bytes + suffix.size()}, Room::to_grow);
  header.state =
      BucketState::first(used + 1, state.lengths() | BucketState::length_bit(suffix.size())).word();
  const auto block = heap::allocate(tx, header.bytes);
  if (!block) return std::unexpected(block.error());
  const std::size_t tags = sizeof header, ends = layout::bucket_ends_at(header.capacity),
                    values = layout::bucket_values_at(header.capacity),
                    prefix = layout::bucket_prefix_at(header.capacity);
  const unsigned char tag = tag_of(suffix);
  const auto end = static_cast<std::uint16_t>(suffix_bytes + suffix.size());
  Draft draft;
  draft.put(0, &header, sizeof header);
  draft.put(tags, bucket.block + sizeof header, used);
  draft.put(tags + used, &tag, sizeof tag);
  draft.put(ends, bucket.block + layout::bucket_ends_at(bucket.capacity), used * sizeof end);
  draft.put(ends + used * sizeof end, &end, sizeof end);
  for (std::uint32_t entry = 0; entry <= used; ++entry) {
    const std::uint64_t stored = entry == used ? value : tx.load64(bucket.value_offset(entry));
    draft.put(values + entry * sizeof stored, &stored, sizeof stored);
  }
  draft.put(prefix, bucket.prefix.data(), prefix_bytes + suffix_bytes);  // one behind the other
  draft.put(prefix + prefix_bytes + suffix_bytes, suffix.data(), suffix.size());
  tx.fill(*block, draft.bytes.data(), prefix + prefix_bytes + end);
  return reference_to(*block);
}

bool append(txn::Transaction& tx, const Bucket& bucket, BucketState state, std::string_view content,
            std::uint64_t value) {
  const std::uint32_t entry = state.used();
  if (entry == bucket.capacity || !content.starts_with(bucket.prefix)) return false;
  const std::string_view suffix = content.substr(bucket.prefix.size());
  const std::uint32_t begin = bucket.begin(entry);
  if (begin > bucket.suffix_bytes_max || suffix.size() > bucket.suffix_bytes_max - begin) return false;
  const auto end = static_cast<std::uint16_t>(begin + suffix.size());
  const unsigned char tag = tag_of(suffix);
  tx.fill(bucket.offset + sizeof(layout::BucketHeader) + entry, &tag, sizeof tag);
  tx.fill(bucket.offset + layout::bucket_ends_at(bucket.capacity) + entry * sizeof end, &end, sizeof end);
  tx.fill(bucket.value_offset(entry), &value, sizeof value);
  const auto suffixes_at = layout::bucket_prefix_at(bucket.capacity) + bucket.prefix.size();
  tx.fill(bucket.offset + suffixes_at + begin, suffix.data(), suffix.size());
  tx.publish64(bucket.state_at(), state.with_next(suffix.size()).word());
  return true;
}

}  // namespace radish::radix
