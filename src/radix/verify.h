// The proof that a segment at rest is what it must be, for a caller under a stable view.
#pragma once

#include "segment/segment.h"

namespace radish::radix {

/// Nodes, order, counts (N1 to N4, E1, E3), and with them the heap's partition, byte for byte. `corrupt`
/// names what is wrong and where. O(size of the tree); ends whatever the bytes.
[[nodiscard]] Expected<void> verify(const segment::Segment& segment);

/// What every attach checks: the roots' words lie within their bounds. O(1); right beside a writer at work.
[[nodiscard]] Expected<void> check_roots(const segment::Segment& segment);

/// The same for a file that nobody is attached to, before anything is done with it. O(1). Of one whose record
/// is armed, what the record may leave alone: frontier and backing.
[[nodiscard]] Expected<void> check_unattended(const segment::Segment& segment);

}  // namespace radish::radix
