// The codes of everything that the world can do to a caller. The C ABI uses the same numbers.
#pragma once

namespace radish {

/// Why an operation was refused. Values are stable: they are the C ABI's RADISH_E_* numbers.
enum class Code : int {
  invalid_argument = -1,    ///< an option out of its range, a null pointer
  too_long = -2,            ///< key above 65,535 bytes
  full = -3,                ///< the segment's capacity is used up
  no_space = -4,            ///< the file system has no room for the segment to grow into
  pinned = -5,              ///< there would be room, but a live reader holds it back
  too_many_readers = -6,    ///< every reader slot belongs to a living process
  too_many_views = -7,      ///< every stable-view entry is taken
  frozen = -8,              ///< the segment is sealed for ever
  not_frozen = -9,          ///< read-only open of a segment that is not sealed
  read_only = -10,          ///< mutation through a read-only handle
  corrupt = -11,            ///< the bytes at rest contradict the format
  version = -12,            ///< another format version or unknown feature bits
  foreign_namespace = -13,  ///< attached processes live in another boot, pid or time namespace
  io = -14,                 ///< a system call failed
  timed_out =
      -15,  ///< the deadline passed while a living process held the lock, or room was still being made
  reentrant = -16,                ///< radish was called again from inside an operation of this thread
  forked = -17,                   ///< a cursor that a forked child inherited
  not_radish = -18,               ///< the file is not a radish segment
  foreign_owner = -19,            ///< an empty file that belongs to another user
  unsupported_file_system = -20,  ///< a network file system
  not_regular_file = -21,         ///< a directory, FIFO, device, socket or symbolic link
  exists = -22,                   ///< exclusive creation found a file
  not_found = -23,                ///< there is no such file
  view_held = -24,                ///< a mutation by a thread that holds a stable view
  dropped = -25,                  ///< the named root is gone, and what has its name now is another one
  wrong_kind = -26,               ///< the named root is of another kind, or its keys of another depth
  too_many_roots = -27,           ///< all 64 named roots are taken
  batch_too_large = -28,          ///< more stores than the segment's redo record holds
};

/// How an open came out.
enum class Outcome : int {
  created = 1,    ///< the segment did not exist
  attached = 2,   ///< it existed and was whole
  recovered = 3,  ///< a writer had died; what it had armed was replayed; generation + 1
  healed = 4,     ///< the lease was unreadable or foreign and was made anew; generation + 1
};

}  // namespace radish
