// Private to floor 0: what a superblock at rest must look like.
#pragma once

#include "segment/fault.h"
#include "segment/layout.h"

namespace radish::segment {

/// Everything but the magic and the seal, which may change under an opener's eyes.
[[nodiscard]] Expected<void> check_superblock(const layout::Superblock&, std::uint64_t file_bytes);

}  // namespace radish::segment
