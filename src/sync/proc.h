// Reading files of /proc. One's own are asked for as those of the thread (/proc/thread-self): once the main
// thread has exited, most of /proc/self is empty.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "segment/fault.h"

namespace radish::sync {

/// Calls `visit` with each line of a file until it answers false. `io`, with an errno, if the file could not
/// be read as far as that: an end for want of memory is not the file's.
template <class Visit>
[[nodiscard]] Expected<void> each_line(const char* path, Visit visit) {
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return fault(Code::io, "cannot open a file of /proc", static_cast<unsigned>(errno));
  char* line = nullptr;
  std::size_t capacity = 0;
  bool wanted = true;
  unsigned error = 0;
  while (wanted) {
    const ssize_t length = getdelim(&line, &capacity, '\n', file);
    error = static_cast<unsigned>(errno);
    if (length <= 0) break;
    wanted = visit(std::string_view(line, static_cast<std::size_t>(length)));
  }
  const bool whole = !wanted || std::feof(file) != 0;
  std::free(line);
  std::fclose(file);
  if (!whole) return fault(Code::io, "cannot read a file of /proc", error);
  return {};
}

}  // namespace radish::sync
