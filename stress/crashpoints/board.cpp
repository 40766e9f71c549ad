#include "crashpoints/board.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <numeric>

namespace radish::crashpoints {
namespace {

template <std::size_t size>
std::uint64_t sum_of(const std::array<Count, size>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

template <std::size_t size>
void add_each(std::array<Count, size>& sums, const std::array<Count, size>& counts) {
  for (std::size_t index = 0; index < size; ++index) sums[index] += counts[index];
}

}  // namespace

std::uint64_t Row::all_cases() const { return sum_of(cases); }
std::uint64_t Row::all_failures() const { return sum_of(failures); }
std::uint64_t Row::all_cut() const { return sum_of(cut); }
std::uint64_t Row::states() const { return sum_of(store_states) + sum_of(step_states); }

std::uint64_t Row::held() const {
  const std::uint64_t judged = states();
  return judged - std::min(judged, all_failures() - failures[static_cast<std::size_t>(EngineKind::span)]);
}

void Row::add(const Row& other) {
  add_each(cases, other.cases);
  add_each(failures, other.failures);
  add_each(cut, other.cut);
  add_each(store_states, other.store_states);
  add_each(step_states, other.step_states);
  for (Count Row::* count :
       {&Row::visited, &Row::instructions, &Row::killed, &Row::killed_stepping, &Row::agreed,
        &Row::unreported, &Row::unseen, &Row::span_reads, &Row::waits, &Row::parked, &Row::looked})
    this->*count += other.*count;
}

void Board::sum_up(Row& sum) const {
  for (const Row& row : rows) sum.add(row);
}

Board& make_board() {
  void* base = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) throw std::bad_alloc();
  return *new (base) Board{};
}

}  // namespace radish::crashpoints
