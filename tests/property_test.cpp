// RapidCheck's state machine over the shared description of operations: it draws the commands, shrinks what
// fails, and what is left is written down in the text form that every harness replays.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/state.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "model/bytes.h"
#include "model/report.h"
#include "model/run.h"
#include "support.h"

namespace radish::tests {
namespace {

using namespace radish::model;

constexpr std::uint64_t operations_at_scale_1 = 20'000;
// Commands in a case: 1 to size * this, the size going from 0 to 100 over the cases.
constexpr double length_scale = 4;
// About 100, here counted low enough that the operations wanted are reached whatever is drawn.
constexpr std::uint64_t commands_in_a_case = 60;

/// The tree, with the model that the Runner holds beside it.
struct System {
  explicit System(const Setting& setting) : executed{.setting = setting}, runner(setting) {}
  Sequence executed;
  Runner runner;
};

// Shrinking a long sequence can take RapidCheck hours; after so many attempts what is left counts as whole,
// and our own shrinker does the rest.
constexpr std::uint64_t shrink_attempts_max = 2'000;

// Of the test at work.
std::uint64_t executed_operations = 0;
std::uint64_t shrink_attempts = 0;
std::optional<Sequence> smallest_failure;

[[noreturn]] void fail(const System& system, const Failure& failure) {
  // Shrinking adopts what fails, so the last one is the smallest.
  if (!smallest_failure) fmt::print(stderr, "{}", write_report(system.executed, failure, failure_path()));
  smallest_failure = system.executed;
  RC_FAIL(to_text(failure));
}

struct Step : rc::state::Command<Model, System> {
  explicit Step(Operation drawn) : operation(std::move(drawn)) {}

  void apply(Model& model) const override {
    if (is_single(operation.kind)) (void)perform(model, operation);
  }
  void run(const Model&, System& system) const override {
    ++executed_operations;
    system.executed.operations.push_back(operation);
    if (const auto failure = system.runner.step(operation)) fail(system, *failure);
  }
  void show(std::ostream& os) const override { os << to_text(operation); }

  Operation operation;
};

using StepPointer = std::shared_ptr<const rc::state::Command<Model, System>>;

rc::Gen<std::string> fresh_key() {
  const auto few = rc::gen::elementOf(std::string("\0ab\xff", 4));
  const auto small = rc::gen::resize(6, rc::gen::container<std::string>(few));
  const auto stretched = rc::gen::map(rc::gen::pair(rc::gen::inRange<std::size_t>(0, 400), small),
                                      [](const std::pair<std::size_t, std::string>& parts) {
                                        return std::string(parts.first, 'p') + parts.second;
                                      });
  const auto branch =
      rc::gen::map(rc::gen::arbitrary<char>(), [](char byte) { return std::string{'w', byte}; });
  return rc::gen::weightedOneOf<std::string>({{6, small}, {2, stretched}, {3, branch}});
}

/// One of the keys that are there, a beginning of it, or a continuation.
rc::Gen<std::string> near_key(const Model& model) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : model.map()) keys.push_back(key);
  if (keys.empty()) return fresh_key();
  return rc::gen::map(rc::gen::tuple(rc::gen::elementOf(std::move(keys)), rc::gen::inRange(0, 6),
                                     rc::gen::inRange<std::size_t>(0, 9)),
                      [](const std::tuple<std::string, int, std::size_t>& parts) {
                        const auto& [key, change, bytes] = parts;
                        if (change == 1) return key.substr(0, key.size() - std::min(key.size(), bytes));
                        return change == 2 ? key + std::string(bytes, 'a') : key;
                      });
}

rc::Gen<std::string> any_key(const Model& model) {
  return rc::gen::weightedOneOf<std::string>({{5, fresh_key()}, {5, near_key(model)}});
}

rc::Gen<Kind> any_kind() {
  std::vector<std::pair<std::size_t, rc::Gen<Kind>>> weighted;
  for (std::size_t i = 0; i < kind_count; ++i) {
    const auto kind = static_cast<Kind>(i);
    std::size_t weight = 4;
    if (kind == Kind::insert) weight = 40;
    if (kind == Kind::insert_new || kind == Kind::erase) weight = 15;
    if (kind == Kind::clear || kind == Kind::reopen || kind == Kind::verify) weight = 1;
    weighted.emplace_back(weight, rc::gen::just(kind));
  }
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 1000), [weighted](std::size_t drawn) {
    for (std::size_t i = 0;; i = (i + 1) % weighted.size()) {
      if (drawn < weighted[i].first) return weighted[i].second;
      drawn -= weighted[i].first;
    }
  });
}

