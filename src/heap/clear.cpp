#include "heap/clear.h"

#include "heap/mutate.h"

namespace radish::heap {
namespace {

/// What twin T22 (clear gives up first) does.
void give_up_at_once(const txn::Transaction& tx) {
  const segment::Segment& segment = tx.segment();
  for (const std::size_t word :
       {offsetof(layout::Roots, condemned_ready), offsetof(layout::Roots, condemned_old),
        offsetof(layout::Roots, condemned_young)}) {
    const Offset offset = txn::roots_word(segment, word);
    txn::apply_entry(segment, txn::target_of(offset, 4), tx.load32(offset));
  }
}

}  // namespace

Expected<void> plan_clear(txn::Transaction& tx, const txn::Root& root) {
  RADISH_TRY(root.check(tx.segment()));
  const Reference node = tx.load32(root.node_at());
  if (node == 0) return {};
  tx.publish32(root.node_at(), 0);
  tx.store64(root.key_count_at(), 0);
  const auto given_up = give_up(tx, node);
  if (broken(Twin::clear_gives_up_first)) give_up_at_once(tx);
  return given_up;
}

Expected<void> clear(sync::Attachment& attachment, const txn::Root& root) {
  return mutate(attachment, [&](txn::Transaction& tx) { return plan_clear(tx, root); });
}

}  // namespace radish::heap
