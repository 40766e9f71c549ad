#include "fuzz/image_ground.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "fuzz/image_judge.h"

namespace radish::image {
namespace {

constexpr std::uint64_t file_bytes_max = 32 << 20;
constexpr const char* directory = "/dev/shm";
constexpr std::string_view name_begin = "radish-image-";

/// What a process left that was killed: nobody holds its lock.
void remove_left_over() {
  std::error_code gone;  // another one may be removing it too
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (!entry.path().filename().string().starts_with(name_begin)) continue;
    const int descriptor = ::open(entry.path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) std::filesystem::remove(entry.path(), gone);
    close(descriptor);
  }
}

bool has_a_path(int descriptor) {
  struct stat status{};
  return fstat(descriptor, &status) == 0 && status.st_nlink != 0;
}

}  // namespace

Ground::Ground() {
  remove_left_over();
  // Until it is locked, another process may take it for one that was left over.
  do {
    if (descriptor_ >= 0) close(descriptor_);
    path_ = std::string(directory) + "/" + std::string(name_begin) + "XXXXXX";
    descriptor_ = mkostemp(path_.data(), O_CLOEXEC);
    if (descriptor_ < 0) blame("no file in memory to try");
  } while (flock(descriptor_, LOCK_EX | LOCK_NB) != 0 || !has_a_path(descriptor_));
  void* base = mmap(nullptr, file_bytes_max, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (base == MAP_FAILED) blame("no file in memory to try");
  base_ = static_cast<std::byte*>(base);
}

Ground::~Ground() {
  munmap(base_, file_bytes_max);
  close(descriptor_);
  remove();
}

void Ground::remove() const { ::unlink(path_.c_str()); }

void Ground::write(const std::vector<Extent>& extents, std::uint64_t file_bytes) {
  file_bytes_ = std::min(file_bytes, file_bytes_max);
  if (ftruncate(descriptor_, 0) != 0 || ftruncate(descriptor_, static_cast<off_t>(file_bytes_)) != 0)
    blame("no length for the file to try");
  for (const Extent& extent : extents)
    if (!extent.bytes.empty() && extent.offset < file_bytes_)
      std::memcpy(base_ + extent.offset, extent.bytes.data(),
                  std::min<std::uint64_t>(extent.bytes.size(), file_bytes_ - extent.offset));
}

}  // namespace radish::image
