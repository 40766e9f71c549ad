// Where a process sets out, and the drawing of such places.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crashpoints/arena.h"
#include "crashpoints/truth.h"
#include "model/generator.h"

namespace radish::crashpoints {

/// An image, and how it came about.
struct Origin {
  Image image{};
  std::string story{};
  unsigned deaths = 0;
  Shown allowed{};         ///< what it may become by recovery
  bool is_alone = false;   ///< it can only be recovered by opening alone
  std::uint64_t hash = 0;  ///< by whatever measure who explores tells states apart
};

/// Draws so many of what it is offered, each with the same chance.
template <class T>
class Lot {
 public:
  static constexpr std::size_t all = SIZE_MAX;

  Lot(std::size_t wanted, model::Random& random) : wanted_(wanted), random_(random) {}
  template <class Make>
  void offer(Make make) {
    if (wanted_ == all) {
      drawn_.push_back(make());
      return;
    }
    const std::uint64_t place = random_.below(++offered_);
    if (drawn_.size() < wanted_)
      drawn_.push_back(make());
    else if (place < wanted_)
      drawn_[place] = make();
  }
  [[nodiscard]] std::vector<T>& drawn() { return drawn_; }

 private:
  std::size_t wanted_;
  model::Random& random_;
  std::uint64_t offered_ = 0;
  std::vector<T> drawn_;
};

}  // namespace radish::crashpoints
