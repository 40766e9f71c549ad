#include "torture/place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace radish::stress::torture {
namespace {

constexpr int patience_ms = 15'000;

}  // namespace

Place::Place(const RoundPlan& plan, const std::string& path, std::uint64_t capacity_bytes)
    : storage_(plan.storage), small_(plan.small), capacity_bytes_(capacity_bytes) {
  if (storage_ == Storage::file || storage_ == Storage::shm) path_ = path;
  if (!path_.empty()) ::unlink(path_.c_str());
}

Place::~Place() {
  if (watched_ >= 0) close(watched_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<Tree> Place::open() {
  const OpenOptions options{.capacity_bytes = capacity_bytes_,
                            .lock_timeout = std::chrono::milliseconds(patience_ms)};
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
  for (off_t begin = lseek(from, 0, SEEK_DATA); begin >= 0;) {
    const ssize_t count = pread(from, buffer.data(), buffer.size(), begin);
    if (count <= 0 || pwrite(to, buffer.data(), static_cast<std::size_t>(count), begin) != count) break;
    begin = lseek(from, begin + count, SEEK_DATA);
  }
  close(to);
}

}  // namespace radish::stress::torture
