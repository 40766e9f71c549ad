// Whether the program run that an identity names is certainly over.
//
// Invariants
//   L1  Whatever cannot be told (no /proc, no permission, another uid's process) is alive.
//   L2  One's own full identity is alive, always.
//   L3  A thread group whose main thread has exited is alive while any thread lives; a zombie group is dead.
#pragma once

#include <cstdint>
#include <string>

#include "sync/identity.h"

namespace radish::sync {

/// How /proc/PID/maps shows a mapping of the segment: device and inode, as in one's own line for it.
/// Empty if one's own line could not be read.
struct MappingKey {
  std::string device_and_inode;

  [[nodiscard]] bool is_known() const { return !device_and_inode.empty(); }
  bool operator==(const MappingKey&) const = default;
};

[[nodiscard]] MappingKey mapping_key(const void* mapped);

/// Over for good: no such process, a whole thread group that has exited, another start time, or an earlier
/// program of one's own process. Its identity does not come back. A few system calls.
[[nodiscard]] bool has_ended(Identity identity);
/// Over: has ended, or lives and does not map the segment: it has exec'ed since, or has closed its last
/// handle and may open the segment again under the same identity.
[[nodiscard]] bool certainly_dead(Identity identity, const MappingKey& mapping);

}  // namespace radish::sync
