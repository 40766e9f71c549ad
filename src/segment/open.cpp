// Opening what exists, and the choice between that and creation.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "segment/builder.h"
#include "segment/superblock.h"
#include "segment/system.h"
#include "segment/twin.h"

namespace radish::segment {
namespace {

/// For an open in progress to finish, where it is no open that waits.
constexpr std::uint64_t door_timeout_ms = 2;

/// O_NONBLOCK, so that a FIFO or a device cannot hold the opener up before it is refused.
constexpr int existing_flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

Expected<GuardedDescriptor> open_existing(const std::string& path, int access) {
  auto descriptor = open_guarded([&] { return open(path.c_str(), access | existing_flags); });
  if (descriptor.number >= 0) return descriptor;
  switch (errno) {
    case ENOENT:
      return fault(Code::not_found, "there is no such file");
    case ELOOP:   // a symbolic link
    case EISDIR:  // a directory
    case ENXIO:   // a socket, or a device without a driver
    case ENODEV:
      return fault(Code::not_regular_file, "not a regular file", static_cast<std::uint64_t>(errno));
    default:
      return system_fault("cannot open the file");
  }
}

/// The same file through a description of its own.
Expected<GuardedDescriptor> reopen(int descriptor) {
  const std::string path = "/proc/thread-self/fd/" + std::to_string(descriptor);
  auto own = open_guarded([&] {
    if (broken(Twin::attach_lock_by_upgrade)) return dup(descriptor);
    return open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  });
  if (own.number < 0) return system_fault("cannot reopen the descriptor");
  return own;
}

Expected<void> check_path(const std::string& path) {
  if (path.empty()) return fault(Code::invalid_argument, "the path is empty");
  if (path.find('\0') != std::string::npos)
    return fault(Code::invalid_argument, "the path holds a zero byte");
  return {};
}

/// The first word of a file that is not empty; 0 if it is too short to have one.
Expected<std::uint64_t> read_magic(int descriptor) {
  std::uint64_t magic = 0;
  const auto count = read_at(descriptor, std::as_writable_bytes(std::span(&magic, 1)), 0);
  RADISH_TRY(count);
  return *count == sizeof(magic) ? magic : 0;
}

/// True if a build that was cut short can have left a file of this length: the mark alone, or its full size.
bool can_be_unfinished(std::uint64_t file_bytes) {
  return file_bytes == sizeof(layout::magic_creating) ||
         (file_bytes % layout::page_bytes == 0 && file_bytes >= layout::capacity_bytes_min &&
          file_bytes <= layout::capacity_bytes_max);
}

/// So many bytes, at a multiple of a huge page if they are as many.
void* reserve_addresses(std::size_t bytes) {
  const std::size_t more = bytes < huge_page_bytes ? 0 : huge_page_bytes - layout::page_bytes;
  const auto reserve = [](std::size_t wanted) {
    return mmap(nullptr, wanted, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  };
  void* found = reserve(bytes + more);
  if (found == MAP_FAILED && more != 0) return reserve(bytes);  // addresses are scarce: any will do
  if (found == MAP_FAILED || more == 0) return found;
  auto* begin = static_cast<std::byte*>(found);
  const auto address = reinterpret_cast<std::uintptr_t>(found);
  const std::size_t before = layout::round_up(address, huge_page_bytes) - address;
  if (before != 0) munmap(begin, before);
  if (before != more) munmap(begin + before + bytes, more - before);
  return begin + before;
}

Expected<void> check_own(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return system_fault("cannot examine the file");
  if (status.st_uid != geteuid())
    return fault(Code::foreign_owner, "an empty file of another user", status.st_uid);
  return {};
}

}  // namespace

Opening SegmentBuilder::adopt(GuardedDescriptor descriptor, const std::string& path) {
  Opening opening;
  opening.segment_.descriptor_ = descriptor.number;
  opening.segment_.path_ = path;
  opening.guard_ = std::move(descriptor.guard);
  return opening;
}

void SegmentBuilder::unmap(Segment& segment) {
  if (segment.base_ != nullptr) munmap(segment.base_, segment.geometry_.capacity_bytes);
  segment.base_ = nullptr;
}

void SegmentBuilder::clear_opener(Opening& opening) {
  // A refused file's page may be a hole that the file system has no room for: only what was set is cleared.
  if (opening.named_) std::atomic_ref(opening.segment_.lease().opener).store(0, std::memory_order_release);
  opening.named_ = false;
}

Expected<void> SegmentBuilder::map(Segment& segment, const layout::Geometry& geometry, ForkGuard* guard) {
  const std::size_t bytes = geometry.capacity_bytes;
  struct stat status{};
  if (fstat(segment.descriptor_, &status) != 0) return system_fault("cannot examine the file");
  segment.device_ = status.st_dev;
  segment.inode_ = status.st_ino;
  // Addresses first, so that the guard knows them before the file is there.
  void* base = reserve_addresses(bytes);
  if (base == MAP_FAILED) return system_fault("there are no addresses to map the file to");
  if (guard != nullptr) guard->cover(base, bytes);
  const int protection = segment.read_only_ ? PROT_READ : PROT_READ | PROT_WRITE;
  if (mmap(base, bytes, protection, MAP_SHARED | MAP_FIXED, segment.descriptor_, 0) == MAP_FAILED) {
    const auto failure = system_fault("cannot map the file");
    if (guard != nullptr) guard->uncover();
    munmap(base, bytes);
    return failure;
  }
  segment.base_ = static_cast<std::byte*>(base);
  segment.geometry_ = geometry;
  return {};
}

Expected<void> SegmentBuilder::take_attach_lock(Opening& opening) {
  const int descriptor = opening.segment_.descriptor_;
  const auto exclusive = set_lock(descriptor, F_WRLCK, attach_lock_byte);
  RADISH_TRY(exclusive);
  opening.alone_ = *exclusive;
  if (opening.alone_) return {};
  const auto shared = set_lock(descriptor, F_RDLCK, attach_lock_byte);
  RADISH_TRY(shared);
  // Exclusive holders hold the open lock too, and that is ours.
  if (!*shared) return fault(Code::io, "another program has locked the file", EAGAIN);
  return {};
}

Expected<void> SegmentBuilder::build_in_place(Opening& opening, bool empty, const OpenRequest& request) {
  const int descriptor = opening.segment_.descriptor_;
  if (!opening.alone_) return corrupt("the file was emptied under others that have it open");
  if (request.must_exist) return fault(Code::not_found, "the file holds no whole segment yet");
  RADISH_TRY(check_own(descriptor));
  const auto geometry = plan_geometry(request);
  RADISH_TRY(geometry);
  // The mark comes with the first byte and stays until all is there, so that a kill leaves it or nothing.
  if (empty)
    RADISH_TRY(write_at(descriptor, std::as_bytes(std::span(&layout::magic_creating, 1)), 0));
  else if (ftruncate(descriptor, sizeof(layout::magic_creating)) != 0)
    return system_fault("cannot empty the file");
  return build(opening, *geometry, request);
}

Expected<void> SegmentBuilder::load(Segment& segment, ForkGuard* guard) {
  layout::Superblock superblock;
  const auto count = read_at(segment.descriptor_, std::as_writable_bytes(std::span(&superblock, 1)), 0);
  RADISH_TRY(count);
  if (*count < sizeof(superblock)) return corrupt("the file is truncated", *count);
  const auto bytes = file_bytes(segment.descriptor_);
  RADISH_TRY(bytes);
  RADISH_TRY(check_superblock(superblock, *bytes));
  return map(segment, superblock.geometry, guard);
}

Expected<bool> SegmentBuilder::is_sealed(const Segment& segment) {
  // From the mapping, in one load: the freezing process may store it right now.
  const std::uint64_t sealed = std::atomic_ref(segment.superblock().sealed).load(std::memory_order_acquire);
  if (sealed == 0) return false;
  if (sealed != layout::sealed_mark)
    return corrupt("the seal is neither there nor not", offsetof(layout::Superblock, sealed));
  std::uint64_t armed = 0;
  const auto count = read_at(segment.descriptor_, std::as_writable_bytes(std::span(&armed, 1)),
                             segment.geometry_.record_offset);
  RADISH_TRY(count);
  if (armed != 0) return corrupt("sealed with an armed record", segment.geometry_.record_offset);
  return true;
}

Expected<void> SegmentBuilder::back_used_pages(const Segment& segment) {
  const layout::Roots& roots = segment.roots();
  // The heap takes pages up to `backed` without asking.
  const std::uint64_t pages = std::max(roots.frontier, roots.backed);
  if (pages > segment.geometry_.pages()) return corrupt("the frontier lies beyond the capacity", pages);
  return segment.back_again(pages);
}

Expected<void> SegmentBuilder::use_existing(Opening& opening, const OpenRequest& request) {
  Segment& segment = opening.segment_;
  RADISH_TRY(load(segment, &opening.guard_));
  const auto sealed = is_sealed(segment);
  RADISH_TRY(sealed);
  if (*sealed) return fault(Code::frozen, "the segment is sealed");
  if (opening.alone_)
    RADISH_TRY(allocate(segment.descriptor_, 0, segment.geometry_.heap_offset, Unallocatable::rewrite));
  std::atomic_ref(segment.lease().opener).store(request.identity, std::memory_order_release);
  opening.named_ = true;
  if (!opening.alone_) return {};
  if (request.first_look != nullptr) RADISH_TRY(request.first_look(segment));
  return back_used_pages(segment);
}

Expected<Opening> SegmentBuilder::attach(GuardedDescriptor guarded, const std::string& path,
                                         const OpenRequest& request) {
  const int descriptor = guarded.number;
  Opening opening = adopt(std::move(guarded), path);
  RADISH_TRY(check_kind(descriptor));
  RADISH_TRY(wait_for_open_lock(descriptor, request.open_timeout_ms));
  RADISH_TRY(take_attach_lock(opening));
  const auto bytes = file_bytes(descriptor);
  RADISH_TRY(bytes);
  const auto magic = read_magic(descriptor);
  RADISH_TRY(magic);
  Expected<void> status;
  if (*bytes == 0 || (*magic == layout::magic_creating && can_be_unfinished(*bytes)))
    status = build_in_place(opening, *bytes == 0, request);
  else if (*magic == layout::magic_ready)
    status = use_existing(opening, request);
  else
    status = fault(Code::not_radish, "the file does not begin as a segment does");
  RADISH_TRY(status);
  return opening;
}

Expected<Segment> SegmentBuilder::attach_readonly(int descriptor, const std::string& path) {
  Segment segment;
  segment.descriptor_ = descriptor;
  segment.read_only_ = true;
  segment.path_ = path;
  RADISH_TRY(check_kind(descriptor));
  const auto magic = read_magic(descriptor);
  RADISH_TRY(magic);
  if (*magic == layout::magic_creating) return fault(Code::not_frozen, "the segment is not whole yet");
  if (*magic != layout::magic_ready)
    return fault(Code::not_radish, "the file does not begin as a segment does");
  RADISH_TRY(load(segment, nullptr));
  const auto sealed = is_sealed(segment);
  RADISH_TRY(sealed);
  if (!*sealed) return fault(Code::not_frozen, "the segment is not sealed");
  RADISH_TRY(cover_holes(segment));
  return segment;
}

Expected<Opening> open_path(const std::string& path, const OpenRequest& request) {
  RADISH_TRY(check_path(path));
  if (request.exclusive && request.must_exist)
    return fault(Code::invalid_argument, "exclusive and must_exist exclude each other");
  if (request.exclusive) return SegmentBuilder::create(path, request);
  // Each further turn means that others created a file here and removed it again meanwhile.
  while (true) {
    auto descriptor = open_existing(path, O_RDWR);
    if (descriptor) return SegmentBuilder::attach(std::move(*descriptor), path, request);
    if (descriptor.error().code != Code::not_found || request.must_exist)
      return std::unexpected(descriptor.error());
    auto created = SegmentBuilder::create(path, request);
    if (created || created.error().code != Code::exists) return created;
  }
}

Expected<Opening> open_descriptor(int descriptor, const OpenRequest& request) {
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0) return system_fault("not an open descriptor");
  if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) != O_RDWR)
    return fault(Code::invalid_argument, "the descriptor is not open for reading and writing");
  RADISH_TRY(check_kind(descriptor));
  auto own = reopen(descriptor);
  RADISH_TRY(own);
  return SegmentBuilder::attach(std::move(*own), {}, request);
}

