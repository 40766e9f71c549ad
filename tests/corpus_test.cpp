// Every file of the fuzz target's corpus, without libFuzzer: what a campaign once found stays found.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "model/bytes.h"
#include "support.h"

namespace radish::tests {
namespace {

std::vector<std::filesystem::path> corpus_files() {
  std::vector<std::filesystem::path> files;
  const auto directory = std::filesystem::path(RADISH_SOURCE_DIRECTORY) / "fuzz" / "corpus" / "ops";
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

TEST(OperationCorpus, AgreesWithModel) {
  const auto files = corpus_files();
  EXPECT_GE(files.size(), 30U);
  for (const auto& file : files) {
    const auto content = model::read_file(file.string());
    ASSERT_TRUE(content) << file;
    const std::vector<std::uint8_t> bytes(content->begin(), content->end());
    EXPECT_TRUE(agrees_with_model(model::decode(bytes))) << file;
  }
}

TEST(OperationCorpus, HoldsEveryKind) {
  std::vector<std::uint64_t> seen(model::kind_count);
  for (const auto& file : corpus_files()) {
    const auto content = model::read_file(file.string());
    ASSERT_TRUE(content) << file;
    const std::vector<std::uint8_t> bytes(content->begin(), content->end());
    for (const auto& operation : model::decode(bytes).operations)
      ++seen[static_cast<std::size_t>(operation.kind)];
  }
  for (std::size_t kind = 0; kind < model::kind_count; ++kind)
    EXPECT_GT(seen[kind], 0U) << model::fields_of(static_cast<model::Kind>(kind)).name;
}

}  // namespace
}  // namespace radish::tests
