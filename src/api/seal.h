// Freezing: sealing a segment for ever, and the checksum over what is sealed.
//
// Invariants
//   Z1  `sealed` is stored last, after everything else is on its way to the disk and synced, so a file
//       that is sealed is whole. A kill before that leaves a segment like any other.
//   Z2  The content checksum covers roots, page map and the heap up to the frontier: what no reader, no lock
//       and no open changes.
#pragma once

#include "sync/attachment.h"

namespace radish::detail {

/// As the writer. `frozen` if it is already.
[[nodiscard]] Expected<void> seal(sync::Attachment& attachment);
/// `corrupt` if a sealed segment's content is not what was sealed.
[[nodiscard]] Expected<void> verify_content(const segment::Segment& segment);

}  // namespace radish::detail
