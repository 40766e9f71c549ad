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
  make_cells();
  for (std::size_t number = 0; number < stores_.size(); ++number) add(number);
}

void Window::make_cells() {
  std::set<std::uint64_t> words;
  for (const Store& store : stores_)
    if (store.bytes != 0) words.insert(store.offset / 8);
  for (const std::uint64_t index : words)
    for (std::uint64_t offset = index * 8; offset < index * 8 + 8; ++offset)
      cells_.push_back({.offset = offset, .values = {value_in(floor_, offset)}});
}

/// What it means of a word of noise is the whole word's.
Piece Window::piece_of(const Store& store) const {
  if (likeness_.is_noise(store.offset / 8)) return {store.offset / 8 * 8, 8};
  return {store.offset, store.bytes};
}

void Window::add(std::size_t number) {
  apply(stores_[number], ceiling_);
  const Piece piece = piece_of(stores_[number]);
  for (Cell* cell = cell_at(piece.offset); cells_of_[number].size() < piece.bytes; ++cell) {
    cell->stores.push_back(number);
    cell->values.push_back(value_in(ceiling_, cell->offset));
    cells_of_[number].push_back(cell);
  }
}

Window::Cell* Window::cell_at(std::uint64_t offset) {
  const auto at = std::ranges::lower_bound(cells_, offset, {}, &Cell::offset);
  return at != cells_.end() && at->offset == offset ? &*at : nullptr;
}

std::uint8_t Window::value_in(const Image& image, std::uint64_t offset) const {
  const std::uint64_t index = offset / 8;
  return static_cast<std::uint8_t>(likeness_.meaning(index, word_of(image, index)) >> offset % 8 * 8);
}

bool Window::allows(const Image& image) {
  for (std::uint64_t at = 0; (at = likeness_.first_difference(floor_, image, at)) < image.size(); at += 8)
    if (cell_at(at) == nullptr) return false;
  // What one byte shows to be done may require others to be.
  for (bool again = true; again;) {
    again = false;
    for (Cell& cell : cells_) {
      const std::size_t done = cell.done;
      if (!settle(cell, value_in(image, cell.offset))) return false;
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
  if (!likeness_.alike(reported, image)) ++unreported_;
  while (!window_->allows(reported)) {
    if (window_end_ == stores_.size()) return false;
    enter(window_->ceiling(), window_end_);
  }
  return true;
}

bool Agreement::ends_with(const Image& image) const {
  return likeness_.alike(end_image_, as_reported(image));
}

}  // namespace radish::crashpoints
