// A process's way through a deed, instruction by instruction: what the shared memory was after each that
// changed it. SIGKILL lets no further instruction run, so each of these is what a death there leaves.
//
// Invariants
//   W1  All of the image with which it began, that is, what the subject had in use and what it may take, is
//       compared after each instruction: a fraction of what the step itself costs, and nothing is missed.
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
  std::uintptr_t next;        ///< address of the one behind it
  std::uint64_t code;         ///< the same, as an offset in the subject's file
  std::size_t changes_end;    ///< its changes are those before this that are not of the moment before
};

struct Walk {
  Image origin{};
  std::vector<Change> changes{};
  std::vector<Moment> moments{};
  std::uint64_t instructions = 0;
  bool answered = false;  ///< as it should
};

/// The image of a walk's moments, one after the other.
class Stroll {
 public:
  Stroll(const Walk& walk, const Likeness& likeness) : walk_(walk), image_(likeness, walk.origin) {}

  [[nodiscard]] bool next() {
    if (passed_ == walk_.moments.size()) return false;
    for (; changes_ < walk_.moments[passed_].changes_end; ++changes_)
      image_.change(walk_.changes[changes_].word_index, walk_.changes[changes_].word);
    ++passed_;
    return true;
  }
  /// Moments so far, the one where it stands included.
  [[nodiscard]] std::size_t passed() const { return passed_; }
  [[nodiscard]] const Moment& moment() const { return walk_.moments[passed_ - 1]; }
  [[nodiscard]] const Image& image() const { return image_.image(); }
  [[nodiscard]] std::uint64_t hash() const { return image_.hash(); }

 private:
  const Walk& walk_;
  HashedImage image_;
  std::size_t passed_ = 0;
  std::size_t changes_ = 0;
};

class Walker {
 public:
  /// Walks through what `subject` does in the oracle's arenas.
  Walker(const Plugin& subject, const Oracle& places, const Image& pristine, const Likeness& likeness);

  [[nodiscard]] Walk walk(const Deed& deed, const Image& image) const;

  /// What was there when the process was stopped for the last time, and what it left.
  struct Death {
    Image seen{};
    Image left{};
    bool stepped = false;
  };
  /// A process of its own is really killed where the walker stands: it runs there at full speed, or, if it
  /// does not come by there in the same state, is stepped through as many changes. What it has seen may then
  /// be another state than the walker's: the C library copies in an order that depends on addresses.
  [[nodiscard]] Death kill_at(const Stroll& stroll, const Deed& deed, const Image& image) const;

 private:
  const Plugin& plugin_;
  const Oracle& places_;
  const Image& pristine_;
  const Likeness& likeness_;
};

}  // namespace radish::crashpoints
