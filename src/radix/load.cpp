// Invariants
//   L1  What is being built hangs below one inner node, which is condemned from the start, as one that no
//       reader can reach. So whoever is the writer next, if the builder dies or gives up, gives it back like
//       whatever is condemned; references that are still null are passed over.
//   L2  One transaction takes it off the list and publishes it, counts its keys, and condemns what was there.
//       Those before it change nothing that readers find.
//   L3  The builder is the writer from the first transaction to the last, and gives nothing back meanwhile
//       (else it would dismantle what it builds).
//   L4  A node is made before what hangs below it, its references null. Each of them is filled by one
//       transaction, in the order of the keys.
//   L5  Keys ascend: what the first and the last of some share, all of them do, and those with one byte next
//       stand side by side.
#include "radix/load.h"

#include <algorithm>
#include <vector>

#include "heap/clear.h"
#include "heap/mutate.h"
#include "radix/build.h"
#include "segment/twin.h"

namespace radish::radix {
namespace {

using Keys = std::span<const std::string_view>;
using Values = std::span<const std::uint64_t>;

/// Asks for the bytes of a key that is soon to be read: they may lie anywhere.
void foresee(Keys keys, std::size_t index) {
  if (index < keys.size()) __builtin_prefetch(keys[index].data());
}

Expected<void> check(Keys keys, Values values) {
  constexpr std::size_t ahead = 16;
  if (keys.size() != values.size())
    return fault(Code::invalid_argument, "keys and values differ in number: values", values.size());
  for (std::size_t index = 0; index < keys.size(); ++index) {
    foresee(keys, index + ahead);
    if (keys[index].size() > layout::key_bytes_max)
      return fault(Code::too_long, "a key is longer than 65,535 bytes", keys[index].size());
    if (index != 0 && keys[index - 1] >= keys[index])
      return fault(Code::invalid_argument, "the keys do not ascend, from one to the next: number", index);
  }
  return {};
}

/// Some keys, which share their first `depth` bytes, and the slot that refers to what they become; 0: none.
struct Part {
  std::size_t first;
  std::size_t last;  ///< behind the last one
  std::size_t depth;
  Offset slot;

  [[nodiscard]] std::size_t count() const { return last - first; }
};

/// How keys come apart.
class Partition {
 public:
  explicit Partition(Keys keys) : keys_(keys) {}

  [[nodiscard]] std::size_t shared_bytes(const Part& part) const {
    return common_bytes(keys_[part.first].substr(part.depth), keys_[part.last - 1].substr(part.depth));
  }
  /// A leaf, or a bucket as good ones are.
  [[nodiscard]] bool is_small(const Part& part) const {
    if (part.count() == 1) return true;
    if (part.count() > layout::bucket_entries_max) return false;
    const std::size_t shared = shared_bytes(part);
    const std::size_t suffixes = bytes_behind(part.first, part.last, part.depth + shared);
    return is_good_bucket(part.count(), shared + suffixes);
  }
  /// Up to where keys from `part.first` on make one child of a node that tells them apart by the byte behind
  /// `part.depth`: as many as make a small part, and all that have one byte there.
  [[nodiscard]] std::size_t child_end(const Part& part) const {
    std::size_t end = same_byte_end(part.first, part.last, part.depth);
    if (!is_small({part.first, end, part.depth, 0})) return end;
    std::size_t bytes = bytes_behind(part.first, end, part.depth);
    while (end != part.last) {
      const std::size_t next = same_byte_end(end, part.last, part.depth);
      if (next - part.first > layout::bucket_entries_max) break;
      bytes += bytes_behind(end, next, part.depth);
      if (!is_good_bucket(next - part.first, bytes)) break;
      end = next;
    }
    return end;
  }
  [[nodiscard]] unsigned char byte(std::size_t key, std::size_t at) const {
    return static_cast<unsigned char>(keys_[key][at]);
  }

