#include "crashpoints/deaths.h"

#include <algorithm>
#include <optional>

namespace radish::crashpoints {
namespace {

using AtDeath = std::function<void(const Death&)>;

bool is_border(const Store& store) { return store.order == Order::barrier || store.order == Order::total; }

bool touch(const Store& a, const Store& b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

/// A store that may be done though others before it are not.
struct Open {
  std::size_t index;
  std::vector<std::size_t> needs;  ///< places in the window of those that it touches, which come first
};
using Window = std::vector<Open>;

/// The places in the window of the stores before `index` that it touches; nothing if one of them is not in
/// it.
std::optional<std::vector<std::size_t>> needs_of(std::span<const Store> stores, std::size_t prefix,
                                                 std::size_t index, const Window& window) {
  std::vector<std::size_t> needs;
  for (std::size_t earlier = prefix; earlier < index; ++earlier) {
    if (!touch(stores[earlier], stores[index])) continue;
    const auto place = std::ranges::find(window, earlier, &Open::index);
    if (place == window.end()) return std::nullopt;
    needs.push_back(static_cast<std::size_t>(place - window.begin()));
  }
  return needs;
}

/// What may be done beyond a prefix if the first store behind it that all before must precede is not: free
/// stores, up to the next border. One that comes after a release is open too, but not one that touches it,
/// nor what comes after that one.
Window window_at(std::span<const Store> stores, std::size_t prefix) {
  Window window;
  for (std::size_t index = prefix; index < stores.size() && !is_border(stores[index]); ++index) {
    if (stores[index].order != Order::free) continue;
    if (auto needs = needs_of(stores, prefix, index, window)) window.push_back({index, std::move(*needs)});
  }
  return window;
}

/// Sets of a window's stores that are closed under D1.
class Sets {
 public:
  Sets(std::size_t prefix, const Window& window, const AtDeath& visit)
      : prefix_(prefix), window_(window), visit_(visit) {}

  void all() const {
    const std::uint64_t end = std::uint64_t{1} << window_.size();
    for (std::uint64_t chosen = 1; chosen < end; ++chosen) {
      const auto in = [&](std::size_t place) { return (chosen >> place & 1) != 0; };
      bool closed = true;
      for (std::size_t place = 0; place < window_.size(); ++place)
        closed &= !in(place) || std::ranges::all_of(window_[place].needs, in);
      if (closed) visit({in_each(in)});
    }
  }
  /// Each store alone missing, but for what cannot be without it; each alone done, but for what it needs.
  void single_ones() const {
    for (std::size_t one = 0; one < window_.size(); ++one) {
      visit(closed_below([&](std::size_t place) { return place != one; }));
      visit(closed_above(one));
    }
  }
  void sample(model::Random& random, std::size_t samples) const {
    for (std::size_t drawn = 0; drawn < samples; ++drawn)
      visit(closed_below([&](std::size_t) { return random.chance(500); }));
  }

 private:
  using Chosen = std::vector<bool>;

  template <class In>
  Chosen in_each(In in) const {
    Chosen chosen(window_.size());
    for (std::size_t place = 0; place < window_.size(); ++place) chosen[place] = in(place);
    return chosen;
  }
  /// The wanted ones whose needs are all there.
  template <class Wanted>
  Chosen closed_below(Wanted wanted) const {
    Chosen chosen(window_.size());
    for (std::size_t place = 0; place < window_.size(); ++place)
      chosen[place] = wanted(place) && std::ranges::all_of(window_[place].needs,
                                                           [&](std::size_t need) { return chosen[need]; });
    return chosen;
  }
  Chosen closed_above(std::size_t one) const {
    Chosen chosen(window_.size());
    chosen[one] = true;
    for (std::size_t place = one + 1; place-- > 0;)
      if (chosen[place])
        for (const std::size_t need : window_[place].needs) chosen[need] = true;
    return chosen;
  }
  /// Prefixes are visited elsewhere.
  void visit(const Chosen& chosen) const {
    Death death{.prefix = prefix_};
    for (std::size_t place = 0; place < window_.size(); ++place)
      if (chosen[place]) death.beyond.push_back(window_[place].index);
    if (!death.beyond.empty() && death.beyond.back() - prefix_ + 1 != death.beyond.size()) visit_(death);
  }

  std::size_t prefix_;
  const Window& window_;
  const AtDeath& visit_;
};

/// A set of D2 that is no prefix has all stores up to some place done, the last of them being one that all
/// before it must precede, and behind it no other such: a window begins behind each.
bool begins_window(std::span<const Store> stores, std::size_t prefix) {
  return prefix == 0 || stores[prefix - 1].order != Order::free;
}

}  // namespace

void each_death(std::span<const Store> stores, model::Random& random, std::size_t samples,
                const AtDeath& visit) {
  for (std::size_t prefix = 0; prefix <= stores.size(); ++prefix) visit({.prefix = prefix});
  for (std::size_t prefix = 0; prefix < stores.size(); ++prefix) {
    if (!begins_window(stores, prefix)) continue;
    const Window window = window_at(stores, prefix);
    const Sets sets(prefix, window, visit);
    if (window.size() <= open_stores_max) {
      sets.all();
    } else {
      sets.single_ones();
      sets.sample(random, samples);
    }
  }
}

}  // namespace radish::crashpoints
