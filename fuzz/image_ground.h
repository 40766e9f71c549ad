// The file that trials are made with.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "segment/layout.h"

namespace radish::image {

/// Bytes at a place of the file; between extents are holes.
struct Extent {
  layout::Offset offset;
  std::span<const std::byte> bytes;
};

/// A file in memory, under a path of its own, that is written over again and again. Locked while its process
/// lives, so that the next one can tell which are left over from the killed, and remove them.
class Ground {
 public:
  Ground();
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;
  ~Ground();

  void write(const std::vector<Extent>& extents, std::uint64_t file_bytes);
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }
  /// The file as it is now, while it is no shorter than it was written.
  [[nodiscard]] const std::byte* base() const { return base_; }
  /// Removes the path, from wherever the process ends.
  void remove() const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::byte* base_ = nullptr;
  std::uint64_t file_bytes_ = 0;
};

}  // namespace radish::image
