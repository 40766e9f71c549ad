// Ctrl-C and its like: a harness that is interrupted ends at once, and leaves nobody and nothing behind.
#pragma once

#include <csignal>

namespace radish::stress {

inline volatile std::sig_atomic_t interrupted = 0;

/// From here on INT, TERM and HUP are noted, in the processes that are forked too; and a reader of our output
/// that goes away kills nobody.
inline void heed_interruptions() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, [](int) { interrupted = 1; });
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace radish::stress
