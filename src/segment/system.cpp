#include "segment/system.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>

#include "segment/segment.h"

namespace radish::segment {
namespace {

// Not in every <linux/magic.h>.
constexpr std::uint64_t lustre_magic = 0x0bd00bd0;
constexpr std::uint64_t gfs2_magic = 0x01161970;
constexpr std::uint64_t smb2_magic = 0xfe534d42;
constexpr std::uint64_t cifs_magic = 0xff534d42;

/// Between two tries for the open lock, for whose like, of an open file description, there is no timed wait.
constexpr timespec open_poll_interval{.tv_sec = 0, .tv_nsec = 1'000'000};
constexpr std::uint64_t allocation_step_bytes = 16 << 20;
constexpr std::size_t writing_step_bytes = 64 << 10;

std::uint64_t opener_pid(int descriptor) {
  std::uint64_t opener = 0;
  const auto bytes = std::as_writable_bytes(std::span(&opener, 1));
  const auto count = read_at(descriptor, bytes, layout::page_bytes + offsetof(layout::Lease, opener));
  return count && *count == bytes.size() ? layout::identity_pid(opener) : 0;
}

}  // namespace

std::unexpected<Fault> system_fault(const char* what) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT;
  return fault(full ? Code::no_space : Code::io, what, static_cast<std::uint64_t>(error));
}

bool is_network_file_system(std::uint64_t statfs_type) {
  constexpr std::array<std::uint64_t, 12> refused{
      NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  cifs_magic,       smb2_magic,   V9FS_MAGIC,        AFS_SUPER_MAGIC,
      AFS_FS_MAGIC,    CODA_SUPER_MAGIC, CEPH_SUPER_MAGIC, lustre_magic, OCFS2_SUPER_MAGIC, gfs2_magic};
  return std::ranges::find(refused, statfs_type & 0xffff'ffff) != refused.end();
}

Expected<void> check_kind(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return system_fault("cannot examine the file");
  if (!S_ISREG(status.st_mode)) return fault(Code::not_regular_file, "not a regular file", status.st_mode);
  struct statfs system{};
  if (fstatfs(descriptor, &system) != 0) return system_fault("cannot examine the file system");
  const auto type = static_cast<std::uint64_t>(system.f_type);
  if (is_network_file_system(type))
    return fault(Code::unsupported_file_system, "the file lies on a network file system", type);
  return {};
}

Expected<std::uint64_t> file_bytes(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return system_fault("cannot examine the file");
  return static_cast<std::uint64_t>(status.st_size);
}

Expected<std::uint64_t> stored_bytes(int descriptor) {
  constexpr std::uint64_t block_bytes = 512;
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return system_fault("cannot examine the file");
  return static_cast<std::uint64_t>(status.st_blocks) * block_bytes;
}

Expected<std::size_t> read_at(int descriptor, std::span<std::byte> bytes, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        pread(descriptor, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_fault("cannot read the file");
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Expected<void> write_at(int descriptor, std::span<const std::byte> bytes, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        pwrite(descriptor, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_fault("cannot write the file");
    done += static_cast<std::size_t>(count);
  }
  return {};
}

Expected<bool> set_lock(int descriptor, short type, off_t byte) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  if (fcntl(descriptor, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return system_fault("cannot lock the file");
}

Expected<void> wait_for_open_lock(int descriptor, std::uint64_t timeout_ms) {
  using std::chrono::steady_clock;
  const auto start = steady_clock::now();
  while (true) {
    const auto locked = set_lock(descriptor, F_WRLCK, open_lock_byte);
    RADISH_TRY(locked);
    if (*locked) return {};
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - start);
    if (static_cast<std::uint64_t>(waited.count()) >= timeout_ms)
      return fault(Code::timed_out, "another process is opening the segment", opener_pid(descriptor));
    // Waiting inside fcntl instead has no deadline, and behind a stopped opener would never come back.
    nanosleep(&open_poll_interval, nullptr);  // the lock synchronises: this spares the processor meanwhile
  }
}

Expected<void> allocate(int descriptor, std::uint64_t begin, std::uint64_t end, Unallocatable otherwise) {
  // In steps, because a signal makes some file systems give back what the interrupted call had allocated.
  while (begin < end) {
    const std::uint64_t step = std::min(end - begin, allocation_step_bytes);
    if (fallocate(descriptor, 0, static_cast<off_t>(begin), static_cast<off_t>(step)) == 0) {
      begin += step;
    } else if (errno == EOPNOTSUPP || errno == ENOSYS) {
      return allocate_by_writing(descriptor, begin, end, otherwise);
    } else if (errno != EINTR) {
      return system_fault("cannot allocate room for the segment");
    }
  }
  return {};
}

Expected<void> allocate_by_writing(int descriptor, std::uint64_t begin, std::uint64_t end,
                                   Unallocatable way) {
  std::array<std::byte, writing_step_bytes> buffer{};
  while (begin < end) {
    const auto bytes = std::span(buffer).first(std::min(end - begin, std::uint64_t{buffer.size()}));
    if (way == Unallocatable::rewrite) {
      const auto count = read_at(descriptor, bytes, begin);
      RADISH_TRY(count);
      if (*count != bytes.size()) return corrupt("the file was truncated while it was opened", begin);
    }
    RADISH_TRY(write_at(descriptor, bytes, begin));
    begin += bytes.size();
  }
  return {};
}

Expected<void> punch(int descriptor, std::uint64_t begin, std::uint64_t end) {
  constexpr int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  while (fallocate(descriptor, mode, static_cast<off_t>(begin), static_cast<off_t>(end - begin)) != 0)
    if (errno != EINTR) return system_fault("cannot give room back to the file system");
  return {};
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace radish::segment
