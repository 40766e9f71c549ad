// Everything that a campaign explores, by number: the shapes that every kind of mutation meets, all short
// sequences of mutations over small sets of keys, and random trees without end.
#pragma once

#include "crashpoints/options.h"
#include "crashpoints/truth.h"

namespace radish::crashpoints {

/// A tree, and mutations of it that reach every structural change: all sequences of up to three of them are
/// explored.
struct Ground {
  std::string name;
  std::vector<Operation> base;
  std::vector<Operation> alphabet;
  std::size_t length_max;
  [[nodiscard]] std::uint64_t sequences() const;
  /// The last mutation is the one that is died in.
  [[nodiscard]] Case at(std::uint64_t index) const;
};

class CaseSource {
 public:
  explicit CaseSource(std::uint64_t seed);

  /// Shapes and sequences: after so many numbers, all of them have been and random ones follow.
  [[nodiscard]] std::uint64_t finite() const;
  /// How many of them a campaign explores.
  [[nodiscard]] std::uint64_t wanted(const Options& options) const;
  /// Shapes first; then sequences, in an order of the seed's, and random ones take turns.
  [[nodiscard]] Case at(std::uint64_t number) const;

 private:
  void add_shapes();
  [[nodiscard]] Case sequence(std::uint64_t index) const;
  [[nodiscard]] Case random(std::uint64_t index) const;

  std::uint64_t seed_;
  std::vector<Case> shapes_;
  std::vector<Ground> grounds_;
  std::uint64_t sequences_ = 0;
  std::uint64_t stride_ = 1;  ///< coprime to the number of sequences
};

}  // namespace radish::crashpoints
