// A mapped segment and the ways to come by one: file, memfd, descriptor, read-only frozen file.
//
// Invariants
//   S1  No process ever sees half a header under a path: a file is linked into place whole, or carries
//       magic_creating until it is whole.
//   S2  Every writable mapping was made through an open file description that holds attach_lock_byte:
//       shared, or exclusive until `finish` if alone; that description is mapped by nobody else's
//       attachment. So the kernel drops the lock exactly when the last mapping of this attachment
//       (forked children included) is gone.
//   S3  Whoever holds the exclusive lock on attach_lock_byte is alone: nobody is attached. It is only ever
//       asked for on a description that never held the shared one.
//   S4  Opens are serialised by the exclusive lock on open_lock_byte.
//   S5  A Segment's geometry was checked against the file's size; it is a private copy and does not change.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "segment/fault.h"
#include "segment/fork_guard.h"
#include "segment/layout.h"

namespace radish::segment {

inline constexpr off_t attach_lock_byte = 0;
inline constexpr off_t open_lock_byte = 1;
/// A mapping that is as long starts at a multiple of it, unless addresses are scarce: the kernel can map one
/// where the file has one.
inline constexpr std::uint64_t huge_page_bytes = 2 << 20;

/// Move-only owner of one attachment: munmap, then close, at destruction.
class Segment {
 public:
  Segment() = default;
  Segment(Segment&& other) noexcept;
  Segment& operator=(Segment&& other) noexcept;
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment();

  [[nodiscard]] const layout::Geometry& geometry() const { return geometry_; }
  [[nodiscard]] layout::Superblock& superblock() const {
    return *reinterpret_cast<layout::Superblock*>(base_);
  }
  [[nodiscard]] layout::Lease& lease() const {
    return *reinterpret_cast<layout::Lease*>(base_ + layout::page_bytes);
  }
  [[nodiscard]] layout::Slot* slots() const {
    return reinterpret_cast<layout::Slot*>(base_ + geometry_.slots_offset);
  }
  [[nodiscard]] layout::Record& record() const {
    return *reinterpret_cast<layout::Record*>(base_ + geometry_.record_offset);
  }
  [[nodiscard]] layout::RecordEntry* record_entries() const {
    return reinterpret_cast<layout::RecordEntry*>(base_ + geometry_.record_offset + sizeof(layout::Record));
  }
  [[nodiscard]] layout::Roots& roots() const {
    return *reinterpret_cast<layout::Roots*>(base_ + geometry_.roots_offset);
  }
  [[nodiscard]] layout::Offset entry_offset(std::uint32_t index) const {
    return geometry_.roots_offset + sizeof(layout::Roots) + index * sizeof(layout::RootEntry);
  }
  [[nodiscard]] layout::RootEntry& entry(std::uint32_t index) const {
    return *reinterpret_cast<layout::RootEntry*>(base_ + entry_offset(index));
  }
  /// The byte at an offset below capacity; the caller has bounded it.
  [[nodiscard]] std::byte* at(layout::Offset offset) const { return base_ + offset; }
  [[nodiscard]] std::byte* base() const { return base_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool read_only() const { return read_only_; }

  /// `io` if the descriptor was closed behind the segment's back, and its number perhaps given to another
  /// file.
  [[nodiscard]] Expected<void> check_descriptor() const;
  /// Has the file system promise the pages [first, end), which nobody has used yet. `no_space` or `io`.
  [[nodiscard]] Expected<void> back_pages(std::uint64_t first, std::uint64_t end) const;
  /// While alone: the same for all pages of the heap below `end`, whose bytes stay as they are.
  [[nodiscard]] Expected<void> back_again(std::uint64_t end) const;
  /// Takes back what the file system has promised of the pages from `first` on, whose bytes are lost; by how
  /// much the file is smaller for it. `io` where that cannot be done.
  [[nodiscard]] Expected<std::uint64_t> give_back_pages(std::uint64_t first) const;
  [[nodiscard]] Expected<void> sync() const;
  /// From now on asks for huge pages where the file system has promised whole ones, and for those that are
  /// there at once. Nobody is told whether the kernel grants them: no byte is another for it.
  void use_huge_pages();

 private:
  friend class Opening;
  friend class SegmentBuilder;
  void ask_for_huge_pages(std::uint64_t first, std::uint64_t end) const;
  std::byte* base_ = nullptr;
  layout::Geometry geometry_{};
  int descriptor_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool read_only_ = false;
  bool huge_pages_ = false;
  std::string path_;
};

/// What a segment must pass that is found unattended, before the file system is asked to back what it claims
/// to use: what is refused is not grown. The record may be armed.
using FirstLook = Expected<void> (*)(const Segment&);

struct OpenRequest {
  std::uint64_t capacity_bytes = 0;  ///< rounded up to pages; 0 is the default
  std::uint32_t reader_slots = 0;    ///< 0 is the default
  std::uint32_t record_entries = 0;  ///< 0 is the default
  mode_t mode = 0;                   ///< 0 is 0600; exact, whatever the umask
  bool exclusive = false;
  bool must_exist = false;
  std::uint64_t open_timeout_ms = 5000;  ///< for another opener to finish
  std::uint64_t identity = 0;            ///< of this process, written to Lease::opener while it opens
  layout::LeaseOrigin origin{};          ///< of this process, written at creation
  FirstLook first_look = nullptr;        ///< none: frontier and backing within the capacity
};

/// An open in progress: holds the open lock and, if `alone`, the exclusive attach lock. Dropping it undoes
/// the attachment; `finish` keeps it.
class Opening {
 public:
  Opening(Opening&& other) noexcept;
  Opening& operator=(Opening&&) = delete;
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening();

