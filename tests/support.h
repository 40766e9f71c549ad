// What several tests share.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>

#include "model/report.h"
#include "model/run.h"
#include "model/shrink.h"

namespace radish::tests {

inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// RADISH_TEST_SCALE multiplies what random tests do: 1 for a quick run, 10 for the full one.
inline std::uint64_t scale() { return number_from_environment("RADISH_TEST_SCALE", 1); }

/// RADISH_TEST_SEED, or another one each time. Whoever asks prints it.
inline std::uint64_t seed() {
  static const std::uint64_t chosen = number_from_environment("RADISH_TEST_SEED", std::random_device{}());
  return chosen;
}

/// The command that runs the current test again with the same seed.
inline std::string replay_command() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  return "RADISH_TEST_SEED=" + std::to_string(seed()) + " RADISH_TEST_SCALE=" + std::to_string(scale()) +
         " radish_tests --gtest_filter=" + test->test_suite_name() + "." + test->name();
}

/// Where failing sequences are written: a file of the build folder, named after the test.
inline std::string failure_path(std::string_view suffix = {}) {
  const std::filesystem::path directory = std::filesystem::path(RADISH_BINARY_DIRECTORY) / "failures";
  std::filesystem::create_directories(directory);
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string(test->test_suite_name()) + "." + test->name() + std::string(suffix) + ".txt";
  for (char& byte : name)
    if (byte == '/') byte = '_';
  return (directory / name).string();
}

/// Runs a sequence; if it fails, shrinks it, writes it down and says how to replay it.
inline ::testing::AssertionResult agrees_with_model(const model::Sequence& sequence) {
  if (!model::run(sequence)) return ::testing::AssertionSuccess();
  const model::Sequence small = model::shrink(
      sequence, [](const model::Sequence& candidate) { return model::run(candidate).has_value(); });
  const auto failure = model::run(small);
  return ::testing::AssertionFailure() << model::write_report(
             small, failure.value_or(model::Failure{.operation = "passes when run again"}), failure_path());
}

/// The same for a sequence in its text form.
inline ::testing::AssertionResult agrees_with_model(std::string_view text) {
  const auto sequence = model::parse_sequence(text);
  if (!sequence) return ::testing::AssertionFailure() << sequence.error();
  return agrees_with_model(*sequence);
}

}  // namespace radish::tests
