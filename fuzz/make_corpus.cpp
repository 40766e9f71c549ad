// Writes the first inputs of fuzz_ops: short sequences of every profile, and one that has every kind.
//     radish_corpus fuzz/corpus/ops
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "model/bytes.h"
#include "model/generator.h"

namespace {

using namespace radish::model;

constexpr std::uint64_t seeds_per_profile = 5;

Sequence every_kind() {
  Sequence sequence;
  for (const std::string_view key : {"", "a", "ab", "abc", "b"})
    sequence.operations.push_back({.kind = Kind::insert, .key = std::string(key), .value = key.size()});
  for (std::size_t i = 0; i < kind_count; ++i) {
    Operation operation{.kind = static_cast<Kind>(i)};
    const KindFields& fields = fields_of(operation.kind);
    if (fields.key) operation.key = "ab";
    if (fields.bound) operation.bound = "b";
    if (fields.value) operation.value = 2;
    if (fields.second) operation.second = 3;
    if (fields.count) operation.count = 4;
    sequence.operations.push_back(operation);
  }
  return sequence;
}

/// Every byte value as a child of one node, then all but a few gone again.
Sequence fill_and_drain() {
  Sequence sequence;
  for (const Kind kind : {Kind::insert, Kind::erase})
    for (int byte = 0; byte < (kind == Kind::insert ? 256 : 250); ++byte)
      sequence.operations.push_back({.kind = kind, .key = std::string{'n', static_cast<char>(byte)}});
  sequence.operations.push_back({.kind = Kind::verify});
  return sequence;
}

/// Keys until the heap is full, then room again.
Sequence overfill() {
  Sequence sequence;
  for (std::size_t length = 8000; length < 8040; ++length)
    sequence.operations.push_back({.kind = Kind::insert, .key = std::string(length, 'f')});
  sequence.operations.push_back({.kind = Kind::erase_prefix, .key = "f"});
  for (std::size_t length = 8000; length < 8010; ++length)
    sequence.operations.push_back({.kind = Kind::insert, .key = std::string(length, 'g')});
  return sequence;
}

bool write(const std::filesystem::path& path, const Sequence& sequence) {
  const auto bytes = encode(sequence);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return static_cast<bool>(file);
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fputs("usage: radish_corpus DIRECTORY\n", stderr);
    return 2;
  }
  const std::filesystem::path directory = arguments[1];
  bool written = write(directory / "every_kind", every_kind()) &&
                 write(directory / "fill_and_drain", fill_and_drain()) &&
                 write(directory / "overfill", overfill());
  for (std::size_t i = 0; i < profile_count; ++i) {
    const auto profile = static_cast<Profile>(i);
    for (std::uint64_t seed = 1; seed <= seeds_per_profile; ++seed) {
      const std::string name = std::string(profile_name(profile)) + "_" + std::to_string(seed);
      written = written && write(directory / name, generate(seed, profile, 20 * seed, {}));
    }
  }
  return written ? 0 : 1;
}
