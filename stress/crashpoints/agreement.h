// Whether what single steps have shown of a deed is what the reports of its stores (store_log.h) allow.
//
// Invariants
//   A1  The borders of the log, which are its barriers and read-modify-writes, cut it into windows. Each
//       image is one window's: all stores before it are done, and none behind it.
//   A2  In it, each byte is what the window began with or what one of its stores made of it; a store that is
//       whole is done with all of its bytes or with none; one that follows another in the same byte comes
//       after it; when a release is done, all before it in the program are.
//   A3  Nothing is undone: each image has done what must have been done in those before it.
//   A4  A word of noise that no store of the log touches goes round the reports, as the store engine lets it.
//       How often that mattered is counted.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "crashpoints/likeness.h"
#include "crashpoints/store_log.h"

namespace radish::crashpoints {

/// The stores between two borders.
class Window {
 public:
  /// `floor` is the image in which all stores before are done.
  Window(const Likeness& likeness, Image floor, std::span<const Store> stores);

  /// A2, and A3 of the images that were allowed before. Not to be asked again after a no.
  [[nodiscard]] bool allows(const Image& image);
  /// All are done.
  [[nodiscard]] const Image& ceiling() const { return ceiling_; }

 private:
  /// The values of a byte, one after the other.
  struct Cell {
    std::uint64_t offset;
    std::vector<std::size_t> stores{};
    std::vector<std::uint8_t> values{};  ///< one more: before all of the stores
    std::size_t done = 0;                ///< as many stores must be
  };

  [[nodiscard]] Piece piece_of(const Store& store) const;
  void make_cells();
  void add(std::size_t number);
  [[nodiscard]] Cell* cell_at(std::uint64_t offset);
  [[nodiscard]] std::uint8_t value_in(const Image& image, std::uint64_t offset) const;
  /// False if it has none of the values that it may have still.
  [[nodiscard]] bool settle(Cell& cell, std::uint8_t value);
  void must_be_done(Cell& cell, std::size_t stores);
  void must_be_done(std::size_t number);

  const Likeness& likeness_;
  Image floor_, ceiling_;
  std::span<const Store> stores_;
  std::vector<Cell> cells_;                   ///< of all bytes of the words that are stored to; ascending
  std::vector<std::vector<Cell*>> cells_of_;  ///< by stores
  std::vector<bool> must_be_done_;            ///< stores, with all their bytes
};

class Agreement {
 public:
  Agreement(const Likeness& likeness, const Image& origin, std::span<const Store> stores);

  /// True if the log allows the image, after those that it has allowed. Not to be asked again after a no.
  [[nodiscard]] bool allows(const Image& image);
  /// True if the image is what all stores together make.
  [[nodiscard]] bool ends_with(const Image& image) const;
  /// Images in which something had gone round the reports (A4).
  [[nodiscard]] std::uint64_t unreported() const { return unreported_; }

 private:
  [[nodiscard]] Image as_reported(Image image) const;
  void enter(Image floor, std::size_t first);

  const Likeness& likeness_;
  std::span<const Store> stores_;
  Image origin_, end_image_;
  std::vector<std::uint64_t> quiet_noise_;  ///< A4: by words
  std::uint64_t unreported_ = 0;
  std::size_t window_end_ = 0;
  std::unique_ptr<Window> window_;
};

}  // namespace radish::crashpoints
