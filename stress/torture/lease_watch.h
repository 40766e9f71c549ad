// Who holds what in a segment, seen from outside: a read-only mapping of its first pages that is no
// attachment. For choosing victims and for telling whom a death or a stop concerned. Two checks rest on it:
// that a dead process's name does not stay in the lock, and that lookups go on beside a writer that stands
// still.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "segment/layout.h"

namespace radish::stress::torture {

class LeaseWatch {
 public:
  /// Of the file behind a descriptor that is a segment.
  explicit LeaseWatch(int descriptor);
  LeaseWatch(const LeaseWatch&) = delete;
  LeaseWatch& operator=(const LeaseWatch&) = delete;
  ~LeaseWatch();

  [[nodiscard]] pid_t writer() const;
  [[nodiscard]] std::uint64_t writer_identity() const;
  /// The redo record counts: its stores are being made.
  [[nodiscard]] bool armed() const;
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] std::vector<pid_t> view_holders() const;
  /// Processes that are inside a lookup right now.
  [[nodiscard]] std::vector<pid_t> pinning() const;

 private:
  [[nodiscard]] const layout::Lease& lease() const;

  layout::Geometry geometry_{};
  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace radish::stress::torture
