// Floor 3 over a long life: churn, and random histories against a map of blocks.
#include <gtest/gtest.h>

#include "heap_fixture.h"

namespace radish::heap {
namespace {

// --- churn ---

/// Bytes of blocks that fit until the heap is full for the first time, after it held other blocks before.
class Churn {
 public:
  explicit Churn(std::uint64_t seed) : random_(seed) {}

  /// Block by block, others of another size take the place of all; half of the heap is in use.
  void replace_all(std::uint64_t bytes_max) {
    std::ranges::shuffle(blocks_, random_);
    for (const auto& [block, bytes] : std::exchange(blocks_, {})) {
      heap_.release(block);
      bytes_ -= bytes;
      while (bytes_ < capacity_bytes / 2 && add_one(bytes_max)) continue;
    }
    while (bytes_ < capacity_bytes / 2 && add_one(bytes_max)) continue;
  }
  std::uint64_t fill_up(std::uint64_t bytes_max) {
    while (add_one(bytes_max)) continue;
    EXPECT_TRUE(heap_.is_sound());
    return bytes_;
  }

 private:
  static constexpr std::uint64_t capacity_bytes = 4 << 20;

  [[nodiscard]] std::uint64_t draw(std::uint64_t bytes_max) {
    return std::uniform_int_distribution<std::uint64_t>(16, bytes_max)(random_);
  }
  bool add_one(std::uint64_t bytes_max) {
    const std::uint64_t bytes = draw(bytes_max);
    Transaction tx(heap_.segment());
    const auto block = allocate(tx, bytes);
    if (!block) return false;
    heap_.fill(tx, *block, bytes);
    tx.commit();
    blocks_.emplace_back(*block, bytes);
    bytes_ += bytes;
    return true;
  }

  std::mt19937_64 random_;
  Heap heap_{capacity_bytes};
  std::vector<std::pair<Offset, std::uint64_t>> blocks_;
  std::uint64_t bytes_ = 0;
};

TEST(HeapChurnTest, HeapStillTakesNineTenthsOfWhatAFreshOneTakes) {
  SCOPED_TRACE(tests::replay_command());
  for (const std::uint64_t bytes_max : {40U, 200U, 1500U}) {
    const std::uint64_t fresh = Churn(tests::seed()).fill_up(bytes_max);
    Churn churned(tests::seed() + 1);
    for (int round = 0; round < 6; ++round) churned.replace_all(round % 2 == 0 ? 1500 : 60);
    churned.replace_all(bytes_max);
    EXPECT_GE(churned.fill_up(bytes_max) * 10, fresh * 9) << "blocks of up to " << bytes_max;
  }
}

// --- random histories ---

/// Random transactions, with readers whose pins come and go, against a map of blocks.
class History {
 public:
  History(std::uint64_t seed, std::uint64_t capacity_bytes) : random_(seed), heap_(capacity_bytes) {}

  void run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      grows_ = step / 300 % 2 == 0;
      move_pins();
      if (draw(8) == 0) {
        reclaim();
      } else {
        transact();
      }
      if (step % 50 == 0) check();
    }
    drain();
  }

 private:
  [[nodiscard]] std::uint64_t draw(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(random_);
  }
  [[nodiscard]] std::uint64_t draw_bytes() {
    switch (draw(10)) {
      case 0:
        return 1 + draw(largest_block_bytes);
      case 1:
      case 2:
        return 1 + draw(two_slots_bytes);
      case 3:
        return 1040;
      default:
        return 1 + draw(100);
    }
  }
  [[nodiscard]] std::uint64_t oldest_pin() const { return pins_.empty() ? every_pin : *pins_.begin(); }

  void move_pins() {
    if (draw(4) == 0 && pins_.size() < 3) pins_.insert(heap_.epoch());
    if (draw(5) == 0 && !pins_.empty())
      pins_.erase(std::next(pins_.begin(), static_cast<std::ptrdiff_t>(draw(pins_.size()))));
  }

  void reclaim() {
    const std::uint64_t oldest = oldest_pin();
    heap_.reclaim(oldest);
    for (auto entry = retired_.begin(); entry != retired_.end();)
      entry = entry->second.epoch < oldest ? retired_.erase(entry) : std::next(entry);
  }

