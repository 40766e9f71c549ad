// Buffered output to a descriptor, in which no failed write goes unnoticed.
#pragma once

#include <string>
#include <string_view>

namespace radish::cli {

class Output {
 public:
  /// `name` is what an error calls it. The descriptor stays the caller's.
  Output(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}

  /// Throws Failure when the descriptor takes no more.
  void write(std::string_view text);
  void flush();

 private:
  int descriptor_;
  std::string name_;
  std::string buffer_;
};

}  // namespace radish::cli
