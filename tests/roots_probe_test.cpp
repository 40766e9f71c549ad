// Deaths in mutations of the catalogue and in batches: before each event, whoever recovers finds all of it or
// nothing.
#include <gtest/gtest.h>

#include <functional>

#include "model/generator.h"
#include "radish/batch.hpp"
#include "roots.h"
#include "seam/deaths.h"
#include "segment_image.h"
#include "support.h"

namespace radish::tests {
namespace {

using probe::each_death;
using probe::Impersonation;
using probe::Watch;
using probe::Watched;

/// Roots "a" with many keys, so that it has nodes of each kind, and "b" with few; and an unnamed one.
class RootsDeathTest : public testing::Test {
 protected:
  RootsDeathTest() {
    for (int key = 0; key < 300; ++key) take(a_.insert(std::to_string(key), 1));
    for (const char* key : {"k", "ka", "kb", "other"}) {
      take(b_.insert(key, 2));
      take(unnamed_.insert(key, 3));
    }
    for (std::uint64_t key = 0; key < 200; ++key) take(map_.insert(key * 5, 4));
    before_ = content_of(segment_);
    image_.emplace(segment_.descriptor(), capacity_bytes, 16);
  }

  /// Kills a child before each event of the deed. Before anybody recovers, each root is what it was or what
  /// it is to be; after, all of them are one or the other. `sees` looks at the unrecovered image.
  void kill_everywhere(const std::function<void()>& deed, const std::function<void()>& sees) {
    deed();
    const Content after = content_of(segment_);
    ASSERT_NE(after, before_);
    ASSERT_TRUE(image_->holds_all());
    image_->restore();
    std::size_t undone = 0, done = 0;
    each_death(Watched::writes, deed, [&](std::uint64_t nth) {
      sees();
      const auto whole = segment_.verify();  // recovers first
      ASSERT_TRUE(whole) << "death " << nth << ": " << whole.error().message;
      const Content left = content_of(segment_);
      ASSERT_TRUE(left == before_ || left == after) << "death " << nth;
      ++(left == before_ ? undone : done);
      live_on(nth);
      image_->restore();
    });
    EXPECT_GT(undone, 0U);
    EXPECT_GT(done, 0U);
  }

  /// Deaths in a deed before which, or after which, something is wrong.
  std::size_t wrong_deaths(const std::function<void()>& deed, const std::function<bool()>& sees_wrong) {
    deed();
    const Content after = content_of(segment_);
    image_->restore();
    std::size_t wrong = 0;
    each_death(Watched::writes, deed, [&](std::uint64_t) {
      const bool seen_wrong = sees_wrong();
      const bool whole = segment_.verify().has_value();
      const Content left = content_of(segment_);
      wrong += seen_wrong || !whole || (left != before_ && left != after);
      image_->restore();
    });
    return wrong;
  }

  /// Every root still takes and gives keys, and one more can be made.
  void live_on(std::uint64_t nth) {
    take(take(segment_.tree("later")).insert("x", nth));
    for (const RootInfo& root : take(segment_.roots())) {
      if (root.kind != RootKind::tree) continue;
      Tree tree = take(segment_.tree(root.name));
      ASSERT_TRUE(take(tree.insert("later", nth)));
      ASSERT_EQ(take(tree.find("later")), nth);
    }
    ASSERT_TRUE(take(segment_.drop("later")));
    const auto whole = segment_.verify();
    ASSERT_TRUE(whole) << "death " << nth << ", later: " << whole.error().message;
  }

  /// Reads through a handle that is older than the death: what it finds, or that the root is gone.
  template <class Map, class Key>
  static std::optional<std::uint64_t> seen(const Map& tree, Key key) {
    const auto found = tree.find(key);
    if (!found && found.error().code == Code::dropped) return UINT64_MAX;
    return take(found);
  }

