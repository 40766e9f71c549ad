// Private to floor 0: what puts an Opening together. Every step works on an Opening that already owns the
// descriptor, so that a failure anywhere gives everything back.
#pragma once

#include <string>

#include "segment/segment.h"

namespace radish::segment {

class SegmentBuilder {
 public:
  /// All or nothing under a path that is free: `exists` if it is not (any more).
  static Expected<Opening> create(const std::string& path, const OpenRequest&);
  /// Built without a name (O_TMPFILE), then linked.
  static Expected<Opening> create_unnamed(const std::string& path, const OpenRequest&);
  /// Where that cannot be done: built under a temporary name. A kill can leave that name behind, never half
  /// a file under `path`.
  static Expected<Opening> create_under_temporary_name(const std::string& path, const OpenRequest&);
  static Expected<Opening> create_memfd(const std::string& name, const OpenRequest&);
  /// What the path is to become, without a name or under another one.
  static Expected<Opening> build_unnamed(const std::string& path, const OpenRequest&);
  static Expected<Opening> build_named(const std::string& name, const std::string& path, const OpenRequest&);
  /// Takes the descriptor of an existing file over.
  static Expected<Opening> attach(GuardedDescriptor, const std::string& path, const OpenRequest&);
  /// Takes the descriptor of an existing file over.
  static Expected<Segment> attach_readonly(int descriptor, const std::string& path);

  static void unmap(Segment&);
  static void clear_opener(Opening&);

 private:
  static Opening adopt(GuardedDescriptor, const std::string& path);
  /// Both locks on a file that nobody else can have opened yet.
  static Expected<void> lock_new(Opening&);
  static Expected<void> take_attach_lock(Opening&);
  /// From a file that holds nothing but, perhaps, magic_creating, to a whole one.
  static Expected<void> build(Opening&, const layout::Geometry&, const OpenRequest&);
  static Expected<void> build_new_file(Opening&, const OpenRequest&);
  static Expected<void> build_in_place(Opening&, bool empty, const OpenRequest&);
  static Expected<void> use_existing(Opening&, const OpenRequest&);
  /// Checks the superblock and maps the file.
  static Expected<void> load(Segment&, ForkGuard* guard);
  /// Guarded from before the first byte is mapped (F1), if there is a guard.
  static Expected<void> map(Segment&, const layout::Geometry&, ForkGuard* guard);
  /// Backs again what may have become holes while nobody was attached: a sparse copy makes them.
  static Expected<void> back_used_pages(const Segment&);
  /// True if sealed; a seal that is half there, or over an armed record, is corrupt.
  static Expected<bool> is_sealed(const Segment&);
  /// Lets a frozen file's holes be read on a full disk too.
  static Expected<void> cover_holes(const Segment&);
};

}  // namespace radish::segment
