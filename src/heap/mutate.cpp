#include "heap/mutate.h"

namespace radish::heap {

void clear_clean_mark(const segment::Segment& segment) {
  if (sync::glance(segment.roots().clean_mark) == 0) return;
  txn::Transaction tx(segment);
  tx.store64(txn::roots_word(segment, offsetof(layout::Roots, clean_mark)), 0);
  tx.commit();
}

Expected<void> RoomMaker::make(const Fault& wanted) {
  if (deadline_ns_ == 0) deadline_ns_ = room_deadline_ns(writer_);
  if (Seam::now_ns() > deadline_ns_)
    return fault(Code::timed_out, "room was still being made when the time was up; more of it is there now");
  if (turns_++ > room_turns_max(writer_.segment())) return corrupt("room is made without end", turns_);
  return make_room(writer_, wanted, deadline_ns_);
}

bool takes_pages(const txn::Transaction& tx) {
  return tx.stores64(txn::roots_word(tx.segment(), offsetof(layout::Roots, frontier))) ||
         tx.stores64(txn::roots_word(tx.segment(), offsetof(layout::Roots, free_pages)));
}

}  // namespace radish::heap
