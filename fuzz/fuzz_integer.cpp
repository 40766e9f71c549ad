// Bytes become a sequence of operations of an integer map, which runs beside std::map.
//     fuzz_integer -max_len=4096 CORPUS fuzz/corpus/integer
#include <cstdio>

#include "model/integer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace radish::model;
  const IntegerSequence sequence = decode_integers(std::span(bytes, size));
  const auto wrong = run(sequence);
  if (!wrong) return 0;
  std::fputs((to_text(sequence) + *wrong + "\n").c_str(), stderr);
  __builtin_trap();
}
