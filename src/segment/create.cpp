// Creation, all or nothing. The creator holds both locks before its file has a name, so that nobody who
// finds it can take it for unattended.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "segment/builder.h"
#include "segment/system.h"

namespace radish::segment {
namespace {

constexpr mode_t default_mode = 0600;
constexpr mode_t permission_bits = 0777;

std::string own_descriptor_path(int descriptor) {
  return "/proc/thread-self/fd/" + std::to_string(descriptor);
}

/// The unnamed way is not to be had here: no O_TMPFILE, no /proc, no hard links.
bool asks_for_a_name(const Fault& failure) {
  if (failure.code != Code::io) return false;
  switch (static_cast<int>(failure.subject)) {
    case EOPNOTSUPP:
    case EISDIR:
    case EINVAL:
    case ENOENT:
    case EPERM:
      return true;
    default:
      return false;
  }
}

std::unexpected<Fault> naming_fault() {
  if (errno == EEXIST) return fault(Code::exists, "the path is taken");
  return system_fault("cannot give the new file its name");
}

Expected<std::string> temporary_name(const std::string& path) {
  std::uint64_t random = 0;
  if (getrandom(&random, sizeof(random), 0) != sizeof(random)) return system_fault("no random bytes");
  return parent_of(path) + "/.radish-" + std::to_string(getpid()) + "-" + std::to_string(random);
}

Expected<void> link_into_place(int descriptor, const std::string& to) {
  if (linkat(AT_FDCWD, own_descriptor_path(descriptor).c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return naming_fault();
  return {};
}

Expected<void> rename_into_place(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return naming_fault();
  if (link(from.c_str(), to.c_str()) != 0) return naming_fault();
  unlink(from.c_str());  // if it fails a second name is left; the segment is whole under both
  return {};
}

void write_lease(layout::Lease& lease, const OpenRequest& request) {
  lease.origin = request.origin;
  lease.checksum = lease_checksum(request.origin);
  std::atomic_ref(lease.opener).store(request.identity, std::memory_order_relaxed);
}

void write_roots(layout::Roots& roots, const layout::Geometry& geometry) {
  roots.epoch = 1;
  roots.generation = 1;
  roots.frontier = geometry.first_heap_page();
  roots.backed = roots.frontier;
}

}  // namespace

Expected<void> SegmentBuilder::lock_new(Opening& opening) {
  for (const off_t byte : {open_lock_byte, attach_lock_byte}) {
    const auto locked = set_lock(opening.segment_.descriptor_, F_WRLCK, byte);
    RADISH_TRY(locked);
    if (!*locked) return fault(Code::io, "somebody locked a file that has no name yet", EAGAIN);
  }
  opening.alone_ = true;
  return {};
}

Expected<void> SegmentBuilder::build(Opening& opening, const layout::Geometry& geometry,
                                     const OpenRequest& request) {
  Segment& segment = opening.segment_;
  if (ftruncate(segment.descriptor_, static_cast<off_t>(geometry.capacity_bytes)) != 0)
    return system_fault("cannot give the file its size");
  RADISH_TRY(allocate(segment.descriptor_, 0, geometry.heap_offset, Unallocatable::rewrite));
  RADISH_TRY(map(segment, geometry, &opening.guard_));
  layout::Superblock& superblock = segment.superblock();
  superblock.geometry = geometry;
  superblock.checksum = superblock_checksum(geometry);
  write_lease(segment.lease(), request);
  write_roots(segment.roots(), geometry);
  // A kill can fall between any two instructions; the release store alone lets later ones rise above it.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // Openers read it from the file, under the open lock: the order is for a kill.
  std::atomic_ref(superblock.magic).store(layout::magic_ready, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  opening.created_ = true;
  opening.named_ = true;
  return {};
}

Expected<void> SegmentBuilder::build_new_file(Opening& opening, const OpenRequest& request) {
  const mode_t mode = request.mode == 0 ? default_mode : request.mode;
  if ((mode & ~permission_bits) != 0)
    return fault(Code::invalid_argument, "the mode has more than permission bits", mode);
  const auto geometry = plan_geometry(request);
  RADISH_TRY(geometry);
  RADISH_TRY(check_kind(opening.segment_.descriptor_));
  RADISH_TRY(lock_new(opening));
  if (fchmod(opening.segment_.descriptor_, mode) != 0) return system_fault("cannot set the file's mode");
  return build(opening, *geometry, request);
}

Expected<Opening> SegmentBuilder::create(const std::string& path, const OpenRequest& request) {
  auto opening = create_unnamed(path, request);
  if (opening || !asks_for_a_name(opening.error())) return opening;
  return create_under_temporary_name(path, request);
}

Expected<Opening> SegmentBuilder::create_unnamed(const std::string& path, const OpenRequest& request) {
  auto opening = build_unnamed(path, request);
  if (opening) RADISH_TRY(link_into_place(opening->segment().descriptor(), path));
  return opening;
}

Expected<Opening> SegmentBuilder::create_under_temporary_name(const std::string& path,
                                                              const OpenRequest& request) {
  HiddenName name(path);
  auto opening = name.create_named(request);
  if (opening) RADISH_TRY(name.publish(opening->segment()));
  return opening;
}

Expected<Opening> SegmentBuilder::build_unnamed(const std::string& path, const OpenRequest& request) {
  const std::string folder = parent_of(path);
  auto file =
      open_guarded([&] { return open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, default_mode); });
  if (file.number < 0) return system_fault("cannot create a file in the folder");
  Opening opening = adopt(std::move(file), path);
  RADISH_TRY(build_new_file(opening, request));
  return opening;
}

Expected<Opening> SegmentBuilder::build_named(const std::string& name, const std::string& path,
                                              const OpenRequest& request) {
  int flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC;
  auto file = open_guarded([&] {
    const int descriptor = open(name.c_str(), flags, default_mode);
    flags &= ~(O_CREAT | O_EXCL);  // it is there now, if it is opened once more
    return descriptor;
  });
  if (file.number < 0) return system_fault("cannot create a file in the folder");
  Opening opening = adopt(std::move(file), path);
  RADISH_TRY(build_new_file(opening, request));
  return opening;
}

HiddenName::~HiddenName() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Expected<Opening> HiddenName::create(const OpenRequest& request) {
  auto opening = SegmentBuilder::build_unnamed(path_, request);
  if (opening || !asks_for_a_name(opening.error())) return opening;
  return create_named(request);
}

Expected<Opening> HiddenName::create_named(const OpenRequest& request) {
  auto name = temporary_name(path_);
  RADISH_TRY(name);
  temporary_ = std::move(*name);
  return SegmentBuilder::build_named(temporary_, path_, request);
}

Expected<void> HiddenName::publish(const Segment& segment) {
  if (temporary_.empty()) return link_into_place(segment.descriptor(), path_);
  RADISH_TRY(rename_into_place(temporary_, path_));
  temporary_.clear();
  return {};
}

Expected<Opening> SegmentBuilder::create_memfd(const std::string& name, const OpenRequest& request) {
  const auto geometry = plan_geometry(request);
  RADISH_TRY(geometry);
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
#ifdef MFD_NOEXEC_SEAL
  constexpr unsigned noexec_seal = MFD_NOEXEC_SEAL;
#else
  constexpr unsigned noexec_seal = 8;
#endif
  auto file = open_guarded([&] {
    const int made = memfd_create(name.c_str(), flags | noexec_seal);
    return made < 0 && errno == EINVAL ? memfd_create(name.c_str(), flags) : made;
  });
  const int descriptor = file.number;
  if (descriptor < 0 && errno == EINVAL)
    return fault(Code::invalid_argument, "the name is too long", name.size());
  if (descriptor < 0) return system_fault("cannot create a memfd");
  Opening opening = adopt(std::move(file), {});
  RADISH_TRY(lock_new(opening));
  RADISH_TRY(build(opening, *geometry, request));
  if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
    return system_fault("cannot seal the memfd's size");
  return opening;
}

}  // namespace radish::segment
