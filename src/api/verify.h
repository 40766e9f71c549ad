// The proof that a segment at rest is what it must be, and what is looked at before it is used.
#pragma once

#include "segment/segment.h"

namespace radish::detail {

/// Every root with all that hangs on it, what is condemned, and with them the heap's partition, byte for
/// byte, for a caller under a stable view. `corrupt` names what is wrong and where. O(what the segment
/// holds); ends whatever the bytes.
[[nodiscard]] Expected<void> verify(const segment::Segment& segment);

/// What every attach checks: the roots' words lie within their bounds. O(1); right beside a writer at work.
[[nodiscard]] Expected<void> check_roots(const segment::Segment& segment);

/// The same for a file that nobody is attached to, before anything is done with it. O(1). Of one whose record
/// is armed, what the record may leave alone: frontier and backing.
[[nodiscard]] Expected<void> check_unattended(const segment::Segment& segment);

}  // namespace radish::detail
