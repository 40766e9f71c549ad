// What is done with a file that is not to be trusted: opened both ways, verified, read and written in every
// way, closed and opened again.
//
// What a trial holds the library to
//   F1  Every call ends, within a number of steps that the capacity bounds, with an answer or a code that
//   fits. F2  What an open or verify() finds wrong is `corrupt`, or the reason why the file is none of ours.
//   F3  A scan gives keys in order, and no more of them than the heap can hold.
//   F4  What verify() finds whole is whole: from then on every answer is the model's, nothing is `corrupt`,
//   and
//       verify() finds nothing after all that was done, nor after closing and opening again.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/operation.h"

namespace radish::image {

/// A file in memory, under a path of its own, that is written over again and again.
class Ground {
 public:
  Ground();
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;
  ~Ground();

  void write(std::span<const std::byte> bytes, std::uint64_t file_bytes);
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Removes the path, from wherever the process ends.
  void remove() const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::byte* base_ = nullptr;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t written_bytes_ = 0;
};

struct Plan {
  std::vector<model::Operation> operations;  ///< `reopen` among them: at the end
  bool freeze = false;
  bool create = false;  ///< what is not whole yet may be created
};

/// What trials have met, for a summary.
struct Totals {
  std::uint64_t trials = 0;
  std::uint64_t opened = 0;
  std::uint64_t opened_readonly = 0;
  std::uint64_t whole = 0;  ///< of those opened
  std::uint64_t operations = 0;
  std::uint64_t corrupt = 0;                        ///< operations that answered so
  std::uint64_t steps = 0;                          ///< loads, stores and the like of all calls
  std::uint64_t steps_max = 0;                      ///< of one call
  std::map<std::string, std::uint64_t> refusals{};  ///< how often each was the answer, by its words
};
[[nodiscard]] const Totals& totals();

/// Ends the process, with the reason on the standard error, where the library breaks F1 to F4.
void try_file(const Ground& ground, const Plan& plan);

}  // namespace radish::image
