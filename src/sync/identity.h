// Who this process is.
//
// Invariants
//   I1  An identity word names one program run of one boot: pid (22 bits) | start time in clock ticks
//       mod 2^30 | 12 bits that are new at each exec. It is never 0.
//   I2  A start time of 0 means "could not be read"; a real one that is 0 mod 2^30 is written as 1.
//   I3  The cached identity lives in a page that the kernel wipes in every child, however it was
//       forked, so no child ever acts under its parent's name. What it was given first it keeps.
//   I4  A namespace that cannot be read is taken for one's own: its number is drawn at random for this
//       process alone and has the top bit set, so that neither a child nor anybody else has the same.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "segment/fault.h"
#include "segment/layout.h"
#include "segment/twin.h"

namespace radish::sync {

using Identity = std::uint64_t;

inline constexpr unsigned pid_bits = 22;
inline constexpr unsigned start_bits = 30;
inline constexpr unsigned tag_bits = 12;

[[nodiscard]] constexpr Identity make_identity(std::uint64_t pid, std::uint64_t start, std::uint64_t tag) {
  return (pid & ((1U << pid_bits) - 1)) | (start & ((1U << start_bits) - 1)) << pid_bits |
         (tag & ((1U << tag_bits) - 1)) << (pid_bits + start_bits);
}
[[nodiscard]] constexpr std::uint64_t pid_of(Identity identity) { return layout::identity_pid(identity); }
[[nodiscard]] constexpr std::uint64_t start_of(Identity identity) {
  return identity >> pid_bits & ((1U << start_bits) - 1);
}
/// Same process, whichever program it runs.
[[nodiscard]] constexpr bool same_process(Identity a, Identity b) {
  constexpr Identity mask = (Identity{1} << (pid_bits + start_bits)) - 1;
  return (a & mask) == (b & mask);
}
/// True of an earlier program of one's own process, from before its exec.
[[nodiscard]] inline bool is_left_over(Identity identity, Identity own) {
  return identity != own && same_process(identity, own) && !broken(Twin::exec_tag_ignored);
}

/// Identity of the calling process; cached. `io` where the kernel denies what it takes, or has no room for it
/// just now.
[[nodiscard]] Expected<Identity> own_identity();
/// I3: a page, not a static, because only whole pages can be wiped in a child.
struct ProcessPage {
  std::atomic<Identity> identity;
  std::atomic<std::uint64_t> own_namespace;
};
/// Null until somebody asks for the identity. For identity.cpp, and `cached_identity`. Each copy of the
/// library has its own.
[[gnu::visibility("hidden")]] extern constinit std::atomic<ProcessPage*> process_page;

/// The cached identity, or 0 if this process has none yet (after a fork, say). Two loads.
[[nodiscard]] inline Identity cached_identity() {
  const ProcessPage* page = process_page.load(std::memory_order_acquire);  // pairs with its making
  return page == nullptr ? 0 : page->identity.load(std::memory_order_relaxed);
}
/// Boot and namespaces of the calling process, read afresh.
[[nodiscard]] Expected<layout::LeaseOrigin> own_origin();
/// True if /proc numbers processes as this process does. A new pid namespace may still see its parent's
/// /proc, where the same number is another process, or by chance this one.
[[nodiscard]] bool proc_is_ours();
/// Start time of a process, as in an identity; nullopt if it cannot be read.
[[nodiscard]] std::optional<std::uint64_t> read_start(std::uint64_t pid);

}  // namespace radish::sync
