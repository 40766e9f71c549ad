// Writes the first inputs of fuzz_integer: sequences of every depth over keys of each shape, and of all.
//     radish_integer_corpus fuzz/corpus/integer
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "model/integer.h"

namespace {

using namespace radish::model;

/// Random operations over keys of one shape; of any, if the shape is none.
std::string sequence_bytes(unsigned depth, std::size_t shape, std::size_t operations) {
  std::mt19937_64 random(depth * 16 + shape);
  std::string bytes(1, static_cast<char>(depth - 1));
  for (std::size_t operation = 0; operation < operations; ++operation) {
    bytes += static_cast<char>(random());
    bytes += static_cast<char>(shape < key_shapes ? shape : random());
    for (int byte = 0; byte < 6; ++byte) bytes += static_cast<char>(random());
  }
  return bytes;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fputs("usage: radish_integer_corpus DIRECTORY\n", stderr);
    return 2;
  }
  constexpr std::size_t operations = 40;
  const std::filesystem::path directory = arguments[1];
  std::filesystem::create_directories(directory);
  for (const unsigned depth : {1U, 2U, 5U, 8U, 15U, 16U})
    for (std::size_t shape = 0; shape <= key_shapes; ++shape) {
      const std::string name = "depth_" + std::to_string(depth) + "_shape_" + std::to_string(shape);
      std::ofstream file(directory / name, std::ios::binary);
      if (!(file << sequence_bytes(depth, shape, operations)).flush()) return 1;
    }
  return 0;
}
