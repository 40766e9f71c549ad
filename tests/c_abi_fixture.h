// The C interface, and what its tests ask of it again and again.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "radish/tree.hpp"
#include "scratch.h"

#define radish radish_tree
#include "radish.h"
#undef radish

namespace radish::tests {

using Handle = std::unique_ptr<radish_tree, decltype(&radish_close)>;
using Cursor = std::unique_ptr<radish_cursor, decltype(&radish_cursor_close)>;

inline constexpr std::uint64_t small_capacity_bytes = 1 << 20;

inline radish_options small_options(std::uint32_t flags = 0) {
  radish_options options = {};
  options.size = sizeof options;
  options.capacity_bytes = small_capacity_bytes;
  options.reader_slots = 64;
  options.flags = flags;
  return options;
}

inline Handle owned(radish_tree* tree) { return {tree, radish_close}; }

inline Handle open_small(const std::string& path, std::uint32_t flags = 0) {
  const radish_options options = small_options(flags);
  return owned(radish_open(path.c_str(), &options, nullptr));
}

inline Handle anonymous() {
  const radish_options options = small_options();
  return owned(radish_create_anonymous(&options, nullptr));
}

inline int insert(const Handle& tree, std::string_view key, std::uint64_t value) {
  return radish_insert(tree.get(), key.data(), key.size(), value);
}

struct Found {
  int answer;
  std::uint64_t value;
  bool operator==(const Found&) const = default;
};

inline Found find(const Handle& tree, std::string_view key) {
  std::uint64_t value = 0;
  const int answer = radish_find(tree.get(), key.data(), key.size(), &value);
  return {answer, value};
}

/// The code of an open that must fail, whose message must not be empty and must be the thread's last one.
inline int refusal(const std::function<radish_tree*(radish_error*)>& open) {
  radish_error error = {};
  const Handle tree = owned(open(&error));
  EXPECT_EQ(tree, nullptr);
  EXPECT_NE(error.message[0], '\0');
  EXPECT_EQ(std::string_view(radish_last_error()).substr(0, std::strlen(error.message)), error.message);
  return error.code;
}

inline int refusal_of_options(const radish_options& options) {
  return refusal([&](radish_error* error) { return radish_create_anonymous(&options, error); });
}

inline int refusal_of_open(const std::string& path, std::uint32_t flags = 0) {
  const radish_options options = small_options(flags);
  return refusal([&](radish_error* error) { return radish_open(path.c_str(), &options, error); });
}

/// Runs `body` in a forked child; its answer, 0 to 255.
inline int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct CAbi : ::testing::Test {
  ScratchDirectory scratch;
  std::string path = scratch.file("tree");
};

}  // namespace radish::tests
