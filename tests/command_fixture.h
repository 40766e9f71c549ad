// The command as a process: how tests start it, and what it leaves.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "radish/tree.hpp"
#include "scratch.h"

namespace radish::tests {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

/// What a finished command left: exit code (or minus the signal), and what it printed.
struct Ran {
  int status;
  std::string out;
  std::string error;
  bool operator==(const Ran&) const = default;
};

inline std::ostream& operator<<(std::ostream& stream, const Ran& ran) {
  return stream << "exit " << ran.status << "\n--- out\n" << ran.out << "\n--- error\n" << ran.error;
}

/// Descriptors for a command's standard streams; -1 is a closed stream.
struct Streams {
  int in;
  int out;
  int error;
};

inline void put_in_place(int descriptor, int number) {
  if (descriptor < 0)
    ::close(number);
  else
    ::dup2(descriptor, number);
}

inline pid_t start(const Words& words, Streams streams) {
  std::vector<char*> pointers = {const_cast<char*>("radish")};
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  put_in_place(streams.in, STDIN_FILENO);
  put_in_place(streams.out, STDOUT_FILENO);
  put_in_place(streams.error, STDERR_FILENO);
  ::execv(RADISH_COMMAND, pointers.data());
  ::_exit(127);
}

inline int wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class File {
 public:
  File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    EXPECT_GE(descriptor_, 0) << path;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(descriptor_); }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

inline constexpr int for_writing = O_WRONLY | O_CREAT | O_TRUNC;

struct Command : ::testing::Test {
  ScratchDirectory scratch;
  std::string tree = scratch.file("tree");

  [[nodiscard]] Ran run(const Words& words, std::string_view input = {}) const {
    write_file(scratch.file("in"), input);
    int status = 0;
    {
      const File in(scratch.file("in"), O_RDONLY);
      const File out(scratch.file("out"), for_writing);
      const File error(scratch.file("error"), for_writing);
      status = wait_for(start(words, {in.descriptor(), out.descriptor(), error.descriptor()}));
    }
    return {status, read_file(scratch.file("out")), read_file(scratch.file("error"))};
  }

  /// Runs a command whose answer must be one JSON text and whose exit code `status`.
  [[nodiscard]] Json json(const Words& words, int status = 0, std::string_view input = {}) const {
    const Ran ran = run(words, input);
    EXPECT_EQ(ran.status, status) << ran;
    EXPECT_TRUE(Json::accept(ran.out)) << ran;
    return Json::parse(ran.out, nullptr, false);
  }

  void load(std::string_view lines) const {
    const Ran ran = run({"load", tree}, lines);
    EXPECT_EQ(ran.status, 0) << ran;
  }

  [[nodiscard]] std::string dump() const { return run({"dump", tree}).out; }
};

inline Ran silent(int status) { return {status, "", ""}; }
inline Ran prints(std::string text, int status = 0) { return {status, std::move(text), ""}; }

/// An error is one sentence on standard error, and nothing is answered.
inline ::testing::AssertionResult fails(const Ran& ran, int status, std::string_view part = {}) {
  const bool sentence = ran.error.starts_with("radish: ") && ran.error.find(part) != std::string::npos;
  if (ran.status == status && ran.out.empty() && sentence) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << ran;
}

inline std::string escaped_byte(unsigned byte) { return fmt::format("\\x{:02x}", byte); }

/// Every byte alone, every byte between others, and the longest key, all spelt as \xNN.
inline std::string lines_of_all_bytes() {
  std::string lines = "\t0\n";
  std::string all;
  for (unsigned byte = 0; byte < 256; ++byte) {
    lines += fmt::format("{}\t{}\nmid{}dle\t{}\n", escaped_byte(byte), byte, escaped_byte(byte), 1000 + byte);
    all += escaped_byte(byte);
  }
  lines += all + "\t5000\n";
  std::string longest;
  for (unsigned i = 0; i < 65535; ++i) longest += escaped_byte((i * 7 + i / 256) & 255);
  return lines + longest + "\t6000\n";
}

/// All that comes out of a pipe or a terminal until nobody has its other end open any more.
inline std::string read_to_end(int descriptor) {
  std::string all;
  std::array<char, 4096> bytes;
  for (;;) {
    const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
    if (count <= 0) return all;  // EIO is how a terminal says that its other end is closed
    all.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace radish::tests
