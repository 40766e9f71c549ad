#include "crashpoints/board.h"

#include <sys/mman.h>

#include <new>
#include <numeric>

namespace radish::crashpoints {

std::uint64_t Board::store_states() const {
  std::uint64_t sum = 0;
  for (const Row& row : rows)
    for (const auto& states : row.store_states) sum += states;
  return sum;
}

std::uint64_t Board::step_states() const {
  std::uint64_t sum = 0;
  for (const Row& row : rows)
    for (const auto& states : row.step_states) sum += states;
  return sum;
}

std::uint64_t Board::span_reads() const {
  return std::accumulate(rows.begin(), rows.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Row& row) { return sum + row.span_reads; });
}

std::uint64_t Board::failures() const {
  return std::accumulate(rows.begin(), rows.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Row& row) { return sum + row.failures; });
}

Board& make_board() {
  void* base = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) throw std::bad_alloc();
  return *new (base) Board{};
}

}  // namespace radish::crashpoints
