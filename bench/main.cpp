// radish_bench: radish beside LMDB, and a reader beside a writer. bench/report makes a table of it.
#include <benchmark/benchmark.h>

#include "operations.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  radish::bench::register_operations();
  radish::bench::register_contention();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
