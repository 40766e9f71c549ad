#include "txn/plan.h"

#include <iterator>
#include <vector>

namespace radish::txn {

std::size_t Plan::place_of(std::uint64_t target) const {
  std::size_t place = (hash(target) >> 20) & (table_slots_ - 1);
  while (table_[place] != 0 && stores_[table_[place] - 1].target != target)
    place = (place + 1) & (table_slots_ - 1);
  return place;
}

const PlannedStore* Plan::search(std::uint64_t target) const {
  if (table_ != nullptr) {
    const std::uint16_t index = table_[place_of(target)];
    return index == 0 ? nullptr : &stores_[index - 1];
  }
  for (std::size_t index = count_; index-- > 0;)
    if (stores_[index].target == target) return &stores_[index];
  return nullptr;
}

void Plan::enter(std::uint64_t target) { table_[place_of(target)] = static_cast<std::uint16_t>(count_ + 1); }

void Plan::clear() {
  count_ = 0;
  bits_ = 0;
  if (table_ != nullptr) std::fill_n(table_.get(), table_slots_, std::uint16_t{0});
}

void Plan::line_up() {
  const auto is_published = [](const PlannedStore& store) { return store.rank != 0; };
  bits_ = 0;
  if (!holds_several()) {
    const auto published = std::ranges::find_if(stores(), is_published);
    if (published != stores().end()) std::rotate(published, published + 1, stores().end());
    return;
  }
  std::vector<PlannedStore> published;
  std::ranges::copy_if(stores(), std::back_inserter(published), is_published);
  std::ranges::sort(published, {}, &PlannedStore::rank);
  const auto behind =
      std::ranges::remove_if(stores(), is_published).begin();  // keeps the order of the others
  std::ranges::copy(published, behind);
}

}  // namespace radish::txn
