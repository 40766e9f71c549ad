#include "torture/scratch.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace radish::stress::torture {
namespace {

std::string make_directory(const std::filesystem::path& parent) {
  std::string name = (parent / "radish-torture-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("cannot make a directory in " + parent.string());
  return name;
}

}  // namespace

Scratch::Scratch(const Options& options) : options_(options) {
  try {
    make();
  } catch (const std::exception&) {
    remove();
    throw;
  }
}

void Scratch::make() {
  const std::string& storage = options_.storage;
  const bool mixed = options_.file.empty() && (storage == "mixed" || storage == "small");
  if (mixed || (options_.file.empty() && storage == "file"))
    disk_ = make_directory(std::filesystem::temp_directory_path());
  if (mixed || (options_.file.empty() && storage == "shm")) memory_ = make_directory("/dev/shm");
}

void Scratch::remove() const {
  std::error_code ignored;
  for (const std::string& directory : {disk_, memory_})
    if (!directory.empty()) std::filesystem::remove_all(directory, ignored);
}

Scratch::~Scratch() {
  remove();
  if (!options_.file.empty()) ::unlink(options_.file.c_str());
}

std::string Scratch::path(Storage storage) const {
  if (!options_.file.empty()) return options_.file;
  return (storage == Storage::shm ? memory_ : disk_) + "/segment";
}

}  // namespace radish::stress::torture