Expected<ShutDoor> ShutDoor::shut(const Segment& segment, std::uint64_t identity) {
  RADISH_TRY(segment.check_descriptor());
  auto own = reopen(segment.descriptor());
  RADISH_TRY(own);
  RADISH_TRY(wait_for_open_lock(own->number, door_timeout_ms));
  // Whoever finds the door shut for long is told by whom.
  std::atomic_ref(segment.lease().opener).store(identity, std::memory_order_release);
  return ShutDoor(segment.lease(), std::move(*own));
}

ShutDoor::~ShutDoor() {
  if (descriptor_.number < 0) return;
  std::atomic_ref(lease_.opener).store(0, std::memory_order_release);
  (void)set_lock(descriptor_.number, F_UNLCK, open_lock_byte);  // a child of _Fork may share the description
  descriptor_.guard.release();
  close(descriptor_.number);
}

Expected<Opening> create_memfd(const std::string& name, const OpenRequest& request) {
  return SegmentBuilder::create_memfd(name, request);
}

Expected<Segment> open_readonly(const std::string& path) {
  RADISH_TRY(check_path(path));
  const auto descriptor = open_existing(path, O_RDONLY);
  RADISH_TRY(descriptor);
  return SegmentBuilder::attach_readonly(descriptor->number, path);
}

}  // namespace radish::segment
