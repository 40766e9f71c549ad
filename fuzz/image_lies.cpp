#include "fuzz/image_lies.h"

#include <array>
#include <cstdlib>

#include "fuzz/image_telling.h"

namespace radish::image {
namespace {

/// Every kind has its row.
const std::array<Row, lie_count>& table() {
  static const std::array<Row, lie_count> rows = [] {
    std::array<Row, lie_count> all{};
    std::size_t count = 0;
    for (const auto& part : {door_rows(), heap_rows(), tree_rows()})
      for (const Row& row : part) {
        require(static_cast<std::size_t>(row.lie) == count, "the rows are in the order of the lies");
        all[count++] = row;
      }
    require(count == lie_count, "every lie has its row");
    return all;
  }();
  return rows;
}

const Row& row_of(Lie lie) { return table()[static_cast<std::size_t>(lie) % lie_count]; }

}  // namespace

std::string_view lie_name(Lie lie) { return row_of(lie).name; }

std::size_t tell(const Specimen& specimen, const std::vector<Telling>& tellings, Image& image) {
  std::size_t told = 0;
  for (const bool about_checksums : {false, true}) {
    if (about_checksums) image.remake_checksums();
    for (const Telling& telling : tellings) {
      const Row& row = row_of(telling.lie);
      if (row.about_checksums != about_checksums) continue;
      told += row.tell({image, specimen.index, telling.where, telling.what}) ? 1U : 0U;
    }
  }
  return told;
}

}  // namespace radish::image
