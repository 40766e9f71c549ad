// Batches: mutations of several roots that are made together.
#include "radish/batch.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "model/generator.h"
#include "model/model.h"
#include "roots.h"
#include "support.h"

namespace radish::tests {
namespace {

const BatchOutcome committed{.committed = true, .refused_by = 0};

TEST(BatchTest, MutationsOfSeveralRootsAreMadeTogether) {
  Segment segment = small_segment();
  Tree index = take(segment.tree("index")), reverse = take(segment.tree("reverse"));
  Batch batch;
  batch.insert(index, "name", 7).insert(reverse, "7", 1).insert(segment.tree(), "u", 2);
  EXPECT_EQ(take(batch.commit()), committed);
  EXPECT_EQ(content_of(segment),
            (Content{{"", {{"u", 2}}}, {"index", {{"name", 7}}}, {"reverse", {{"7", 1}}}}));
  EXPECT_TRUE(is_done(segment.verify()));
}

TEST(BatchTest, LaterMutationSeesWhatAnEarlierOneDid) {
  Segment segment = small_segment();
  Tree tree = segment.tree();
  Batch batch;
  batch.insert(tree, "ab", 1).insert(tree, "ac", 2).fetch_add(tree, "ab", 10).erase(tree, "ac");
  batch.compare_exchange(tree, "ab", 11, 12).insert_new(tree, "ac", 3).insert(tree, "a", 4);
  EXPECT_EQ(take(batch.commit()), committed);
  EXPECT_EQ(content_of(tree), (std::map<std::string, std::uint64_t>{{"a", 4}, {"ab", 12}, {"ac", 3}}));
  const std::vector<std::optional<std::uint64_t>> found{{}, {}, 1, 2, 11, {}, {}, {}};
  for (std::size_t mutation = 0; mutation < found.size(); ++mutation)
    EXPECT_EQ(batch.found(mutation), found[mutation]) << mutation;
  EXPECT_TRUE(is_done(segment.verify()));
}

TEST(BatchTest, ConditionThatDoesNotHoldLeavesEverythingAsItWas) {
  Segment segment = small_segment();
  Tree tree = segment.tree();
  ASSERT_TRUE(is_done(tree.insert("there", 1)));
  const Content before = content_of(segment);
  Batch batch;
  batch.insert(tree, "new", 1).insert(tree, "there", 5).insert_new(tree, "there", 2);
  EXPECT_EQ(take(batch.commit()), (BatchOutcome{.committed = false, .refused_by = 2}));
  EXPECT_EQ(content_of(segment), before);
  batch.clear();
  batch.erase(tree, "there").compare_exchange(tree, "there", 1, 2);
  EXPECT_EQ(take(batch.commit()), (BatchOutcome{.committed = false, .refused_by = 1}));
  EXPECT_EQ(content_of(segment), before);
  EXPECT_TRUE(is_done(segment.verify()));
}

TEST(BatchTest, EmptyOneIsCommitted) { EXPECT_EQ(take(Batch().commit()), committed); }

TEST(BatchTest, IsOfOneAttachment) {
  Segment one = small_segment(), other = small_segment();
  Batch batch;
  batch.insert(one.tree(), "a", 1).insert(other.tree(), "a", 1);
  EXPECT_TRUE(is_refused(batch.commit(), Code::invalid_argument, "several segments"));
  EXPECT_EQ(take(one.tree().count()), 0U);
}

TEST(BatchTest, DroppedRootRefusesAllOfIt) {
  Segment segment = small_segment();
  Tree gone = take(segment.tree("gone"));
  EXPECT_TRUE(take(segment.drop("gone")));
  Batch batch;
  batch.insert(segment.tree(), "a", 1).insert(gone, "a", 1);
  EXPECT_TRUE(is_refused(batch.commit(), Code::dropped));
  EXPECT_EQ(take(segment.tree().count()), 0U);
}

constexpr std::size_t keys_around = 20'000;

/// The largest power of two of new keys, far apart, that a batch takes.
std::size_t largest_batch(std::uint32_t record_entries) {
  Segment segment = small_segment(16 << 20, record_entries);
  Tree tree = segment.tree();
  for (std::size_t key = 0; key < keys_around; ++key)
    EXPECT_TRUE(is_done(tree.insert(std::to_string(key), key)));
  std::size_t count = keys_around;
  for (std::size_t keys = 1; keys < keys_around; keys *= 2) {
    Batch batch;
    for (std::size_t key = 0; key < keys; ++key)
      batch.insert(tree, std::to_string(key * 7919 % keys_around) + "x" + std::to_string(keys), key);
    const auto made = batch.commit();
    if (made) count += keys;
    EXPECT_EQ(take(tree.count()), count);
    if (made) continue;
    EXPECT_TRUE(is_refused(made, Code::batch_too_large, "redo record"));
    EXPECT_TRUE(is_done(segment.verify()));
    return keys / 2;
  }
  ADD_FAILURE() << "every batch was taken";
  return keys_around;
}

TEST(BatchTest, LargerRecordTakesLargerBatchesAndBeyondThatOneIsRefusedWhole) {
  const std::size_t few = largest_batch(252), many = largest_batch(4092);
  std::printf("252 stores: %zu keys; 4092 stores: %zu keys\n", few, many);
  EXPECT_GE(few, 16U);
  EXPECT_GE(many, 8 * few);
}

TEST(BatchTest, RecordOfTooFewOrTooManyStoresIsRefused) {
  EXPECT_TRUE(is_refused(Segment::create_anonymous({.record_entries = 251}), Code::invalid_argument, "251"));
  EXPECT_TRUE(
      is_refused(Segment::create_anonymous({.record_entries = 4093}), Code::invalid_argument, "4093"));
}

TEST(BatchTest, FullHeapRefusesAllOfItAndLosesNothing) {
  Segment segment = small_segment(256 << 10);
  Tree tree = segment.tree(), other = take(segment.tree("other"));
  ASSERT_TRUE(is_done(other.insert("k", 1)));
  std::uint64_t keys = 0;
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  const Content before = content_of(segment);
  Batch batch;
  batch.insert(other, "k", 2).insert(tree, std::string(60'000, 'x'), 1);
  EXPECT_TRUE(is_refused(batch.commit(), Code::full));
  EXPECT_EQ(content_of(segment), before);
  batch.clear();
  batch.insert(other, "k", 2).erase(tree, "key 7").fetch_add(tree, "key 8", 5);
  EXPECT_EQ(take(batch.commit()), committed);
  EXPECT_EQ(take(tree.count()), keys - 1);
  EXPECT_TRUE(is_done(segment.verify()));
}

TEST(BatchTest, TakesAsManyMutationsOfAKeyAsOneLikes) {
  Segment segment = small_segment(1 << 20, 252);
  Tree tree = segment.tree();
  IntegerMap map = take(segment.integer_map("map"));
  Batch batch;
  for (int times = 0; times < 100'000; ++times)
    batch.fetch_add(tree, "counter", 2)
        .fetch_add(map, 7, 3)
        .insert(tree, "visitor", 1)
        .erase(tree, "visitor");
  EXPECT_EQ(take(batch.commit()), committed);
  EXPECT_EQ(content_of(tree), (std::map<std::string, std::uint64_t>{{"counter", 200'000}}));
  EXPECT_EQ(take(map.find(7)), 300'000U);
}

TEST(BatchTest, KeyTooLongToBeMadeIsRefusedAlsoIfItWouldBeErasedAgain) {
  Segment segment = small_segment();
  Tree tree = segment.tree();
  const std::string key(65'536, 'k');
  Batch batch;
  batch.erase(tree, key).insert(tree, "a", 1);
  EXPECT_EQ(take(batch.commit()), committed);
  batch.insert(tree, key, 1).erase(tree, key);
  EXPECT_TRUE(is_refused(batch.commit(), Code::too_long));
  EXPECT_EQ(batch.found(1), std::nullopt);
  batch.clear();
  batch.compare_exchange(tree, key, 0, 1);
  EXPECT_EQ(take(batch.commit()), (BatchOutcome{.committed = false, .refused_by = 0}));
  EXPECT_EQ(content_of(tree), (std::map<std::string, std::uint64_t>{{"a", 1}}));
}

/// Each erasure could join what is left with its parent, which the record has no room for.
TEST(BatchTest, ErasuresAreNotTooLargeForWhatTheyCanDoWithout) {
  Segment segment = small_segment(1 << 20, 252);
  Tree tree = segment.tree();
  Batch batch;
  for (int key = 0; key < 80; ++key) {
    const std::string stem = "stem " + std::to_string(key) + " of a longer key ";
    for (const char* end : {"left", "right"}) ASSERT_TRUE(is_done(tree.insert(stem + end, 1)));
    batch.erase(tree, stem + "left");
  }
  EXPECT_EQ(take(batch.commit()), committed);
  EXPECT_EQ(take(tree.count()), 80U);
  EXPECT_TRUE(is_done(segment.verify()));
}

/// A cursor bounds what it meets by what mutations can have added since.
TEST(BatchTest, KeysThatBatchesPutBeforeACursorAreNoSignOfDamage) {
  Segment segment = small_segment(160 << 10);
  Tree tree = segment.tree();
  const auto key_of = [](std::uint64_t number) { return std::to_string(1'000'000 + number); };
  constexpr std::uint64_t keys_each = 100, batches = 120;
  Cursor cursor = take(tree.cursor());
  for (std::uint64_t number = 0; number < batches; ++number) {
    Batch batch;
    for (std::uint64_t key = 0; key < keys_each; ++key)
      batch.insert(tree, key_of(number * keys_each + key), key);
    ASSERT_EQ(take(batch.commit()), committed);
    for (std::uint64_t key = 0; key < keys_each; ++key) {
      const auto entry = take(cursor.next());
      ASSERT_TRUE(entry);
      ASSERT_EQ(entry->key, key_of(number * keys_each + key));
    }
    ASSERT_TRUE(is_done(tree.clear()));
  }
}

// --- against the model -----------------------------------------------------------------------------------

using Models = std::array<model::Model, 4>;
/// What each mutation of a batch is to find.
using Found = std::vector<std::optional<std::uint64_t>>;

/// Three trees and an integer map, and their models.
class Side {
 public:
  explicit Side(std::uint64_t capacity_bytes) : segment_(small_segment(capacity_bytes, 252)) {}

  Segment& segment() { return segment_; }

  /// One mutation more in the batch and in the models; false if it would be refused by its condition.
  bool draw(Batch& batch, Models& models, model::Random& random, Found& found) const {
    const std::size_t which = random.below(4);
    if (which < trees_.size()) {
      const std::string key = draw_key(random);
      return draw(batch, trees_[which], key, models[which], key, random, found);
    }
    const std::uint64_t number = random.below(random.chance(500) ? 40 : 1 << 16);
    return draw(batch, map_, number, models[which], std::to_string(number), random, found);
  }

  [[nodiscard]] bool shows(const Models& models) const {
    for (std::size_t which = 0; which < trees_.size(); ++which)
      if (!std::ranges::equal(content_of(trees_[which]), models[which].map())) return false;
    return std::ranges::equal(content_of(map_), models[3].map());
  }

 private:
  /// Few bytes, so that keys are prefixes of one another; now and then a byte of many, for full buckets.
  static std::string draw_key(model::Random& random) {
    std::string key;
    for (std::uint64_t left = random.below(5); left != 0; --left)
      key.push_back(static_cast<char>('a' + random.below(3)));
    if (random.chance(400)) key.push_back(static_cast<char>(random.below(256)));
    if (random.chance(100)) key += std::string(random.below(3000), 'z');
    return key;
  }

  template <class Map, class Key>
  static bool draw(Batch& batch, const Map& tree, const Key& key, model::Model& model,
                   const std::string& name, model::Random& random, Found& found) {
    const std::uint64_t value = random.below(5);
    // Conditions hold mostly: one that does not ends the batch.
    const std::optional<std::uint64_t> there = model.find(name);
    const bool holds = random.chance(970);
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        found.push_back(there);
        batch.insert(tree, key, value);
        model.insert(name, value);
        return true;
      case 3:
        found.push_back(there);
        batch.fetch_add(tree, key, value);
        model.fetch_add(name, value);
        return true;
      case 4:
        if (holds && there) return true;
        found.push_back(there);
        batch.insert_new(tree, key, value);
        return model.insert_new(name, value);
      case 5:
        if (holds && !there) return true;
        found.push_back(there);
        batch.compare_exchange(tree, key, holds ? *there : value, value + 1);
        return model.compare_exchange(name, holds ? *there : value, value + 1).exchanged;
      default:
        found.push_back(there);
        batch.erase(tree, key);
        model.erase(name);
        return true;
    }
  }

  Segment segment_;
  std::array<Tree, 3> trees_{segment_.tree(), take(segment_.tree("one")), take(segment_.tree("two"))};
  IntegerMap map_ = take(segment_.integer_map("map", {.depth = 4}));
};

/// Batches of random mutations leave what the models say, in a heap that is large or full mostly.
void agree_with_models(std::uint64_t capacity_bytes, std::uint64_t seed, std::size_t batches) {
  model::Random random(seed);
  Side side(capacity_bytes);
  Models models;
  std::size_t made = 0, refused = 0, too_large = 0, full = 0;
  for (std::size_t number = 0; number < batches; ++number) {
    auto after = models;
    Batch batch;
    std::optional<std::size_t> refused_by;
    Found found;
    for (std::uint64_t left = 1 + random.below(random.chance(200) ? 2000 : 12); left != 0; --left)
      if (!side.draw(batch, after, random, found) && !refused_by) refused_by = batch.size() - 1;
    const auto outcome = batch.commit();
    const std::string at = "seed " + std::to_string(seed) + ", batch " + std::to_string(number);
    if (!outcome) {
      ASSERT_TRUE(outcome.error().code == Code::batch_too_large || outcome.error().code == Code::full)
          << at << ": " << outcome.error().message;
      ++(outcome.error().code == Code::full ? full : too_large);
    } else if (refused_by) {
      ASSERT_EQ(*outcome, (BatchOutcome{.committed = false, .refused_by = *refused_by})) << at;
      ++refused;
    } else {
      ASSERT_EQ(*outcome, committed) << at;
      models = std::move(after);
      ++made;
    }
    const std::size_t judged = refused_by ? *refused_by + 1 : batch.size();
    for (std::size_t mutation = 0; outcome && mutation < batch.size(); ++mutation)
      ASSERT_EQ(batch.found(mutation), mutation < judged ? found[mutation] : std::nullopt) << at;
    if (number % 16 == 0 || number + 1 == batches) {
      ASSERT_TRUE(side.shows(models)) << at;
      const auto whole = side.segment().verify();
      ASSERT_TRUE(whole) << at << ": " << whole.error().message;
    }
  }
  std::printf("%zu made, %zu refused by a condition, %zu too large, %zu without room\n", made, refused,
              too_large, full);
}

TEST(BatchProperty, BatchesLeaveWhatTheModelsSay) {
  std::printf("%s\n", replay_command().c_str());
  for (std::uint64_t run = 0; run < 2 * scale() && !HasFatalFailure(); ++run)
    agree_with_models(4 << 20, seed() + run, 400);
}

TEST(BatchProperty, BatchesInAFullHeapLeaveWhatTheModelsSay) {
  std::printf("%s\n", replay_command().c_str());
  for (std::uint64_t run = 0; run < 2 * scale() && !HasFatalFailure(); ++run)
    agree_with_models(144 << 10, seed() + run, 600);
}

}  // namespace
}  // namespace radish::tests
