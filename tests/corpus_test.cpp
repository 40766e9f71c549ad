// Every file of the fuzz target's corpus, without libFuzzer: what a campaign once found stays found.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "fuzz/image_corpus.h"
#include "fuzz/image_input.h"
#include "model/bytes.h"
#include "support.h"

namespace radish::tests {
namespace {

std::vector<std::filesystem::path> corpus_files(const char* corpus = "ops") {
  std::vector<std::filesystem::path> files;
  const auto directory = std::filesystem::path(RADISH_SOURCE_DIRECTORY) / "fuzz" / "corpus" / corpus;
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

/// Written by `radish_image_corpus fuzz/corpus/image`: the numbers of lies and specimens are in it.
TEST(ImageCorpus, HoldsWhatItsGeneratorWrites) {
  std::size_t found = 0;
  const auto inputs = image::first_inputs();
  for (const auto& file : corpus_files("image")) {
    const auto input = inputs.find(file.filename().string());
    if (input == inputs.end()) continue;  // what a campaign found is there too
    const auto content = model::read_file(file.string());
    ASSERT_TRUE(content) << file;
    EXPECT_TRUE(std::ranges::equal(*content, input->second, {}, [](char byte) {
      return static_cast<std::uint8_t>(byte);
    })) << file;
    ++found;
  }
  EXPECT_EQ(found, inputs.size());
}

/// Of a lie, or of a specimen, that the name of its file no longer says.
TEST(ImageCorpus, EveryInputIsOneThatIsDecodedAsItWasEncoded) {
  for (const auto& [name, bytes] : image::first_inputs())
    EXPECT_EQ(image::encode(image::decode(bytes)), bytes) << name;
}

}  // namespace
}  // namespace radish::tests
