// Deliberately broken variants of the code, one for each claim of a checking harness, which must catch it.
// Only the checking build (RADISH_SEAM_HEADER) can be one of them: in production `broken` is constant false.
#pragma once

namespace radish {

enum class Twin : int {
  none,
  publish_before_fill,         ///< T1 a reference becomes visible before the node behind it is filled
  count_outside_record,        ///< T2 the key count is stored apart from the record
  disarm_before_apply,         ///< T3 the record is disarmed before its stores are made
  reuse_before_readers_left,   ///< T4 a retired block is reused whoever may still read it
  view_without_second_look,    ///< T5 a view is held without a look at the writer after announcing it
  slot_freed_whoever_owns_it,  ///< T6 a sweep does not ask whether a slot's owner is dead
  pin_of_the_dead_inherited,   ///< T7 a slot changes hands with the pin of its dead owner
  liveness_by_number_alone,    ///< T8 whoever has the dead process's number passes for it
  zombie_by_state_letter,      ///< T9 a process whose main thread has exited passes for dead
  exec_tag_ignored,            ///< T10 what one's process held before its exec passes for one's own
  recovery_before_swap,        ///< T11 the record is replayed before the writer word is had
  attach_lock_by_upgrade,      ///< T12 the exclusive attach lock is asked for on a shared description
  split_in_place,              ///< T13 a division shortens the old bucket where readers stand
  erase_without_retirement,    ///< T14 an erased leaf is not marked in its page's retired bitmap
  record_entry_missing,        ///< T15 a plan's last store is made, but not in the record
  relative_store,              ///< T16 the record holds by how much the key count changes
  armed_before_entries,        ///< T17 the armed word is stored before the record's entries
  released_before_replay,      ///< T18 who takes over gives the writer word away before it replays
  replay_consumes_record,      ///< T19 a replay empties each entry that it has made
  retired_freed_at_once,       ///< T20 what readers may still stand in is free as soon as it is unlinked
  displaced_node_leaked,       ///< T21 a node that an insertion replaces is not retired
  clear_gives_up_first,        ///< T22 clear hands the heap its memory back before the root is empty
  takeover_counted_again,      ///< T23 a recovery adds one to the generation it finds
  sealed_before_checksum,      ///< T24 the seal is there before the checksum that it speaks for
  refused_plan_committed,      ///< T25 what a mutation had planned when no room was left is done
  takeover_armed_first,        ///< T26 a takeover's record is armed before its count is there
  opening_arms_what_is_there,  ///< T27 who opens alone arms the dead process's record as it finds it
  living_taken_for_dead,       ///< T28 every other process passes for ended
  release_forgets_to_wake,     ///< T29 who waits for what was released is not woken
  pruned_one_level_short,      ///< T30 an inner node of an integer map stays with one child
  bound_does_not_backtrack,    ///< T31 a lower bound ends where the subtree that it came to does
  zero_is_absent,              ///< T32 a value of an integer map that is 0 passes for none
  value_without_second_look,   ///< T33 a value is taken without a look whether its key is there still
  root_emptied_first,          ///< T34 a dropped root is empty before it is gone
  batch_in_pieces,             ///< T35 each key of a batch is a transaction of its own
  load_hangs_nowhere,          ///< T36 what is being loaded is not condemned until it is whole
  load_in_sight,               ///< T37 a load is published from its first node on
};
inline constexpr int twins = 38;  ///< with `none`

#ifdef RADISH_SEAM_HEADER
/// Of the whole process, and the children it forks.
constinit inline Twin impersonated = Twin::none;
inline bool broken(Twin twin) { return twin == impersonated; }
#else
constexpr bool broken(Twin) { return false; }
#endif

}  // namespace radish
