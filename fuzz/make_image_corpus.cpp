// Writes the first inputs of fuzz_image: every specimen as it is, every lie told to the specimens that have a
// place for it, raw files that begin as segments do.
//     radish_image_corpus fuzz/corpus/image
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/image_input.h"
#include "model/bytes.h"

namespace {

using namespace radish::image;
using OperationKind = radish::model::Kind;

/// Something of every kind, on keys of the specimen.
std::vector<std::uint8_t> every_operation() {
  std::vector<radish::model::Operation> operations;
  for (std::size_t index = 0; index < radish::model::kind_count; ++index) {
    radish::model::Operation operation{.kind = static_cast<OperationKind>(index)};
    if (operation.kind == OperationKind::clear) continue;
    const auto& fields = radish::model::fields_of(operation.kind);
    const auto number = static_cast<char>(index * 5);
    if (fields.key) operation.key = {static_cast<char>(index % 2 == 0 ? 0xfe : 0xfd), number};
    if (fields.key && index % 3 == 0) operation.key += "and more";
    if (fields.value) operation.value = index;
    if (fields.count) operation.count = 5;
    operations.push_back(operation);
  }
  operations.push_back({.kind = OperationKind::erase_prefix});
  operations.push_back({.kind = OperationKind::insert, .key = "again"});
  auto bytes = radish::model::encode({.operations = operations});
  bytes.erase(bytes.begin());
  return bytes;
}

bool write(const std::filesystem::path& path, const Input& input) {
  const auto bytes = encode(input);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return static_cast<bool>(file);
}

bool write_specimens(const std::filesystem::path& directory) {
  bool written = true;
  for (std::uint8_t start = 0; start < specimen_count; ++start) {
    const std::string name(specimen(static_cast<Kind>(start)).name);
    written &= write(directory / ("true_" + name), {.start = start, .rest = every_operation()});
    written &= write(directory / ("freeze_" + name),
                     {.start = start, .flags = Input::freeze_flag, .rest = every_operation()});
  }
  return written;
}

/// A form that differs from lie to lie, or its second one; of `doubling` so many levels that keys are too
/// many.
Telling form_of(Lie lie, Kind kind) {
  const auto number = static_cast<std::uint8_t>(lie);
  if (lie == Lie::doubling) return {lie, 0, 14};
  if (kind == Kind::full) return {lie, 2, 1};
  return {lie, number, number % 5U};
}

/// Of each lie a few forms, in the richest specimen and, of some, in the one that is full or frozen.
bool write_lies(const std::filesystem::path& directory) {
  bool written = true;
  for (std::size_t index = 0; index < lie_count; ++index) {
    const auto lie = static_cast<Lie>(index);
    for (const Kind kind : {Kind::rich, Kind::full, Kind::frozen}) {
      const Telling telling = form_of(lie, kind);
      Image image = specimen(kind).image;
      if (tell(specimen(kind), {telling}, image) == 0) continue;
      const std::string name = std::string(lie_name(lie)) + "_in_" + std::string(specimen(kind).name);
      written &=
          write(directory / name,
                {.start = static_cast<std::uint8_t>(kind), .lies = {telling}, .rest = every_operation()});
    }
  }
  return written;
}

/// The first bytes of a specimen, with and without the rest of the file behind them.
bool write_raw(const std::filesystem::path& directory) {
  const auto bytes = specimen(Kind::empty).image.bytes();
  bool written = true;
  for (const std::size_t count : {0U, 7U, 8U, 84U, 144U}) {
    std::vector<std::uint8_t> head(count);
    if (count != 0) std::memcpy(head.data(), bytes.data(), count);
    for (const unsigned pages : {0U, 4U})
      written &= write(directory / ("raw_" + std::to_string(count) + "_" + std::to_string(pages)),
                       {.start = Input::raw, .flags = static_cast<std::uint8_t>(pages << 4), .rest = head});
  }
  std::vector<std::uint8_t> making(8);
  std::memcpy(making.data(), &radish::layout::magic_creating, making.size());
  for (const unsigned flags : {0x40U, 0x48U})
    written &= write(directory / ("raw_making_" + std::to_string(flags)),
                     {.start = Input::raw, .flags = static_cast<std::uint8_t>(flags), .rest = making});
  return written;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fputs("usage: radish_image_corpus DIRECTORY\n", stderr);
    return 2;
  }
  const std::filesystem::path directory = arguments[1];
  return write_specimens(directory) && write_lies(directory) && write_raw(directory) ? 0 : 1;
}
