// Writes the first inputs of fuzz_image.
//     radish_image_corpus fuzz/corpus/image
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "fuzz/image_corpus.h"

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fputs("usage: radish_image_corpus DIRECTORY\n", stderr);
    return 2;
  }
  for (const auto& [name, bytes] : radish::image::first_inputs()) {
    std::ofstream file(std::filesystem::path(arguments[1]) / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) return 1;
  }
  return 0;
}
