// What is done with a file that is not to be trusted: opened both ways, verified, read and written in every
// way, closed and opened again.
//
// What a trial holds the library to
//   F1  Every call ends, within a number of steps that the capacity bounds, with an answer or a code
//       that fits. F2  What an open or verify() finds wrong is `corrupt`, or the reason why the file is
//       none of ours.
//   F3  A scan gives keys in order, and no more of them than the heap can hold.
//   F4  What verify() finds whole is whole: from then on every answer is the model's, nothing is
//       `corrupt`, and verify() finds nothing after all that was done, nor after closing and opening
//       again.
//   F5  No call takes memory as the file claims to hold: one path of the longest key at most.
//   F6  Reading changes nothing but lease and slots, and looks at nothing beyond the frontier. Nothing at all
//       changes what is reserved.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fuzz/image_ground.h"
#include "model/operation.h"

namespace radish::image {

struct Plan {
  std::vector<model::Operation> operations;  ///< `reopen` among them: at the end
  bool freeze = false;
  bool create = false;         ///< what is not whole yet may be created
  bool by_descriptor = false;  ///< opened by a descriptor
  bool through_c = false;      ///< all of it through radish.h
};

/// What trials have met, for a summary.
struct Totals {
  std::uint64_t file_bytes = 0;  ///< of the file at hand
  std::uint64_t trials = 0;
  std::uint64_t opened = 0;
  std::uint64_t opened_readonly = 0;
  std::uint64_t whole = 0;  ///< of those opened
  std::uint64_t operations = 0;
  std::uint64_t corrupt = 0;                        ///< operations that answered so
  std::uint64_t steps = 0;                          ///< loads, stores and the like of all calls
  std::uint64_t steps_max = 0;                      ///< of one call
  std::int64_t memory_bytes_max = 0;                ///< the same
  std::uint64_t beside = 0;                         ///< attachments beside another
  std::map<std::string, std::uint64_t> refusals{};  ///< how often each was the answer, by its words
};
[[nodiscard]] const Totals& totals();

/// Ends the process, with the reason on the standard error, where the library breaks F1 to F6.
void try_file(const Ground& ground, const Plan& plan);

}  // namespace radish::image
