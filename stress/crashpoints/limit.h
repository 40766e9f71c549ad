// A bound on what one exploration may take: what finds no end is killed by it, and is a finding.
#pragma once

#include <sys/time.h>

namespace radish::crashpoints {

/// Of the calling process alone, not of those that it forks; from now on. Far more than anything takes.
inline void limit_processor_time() {
  constexpr time_t seconds = 120;
  const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = seconds, .tv_usec = 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
}

}  // namespace radish::crashpoints