 private:
  [[nodiscard]] std::size_t same_byte_end(std::size_t first, std::size_t last, std::size_t at) const {
    const auto begin = keys_.begin();
    const auto end = std::partition_point(begin + static_cast<std::ptrdiff_t>(first),
                                          begin + static_cast<std::ptrdiff_t>(last),
                                          [at, wanted = byte(first, at)](std::string_view key) {
                                            return static_cast<unsigned char>(key[at]) == wanted;
                                          });
    return static_cast<std::size_t>(end - begin);
  }
  [[nodiscard]] std::size_t bytes_behind(std::size_t first, std::size_t last, std::size_t depth) const {
    std::size_t bytes = 0;
    for (; first != last; ++first) bytes += keys_[first].size() - depth;
    return bytes;
  }

  Keys keys_;
};

class Builder {
 public:
  Builder(const segment::Segment& segment, const txn::Root& root, Keys keys, Values values)
      : segment_(segment), root_(root), keys_(keys), values_(values), partition_(keys) {}

  /// Where it fails, what has been built is condemned.
  [[nodiscard]] Expected<void> build();

 private:
  [[nodiscard]] Expected<Reference> begin();
  [[nodiscard]] Expected<void> fill(const Part& part);
  [[nodiscard]] Expected<void> publish(txn::Transaction& tx, Reference top) const;
  /// What a part becomes: a leaf, a bucket, or a node whose own parts are to do.
  [[nodiscard]] Expected<Reference> make(txn::Transaction& tx, const Part& part);
  [[nodiscard]] Expected<Reference> make_small(txn::Transaction& tx, const Part& part) const;
  [[nodiscard]] Expected<Reference> make_node(txn::Transaction& tx, const Part& part);

