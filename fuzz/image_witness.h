// What an open file must not become: bytes that no call may change.
#pragma once

#include <cstdint>
#include <vector>

#include "fuzz/image_ground.h"

namespace radish::image {

/// Of a file that an open has found sound. The geometry, and with it the places, stay what they are then.
class Witness {
 public:
  explicit Witness(const Ground& ground);

  [[nodiscard]] layout::Offset frontier() const;
  /// Reads were all that was done since: nothing but lease and slots may have changed. Not of a large file.
  [[nodiscard]] bool nothing_changed() const;
  /// Whatever was done since: superblock, but for the seal, and all reserved bytes are what they were.
  [[nodiscard]] bool reserved_unchanged() const;

 private:
  [[nodiscard]] const layout::Superblock& superblock() const;
  [[nodiscard]] bool same(layout::Offset offset, std::uint64_t bytes) const;

  const Ground& ground_;
  std::vector<std::byte> before_;
};

}  // namespace radish::image
