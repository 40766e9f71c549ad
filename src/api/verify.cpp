#include "api/verify.h"

#include <algorithm>
#include <vector>

#include "api/catalogue.h"
#include "heap/census.h"
#include "heap/heap.h"
#include "integer/verify.h"
#include "radix/verify.h"
#include "sync/words.h"
#include "txn/recovery.h"

namespace radish::detail {
namespace {

using layout::Offset;
using layout::Reference;
using txn::offset_of;
using txn::Root;

/// The frontier, once it and the backing have been found within their bounds (M4).
Expected<std::uint64_t> check_extent(const segment::Segment& segment) {
  const layout::Roots& roots = segment.roots();
  const std::uint64_t frontier = sync::observe(roots.frontier), backed = sync::observe(roots.backed);
  const std::uint64_t begin = segment.geometry().first_heap_page();
  const std::uint64_t pages = segment.geometry().pages();
  if (frontier < begin || frontier > pages) return corrupt("the frontier lies outside the heap", frontier);
  if (backed < frontier || backed > pages) return corrupt("the backing ends outside the heap", backed);
  return frontier;
}

/// A key of an integer map costs its value at least.
constexpr std::uint64_t key_bytes_min = 8;

/// `corrupt` unless what hangs on the root lies in the heap, and no more keys are counted than fit. The words
/// are read before the one that bounds them, and a transaction stores them after it.
Expected<void> check_root(const segment::Segment& segment, const Root& root) {
  const std::uint64_t keys = root.key_count(segment);
  const Offset node = offset_of(root.node(segment));
  const auto frontier = check_extent(segment);
  if (!frontier) return std::unexpected(frontier.error());
  if (node != 0 && (node < segment.geometry().heap_offset || node >= *frontier * layout::page_bytes))
    return corrupt("the root lies outside the heap", node);
  if (keys > segment.geometry().capacity_bytes / key_bytes_min)
    return corrupt("more keys are counted than the heap can hold", keys);
  return {};
}

Expected<void> look_at_roots(const segment::Segment& segment) {
  const layout::Roots& roots = segment.roots();
  RADISH_TRY(check_root(segment, Root::unnamed(segment)));
  const auto named = read_catalogue(segment);
  if (!named) return std::unexpected(named.error());
  for (const NamedRoot& root : *named) {
    const auto sound = check_root(segment, root.root(segment));
    if (!sound && root.root(segment).check(segment)) return sound;
  }
  const std::uint64_t condemned =
      std::max(sync::observe(roots.condemned_old_epoch), sync::observe(roots.condemned_young_epoch));
  const std::uint64_t epoch = sync::observe(roots.epoch);
  if (condemned > epoch) return corrupt("nodes were condemned in an epoch to come", condemned);
  if (epoch == 0 || epoch > heap::epoch_max) return corrupt("the epoch is out of bounds", epoch);
  const std::uint64_t generation = sync::observe(roots.generation);
  if (generation == 0 || generation > txn::generation_max)
    return corrupt("the generation is out of bounds", generation);
  if (const std::uint64_t mark = sync::observe(roots.clean_mark); mark > 1)
    return corrupt("the clean mark is neither there nor not", mark);
  return {};
}

}  // namespace

Expected<void> check_roots(const segment::Segment& segment) {
  for (;;) {
    const std::uint64_t epoch = sync::observe(segment.roots().epoch);
    const auto sound = look_at_roots(segment);
    // A trim lowers the bounds of words that were read before it. It moves the epoch first (T3 of trim.h).
    if (sound || sync::observe(segment.roots().epoch) == epoch) return sound;
  }
}

Expected<void> check_unattended(const segment::Segment& segment) {
  if (sync::observe(segment.record().armed) == 0) return check_roots(segment);
  const auto frontier = check_extent(segment);
  if (!frontier) return std::unexpected(frontier.error());
  const auto record = txn::check_record(segment);
  return record ? Expected<void>{} : std::unexpected(record.error());
}

namespace {

/// The trees and maps of a segment, and what was cut off from either.
class Verifier {
 public:
  Verifier(const segment::Segment& segment, heap::Census& census)
      : segment_(segment), extent_(segment), trees_(segment, census), maps_(segment, census) {}

  Expected<void> roots() {
    RADISH_TRY(trees_.tree(Root::unnamed(segment_)));
    const auto named = read_catalogue(segment_);
    if (!named) return std::unexpected(named.error());
    for (const NamedRoot& root : *named)
      RADISH_TRY(root.kind == layout::RootKind::integer_map ? maps_.map(root.root(segment_), root.depth)
                                                            : trees_.tree(root.root(segment_)));
    return {};
  }

  /// D1: what may hang on a list.
  Expected<void> condemned(Reference head) {
    for (Reference node = head; node != 0;) {
      RADISH_TRY(is_of_a_map(node) ? maps_.condemned(node) : trees_.condemned(node));
      node = sync::glance(*reinterpret_cast<const Reference*>(segment_.at(offset_of(node)) +
                                                              offsetof(layout::InnerHeader, link)));
    }
    return {};
  }

 private:
  /// What does not lie in the heap is refused by whoever reads it.
  bool is_of_a_map(Reference node) {
    const std::byte* block = extent_.bytes(offset_of(node), sizeof(layout::NodeKind));
    return block != nullptr && static_cast<layout::NodeKind>(*block) == layout::NodeKind::integer_inner;
  }

  const segment::Segment& segment_;
  txn::Extent extent_;
  radix::Verifier trees_;
  integer::Verifier maps_;
};

}  // namespace

Expected<void> verify(const segment::Segment& segment) {
  RADISH_TRY(check_roots(segment));
  RADISH_TRY(verify_catalogue(segment));
  auto census = heap::Census::begin(segment);
  if (!census) return std::unexpected(census.error());
  Verifier verifier(segment, *census);
  RADISH_TRY(verifier.roots());
  for (const Reference head :
       {sync::glance(segment.roots().condemned_ready), sync::glance(segment.roots().condemned_old),
        sync::glance(segment.roots().condemned_young)})
    RADISH_TRY(verifier.condemned(head));
  return census->finish();
}

}  // namespace radish::detail
