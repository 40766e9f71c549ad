// A subject, loaded.
#pragma once

#include <string>

#include "crashpoints/store_log.h"
#include "crashpoints/subject.h"

namespace radish::crashpoints {

class Plugin {
 public:
  /// Throws std::runtime_error if the file is no subject, or one of another version. It stays loaded.
  explicit Plugin(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Subject& subject() const { return *subject_; }
  /// Null unless the subject is instrumented.
  [[nodiscard]] const Recorder* recorder() const { return recorder_; }

 private:
  std::string path_;
  const Subject* subject_ = nullptr;
  const Recorder* recorder_ = nullptr;
};

}  // namespace radish::crashpoints
