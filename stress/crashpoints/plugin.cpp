#include "crashpoints/plugin.h"

#include <dlfcn.h>

#include <stdexcept>

namespace radish::crashpoints {

Plugin::Plugin(const std::string& path) : path_(path) {
  void* loaded = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) throw std::runtime_error(dlerror());
  const auto subject = reinterpret_cast<decltype(&crashpoints_subject)>(dlsym(loaded, "crashpoints_subject"));
  if (subject == nullptr) throw std::runtime_error(path + " is not a subject");
  subject_ = subject();
  if (subject_->version != subject_version)
    throw std::runtime_error(path + " is a subject of another version of the interface");
  const auto recorder =
      reinterpret_cast<decltype(&crashpoints_recorder)>(dlsym(loaded, "crashpoints_recorder"));
  if (recorder != nullptr) recorder_ = recorder();
}

}  // namespace radish::crashpoints