  void transact() {
    Transaction tx(heap_.segment());
    const auto blocks = heap_.blocks();
    const auto retired = retired_;
    bool sound = true;
    for (std::uint64_t count = 1 + draw(3); sound && count != 0; --count) sound = change(tx);
    if (sound && draw(6) != 0) return tx.commit();
    tx.reset();
    heap_.blocks() = blocks;
    retired_ = retired;
  }
  /// False if the heap is full.
  bool change(Transaction& tx) {
    const std::size_t before = tx.planned();
    const bool allocates = draw(10) < (grows_ ? 7U : 3U);
    const std::size_t bound = allocates ? allocate_stores : std::max(release_stores, retire_stores);
    const bool done = allocates ? allocate_one(tx) : free_one(tx);
    EXPECT_LE(tx.planned() - before, bound);
    return done;
  }
  bool allocate_one(Transaction& tx) {
    const std::uint64_t bytes = draw_bytes();
    const auto block = allocate(tx, bytes);
    if (!block) {
      EXPECT_EQ(refusal(block), Code::full) << block.error().what;
      return false;
    }
    expect_apart(heap_.blocks(), *block, bytes, [](const Heap::Block& other) { return other.bytes; });
    expect_apart(retired_, *block, bytes, [](const Heap::Retired& other) { return other.block.bytes; });
    heap_.fill(tx, *block, bytes);
    return true;
  }
  /// A block that was there before this plan.
  bool free_one(Transaction& tx) {
    const auto& blocks = heap_.blocks();
    if (blocks.empty()) return true;
    auto entry = blocks.lower_bound(draw(heap_.segment().roots().frontier * page_bytes));
    if (entry == blocks.end()) entry = blocks.begin();
    const auto [offset, block] = *entry;
    if (draw(2) == 0) {
      const auto status = release(tx, offset);
      if (!status) return expect_taken_by_this_plan(tx, offset);
    } else {
      const auto status = retire(tx, offset);
      if (!status) return expect_taken_by_this_plan(tx, offset);
      retired_[offset] = {block, heap_.epoch()};
    }
    heap_.blocks().erase(offset);
    return true;
  }
  static bool expect_taken_by_this_plan(Transaction& tx, Offset offset) {
    EXPECT_NE(tx.planned(), 0U) << "block " << offset << " was in use before the plan";
    return false;
  }
  template <class Blocks, class Bytes>
  static void expect_apart(const Blocks& blocks, Offset offset, std::uint64_t bytes, Bytes bytes_of) {
    const auto after = blocks.lower_bound(offset);
    EXPECT_TRUE(after == blocks.end() || offset + bytes <= after->first);
    if (after == blocks.begin()) return;
    const auto before = std::prev(after);
    EXPECT_LE(before->first + bytes_of(before->second), offset);
  }

  void check() {
    ASSERT_TRUE(heap_.is_sound());
    for (const auto& [offset, retired] : retired_)
      ASSERT_TRUE(heap_.is_intact(offset, retired.block)) << "retired block " << offset << " was reused";
    const Figures figures = count_figures(heap_.segment());
    EXPECT_EQ(figures.blocks - figures.blocks_retired, heap_.blocks().size());
    EXPECT_GE(figures.blocks_retired, retired_.size());
    EXPECT_EQ(figures.pages_used + figures.pages_free + first_page(heap_.segment()),
              heap_.segment().geometry().capacity_bytes / page_bytes);
  }

  void drain() {
    check();
    while (!heap_.blocks().empty() && !::testing::Test::HasFailure())
      heap_.retire(heap_.blocks().begin()->first);
    const std::uint64_t pages = heap_.segment().roots().waiting_pages;
    for (std::uint64_t step = 0; step * reclaim_pages_per_step < pages; ++step) heap_.reclaim();
    EXPECT_EQ(heap_.segment().roots().waiting_pages, 0U);
    heap_.expect_all_free();
  }

  std::mt19937_64 random_;
  Heap heap_;
  std::multiset<std::uint64_t> pins_;
  std::map<Offset, Heap::Retired> retired_;  ///< that some reader may still read
  bool grows_ = true;
};

TEST(HeapHistoryTest, RandomTransactionsAgreeWithAMapOfBlocks) {
  SCOPED_TRACE(tests::replay_command());
  for (std::uint64_t run = 0; run < 8 * tests::scale() && !HasFailure(); ++run) {
    // From a heap that is nearly always full to one that never is.
    History(tests::seed() + run, layout::capacity_bytes_min << run % 8).run(4000);
  }
}

}  // namespace
}  // namespace radish::heap
