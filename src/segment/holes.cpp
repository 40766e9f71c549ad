// Holes in a frozen file, which a sparse copy makes. A tmpfs makes room for a hole when it is first read, and
// where it is full that read ends the process. Nobody changes a frozen file, so zeros of one's own stand for
// its holes.
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "segment/builder.h"
#include "segment/system.h"

namespace radish::segment {
namespace {

/// Other file systems show a hole without making room for it, and not all of them can be trusted to know
/// their holes.
Expected<bool> makes_room_when_read(int descriptor) {
  struct statfs system{};
  if (fstatfs(descriptor, &system) != 0) return system_fault("cannot examine the file system");
  return system.f_type == TMPFS_MAGIC;
}

/// The first place from `from` on that is data, or a hole, as `whence` asks; `end` if there is none.
Expected<std::uint64_t> seek(int descriptor, std::uint64_t from, int whence, std::uint64_t end) {
  const off_t found = lseek(descriptor, static_cast<off_t>(from), whence);
  if (found >= 0) return std::min(static_cast<std::uint64_t>(found), end);
  if (errno == ENXIO) return end;
  return system_fault("cannot look for holes in the file");
}

}  // namespace

Expected<void> SegmentBuilder::cover_holes(const Segment& segment) {
  const int descriptor = segment.descriptor_;
  const std::uint64_t end = segment.geometry_.capacity_bytes;
  const auto wanted = makes_room_when_read(descriptor);
  RADISH_TRY(wanted);
  if (!*wanted) return {};
  for (std::uint64_t data = 0; data < end;) {
    const auto hole = seek(descriptor, data, SEEK_HOLE, end);
    RADISH_TRY(hole);
    const auto next = seek(descriptor, *hole, SEEK_DATA, end);
    RADISH_TRY(next);
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    if (*hole < *next && mmap(segment.base_ + *hole, *next - *hole, PROT_READ, flags, -1, 0) == MAP_FAILED)
      return system_fault("cannot map zeros over the file's holes");
    data = *next;
  }
  return {};
}

}  // namespace radish::segment
