// A process's way through a deed, instruction by instruction: what the shared memory was after each that
// changed it. SIGKILL lets no further instruction run, so each of these is what a death there leaves.
//
// Invariants
//   W1  All that the subject has in use, and what the deed may take, is compared after each instruction: a
//       tenth of what the step itself costs, and nothing to be missed.
//   W2  The process has ended when its walk is there: its identity is that of the dead.
#pragma once

#include <vector>

#include "crashpoints/deed.h"
#include "crashpoints/likeness.h"
#include "crashpoints/plugin.h"

namespace radish::crashpoints {

struct Change {
  std::uint64_t word_index;
  std::uint64_t word;
};

/// After an instruction that changed something.
struct Moment {
  std::uint64_t instruction;  ///< how many had been retired
  std::uint64_t code;         ///< behind it: offset in the subject's file
  std::size_t changes_end;    ///< its changes are those before this that are not of the moment before
};

struct Walk {
  Image origin{};
  std::vector<Change> changes{};
  std::vector<Moment> moments{};
  std::uint64_t instructions = 0;
  bool answered = false;  ///< as it should
};

class Walker {
 public:
  /// Walks through what `subject` does in the oracle's arenas.
  Walker(const Plugin& subject, const Oracle& places, const Image& pristine);

  [[nodiscard]] Walk walk(const Deed& deed, const Image& image) const;

  struct Death {
    Image left{};
    std::uint64_t instructions = 0;
  };
  /// A process of its own is really killed after as many moments.
  [[nodiscard]] Death kill_after(std::size_t moments, const Deed& deed, const Image& image) const;

 private:
  const Plugin& plugin_;
  const Oracle& places_;
  const Image& pristine_;
};

}  // namespace radish::crashpoints
