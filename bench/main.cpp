// radish_bench: radish on all sets of keys, what a pin costs, and a reader beside a writer.
#include "contention.h"
#include "operations.h"
#include "pin.h"
#include "program.h"
#include "stores/radish.h"

int main(int count, char** words) {
  return radish::bench::run(count, words, [](const std::string& set) {
    radish::bench::add_operations<radish::bench::RadishStore>(set);
    radish::bench::add_lookups<radish::bench::PinnedRadishStore>(set);
    radish::bench::add_lookups<radish::bench::HugeRadishStore>(set);
    if (set == "rand8" || set == "words") radish::bench::add_pin_cost(set);
    if (set == "rand8") radish::bench::add_contention();
  });
}
