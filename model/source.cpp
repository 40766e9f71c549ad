#include "model/source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace radish::model {

namespace {

std::unexpected<Error> system_error(const std::string& what) {
  return std::unexpected(Error{Code::io, what + ": " + std::strerror(errno)});
}

std::string temporary_directory() {
  const char* configured = std::getenv("TMPDIR");
  return configured != nullptr && *configured != '\0' ? configured : "/tmp";
}

}  // namespace

SegmentSource::~SegmentSource() {
  if (keeper_ >= 0) ::close(keeper_);
  if (!path_.empty()) ::unlink(path_.c_str());
  if (!directory_.empty()) ::rmdir(directory_.c_str());
}

OpenOptions SegmentSource::options() const {
  OpenOptions options;
  options.capacity_bytes = setting_.capacity_bytes;
  options.reader_slots = setting_.reader_slots;
  return options;
}

Result<Tree> SegmentSource::create() {
  if (setting_.storage == Storage::file) return create_file(options());
  auto tree = setting_.storage == Storage::memfd ? Tree::create_memfd("radish-model", options())
                                                 : Tree::create_anonymous(options());
  if (!tree) return tree;
  const std::string link = "/proc/self/fd/" + std::to_string(tree->descriptor());
  keeper_ = ::open(link.c_str(), O_RDWR | O_CLOEXEC);
  if (keeper_ < 0) return system_error(link);
  return tree;
}

Result<Tree> SegmentSource::create_file(const OpenOptions& options) {
  std::string directory = temporary_directory() + "/radish-model-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) return system_error(directory);
  directory_ = directory;
  path_ = directory + "/segment";
  return Tree::open(path_, options);
}

Result<Tree> SegmentSource::attach() const {
  return path_.empty() ? Tree::open_descriptor(keeper_) : Tree::open(path_);
}

}  // namespace radish::model
