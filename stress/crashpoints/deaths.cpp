#include "crashpoints/deaths.h"

#include <algorithm>

namespace radish::crashpoints {
namespace {

bool is_border(const Store& store) { return store.order == Order::barrier || store.order == Order::total; }

bool touch(const Store& a, const Store& b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

/// The stores that may be done though the first `prefix` are all that must: free ones, up to the next border.
/// One that touches an earlier one, done or not, comes after it; such chains are left in the program's order.
std::vector<std::size_t> open_stores(std::span<const Store> stores, std::size_t prefix) {
  std::vector<std::size_t> open;
  for (std::size_t index = prefix; index < stores.size() && !is_border(stores[index]); ++index) {
    if (stores[index].order != Order::free) continue;
    const bool chained =
        std::ranges::any_of(stores.subspan(prefix, index - prefix),
                            [&](const Store& earlier) { return touch(earlier, stores[index]); });
    if (!chained) open.push_back(index);
  }
  return open;
}

class Visits {
 public:
  Visits(std::size_t prefix, std::vector<std::size_t> open, const std::function<void(const Death&)>& visit)
      : prefix_(prefix), open_(std::move(open)), visit_(visit) {}

  void all() const {
    for (std::uint64_t chosen = 1; chosen < std::uint64_t{1} << open_.size(); ++chosen)
      some([&](std::size_t index) { return (chosen >> index & 1) != 0; });
  }
  void single_ones() const {
    for (std::size_t one = 0; one < open_.size(); ++one) {
      some([&](std::size_t index) { return index == one; });
      some([&](std::size_t index) { return index != one; });
    }
  }
  void sample(model::Random& random, std::size_t samples) const {
    for (std::size_t drawn = 0; drawn < samples; ++drawn)
      some([&](std::size_t) { return random.chance(500); });
  }

 private:
  template <class Choose>
  void some(Choose choose) const {
    Death death{.prefix = prefix_};
    for (std::size_t index = 0; index < open_.size(); ++index)
      if (choose(index)) death.beyond.push_back(open_[index]);
    visit_(death);
  }

  std::size_t prefix_;
  std::vector<std::size_t> open_;
  const std::function<void(const Death&)>& visit_;
};

/// A set of D2 whose last store that must come in order is the one before `prefix`: begins behind every such.
bool begins_window(std::span<const Store> stores, std::size_t prefix) {
  return prefix == 0 || stores[prefix - 1].order != Order::free;
}

}  // namespace

void each_death(std::span<const Store> stores, model::Random& random, std::size_t samples,
                const std::function<void(const Death&)>& visit) {
  for (std::size_t prefix = 0; prefix <= stores.size(); ++prefix) visit({.prefix = prefix});
  for (std::size_t prefix = 0; prefix < stores.size(); ++prefix) {
    if (!begins_window(stores, prefix)) continue;
    const Visits visits(prefix, open_stores(stores, prefix), visit);
    const std::size_t open = open_stores(stores, prefix).size();
    if (open <= open_stores_max) {
      visits.all();
    } else {
      visits.single_ones();
      visits.sample(random, samples);
    }
  }
}

}  // namespace radish::crashpoints
