// The states that a death can leave, against all sets of stores that are closed under D1 (deaths.h), found by
// trying every set.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "crashpoints/deaths.h"
#include "support.h"

namespace radish::crashpoints {
namespace {

using Stores = std::vector<Store>;
using Indexes = std::vector<std::size_t>;
using Sets = std::set<Indexes>;

Store store(std::uint64_t offset, std::uint8_t bytes, Order order) {
  return {.offset = offset,
          .before = 0,
          .after = 0,
          .code = 0,
          .bytes = order == Order::barrier ? std::uint8_t{0} : bytes,
          .order = order,
          .reported = true};
}
Store free_store(std::uint64_t word) { return store(word * 8, 8, Order::free); }
Store release(std::uint64_t word) { return store(word * 8, 8, Order::release); }
Store total(std::uint64_t word) { return store(word * 8, 8, Order::total); }
Store barrier() { return store(0, 0, Order::barrier); }

// ---- D1 and D2, word by word

bool overlap(const Store& a, const Store& b) {
  std::set<std::uint64_t> bytes;
  for (std::uint64_t byte = 0; byte < a.bytes; ++byte) bytes.insert(a.offset + byte);
  for (std::uint64_t byte = 0; byte < b.bytes; ++byte)
    if (bytes.contains(b.offset + byte)) return true;
  return false;
}

bool must_precede(const Stores& stores, std::size_t first, std::size_t second) {
  const Store& a = stores[first];
  const Store& b = stores[second];
  if (b.order == Order::release || a.order == Order::total || b.order == Order::total) return true;
  for (std::size_t between = first; between < second; ++between)
    if (stores[between].order == Order::barrier) return true;
  return overlap(a, b);
}

bool is_closed(const Stores& stores, const Indexes& done) {
  for (const std::size_t later : done)
    for (std::size_t earlier = 0; earlier < later; ++earlier)
      if (stores[earlier].bytes != 0 && must_precede(stores, earlier, later) &&
          !std::ranges::binary_search(done, earlier))
        return false;
  return true;
}

Sets closed_sets(const Stores& stores) {
  Sets closed;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << stores.size(); ++bits) {
    Indexes done;
    bool barriers = false;
    for (std::size_t index = 0; index < stores.size(); ++index) {
      if ((bits >> index & 1) == 0) continue;
      barriers |= stores[index].bytes == 0;
      done.push_back(index);
    }
    if (!barriers && is_closed(stores, done)) closed.insert(done);
  }
  return closed;
}

/// Barriers store nothing.
Indexes done_in(const Stores& stores, const Death& death) {
  Indexes done;
  for (std::size_t index = 0; index < death.prefix; ++index)
    if (stores[index].bytes != 0) done.push_back(index);
  done.insert(done.end(), death.beyond.begin(), death.beyond.end());
  return done;
}

// ---- what each_death visits

struct Visited {
  std::map<std::size_t, int> prefixes;  ///< how often
  std::map<Indexes, int> others;
  Sets sets;
};

Visited visit(const Stores& stores, std::size_t samples = 16) {
  Visited visited;
  model::Random random(1);
  each_death(stores, random, samples, [&](const Death& death) {
    const Indexes done = done_in(stores, death);
    if (death.beyond.empty())
      ++visited.prefixes[death.prefix];
    else
      ++visited.others[done];
    visited.sets.insert(done);
  });
  return visited;
}

std::string to_text(const Indexes& done) {
  std::string text = "{";
  for (const std::size_t index : done) text += fmt::format(" {}", index);
  return text += " }";
}

std::string to_text(const Stores& stores) {
  constexpr const char* orders[] = {"free", "release", "total", "barrier"};
  std::string text;
  for (std::size_t index = 0; index < stores.size(); ++index)
    text += fmt::format("{}: {} {}+{}\n", index, orders[static_cast<std::size_t>(stores[index].order)],
                        stores[index].offset, stores[index].bytes);
  return text;
}

/// What is not as the header says; empty if all is.
std::string wrong_with(const Stores& stores, const Visited& visited) {
  for (const Indexes& done : visited.sets)
    if (!std::ranges::is_sorted(done) || !is_closed(stores, done)) return to_text(done) + " is not closed";
  for (std::size_t prefix = 0; prefix <= stores.size(); ++prefix) {
    const auto found = visited.prefixes.find(prefix);
    if (found == visited.prefixes.end() || found->second != 1)
      return fmt::format("prefix {} is not visited once", prefix);
  }
  Sets prefixes;
  for (const auto& [prefix, times] : visited.prefixes) prefixes.insert(done_in(stores, {.prefix = prefix}));
  for (const auto& [done, times] : visited.others)
    if (prefixes.contains(done)) return to_text(done) + " is a prefix, visited as another set";
  return {};
}

/// Besides: no set is missing, none is visited twice.
std::string wrong_or_missing(const Stores& stores) {
  const Visited visited = visit(stores);
  if (std::string wrong = wrong_with(stores, visited); !wrong.empty()) return wrong;
  for (const Indexes& done : closed_sets(stores))
    if (!visited.sets.contains(done)) return to_text(done) + " is missing";
  for (const auto& [done, times] : visited.others)
    if (times != 1) return to_text(done) + " is visited twice";
  return {};
}

/// At most so many stores are open at once.
std::size_t open_at_most(const Stores& stores) {
  std::size_t most = 0;
  std::size_t now = 0;
  for (const Store& one : stores) {
    if (one.order == Order::total || one.order == Order::barrier) now = 0;
    if (one.order == Order::free) most = std::max(most, ++now);
  }
  return most;
}

Stores random_stores(model::Random& random) {
  Stores stores;
  const std::uint64_t count = random.below(11);
  const std::uint64_t words = 1 + random.below(5);
  for (std::uint64_t index = 0; index < count; ++index) {
    constexpr std::uint8_t sizes[] = {8, 8, 4, 1};
    const std::uint8_t bytes = sizes[random.below(4)];
    const std::uint64_t offset = random.below(words) * 8 + random.below(8 / bytes) * bytes;
    constexpr Order orders[] = {Order::release, Order::release, Order::total, Order::barrier};
    const Order order = random.chance(700) ? Order::free : orders[random.below(4)];
    stores.push_back(order == Order::barrier ? barrier() : store(offset, bytes, order));
  }
  return stores;
}

TEST(CrashpointsDeaths, OfFewOpenStoresEveryClosedSetIsVisitedOnceAndNoOther) {
  fmt::print("{}\n", tests::replay_command());
  model::Random random(tests::seed());
  std::size_t few = 0;
  for (std::uint64_t round = 0; round < 3000 * tests::scale(); ++round) {
    const Stores stores = random_stores(random);
    if (open_at_most(stores) > open_stores_max) {
      ASSERT_EQ(wrong_with(stores, visit(stores)), "") << to_text(stores);
    } else {
      ++few;
      ASSERT_EQ(wrong_or_missing(stores), "") << to_text(stores);
    }
  }
  EXPECT_GT(few, 1000U);
}

/// All lists of up to five stores over two words.
TEST(CrashpointsDeaths, OfAllShortListsEveryClosedSetIsVisited) {
  const Stores kinds{free_store(0), free_store(1), release(0), total(1), barrier()};
  for (std::size_t length = 0; length <= 5; ++length) {
    std::size_t lists = 1;
    for (std::size_t index = 0; index < length; ++index) lists *= kinds.size();
    for (std::size_t number = 0; number < lists; ++number) {
      Stores stores;
      for (std::size_t left = number; stores.size() < length; left /= kinds.size())
        stores.push_back(kinds[left % kinds.size()]);
      ASSERT_EQ(wrong_or_missing(stores), "") << to_text(stores);
    }
  }
}

TEST(CrashpointsDeaths, ChainToOneWordGoesOnWhileOthersWait) {
  const Stores stores{free_store(0), free_store(1), free_store(0), free_store(0)};
  const Sets visited = visit(stores).sets;
  EXPECT_TRUE(visited.contains({0, 2}));
  EXPECT_TRUE(visited.contains({0, 2, 3}));
  EXPECT_FALSE(visited.contains({2}));
  EXPECT_FALSE(visited.contains({0, 3}));
}

TEST(CrashpointsDeaths, StoreBehindAReleaseThatIsNotDoneMayBeDone) {
  const Stores stores{free_store(0), release(1), free_store(2)};
  const Sets visited = visit(stores).sets;
  EXPECT_TRUE(visited.contains({2}));
  EXPECT_TRUE(visited.contains({0, 2}));
  EXPECT_FALSE(visited.contains({1, 2}));
}

TEST(CrashpointsDeaths, StoreOverAReleaseThatIsNotDoneIsNotDone) {
  const Stores stores{free_store(0), release(1), free_store(1), free_store(1), free_store(2)};
  for (const Indexes& done : visit(stores).sets)
    if (std::ranges::binary_search(done, std::size_t{2}) ||
        std::ranges::binary_search(done, std::size_t{3})) {
      EXPECT_TRUE(std::ranges::binary_search(done, std::size_t{1})) << to_text(done);
    }
}

TEST(CrashpointsDeaths, HalvesOfOneWordHaveNoOrder) {
  const Stores stores{store(0, 4, Order::free), store(4, 4, Order::free)};
  EXPECT_TRUE(visit(stores).sets.contains({1}));
}

TEST(CrashpointsDeaths, NothingPassesAReadModifyWriteOrABarrier) {
  for (const Store& border : {total(7), barrier()}) {
    const Stores stores{free_store(0), border, free_store(1)};
    EXPECT_FALSE(visit(stores).sets.contains({2}));
    EXPECT_TRUE(visit(stores).others.empty());
  }
}

TEST(CrashpointsDeaths, OfManyOpenStoresEachIsMissingAloneAndDoneAlone) {
  Stores stores;
  for (std::uint64_t word = 0; word < 10; ++word) stores.push_back(free_store(word));
  stores.push_back(free_store(4));
  const Visited visited = visit(stores, 8);
  EXPECT_EQ(wrong_with(stores, visited), "");
  for (std::size_t one = 0; one < stores.size(); ++one) {
    Indexes alone{one};
    Indexes without;
    for (std::size_t index = 0; index < stores.size(); ++index)
      if (index != one && (one != 4 || index != 10)) without.push_back(index);
    if (one == 10) alone = {4, 10};
    EXPECT_TRUE(visited.sets.contains(alone)) << one;
    EXPECT_TRUE(visited.sets.contains(without)) << one;
  }
}

TEST(CrashpointsDeaths, OfManyOpenStoresMoreSamplesShowMore) {
  Stores stores;
  for (std::uint64_t word = 0; word < 9; ++word) stores.push_back(free_store(word));
  EXPECT_GT(visit(stores, 100).others.size(), visit(stores, 0).others.size() + 50);
}

}  // namespace
}  // namespace radish::crashpoints
