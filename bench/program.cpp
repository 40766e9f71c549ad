#include "program.h"

#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <cstddef>
#include <vector>

#include "key_set.h"
#include "operations.h"

namespace radish::bench {

int run(int count, char** words, const std::function<void(const std::string& set)>& add_set) {
  benchmark::Initialize(&count, words);
  CLI::App program("Measures stores on sets of keys; takes the arguments of Google Benchmark, too.");
  std::vector<std::string> sets{"rand8", "seq8", "words", "paths", "ipv4"};
  std::size_t keys_max = SIZE_MAX;
  program.add_option("--sets", sets, "rand8, seq8, words, paths, ipv4")
      ->delimiter(',')
      ->capture_default_str();
  program.add_option("--keys-max", keys_max, "of a set, no more than this");
  CLI11_PARSE(program, count, words);
  limit_keys(keys_max);
  for (const std::string& set : sets) add_set(set);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return any_wrong ? 1 : 0;
}

}  // namespace radish::bench