  [[nodiscard]] Segment& segment() { return segment_; }
  [[nodiscard]] bool created() const { return created_; }
  /// Nobody else is attached, so every identity word is a dead one's.
  [[nodiscard]] bool alone() const { return alone_; }
  /// Turns the exclusive attach lock into a shared one, clears Lease::opener, gives back the open lock.
  [[nodiscard]] Expected<Segment> finish() &&;

 private:
  friend class SegmentBuilder;
  Opening() = default;
  Segment segment_;
  ForkGuard guard_;  ///< goes before the segment closes its descriptor (F2)
  bool created_ = false;
  bool alone_ = false;
  bool named_ = false;  ///< Lease::opener holds this process's identity
};

/// The path of a segment that is to be there when it is whole and not before. Until then the file has no
/// name, so that nothing is left of it, whoever dies; or a temporary one where there is no other way, which
/// goes with this object.
class HiddenName {
 public:
  explicit HiddenName(std::string path) : path_(std::move(path)) {}
  HiddenName(const HiddenName&) = delete;
  HiddenName& operator=(const HiddenName&) = delete;
  HiddenName(HiddenName&&) = delete;
  HiddenName& operator=(HiddenName&&) = delete;
  ~HiddenName();

  /// A new segment in the folder of the path.
  [[nodiscard]] Expected<Opening> create(const OpenRequest&);
  /// The same under a temporary name in any case.
  [[nodiscard]] Expected<Opening> create_named(const OpenRequest&);
  /// `exists` if the path is taken.
  [[nodiscard]] Expected<void> publish(const Segment&);

 private:
  std::string path_;
  std::string temporary_;  ///< empty: none, or none any more
};

/// Keeps every other open of the segment out while it lives.
class ShutDoor {
 public:
  /// Through a description of its own, in this process's name. `timed_out` if an open is in progress for more
  /// than 2 ms; `io` if the segment's file cannot be reopened, for want of rights, say.
  [[nodiscard]] static Expected<ShutDoor> shut(const Segment&, std::uint64_t identity);
  ShutDoor(ShutDoor&& other) noexcept
      : lease_(other.lease_),
        descriptor_{std::exchange(other.descriptor_.number, -1), std::move(other.descriptor_.guard)} {}
  ShutDoor(const ShutDoor&) = delete;
  ShutDoor& operator=(const ShutDoor&) = delete;
  ShutDoor& operator=(ShutDoor&&) = delete;
  ~ShutDoor();

 private:
  ShutDoor(layout::Lease& lease, GuardedDescriptor descriptor)
      : lease_(lease), descriptor_(std::move(descriptor)) {}
  layout::Lease& lease_;
  GuardedDescriptor descriptor_;
};

/// Create or attach. Superblock, geometry and file size have been checked; lease and roots have not.
[[nodiscard]] Expected<Opening> open_path(const std::string& path, const OpenRequest&);
/// Through a description of its own, reopened from /proc/thread-self/fd; the descriptor must allow writing.
[[nodiscard]] Expected<Opening> open_descriptor(int descriptor, const OpenRequest&);
/// A new memfd, sealed against shrinking and growing.
[[nodiscard]] Expected<Opening> create_memfd(const std::string& name, const OpenRequest&);
/// A sealed file, mapped PROT_READ, without locks. `not_frozen` otherwise.
[[nodiscard]] Expected<Segment> open_readonly(const std::string& path);

/// Geometry of a new segment, or `invalid_argument`.
[[nodiscard]] Expected<layout::Geometry> plan_geometry(const OpenRequest&);
/// `corrupt` unless the reserved bytes of lease, slots and record are zero.
[[nodiscard]] Expected<void> check_reserved(const Segment&);
/// Checksum of a superblock as it must be.
[[nodiscard]] std::uint32_t superblock_checksum(const layout::Geometry&);
[[nodiscard]] std::uint32_t lease_checksum(const layout::LeaseOrigin&);

/// Words of a bitmap with a bit for each of so many.
constexpr std::uint64_t bitmap_words_for(std::uint64_t bits) {
  return (bits + layout::bits_per_word - 1) / layout::bits_per_word;
}
/// Words in the page map's bitmap, for a segment of so many bytes.
constexpr std::uint64_t page_map_words(std::uint64_t capacity_bytes) {
  return bitmap_words_for(capacity_bytes / layout::page_bytes);
}
/// Words in the lower level of its summary, and in the upper one, which there is above more than 64 of them.
constexpr std::uint64_t page_map_lower_words(std::uint64_t capacity_bytes) {
  return bitmap_words_for(page_map_words(capacity_bytes));
}
constexpr std::uint64_t page_map_upper_words(std::uint64_t capacity_bytes) {
  const std::uint64_t lower = page_map_lower_words(capacity_bytes);
  return lower > layout::bits_per_word ? bitmap_words_for(lower) : 0;
}
constexpr std::uint64_t page_map_summary_words(std::uint64_t capacity_bytes) {
  return page_map_lower_words(capacity_bytes) + page_map_upper_words(capacity_bytes);
}

}  // namespace radish::segment
