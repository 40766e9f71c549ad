// What a log of stores allows (stress/crashpoints/agreement.h), on logs made by hand.
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "crashpoints/agreement.h"

namespace radish::crashpoints {
namespace {

constexpr std::uint64_t words = 8;
constexpr std::uint64_t noisy_word = 7;

/// Images of eight words, the last of them noise.
class AgreementTest : public testing::Test {
 protected:
  AgreementTest() {
    subject_.noise = [](const std::byte*, PieceSink sink, void* context) {
      sink(context, {noisy_word * 8, 8});
    };
  }
  /// The store of a whole word over what is there.
  static Store store(std::uint64_t index, std::uint64_t after, Order order = Order::free) {
    return {.offset = index * 8, .after = after, .bytes = 8, .order = order};
  }
  static Store fill(std::uint64_t index, std::uint64_t after) {
    Store made = store(index, after);
    made.whole = false;
    return made;
  }
  static Store half(std::uint64_t index, bool upper, std::uint64_t after) {
    return {.offset = index * 8 + (upper ? 4 : 0), .after = after, .bytes = 4};
  }
  static Store barrier() { return {.order = Order::barrier}; }

  static Image image(std::initializer_list<std::uint64_t> values) {
    Image made(words * 8);
    std::uint64_t index = 0;
    for (const std::uint64_t value : values) std::memcpy(made.data() + 8 * index++, &value, 8);
    return made;
  }
  /// Of images one after the other.
  [[nodiscard]] bool allowed(const std::vector<Store>& stores,
                             std::initializer_list<std::initializer_list<std::uint64_t>> images) {
    const Image origin = image({});
    const Likeness likeness(subject_, origin, words * 8);
    Agreement agreement(likeness, origin, stores);
    for (const auto& values : images)
      if (!agreement.allows(image(values))) return false;
    return true;
  }