rc::Gen<std::uint64_t> any_value() {
  return rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 4), rc::gen::arbitrary<std::uint64_t>());
}

/// Clears the fields that the kind does not have.
Operation normalised(Operation operation) {
  const KindFields& fields = fields_of(operation.kind);
  if (!fields.key) operation.key.clear();
  if (!fields.bound) operation.bound.reset();
  if (!fields.value) operation.value = 0;
  if (!fields.second) operation.second = 0;
  if (!fields.count) operation.count = 0;
  return operation;
}

rc::Gen<Operation> any_operation(const Model& model) {
  return rc::gen::map(rc::gen::tuple(any_kind(), any_key(model), any_key(model), any_value(), any_value(),
                                     rc::gen::inRange<std::uint32_t>(0, 20), rc::gen::arbitrary<bool>()),
                      [](const std::tuple<Kind, std::string, std::string, std::uint64_t, std::uint64_t,
                                          std::uint32_t, bool>& parts) {
                        const auto& [kind, key, bound, value, second, count, bounded] = parts;
                        return normalised({.kind = kind,
                                           .key = key,
                                           .bound = bounded ? std::optional(bound) : std::nullopt,
                                           .value = value,
                                           .second = second,
                                           .count = count});
                      });
}

void tree_is_the_model(const Setting& setting) {
  if (smallest_failure && ++shrink_attempts > shrink_attempts_max) return;
  System system(setting);
  if (const auto failure = system.runner.open()) fail(system, *failure);
  const auto commands = *rc::gen::scale(
      length_scale, rc::state::gen::commands(Model{}, [](const Model& model) -> rc::Gen<StepPointer> {
        return rc::gen::map(any_operation(model), [](Operation operation) -> StepPointer {
          return std::make_shared<const Step>(std::move(operation));
        });
      }));
  rc::state::runAll(commands, Model{}, system);
  if (const auto failure = system.runner.finish()) fail(system, *failure);
}

/// Runs a property with our seed, `cases` times; prints what replays it.
template <class Property>
void check(int cases, Property property) {
  fmt::print("seed {}; replay: {}\n", seed(), replay_command());
  std::fflush(stdout);
  rc::detail::TestParams parameters;
  parameters.seed = seed();
  parameters.maxSuccess = cases;
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  rc::detail::TestMetadata metadata;
  metadata.id = std::string(test->test_suite_name()) + "/" + test->name();
  metadata.description = test->name();
  const auto result = rc::detail::checkTestable(property, metadata, parameters);
  if (result.template is<rc::detail::SuccessResult>()) return;
  std::ostringstream message;
  rc::detail::printResultMessage(result, message);
  FAIL() << message.str() << "\n" << replay_command();
}

class TreeProperties : public ::testing::TestWithParam<Storage> {};

TEST_P(TreeProperties, EveryCommandSequenceAgreesWithModel) {
  const std::uint64_t wanted = operations_at_scale_1 * scale();
  executed_operations = 0;
  shrink_attempts = 0;
  smallest_failure.reset();
  const Setting setting{.storage = GetParam(), .capacity_bytes = 4 << 20};
  check(static_cast<int>(wanted / commands_in_a_case), [&] { tree_is_the_model(setting); });
  if (smallest_failure) {
    EXPECT_TRUE(agrees_with_model(*smallest_failure));
  }
  EXPECT_TRUE(HasFailure() || executed_operations >= wanted) << executed_operations;
  fmt::print("{} operations\n", executed_operations);
}

INSTANTIATE_TEST_SUITE_P(All, TreeProperties, ::testing::Values(Storage::anonymous, Storage::file),
                         [](const auto& test) { return std::string(storage_name(test.param)); });

TEST(DescriptionProperties, TextRoundTripIsExact) {
  check(2000, [] {
    Operation operation = *any_operation(Model{});
    if (!operation.key.empty() || *rc::gen::arbitrary<bool>())
      operation.key += *rc::gen::arbitrary<std::string>();
    operation = normalised(operation);
    const auto parsed = parse_operation(to_text(operation));
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(*parsed == operation);
  });
}

TEST(DescriptionProperties, BytesRoundTripIsExact) {
  check(2000, [] {
    const auto operations = *rc::gen::container<std::vector<Operation>>(any_operation(Model{}));
    RC_ASSERT(decode(encode({.operations = operations})).operations == operations);
  });
}

}  // namespace
}  // namespace radish::tests
