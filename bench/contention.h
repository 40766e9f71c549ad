#pragma once

namespace radish::bench {

/// A lookup beside a flat-out writer process, and alone.
void add_contention();

}  // namespace radish::bench
