// What a mutation finds on its stack is another's: members that nobody has set must not decide anything.
// Mostly it is zeros, which are apt to be right by luck.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "model/cases.h"
#include "model/generator.h"
#include "model/run.h"
#include "support.h"

namespace radish::tests {
namespace {

using namespace radish::model;

/// Fills what the next calls take for their frames.
[[gnu::noinline]] void soil_stack(unsigned char dirt) {
  std::array<unsigned char, 48 << 10> frames;
  frames.fill(dirt);
  asm volatile("" ::"r"(frames.data()) : "memory");
}

class DirtyStack : public testing::TestWithParam<unsigned char> {
 protected:
  DirtyStack() { EXPECT_FALSE(runner_.open()); }
  void step(const Operation& operation) {
    soil_stack(GetParam());
    const auto failure = runner_.step(operation);
    ASSERT_FALSE(failure) << to_text(*failure);
  }
  Runner runner_{Setting{}};
};

TEST_P(DirtyStack, DecidesNothingInAnyShapeOfAMutation) {
  for (const Kind kind : mutations)
    for (const Case& shape : cases_of(kind)) {
      SCOPED_TRACE(shape.name);
      step({.kind = Kind::clear});
      for (const Operation& operation : shape.base) step(operation);
      step(shape.mutation);
      ASSERT_FALSE(runner_.finish());
    }
}

TEST_P(DirtyStack, DecidesNothingInOperationsThatAreDrawn) {
  fmt::print("{}\n", replay_command());
  for (const Profile profile :
       {Profile::tiny, Profile::prefixes, Profile::wide, Profile::integers, Profile::churn}) {
    SCOPED_TRACE(profile_name(profile));
    step({.kind = Kind::clear});
    Generator generator(seed(), profile);
    for (int count = 0; count < 2000 && !HasFatalFailure(); ++count) step(generator.next());
    ASSERT_FALSE(runner_.finish());
  }
}

constexpr unsigned char odd = 0x01, every_bit = 0xff;
INSTANTIATE_TEST_SUITE_P(With, DirtyStack, testing::Values(odd, every_bit));

}  // namespace
}  // namespace radish::tests