  static constexpr std::size_t capacity_bytes = 1 << 20;
  Segment segment_ = small_segment(capacity_bytes);
  Tree a_ = take(segment_.tree("a"));
  Tree b_ = take(segment_.tree("b"));
  Tree unnamed_ = segment_.tree();
  IntegerMap map_ = take(segment_.integer_map("map", {.depth = 8}));
  Content before_;
  std::optional<SegmentImage> image_;
};

TEST_F(RootsDeathTest, RootIsMadeOrNot) {
  kill_everywhere([&] { take(segment_.tree("new")); }, [&] { EXPECT_EQ(seen(b_, "k"), 2U); });
}

TEST_F(RootsDeathTest, RootIsDroppedWithAllItsKeysOrNot) {
  kill_everywhere([&] { take(segment_.drop("a")); },
                  [&] {
                    const auto value = seen(a_, "7");
                    EXPECT_TRUE(value == 1U || value == UINT64_MAX);
                    EXPECT_EQ(seen(b_, "k"), 2U);
                  });
}

TEST_F(RootsDeathTest, RootThatIsEmptyBeforeItIsGoneIsCaught) {
  const auto deaths = [&] {
    return wrong_deaths([&] { take(segment_.drop("a")); }, [&] { return seen(a_, "7") == std::nullopt; });
  };
  EXPECT_EQ(deaths(), 0U);
  const Impersonation twin(Twin::root_emptied_first);
  EXPECT_GT(deaths(), 0U);
}

TEST_F(RootsDeathTest, IntegerMapIsDroppedOrNot) {
  kill_everywhere([&] { take(segment_.drop("map")); },
                  [&] {
                    const auto value = seen(map_, 35U);
                    EXPECT_TRUE(value == 4U || value == UINT64_MAX);
                  });
}

TEST_F(RootsDeathTest, RootWithOneLeafIsDroppedOrNot) {
  Tree one = take(segment_.tree("one"));
  take(one.insert("leaf", 4));
  before_ = content_of(segment_);
  image_.emplace(segment_.descriptor(), capacity_bytes, 16);
  kill_everywhere([&] { take(segment_.drop("one")); },
                  [&] {
                    const auto value = seen(one, "leaf");
                    EXPECT_TRUE(value == 4U || value == UINT64_MAX);
                  });
}

TEST_F(RootsDeathTest, RootIsMadeInThePlaceOfADroppedOneOrNot) {
  take(segment_.drop("b"));
  before_ = content_of(segment_);
  image_.emplace(segment_.descriptor(), capacity_bytes, 16);
  kill_everywhere([&] { take(segment_.tree("c")); }, [&] { EXPECT_EQ(seen(b_, "k"), UINT64_MAX); });
}

TEST_F(RootsDeathTest, BatchIsMadeOrNot) {
  const auto deed = [&] {
    Batch batch;
    batch.insert(a_, "300", 7).insert(b_, "k", 7).erase(b_, "ka").erase(b_, "kb").fetch_add(unnamed_, "k", 4);
    batch.insert(map_, 7, 7).erase(map_, 35).fetch_add(map_, 40, 3).erase(map_, 45);
    batch.insert(unnamed_, "kc", 7).insert(a_, "30x", 7).insert(a_, "30", 8).erase(unnamed_, "other");
    if (!take(batch.commit()).committed) _exit(1);
  };
  kill_everywhere(deed, [&] {
    const auto is_one_of = [](std::optional<std::uint64_t> value, std::optional<std::uint64_t> before,
                              std::optional<std::uint64_t> after) {
      return value == before || value == after;
    };
    EXPECT_TRUE(is_one_of(seen(a_, "300"), std::nullopt, 7));
    EXPECT_TRUE(is_one_of(seen(a_, "30x"), std::nullopt, 7));
    EXPECT_TRUE(is_one_of(seen(a_, "30"), 1, 8));
    EXPECT_TRUE(is_one_of(seen(b_, "k"), 2, 7));
    EXPECT_TRUE(is_one_of(seen(b_, "ka"), 2, std::nullopt));
    EXPECT_TRUE(is_one_of(seen(unnamed_, "k"), 3, 7));
    EXPECT_TRUE(is_one_of(seen(unnamed_, "kc"), std::nullopt, 7));
    EXPECT_TRUE(is_one_of(seen(map_, 7U), std::nullopt, 7));
    EXPECT_TRUE(is_one_of(seen(map_, 35U), 4, std::nullopt));
    EXPECT_TRUE(is_one_of(seen(map_, 40U), 4, 7));
    EXPECT_EQ(seen(a_, "299"), 1U);
  });
}

TEST_F(RootsDeathTest, BatchInPiecesIsCaught) {
  const auto deed = [&] {
    Batch batch;
    batch.insert(a_, "300", 7).erase(b_, "ka").insert(map_, 7, 7);
    if (!take(batch.commit()).committed) _exit(1);
  };
  const auto sees_nothing = [] { return false; };
  EXPECT_EQ(wrong_deaths(deed, sees_nothing), 0U);
  const Impersonation twin(Twin::batch_in_pieces);
  EXPECT_GT(wrong_deaths(deed, sees_nothing), 0U);
}

/// Between any two stores of a batch, whoever asks finds each key as it was or as it is to be.
TEST_F(RootsDeathTest, ReaderBetweenTwoStoresOfABatchFindsEachKeyBeforeOrAfter) {
  {
    Batch batch;
    for (int key = 0; key < 40; ++key) batch.insert(a_, "1" + std::to_string(key) + "y", 5);
    for (int key = 100; key < 140; ++key) batch.erase(a_, std::to_string(key));
    const Watch watch(Watched::writes, 0, [&] {
      for (int key = 0; key < 300; ++key) {
        const auto value = seen(a_, std::to_string(key));
        ASSERT_TRUE(value == 1U || (!value && key >= 100 && key < 140)) << key;
      }
    });
    EXPECT_TRUE(take(batch.commit()).committed);
  }
  EXPECT_TRUE(is_done(segment_.verify()));
}

/// Mutations of few keys, in a tree and in a map, so that most are named several times, erased and put back.
TEST_F(RootsDeathTest, KeyThatABatchNamesOftenIsSeenAsItWasOrAsItIsToBe) {
  const std::vector<std::string> keys{"k", "ka", "kab", "kb", "kbx", "l", "other"};
  const std::vector<std::uint64_t> numbers{0, 1, 5, 16, 17, 4096, 8191};
  const auto values = [&] {
    std::vector<std::optional<std::uint64_t>> found;
    for (const std::string& key : keys) found.push_back(take(b_.find(key)));
    for (const std::uint64_t number : numbers) found.push_back(take(map_.find(number)));
    return found;
  };
  std::printf("%s\n", replay_command().c_str());
  model::Random random(seed());
  std::uint64_t looks = 0;
  for (std::uint64_t round = 0; round < 100 * scale(); ++round) {
    Batch batch;
    for (int mutation = 0; mutation < 40; ++mutation) {
      const std::string& key = keys[random.below(keys.size())];
      const std::uint64_t number = numbers[random.below(numbers.size())], value = random.below(3);
      switch (random.below(4)) {
        case 0:
          batch.insert(b_, key, value).erase(map_, number);
          break;
        case 1:
          batch.fetch_add(map_, number, value).erase(b_, key);
          break;
        case 2:
          batch.erase(b_, key).erase(map_, number).insert(map_, number, value);
          break;
        default:
          batch.erase(b_, key).insert_new(b_, key, value).compare_exchange(b_, key, value, value + 1);
      }
    }
    const auto before = values();
    const auto image = image_->now();
    ASSERT_TRUE(take(batch.commit()).committed);
    const auto after = values();
    image_->show(image);
    ASSERT_EQ(values(), before);
    const Watch watch(Watched::writes, 0, [&] {
      const auto seen = values();
      for (std::size_t index = 0; index < seen.size(); ++index)
        ASSERT_TRUE(seen[index] == before[index] || seen[index] == after[index])
            << "round " << round << ", key " << index;
      ++looks;
    });
    ASSERT_TRUE(take(batch.commit()).committed);
  }
  EXPECT_GT(looks, 100U);
}

}  // namespace
}  // namespace radish::tests
