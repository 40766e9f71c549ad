// Bytes become an operation sequence, which runs on a tiny heap beside the model.
//     fuzz_ops -dict=fuzz/ops.dict -max_len=4096 CORPUS fuzz/corpus/ops
#include <cstdint>
#include <cstdio>
#include <span>

#include "model/bytes.h"
#include "model/report.h"
#include "model/run.h"
#include "model/shrink.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace radish::model;
  const Sequence sequence = decode(std::span(bytes, size));
  if (!run(sequence)) return 0;
  const Sequence small =
      shrink(sequence, [](const Sequence& candidate) { return run(candidate).has_value(); });
  const auto failure = run(small).value_or(Failure{.operation = "passes when run again"});
  std::fputs(write_report(small, failure, "fuzz-ops-failure.txt").c_str(), stderr);
  std::fputs(to_text(small).c_str(), stderr);
  __builtin_trap();
}
