#pragma once

namespace radish::bench {

/// A lookup beside a process that works without pause, by a lookup alone.
void add_contention();

}  // namespace radish::bench
