// A folder with a segment in it, for tests of floor 0.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "attachments.h"
#include "mounts.h"
#include "rights.h"
#include "segment/builder.h"
#include "segment/crc32c.h"
#include "segment/segment.h"
#include "segment/system.h"

namespace radish::segment {

namespace fs = std::filesystem;
using layout::page_bytes;
using tests::Bell;
using tests::Child;
using tests::no_fault;
using tests::refusal;
using tests::rest_until_killed;
using tests::subject;
using tests::take;

inline constexpr std::uint64_t small_capacity_bytes = 256 << 10;

inline std::uint64_t identity_of(pid_t pid) {
  return static_cast<std::uint64_t>(pid) | std::uint64_t{77} << 52;
}

inline OpenRequest small_request() {
  OpenRequest request;
  request.capacity_bytes = small_capacity_bytes;
  request.reader_slots = 64;
  request.identity = identity_of(getpid());
  request.origin = {.boot_id = {1, 2, 3}, .pid_namespace = 4, .time_namespace = 5};
  return request;
}

inline OpenRequest existing_request() {
  OpenRequest request = small_request();
  request.must_exist = true;
  return request;
}

inline Segment open_whole(const std::string& path, const OpenRequest& request) {
  return take(take(open_path(path, request)).finish());
}

inline struct stat status_of(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) throw std::runtime_error("lstat " + path);
  return status;
}

inline void write_file(const std::string& path, std::string_view content) {
  const int descriptor = open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
  take(write_at(descriptor, std::as_bytes(std::span(content)), 0));
  close(descriptor);
}

template <class T>
void patch(const std::string& path, std::uint64_t offset, const T& value) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  take(write_at(descriptor, std::as_bytes(std::span(&value, 1)), offset));
  close(descriptor);
}

template <class T>
T peek(const std::string& path, std::uint64_t offset) {
  T value{};
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  take(read_at(descriptor, std::as_writable_bytes(std::span(&value, 1)), offset));
  close(descriptor);
  return value;
}

class SegmentTest : public testing::Test {
 protected:
  SegmentTest() : SegmentTest(testing::TempDir()) {}
  explicit SegmentTest(const std::string& parent) {
    std::string name = parent + "/segment_test.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = name;
    path_ = name + "/segment";
  }
  ~SegmentTest() override { fs::remove_all(folder_); }

  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }
  void create() const { open_whole(path_, small_request()); }
  /// Where a region begins in the small segment.
  static layout::Geometry geometry() { return take(plan_geometry(small_request())); }

  std::string folder_;
  std::string path_;
};

/// Races `openers` processes through `open_one` and returns how many of them created the segment.
inline int count_creators(int openers, const std::function<Expected<Opening>(int)>& open_one) {
  std::optional<Bell> start(std::in_place);  // the end of it starts them all
  std::vector<Child> children;
  for (int i = 0; i < openers; ++i)
    children.emplace_back([&, i] {
      (void)start->heard();
      Opening opening = take(open_one(i));
      const bool created = opening.created();
      const Segment segment = take(std::move(opening).finish());
      return segment.roots().generation == 1 ? static_cast<int>(created) : 99;
    });
  start.reset();
  int creators = 0;
  for (Child& child : children) creators += child.join();
  return creators;
}

}  // namespace radish::segment