  const segment::Segment& segment_;
  const txn::Root& root_;
  Keys keys_;
  Values values_;
  Partition partition_;
  std::vector<Part> to_do_;  ///< the next one last
};

Expected<void> commit(txn::Transaction& tx) {
  if (!tx.is_consistent()) return corrupt("the heap holds blocks that overlap");
  tx.commit();
  return {};
}

Expected<void> Builder::build() {
  const auto top = begin();
  if (!top) return std::unexpected(top.error());
  if (to_do_.empty()) return {};
  while (!to_do_.empty()) {
    const Part part = to_do_.back();
    to_do_.pop_back();
    RADISH_TRY(fill(part));
  }
  txn::Transaction tx(segment_);
  if (broken(Twin::load_in_sight)) return {};
  if (!broken(Twin::load_hangs_nowhere)) RADISH_TRY(heap::reprieve(tx, *top));
  RADISH_TRY(publish(tx, *top));
  return commit(tx);
}

/// Of few keys it is the end too.
Expected<Reference> Builder::begin() {
  txn::Transaction tx(segment_);
  const auto top = make(tx, {0, keys_.size(), 0, 0});
  if (!top) return top;
  if (to_do_.empty() || broken(Twin::load_in_sight))
    RADISH_TRY(publish(tx, *top));
  else if (!broken(Twin::load_hangs_nowhere))
    heap::condemn_unreachable(tx, *top);  // L1
  RADISH_TRY(commit(tx));
  return top;
}

/// L4.
Expected<void> Builder::fill(const Part& part) {
  txn::Transaction tx(segment_);
  const auto made = make(tx, part);
  if (!made) return std::unexpected(made.error());
  tx.store32(part.slot, *made);
  return commit(tx);
}

/// L2.
Expected<void> Builder::publish(txn::Transaction& tx, Reference top) const {
  const Reference before = tx.load32(root_.node_at());
  tx.publish32(root_.node_at(), top);
  tx.store64(root_.key_count_at(), keys_.size());
  return before == 0 ? Expected<void>{} : heap::give_up(tx, before);
}

Expected<Reference> Builder::make(txn::Transaction& tx, const Part& part) {
  return partition_.is_small(part) ? make_small(tx, part) : make_node(tx, part);
}

Expected<Reference> Builder::make_small(txn::Transaction& tx, const Part& part) const {
  Items items;
  for (std::size_t key = part.first; key != part.last; ++key) {
    foresee(keys_, key + layout::bucket_entries_max);
    items.add(keys_[key].substr(part.depth), {}, values_[key]);
  }
  return make_keys(tx, items, items.all(), 0, Room::as_is);
}

Expected<Reference> Builder::make_node(txn::Transaction& tx, const Part& part) {
  const std::size_t shared = partition_.shared_bytes(part), at = part.depth + shared;
  std::vector<Part> parts;
  Part rest{part.first, part.last, at, 0};
  if (keys_[rest.first].size() == at) {
    parts.push_back({rest.first, rest.first + 1, at, 0});
    ++rest.first;
  }
  const bool has_terminal = !parts.empty();
  Entries entries;
  for (; rest.first != rest.last; rest.first = parts.back().last) {
    entries.add(partition_.byte(rest.first, at), 0);
    parts.push_back({rest.first, partition_.child_end(rest), at, 0});
  }
  const auto made = make_inner(tx, {keys_[part.first].substr(part.depth, shared)}, entries);
  if (!made) return made;
  const auto node = Memory(tx).inner(*made);
  if (!node) return std::unexpected(node.error());
  for (std::size_t index = parts.size(); index-- != 0;) {
    parts[index].slot = node->slot(static_cast<Position>(has_terminal ? index : index + 1));
    to_do_.push_back(parts[index]);
  }
  return made;
}

/// Pages that are free, or never were used.
std::uint64_t pages_left(const segment::Segment& segment) {
  const layout::Roots& roots = segment.roots();
  return sync::glance(roots.free_pages) + segment.geometry().capacity_bytes / layout::page_bytes -
         sync::glance(roots.frontier);
}

/// Before anything hangs on the list that is to stay there (L3): what was replaced last is given back, and
/// what a load that died has left. What readers hold for longer than a moment, and what is corrupt, stays.
Expected<void> give_back_condemned(const txn::Writer& writer, std::uint64_t deadline_ns) {
  const auto nothing = fault(Code::no_space, "nothing is condemned").error();
  while (heap::any_condemned(writer.segment()) && heap::make_room(writer, nothing, deadline_ns))
    if (Seam::now_ns() > deadline_ns)
      return fault(Code::timed_out,
                   "what was replaced before was still being given back when the time was up");
  return {};
}

/// W3 of heap/mutate.h. What a build that found no room has taken is given back whatever the time: else it
/// would be in the way of the next one.
Expected<void> build_where_room_is(const txn::Writer& writer, const txn::Root& root, Keys keys,
                                   Values values) {
  const segment::Segment& segment = writer.segment();
  const std::uint64_t deadline_ns = heap::room_deadline_ns(writer);
  for (heap::RoomMaker room(writer);;) {
    RADISH_TRY(give_back_condemned(writer, deadline_ns));
    const std::uint64_t pages_before = pages_left(segment);
    const auto built = Builder(segment, root, keys, values).build();
    if (built || !heap::wants_room(built.error().code)) return built;
    RADISH_TRY(heap::tidy(writer, UINT64_MAX));
    if (pages_left(segment) <= pages_before) RADISH_TRY(room.make(built.error()));
  }
}

}  // namespace

Expected<void> replace_all(sync::Attachment& attachment, const txn::Root& root, Keys keys, Values values) {
  RADISH_TRY(check(keys, values));
  if (keys.empty()) return heap::clear(attachment, root);
  const auto writer = txn::Writer::acquire(attachment);
  if (!writer) return std::unexpected(writer.error());
  RADISH_TRY(root.check(writer->segment()));
  heap::clear_clean_mark(writer->segment());
  RADISH_TRY(heap::check_held_back(*writer));
  RADISH_TRY(build_where_room_is(*writer, root, keys, values));
  attachment.count_write();
  // Done, whatever comes of this: tables that are replaced and then only read are not to take the room of
  // two.
  (void)heap::tidy(*writer, heap::room_deadline_ns(*writer));
  return {};
}

}  // namespace radish::radix