  Subject subject_{};
};

TEST_F(AgreementTest, StoresBetweenBordersComeInAnyOrder) {
  const std::vector<Store> stores{store(0, 1), store(1, 2), store(2, 3)};
  EXPECT_TRUE(allowed(stores, {{}, {1}, {1, 2}, {1, 2, 3}}));
  EXPECT_TRUE(allowed(stores, {{0, 0, 3}, {0, 2, 3}, {1, 2, 3}}));
}

TEST_F(AgreementTest, WhatNobodyStoredIsNotAllowed) {
  EXPECT_FALSE(allowed({store(0, 1)}, {{2}}));
  EXPECT_FALSE(allowed({store(0, 1)}, {{1, 1}}));
  EXPECT_FALSE(allowed({}, {{1}}));
}

TEST_F(AgreementTest, ABarrierIsABorder) {
  const std::vector<Store> stores{store(0, 1), barrier(), store(1, 2)};
  EXPECT_TRUE(allowed(stores, {{1}, {1, 2}}));
  EXPECT_FALSE(allowed(stores, {{0, 2}}));
}

TEST_F(AgreementTest, AReadModifyWriteIsABorderOnBothSides) {
  const std::vector<Store> stores{store(0, 1), store(1, 2, Order::total), store(2, 3)};
  EXPECT_TRUE(allowed(stores, {{1}, {1, 2}, {1, 2, 3}}));
  EXPECT_FALSE(allowed(stores, {{0, 2}}));
  EXPECT_FALSE(allowed(stores, {{1, 0, 3}}));
}

TEST_F(AgreementTest, AReleaseComesAfterAllBeforeItAndHoldsBackNothing) {
  const std::vector<Store> stores{store(0, 1), store(1, 2, Order::release), store(2, 3)};
  EXPECT_TRUE(allowed(stores, {{0, 0, 3}, {1, 0, 3}, {1, 2, 3}}));
  EXPECT_FALSE(allowed(stores, {{0, 2}}));
}

TEST_F(AgreementTest, AReleaseRequiresTheReleasesBeforeIt) {
  const std::vector<Store> stores{store(0, 1), store(1, 2, Order::release), store(2, 3, Order::release)};
  EXPECT_FALSE(allowed(stores, {{1, 0, 3}}));
  EXPECT_FALSE(allowed(stores, {{0, 2, 3}}));
  EXPECT_TRUE(allowed(stores, {{1, 2, 3}}));
}

TEST_F(AgreementTest, AWholeStoreIsNeverTorn) {
  EXPECT_FALSE(allowed({store(0, 0x1111'1111'1111'1111)}, {{0x1111'1111}}));
  EXPECT_TRUE(allowed({half(0, false, 0x1111'1111), half(0, true, 0x1111'1111)}, {{0x1111'1111}}));
}

TEST_F(AgreementTest, AFillMayBeTornAtAnyByte) {
  const std::vector<Store> stores{fill(0, 0x1111'1111'1111'1111), fill(1, 0x22)};
  EXPECT_TRUE(allowed(stores, {{0x11}, {0x11'0011, 0x22}, {0x1111'1111'1111'1111, 0x22}}));
  EXPECT_FALSE(allowed(stores, {{0x12}}));
}

TEST_F(AgreementTest, AReleaseRequiresAllBytesOfAFill) {
  const std::vector<Store> stores{fill(0, 0x1111), store(1, 2, Order::release)};
  EXPECT_FALSE(allowed(stores, {{0x11, 2}}));
  EXPECT_TRUE(allowed(stores, {{0x11}, {0x1111}, {0x1111, 2}}));
}

TEST_F(AgreementTest, StoresToOneWordComeInTheProgramsOrder) {
  const std::vector<Store> stores{store(0, 1), store(0, 2)};
  EXPECT_TRUE(allowed(stores, {{1}, {2}}));
  EXPECT_TRUE(allowed(stores, {{2}}));
  EXPECT_FALSE(allowed(stores, {{2}, {1}}));
}

TEST_F(AgreementTest, NothingIsUndone) {
  EXPECT_FALSE(allowed({store(0, 1), store(1, 2)}, {{1}, {0, 2}}));
  EXPECT_FALSE(allowed({store(0, 1), barrier(), store(1, 2)}, {{1, 2}, {1}}));
  // It may be stored again.
  EXPECT_TRUE(allowed({store(0, 1), barrier(), store(0, 0)}, {{1}, {0}}));
}

TEST_F(AgreementTest, OfNoiseItMattersWhetherItIsZero) {
  const std::vector<Store> stores{store(0, 1), barrier(), store(noisy_word, 5), barrier(), store(1, 2)};
  EXPECT_TRUE(allowed(stores, {{1}, {1, 0, 0, 0, 0, 0, 0, 9}, {1, 2, 0, 0, 0, 0, 0, 9}}));
  EXPECT_FALSE(allowed(stores, {{1, 2}}));
  EXPECT_FALSE(allowed(stores, {{0, 0, 0, 0, 0, 0, 0, 9}}));
}

TEST_F(AgreementTest, HalfAWordOfNoiseIsStoredLikeAllOfIt) {
  const std::vector<Store> stores{half(noisy_word, true, 5), store(1, 2)};
  EXPECT_TRUE(allowed(stores, {{0, 0, 0, 0, 0, 0, 0, 9}, {0, 2, 0, 0, 0, 0, 0, 9}}));
}

TEST_F(AgreementTest, NoiseThatGoesRoundTheReportsIsCounted) {
  const Image origin = image({});
  const Likeness likeness(subject_, origin, words * 8);
  const std::vector<Store> stores{store(0, 1)};
  Agreement agreement(likeness, origin, stores);
  EXPECT_TRUE(agreement.allows(image({0, 0, 0, 0, 0, 0, 0, 9})));
  EXPECT_EQ(agreement.unreported(), 1);
  EXPECT_TRUE(agreement.allows(image({1})));
  EXPECT_EQ(agreement.unreported(), 1);
}

TEST_F(AgreementTest, TheEndIsWhatAllStoresMake) {
  const Image origin = image({});
  const Likeness likeness(subject_, origin, words * 8);
  const std::vector<Store> stores{store(0, 1), barrier(), store(1, 2)};
  const Agreement agreement(likeness, origin, stores);
  EXPECT_FALSE(agreement.ends_with(image({1})));
  EXPECT_TRUE(agreement.ends_with(image({1, 2})));
}

}  // namespace
}  // namespace radish::crashpoints
