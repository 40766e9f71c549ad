#pragma once

namespace radish::bench {

/// insert, find, find_miss, scan and erase, of both stores, on every key set.
void register_operations();

/// A lookup beside a flat-out writer process, and alone.
void register_contention();

}  // namespace radish::bench
