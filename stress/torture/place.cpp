#include "torture/place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <stdexcept>

namespace radish::stress::torture {
namespace {

/// A full disk is an answer that only the tests of full disks expect.
void require_room(const std::string& path, std::uint64_t bytes) {
  struct statvfs room{};
  const std::filesystem::path directory = std::filesystem::absolute(path).parent_path();
  if (statvfs(directory.c_str(), &room) != 0)
    throw std::runtime_error("cannot examine " + directory.string());
  if (room.f_bavail * room.f_frsize < bytes)
    throw std::runtime_error("a segment takes " + std::to_string(bytes >> 20) + " MiB; there is less in " +
                             directory.string());
}

constexpr std::uint64_t room_beside_bytes = 1 << 20;

}  // namespace

Place::Place(const RoundPlan& plan, const std::string& path, std::uint64_t capacity_bytes)
    : storage_(plan.storage), small_(plan.small), capacity_bytes_(capacity_bytes) {
  if (storage_ == Storage::file || storage_ == Storage::shm) path_ = path;
  if (path_.empty()) return;
  ::unlink(path_.c_str());
  require_room(path_, capacity_bytes + room_beside_bytes);
}

Place::~Place() {
  if (watched_ >= 0) close(watched_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<Tree> Place::open() {
  const OpenOptions options{.capacity_bytes = capacity_bytes_,
                            .lock_timeout = std::chrono::milliseconds(lock_timeout_ms)};
  if (!path_.empty()) return Tree::open(path_, options);
  if (watched_ >= 0) return Tree::open_descriptor(watched_, options);
  auto created =
      storage_ == Storage::memfd ? Tree::create_memfd("torture", options) : Tree::create_anonymous(options);
  if (!created) return created;
  // A description of its own, which holds no lock; kept over exec.
  watched_ = ::open(("/proc/self/fd/" + std::to_string(created->descriptor())).c_str(), O_RDWR);
  if (watched_ < 0) throw std::runtime_error("cannot reopen the memfd");
  return created;
}

int Place::watched() {
  if (watched_ < 0 && !path_.empty()) watched_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  return watched_;
}

void Place::save(const std::string& target) {
  const int from = watched();
  if (from < 0) return;
  const int to = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  struct stat status{};
  if (to < 0 || fstat(from, &status) != 0 || ftruncate(to, status.st_size) != 0)
    throw std::runtime_error("cannot save the segment in " + target);
  std::array<char, 1 << 16> buffer{};
  ssize_t count = 1;
  for (off_t begin = lseek(from, 0, SEEK_DATA); begin >= 0 && count > 0;) {
    count = pread(from, buffer.data(), buffer.size(), begin);
    if (count > 0 && pwrite(to, buffer.data(), static_cast<std::size_t>(count), begin) != count)
      throw std::runtime_error("cannot save the segment in " + target + ", or not all of it");
    begin = lseek(from, begin + count, SEEK_DATA);
  }
  close(to);
}

}  // namespace radish::stress::torture
