#include "crashpoints/agreement.h"

#include <algorithm>
#include <set>
#include <utility>

#include "crashpoints/recording.h"

namespace radish::crashpoints {

Window::Window(const Likeness& likeness, Image floor, std::span<const Store> stores)
    : likeness_(likeness),
      floor_(std::move(floor)),
      ceiling_(floor_),
      stores_(stores),
      cells_of_(stores.size()),
      must_be_done_(stores.size()) {
  for (std::size_t number = 0; number < stores_.size(); ++number) add(number);
}

void Window::add(std::size_t number) {
  const Store& store = stores_[number];
  const bool noise = likeness_.is_noise(store.offset / 8);
  const std::uint64_t first = noise ? store.offset / 8 * 8 : store.offset;
  const std::uint64_t bytes = noise ? 8 : store.bytes;
  for (std::uint64_t offset = first; offset < first + bytes; ++offset) {
    const auto [at, fresh] = cells_.try_emplace(offset);
    if (fresh) at->second.values.push_back(value_in(floor_, offset));
  }
  apply(store, ceiling_);
  for (std::uint64_t offset = first; offset < first + bytes; ++offset) {
    Cell& cell = cells_.at(offset);
    cell.stores.push_back(number);
    cell.values.push_back(value_in(ceiling_, offset));
    cells_of_[number].push_back(&cell);
  }
}

std::uint8_t Window::value_in(const Image& image, std::uint64_t offset) const {
  const std::uint64_t index = offset / 8;
  return static_cast<std::uint8_t>(likeness_.meaning(index, word_of(image, index)) >> offset % 8 * 8);
}

bool Window::is_touched(std::uint64_t word_index) const {
  const auto at = cells_.lower_bound(word_index * 8);
  return at != cells_.end() && at->first / 8 == word_index;
}

bool Window::allows(const Image& image) {
  for (std::uint64_t index = 0; index * 8 < floor_.size(); ++index) {
    const std::uint64_t word = word_of(image, index), before = word_of(floor_, index);
    if (word == before || is_touched(index)) continue;
    if (likeness_.meaning(index, word) != likeness_.meaning(index, before)) return false;
  }
  // What one byte shows to be done may require others to be.
  for (bool again = true; again;) {
    again = false;
    for (auto& [offset, cell] : cells_) {
      const std::size_t done = cell.done;
      if (!settle(cell, value_in(image, offset))) return false;
      again |= cell.done != done;
    }
  }
  return true;
}

bool Window::settle(Cell& cell, std::uint8_t value) {
  const auto found =
      std::find(cell.values.begin() + static_cast<std::ptrdiff_t>(cell.done), cell.values.end(), value);
  if (found == cell.values.end()) return false;
  must_be_done(cell, static_cast<std::size_t>(found - cell.values.begin()));
  return true;
}

void Window::must_be_done(Cell& cell, std::size_t stores) {
  while (cell.done < stores) {
    const std::size_t number = cell.stores[cell.done++];
    if (stores_[number].whole) must_be_done(number);
  }
}

void Window::must_be_done(std::size_t number) {
  if (must_be_done_[number]) return;
  must_be_done_[number] = true;
  for (Cell* cell : cells_of_[number]) {
    const auto at = std::ranges::lower_bound(cell->stores, number);
    must_be_done(*cell, static_cast<std::size_t>(at - cell->stores.begin()) + 1);
  }
  if (stores_[number].order != Order::release) return;
  for (std::size_t earlier = 0; earlier < number; ++earlier) must_be_done(earlier);
}

Agreement::Agreement(const Likeness& likeness, const Image& origin, std::span<const Store> stores)
    : likeness_(likeness), stores_(stores), origin_(origin), end_image_(origin) {
  std::set<std::uint64_t> touched;
  for (const Store& store : stores) {
    apply(store, end_image_);
    if (store.bytes != 0) touched.insert(store.offset / 8);
  }
  for (std::uint64_t index = 0; index * 8 < origin.size(); ++index)
    if (likeness.is_noise(index) && !touched.contains(index)) quiet_noise_.push_back(index);
  enter(origin, 0);
}

Image Agreement::as_reported(Image image) const {
  for (const std::uint64_t index : quiet_noise_)
    std::memcpy(image.data() + index * 8, origin_.data() + index * 8, 8);
  return image;
}

void Agreement::enter(Image floor, std::size_t first) {
  const auto order = [&](std::size_t number) { return stores_[number].order; };
  while (first < stores_.size() && order(first) == Order::barrier) ++first;
  window_end_ = first;
  if (first < stores_.size() && order(first) == Order::total)
    ++window_end_;
  else
    while (window_end_ < stores_.size() && order(window_end_) != Order::barrier &&
           order(window_end_) != Order::total)
      ++window_end_;
  window_ =
      std::make_unique<Window>(likeness_, std::move(floor), stores_.subspan(first, window_end_ - first));
}

bool Agreement::allows(const Image& image) {
  const Image reported = as_reported(image);
  if (likeness_.first_difference(reported, image) < image.size() / 8 * 8) ++unreported_;
  while (!window_->allows(reported)) {
    if (window_end_ == stores_.size()) return false;
    enter(window_->ceiling(), window_end_);
  }
  return true;
}

bool Agreement::ends_with(const Image& image) const {
  return likeness_.first_difference(end_image_, as_reported(image)) >= end_image_.size() / 8 * 8;
}

}  // namespace radish::crashpoints
