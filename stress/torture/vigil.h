// Readers never wait for a writer: beside one that stands still with the lock, every lookup goes on.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "torture/ledger.h"

namespace radish::stress::torture {

class Vigil {
 public:
  explicit Vigil(const Ledger& ledger) : ledger_(ledger) {}

  /// `holder` is stopped with the lock. Waits until each strand that does nothing but look up has ended two
  /// lookups, of which the second was begun after the stop, or has left; reports those that do neither.
  void keep(pid_t holder);

 private:
  struct Watched {
    std::uint32_t strand;
    pid_t pid;
    std::uint64_t progress;
  };
  [[nodiscard]] std::vector<Watched> readers(pid_t holder) const;
  [[nodiscard]] bool is_looking_up(const Watched& watched) const;
  [[nodiscard]] bool has_gone_on(const Watched& watched) const;

  const Ledger& ledger_;
};

}  // namespace radish::stress::torture
