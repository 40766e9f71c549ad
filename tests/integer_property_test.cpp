// RapidCheck over sequences of operations of an integer map, beside std::map (model/integer.h).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <filesystem>
#include <sstream>

#include "model/integer.h"
#include "scratch.h"
#include "support.h"

namespace radish::tests {
namespace {

using model::IntegerOperation;
using model::IntegerSequence;
using Kind = IntegerOperation::Kind;

rc::Gen<Kind> any_kind() {
  std::vector<std::pair<std::size_t, Kind>> weighted;
  for (std::size_t index = 0; index < model::integer_kinds; ++index) {
    const auto kind = static_cast<Kind>(index);
    const bool rare = kind == Kind::clear || kind == Kind::verify;
    weighted.emplace_back(kind == Kind::insert ? 40 : kind == Kind::erase ? 20 : rare ? 1 : 4, kind);
  }
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 1000), [weighted](std::size_t drawn) {
    for (std::size_t index = 0;; index = (index + 1) % weighted.size()) {
      if (drawn < weighted[index].first) return rc::gen::just(weighted[index].second);
      drawn -= weighted[index].first;
    }
  });
}

rc::Gen<IntegerOperation> any_operation(unsigned depth) {
  const auto full = [](auto gen) { return rc::gen::resize(100, std::move(gen)); };
  return rc::gen::map(
      rc::gen::tuple(any_kind(), rc::gen::inRange<std::size_t>(0, model::key_shapes),
                     full(rc::gen::arbitrary<std::uint64_t>()), rc::gen::inRange<std::uint64_t>(0, 70),
                     rc::gen::inRange<std::uint64_t>(0, 3)),
      [depth](const std::tuple<Kind, std::size_t, std::uint64_t, std::uint64_t, std::uint64_t>& parts) {
        const auto& [kind, shape, drawn, value, second] = parts;
        return IntegerOperation{.kind = kind,
                                .key = model::shaped_key(model::KeyShape(shape), drawn, depth),
                                .value = kind == Kind::compare_exchange ? value % 3 : value,
                                .second = second};
      });
}

class IntegerMapProperties : public ::testing::TestWithParam<unsigned> {};

TEST_P(IntegerMapProperties, EverySequenceAgreesWithModel) {
  constexpr int cases_at_scale_1 = 250;
  fmt::print("seed {}; replay: {}\n", seed(), replay_command());
  rc::detail::TestParams parameters;
  parameters.seed = seed();
  parameters.maxSuccess = static_cast<int>(scale()) * cases_at_scale_1;
  const auto property = [depth = GetParam()] {
    const auto operations =
        *rc::gen::scale(4, rc::gen::container<std::vector<IntegerOperation>>(any_operation(depth)));
    const IntegerSequence sequence{.depth = depth, .operations = operations};
    if (const auto wrong = model::run(sequence)) RC_FAIL(*wrong + "\n" + to_text(sequence));
  };
  rc::detail::TestMetadata metadata;
  metadata.id = metadata.description = "IntegerMapProperties";
  const auto result = rc::detail::checkTestable(property, metadata, parameters);
  if (result.template is<rc::detail::SuccessResult>()) return;
  std::ostringstream message;
  rc::detail::printResultMessage(result, message);
  FAIL() << message.str() << "\n" << replay_command();
}

INSTANTIATE_TEST_SUITE_P(Depths, IntegerMapProperties, ::testing::Values(1U, 2U, 8U, 15U, 16U));

/// Every file of fuzz_integer's corpus, without libFuzzer: what a campaign once found stays found.
TEST(IntegerCorpus, AgreesWithModel) {
  std::vector<std::uint64_t> seen(model::integer_kinds);
  const auto directory = std::filesystem::path(RADISH_SOURCE_DIRECTORY) / "fuzz" / "corpus" / "integer";
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    const std::string content = read_file(file.path().string());
    const std::vector<std::uint8_t> bytes(content.begin(), content.end());
    const IntegerSequence sequence = model::decode_integers(bytes);
    EXPECT_EQ(model::run(sequence), std::nullopt) << file.path();
    for (const IntegerOperation& operation : sequence.operations)
      ++seen[static_cast<std::size_t>(operation.kind)];
  }
  for (std::size_t kind = 0; kind < seen.size(); ++kind) EXPECT_GT(seen[kind], 0U) << "kind " << kind;
}

}  // namespace
}  // namespace radish::tests
