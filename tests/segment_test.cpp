// Floor 0: checksums, geometry, creation, opening, attachment, and what a kill leaves of each.
#include "segment/segment.h"

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
#include "segment/system.h"

namespace radish::segment {
namespace {

namespace fs = std::filesystem;
using layout::page_bytes;
using tests::Bell;
using tests::Child;
using tests::no_fault;
using tests::refusal;
using tests::rest_until_killed;
using tests::subject;
using tests::take;

constexpr std::uint64_t small_capacity_bytes = 256 << 10;

std::uint64_t identity_of(pid_t pid) { return static_cast<std::uint64_t>(pid) | std::uint64_t{77} << 52; }

OpenRequest small_request() {
  OpenRequest request;
  request.capacity_bytes = small_capacity_bytes;
  request.reader_slots = 64;
  request.identity = identity_of(getpid());
  request.origin = {.boot_id = {1, 2, 3}, .pid_namespace = 4, .time_namespace = 5};
  return request;
}

OpenRequest existing_request() {
  OpenRequest request = small_request();
  request.must_exist = true;
  return request;
}

Segment open_whole(const std::string& path, const OpenRequest& request) {
  return take(take(open_path(path, request)).finish());
}

struct stat status_of(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) throw std::runtime_error("lstat " + path);
  return status;
}

std::uint64_t stored_bytes(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) throw std::runtime_error("fstat");
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

void write_file(const std::string& path, std::string_view content) {
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

// --- CRC32C ----------------------------------------------------------------------------------------------

TEST(Crc32cTest, GivesThePublishedValues) {
  std::array<std::uint8_t, 32> bytes{};
  EXPECT_EQ(crc32c(0, "", 0), 0U);
  EXPECT_EQ(crc32c(0, "123456789", 9), 0xe3069283U);
  EXPECT_EQ(crc32c(0, bytes.data(), 32), 0x8a9136aaU);
  bytes.fill(0xff);
  EXPECT_EQ(crc32c(0, bytes.data(), 32), 0x62a8ab43U);
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(crc32c(0, bytes.data(), 32), 0x46dd794eU);
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(31 - i);
  EXPECT_EQ(crc32c(0, bytes.data(), 32), 0x113fdb5cU);
}

TEST(Crc32cTest, IsTheSameInAnyPieces) {
  std::array<std::uint8_t, 100> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i + 7);
  const std::uint32_t whole = crc32c(0, bytes.data(), bytes.size());
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const std::uint32_t head = crc32c(0, bytes.data(), cut);
    EXPECT_EQ(crc32c(head, bytes.data() + cut, bytes.size() - cut), whole) << cut;
  }
}

// --- geometry --------------------------------------------------------------------------------------------

TEST(GeometryTest, DefaultsAreFourGibibytesAndAThousandSlots) {
  const auto geometry = take(plan_geometry({}));
  EXPECT_EQ(geometry.capacity_bytes, std::uint64_t{4} << 30);
  EXPECT_EQ(geometry.reader_slots, 1024U);
  EXPECT_EQ(geometry.record_entries, layout::record_entries_default);
}

TEST(GeometryTest, RegionsFollowOneAnotherOnPages) {
  for (const std::uint64_t capacity : {layout::capacity_bytes_min, small_capacity_bytes + page_bytes,
                                       std::uint64_t{1} << 30, layout::capacity_bytes_max})
    for (const std::uint32_t slots : {1U, 64U, 65U, 1024U}) {
      OpenRequest request;
      request.capacity_bytes = capacity;
      request.reader_slots = slots;
      const auto geometry = take(plan_geometry(request));
      const std::uint64_t map_bytes = (page_map_words(capacity) + page_map_summary_words(capacity)) * 8;
      EXPECT_EQ(geometry.slots_offset, 2 * page_bytes);
      EXPECT_EQ(geometry.record_offset, layout::round_up(2 * page_bytes + slots * 64, page_bytes));
      EXPECT_EQ(geometry.roots_offset, geometry.record_offset + page_bytes);
      EXPECT_EQ(geometry.page_map_offset, geometry.roots_offset + page_bytes);
      EXPECT_EQ(geometry.heap_offset, geometry.page_map_offset + layout::round_up(map_bytes, page_bytes));
      EXPECT_EQ(geometry.heap_offset + geometry.heap_pages * page_bytes, capacity);
    }
}

TEST(GeometryTest, CapacityIsRoundedUpToPages) {
  OpenRequest request;
  request.capacity_bytes = small_capacity_bytes + 1;
  EXPECT_EQ(take(plan_geometry(request)).capacity_bytes, small_capacity_bytes + page_bytes);
}

TEST(GeometryTest, RefusesWhatIsOutOfRange) {
  const auto plan = [](std::uint64_t capacity_bytes, std::uint32_t reader_slots) {
    OpenRequest request;
    request.capacity_bytes = capacity_bytes;
    request.reader_slots = reader_slots;
    return refusal(plan_geometry(request));
  };
  EXPECT_EQ(plan(1, 1), Code::invalid_argument);
  EXPECT_EQ(plan(layout::capacity_bytes_min - page_bytes, 1), Code::invalid_argument);
  EXPECT_EQ(plan(layout::capacity_bytes_min, 1), no_fault);
  EXPECT_EQ(plan(layout::capacity_bytes_max, 65536), no_fault);
  EXPECT_EQ(plan(layout::capacity_bytes_max + 1, 1), Code::invalid_argument);
  EXPECT_EQ(plan(~std::uint64_t{0}, 1), Code::invalid_argument);
  EXPECT_EQ(plan(0, 65537), Code::invalid_argument);
  EXPECT_EQ(plan(layout::capacity_bytes_min, 65536), Code::invalid_argument) << "no page left for the heap";
}

// --- creation --------------------------------------------------------------------------------------------

TEST_F(SegmentTest, CreatedSegmentIsEmptyAndComplete) {
  Opening opening = take(open_path(path_, small_request()));
  EXPECT_TRUE(opening.created());
  EXPECT_TRUE(opening.alone());
  EXPECT_EQ(opening.segment().lease().opener, small_request().identity);
  const Segment segment = take(std::move(opening).finish());
  const layout::Geometry geometry = SegmentTest::geometry();
  EXPECT_EQ(segment.geometry(), geometry);
  EXPECT_EQ(segment.path(), path_);
  EXPECT_FALSE(segment.read_only());
  EXPECT_EQ(segment.superblock().magic, layout::magic_ready);
  EXPECT_EQ(segment.superblock().checksum, superblock_checksum(geometry));
  EXPECT_EQ(segment.lease().origin, small_request().origin);
  EXPECT_EQ(segment.lease().checksum, lease_checksum(small_request().origin));
  EXPECT_EQ(segment.lease().opener, 0U);
  EXPECT_EQ(segment.roots().epoch, 1U);
  EXPECT_EQ(segment.roots().generation, 1U);
  EXPECT_EQ(segment.roots().frontier, geometry.heap_offset / page_bytes);
  EXPECT_EQ(segment.roots().backed, geometry.heap_offset / page_bytes);
}

TEST_F(SegmentTest, CreatedBytesAreZeroButForTheHeader) {
  create();
  const layout::Geometry geometry = SegmentTest::geometry();
  std::uint64_t set_bytes = 0;
  for (std::uint64_t page = 0; page < small_capacity_bytes; page += page_bytes) {
    const auto bytes = peek<std::array<std::uint8_t, page_bytes>>(path_, page);
    std::uint64_t set = 0;
    for (const std::uint8_t byte : bytes) set += byte != 0;
    if (page == 0 || page == page_bytes || page == geometry.roots_offset)
      EXPECT_GT(set, 0U) << page;
    else
      EXPECT_EQ(set, 0U) << page;
    set_bytes += set;
  }
  EXPECT_LT(set_bytes, 128U);
}

TEST_F(SegmentTest, CreatedFileIsSparseBehindABackedHeader) {
  OpenRequest request = small_request();
  request.capacity_bytes = std::uint64_t{1} << 30;
  const Segment segment = open_whole(path_, request);
  EXPECT_EQ(status_of(path_).st_size, off_t{1} << 30);
  EXPECT_GE(stored_bytes(segment.descriptor()), segment.geometry().heap_offset);
  EXPECT_LT(stored_bytes(segment.descriptor()), std::uint64_t{16} << 20);
}

TEST_F(SegmentTest, ModeIsExactWhateverTheUmask) {
  const mode_t before = umask(077);
  OpenRequest request = small_request();
  request.mode = 0666;
  open_whole(path_, request);
  open_whole(path_ + "2", small_request());
  umask(before);
  EXPECT_EQ(status_of(path_).st_mode & 07777, 0666U);
  EXPECT_EQ(status_of(path_ + "2").st_mode & 07777, 0600U);
}

TEST_F(SegmentTest, RefusedCreationLeavesNothing) {
  OpenRequest request = small_request();
  request.mode = 04755;
  EXPECT_EQ(refusal(open_path(path_, request)), Code::invalid_argument);
  request = small_request();
  request.capacity_bytes = layout::capacity_bytes_max + 1;
  EXPECT_EQ(refusal(open_path(path_, request)), Code::invalid_argument);
  request = small_request();
  request.must_exist = true;
  EXPECT_EQ(refusal(open_path(path_, request)), Code::not_found);
  request.exclusive = true;
  EXPECT_EQ(refusal(open_path(path_, request)), Code::invalid_argument);
  EXPECT_EQ(refusal(open_path("", small_request())), Code::invalid_argument);
  EXPECT_EQ(refusal(open_path(path_ + std::string(1, '\0') + "x", small_request())), Code::invalid_argument);
  EXPECT_EQ(files(), 0U);
}

TEST_F(SegmentTest, MissingFolderIsAnError) {
  const auto result = open_path(folder_ + "/none/segment", small_request());
  EXPECT_EQ(refusal(result), Code::io);
  EXPECT_EQ(subject(result), std::uint64_t{ENOENT});
  EXPECT_EQ(refusal(open_path(folder_ + "/none/segment", existing_request())), Code::not_found);
}

TEST_F(SegmentTest, ExclusiveCreationRefusesAnyFile) {
  OpenRequest request = small_request();
  request.exclusive = true;
  open_whole(path_, request);
  EXPECT_EQ(refusal(open_path(path_, request)), Code::exists);
  write_file(path_ + "2", "");
  EXPECT_EQ(refusal(open_path(path_ + "2", request)), Code::exists);
  ASSERT_EQ(symlink("nowhere", (path_ + "3").c_str()), 0);
  EXPECT_EQ(refusal(open_path(path_ + "3", request)), Code::exists);
  EXPECT_EQ(files(), 3U);
}

TEST_F(SegmentTest, TemporaryNameGivesTheSameFile) {
  {
    Opening opening = take(SegmentBuilder::create_under_temporary_name(path_, small_request()));
    EXPECT_TRUE(opening.created());
    EXPECT_TRUE(opening.alone());
  }
  open_whole(path_ + "2", small_request());
  for (std::uint64_t page = 0; page < small_capacity_bytes; page += page_bytes)
    EXPECT_EQ((peek<std::array<char, page_bytes>>(path_, page)),
              (peek<std::array<char, page_bytes>>(path_ + "2", page)));
  EXPECT_EQ(files(), 2U);
}

TEST_F(SegmentTest, LoserOfACreationLeavesNothing) {
  create();
  const ino_t winner = status_of(path_).st_ino;
  EXPECT_EQ(refusal(SegmentBuilder::create_unnamed(path_, small_request())), Code::exists);
  EXPECT_EQ(refusal(SegmentBuilder::create_under_temporary_name(path_, small_request())), Code::exists);
  EXPECT_EQ(status_of(path_).st_ino, winner);
  EXPECT_EQ(files(), 1U);
}

TEST_F(SegmentTest, CreatorIsNeverTakenForUnattended) {
  const Opening opening = take(open_path(path_, small_request()));
  OpenRequest request = existing_request();
  request.open_timeout_ms = 0;
  const auto refused = open_path(path_, request);
  EXPECT_EQ(refusal(refused), Code::timed_out);
  EXPECT_EQ(subject(refused), static_cast<std::uint64_t>(getpid()));
}

/// Races `openers` processes through `open_one` and returns how many of them created the segment.
int count_creators(int openers, const std::function<Expected<Opening>(int)>& open_one) {
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

TEST_F(SegmentTest, OneOfRacingCreatorsWinsAndTheOthersAttach) {
  for (int round = 0; round < 50; ++round) {
    EXPECT_EQ(count_creators(4, [&](int) { return open_path(path_, small_request()); }), 1);
    EXPECT_EQ(files(), 1U);
    fs::remove(path_);
  }
}

TEST_F(SegmentTest, BothWaysOfCreationRaceFairly) {
  const auto open_one = [&](int i) {
    auto opening = i % 2 == 0 ? SegmentBuilder::create_unnamed(path_, small_request())
                              : SegmentBuilder::create_under_temporary_name(path_, small_request());
    return refusal(opening) == Code::exists ? open_path(path_, small_request()) : std::move(opening);
  };
  for (int round = 0; round < 50; ++round) {
    EXPECT_EQ(count_creators(4, open_one), 1);
    EXPECT_EQ(files(), 1U);
    fs::remove(path_);
  }
}

TEST_F(SegmentTest, OneOfRacingOpenersInitialisesAnEmptyFile) {
  for (int round = 0; round < 50; ++round) {
    write_file(path_, "");
    EXPECT_EQ(count_creators(4, [&](int) { return open_path(path_, small_request()); }), 1);
    fs::remove(path_);
  }
}

TEST_F(SegmentTest, RacingThreadsCreateOnce) {
  std::atomic<int> creators = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        auto opening = open_path(path_, small_request());
        if (!opening) return;
        creators += opening->created() ? 1 : 10;
        (void)std::move(*opening).finish();
      });
  }
  EXPECT_EQ(creators, 31);
}

// --- opening what exists ---------------------------------------------------------------------------------

TEST_F(SegmentTest, SecondAttachmentSeesTheFirstOnesStores) {
  const Segment first = open_whole(path_, small_request());
  Opening opening = take(open_path(path_, existing_request()));
  EXPECT_FALSE(opening.created());
  EXPECT_FALSE(opening.alone());
  const Segment second = take(std::move(opening).finish());
  first.roots().key_count = 42;
  EXPECT_EQ(second.roots().key_count, 42U);
  EXPECT_NE(first.descriptor(), second.descriptor());
}

TEST_F(SegmentTest, StoredGeometryWins) {
  create();
  OpenRequest request = small_request();
  request.capacity_bytes = std::uint64_t{1} << 30;
  request.reader_slots = 5;
  EXPECT_EQ(open_whole(path_, request).geometry(), geometry());
}

TEST_F(SegmentTest, ReopeningAnUnattendedSegmentIsAlone) {
  create();
  for (int round = 0; round < 3; ++round) {
    Opening opening = take(open_path(path_, existing_request()));
    EXPECT_TRUE(opening.alone());
    EXPECT_FALSE(opening.created());
    take(std::move(opening).finish());
  }
}

TEST_F(SegmentTest, DroppedOpeningGivesEverythingBack) {
  create();
  {
    const Opening opening = take(open_path(path_, existing_request()));
    EXPECT_EQ(peek<layout::Lease>(path_, page_bytes).opener, existing_request().identity);
  }
  EXPECT_EQ(peek<layout::Lease>(path_, page_bytes).opener, 0U);
  EXPECT_TRUE(take(open_path(path_, existing_request())).alone());
}

TEST_F(SegmentTest, MovedSegmentDetachesOnce) {
  Segment segment = open_whole(path_, small_request());
  Segment moved = std::move(segment);
  EXPECT_EQ(segment.base(), nullptr);
  EXPECT_EQ(moved.roots().generation, 1U);
  segment = std::move(moved);
  EXPECT_EQ(segment.roots().generation, 1U);
  segment = Segment{};
  EXPECT_TRUE(take(open_path(path_, existing_request())).alone());
}

TEST_F(SegmentTest, StoppedOpenerIsNamedAndADeadOneBlocksNobody) {
  create();
  Bell opened;
  Child opener([&] {
    OpenRequest request = existing_request();
    request.identity = identity_of(getpid());
    const Opening opening = take(open_path(path_, request));
    opened.ring();
    rest_until_killed();
    return 0;
  });
  ASSERT_TRUE(opened.heard());
  OpenRequest request = existing_request();
  request.open_timeout_ms = 5;
  const auto refused = open_path(path_, request);
  EXPECT_EQ(refusal(refused), Code::timed_out);
  EXPECT_EQ(subject(refused), static_cast<std::uint64_t>(opener.pid()));
  opener.kill_and_reap();
  EXPECT_TRUE(take(open_path(path_, existing_request())).alone());
}

TEST_F(SegmentTest, ForkedChildsMappingKeepsTheAttachment) {
  std::optional<Segment> segment = open_whole(path_, small_request());
  Bell ready;
  Child child([&] {
    close(segment->descriptor());
    ready.ring();
    rest_until_killed();
    return 0;
  });
  ASSERT_TRUE(ready.heard());
  segment.reset();
  EXPECT_FALSE(take(open_path(path_, existing_request())).alone());
  child.kill_and_reap();
  EXPECT_TRUE(take(open_path(path_, existing_request())).alone());
}

TEST_F(SegmentTest, KilledAttachmentLeavesTheSegmentUnattended) {
  create();
  Bell ready;
  Child child([&] {
    const Segment segment = open_whole(path_, existing_request());
    ready.ring();
    rest_until_killed();
    return 0;
  });
  ASSERT_TRUE(ready.heard());
  EXPECT_FALSE(take(open_path(path_, existing_request())).alone());
  child.kill_and_reap();
  EXPECT_TRUE(take(open_path(path_, existing_request())).alone());
}

TEST_F(SegmentTest, FileOfAnotherKindIsRefusedAsItIs) {
  for (const std::string& content : {std::string("x"), std::string("radish0"), std::string(4096, 'x'),
                                     std::string(4096, '\0'), std::string(small_capacity_bytes, 'r')}) {
    write_file(path_, content);
    EXPECT_EQ(refusal(open_path(path_, small_request())), Code::not_radish);
    EXPECT_EQ(refusal(open_readonly(path_)), Code::not_radish);
    EXPECT_EQ(status_of(path_).st_size, static_cast<off_t>(content.size()));
  }
}

TEST_F(SegmentTest, TruncatedOrExtendedFileIsCorrupt) {
  create();
  for (const off_t bytes : {8, 80, 4095, 4096, 256 * 1024 - 1, 256 * 1024 + 1, 1 << 20}) {
    fs::copy_file(path_, path_ + "2");
    ASSERT_EQ(truncate((path_ + "2").c_str(), bytes), 0);
    EXPECT_EQ(refusal(open_path(path_ + "2", small_request())), Code::corrupt) << bytes;
    fs::remove(path_ + "2");
  }
}

void expect_not_regular(const std::string& path) {
  EXPECT_EQ(refusal(open_path(path, small_request())), Code::not_regular_file) << path;
  EXPECT_EQ(refusal(open_readonly(path)), Code::not_regular_file) << path;
}

TEST_F(SegmentTest, WhatIsNotARegularFileIsRefused) {
  create();
  ASSERT_EQ(symlink("segment", (path_ + ".link").c_str()), 0);
  ASSERT_EQ(symlink("nowhere", (path_ + ".dangling").c_str()), 0);
  ASSERT_EQ(mkfifo((path_ + ".fifo").c_str(), 0600), 0);
  for (const char* suffix : {".link", ".dangling", ".fifo"}) expect_not_regular(path_ + suffix);
  expect_not_regular(folder_);
  expect_not_regular("/dev/null");
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string socket_path = path_ + ".sock";
  ASSERT_LT(socket_path.size(), sizeof(address.sun_path));
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  expect_not_regular(socket_path);
  close(listener);
}

TEST_F(SegmentTest, OwnEmptyFileIsInitialisedAndKeepsItsMode) {
  write_file(path_, "");
  ASSERT_EQ(chmod(path_.c_str(), 0640), 0);
  EXPECT_EQ(refusal(open_path(path_, existing_request())), Code::not_found);
  EXPECT_EQ(status_of(path_).st_size, 0);
  EXPECT_TRUE(take(open_path(path_, small_request())).created());
  EXPECT_FALSE(take(open_path(path_, existing_request())).created());
  EXPECT_EQ(status_of(path_).st_mode & 07777, 0640U);
}

TEST_F(SegmentTest, InterruptedInitialisationStartsOver) {
  for (const off_t bytes : {off_t{8}, off_t{small_capacity_bytes}, off_t{1} << 20}) {
    write_file(path_, "creatingx");
    patch(path_, 0, layout::magic_creating);
    ASSERT_EQ(truncate(path_.c_str(), bytes), 0);
    if (bytes > 4096) patch(path_, 100000, std::uint64_t{0xbad});
    EXPECT_EQ(refusal(open_readonly(path_)), Code::not_frozen);
    EXPECT_EQ(refusal(open_path(path_, existing_request())), Code::not_found);
    EXPECT_TRUE(take(open_path(path_, small_request())).created());
    EXPECT_EQ(status_of(path_).st_size, static_cast<off_t>(small_capacity_bytes));
    EXPECT_EQ(peek<std::uint64_t>(path_, 100000), 0U);
  }
}

TEST_F(SegmentTest, CreatingMagicUnderAnAttachmentIsCorrupt) {
  const Segment segment = open_whole(path_, small_request());
  segment.superblock().magic = layout::magic_creating;
  EXPECT_EQ(refusal(open_path(path_, small_request())), Code::corrupt);
}

TEST_F(SegmentTest, EmptyFileOfAnotherUserIsRefused) {
  RADISH_SKIP_UNLESS_ROOT();
  write_file(path_, "");
  ASSERT_EQ(chown(path_.c_str(), 12345, 0), 0);
  const auto refused = open_path(path_, small_request());
  EXPECT_EQ(refusal(refused), Code::foreign_owner);
  EXPECT_EQ(subject(refused), 12345U);
  EXPECT_EQ(status_of(path_).st_size, 0);
  patch(path_, 0, layout::magic_creating);
  EXPECT_EQ(refusal(open_path(path_, small_request())), Code::foreign_owner);
}

TEST_F(SegmentTest, LockOfAnotherProgramIsAnErrorNotAHang) {
  create();
  const int stranger = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_TRUE(take(set_lock(stranger, F_WRLCK, attach_lock_byte)));
  EXPECT_EQ(refusal(open_path(path_, small_request())), Code::io);
  close(stranger);
  EXPECT_TRUE(take(open_path(path_, small_request())).alone());
}

TEST(NetworkFileSystemTest, IsKnownByItsMagic) {
  for (const std::uint64_t type :
       {0x6969UL, 0x517bUL, 0xff534d42UL, 0xffffffffff534d42UL, 0xfe534d42UL, 0x01021997UL, 0x5346414fUL,
        0x6b414653UL, 0x73757245UL, 0x00c36400UL, 0x0bd00bd0UL, 0x7461636fUL, 0x01161970UL})
    EXPECT_TRUE(is_network_file_system(type)) << std::hex << type;
  for (const std::uint64_t type : {0xef53UL, 0x01021994UL, 0x9123683eUL, 0x58465342UL, 0x794c7630UL})
    EXPECT_FALSE(is_network_file_system(type)) << std::hex << type;
}

// --- the superblock at rest ------------------------------------------------------------------------------

TEST_F(SegmentTest, EveryChangedByteOfTheSuperblockIsRefused) {
  create();
  for (std::uint64_t offset = 0; offset < sizeof(layout::Superblock); ++offset) {
    const auto byte = peek<std::uint8_t>(path_, offset);
    patch(path_, offset, static_cast<std::uint8_t>(byte ^ 0x10));
    const Code code = refusal(open_path(path_, existing_request()));
    if (offset < 8)
      EXPECT_EQ(code, Code::not_radish) << offset;
    else if (offset < 12)
      EXPECT_EQ(code, Code::version) << offset;
    else if (offset >= 136 && offset < 144)
      EXPECT_EQ(code, no_fault) << "the content checksum means nothing before the seal";
    else
      EXPECT_EQ(code, Code::corrupt) << offset;
    patch(path_, offset, byte);
  }
}

template <class Field>
Code refusal_with(const std::string& path, Field layout::Geometry::* field, Field change) {
  auto geometry = peek<layout::Geometry>(path, offsetof(layout::Superblock, geometry));
  const layout::Geometry before = geometry;
  geometry.*field += change;
  patch(path, offsetof(layout::Superblock, geometry), geometry);
  patch(path, offsetof(layout::Superblock, checksum), superblock_checksum(geometry));
  const Code code = refusal(open_path(path, existing_request()));
  patch(path, offsetof(layout::Superblock, geometry), before);
  patch(path, offsetof(layout::Superblock, checksum), superblock_checksum(before));
  return code;
}

TEST_F(SegmentTest, GeometryWithAGoodChecksumMustStillAgreeWithItself) {
  using layout::Geometry;
  create();
  EXPECT_EQ(refusal_with(path_, &Geometry::feature_bits, 1U), Code::version);
  EXPECT_EQ(refusal_with(path_, &Geometry::record_entries, 1U), Code::version);
  for (const std::uint64_t change : {std::uint64_t{1}, page_bytes, ~page_bytes + 1, ~std::uint64_t{0} / 2}) {
    EXPECT_EQ(refusal_with(path_, &Geometry::capacity_bytes, change), Code::corrupt);
    EXPECT_EQ(refusal_with(path_, &Geometry::slots_offset, change), Code::corrupt);
    EXPECT_EQ(refusal_with(path_, &Geometry::record_offset, change), Code::corrupt);
    EXPECT_EQ(refusal_with(path_, &Geometry::roots_offset, change), Code::corrupt);
    EXPECT_EQ(refusal_with(path_, &Geometry::page_map_offset, change), Code::corrupt);
    EXPECT_EQ(refusal_with(path_, &Geometry::heap_offset, change), Code::corrupt);
    EXPECT_EQ(refusal_with(path_, &Geometry::heap_pages, change), Code::corrupt);
  }
  // Zero would be the default, were it asked for.
  EXPECT_EQ(refusal_with(path_, &Geometry::capacity_bytes, ~small_capacity_bytes + 1), Code::corrupt);
  EXPECT_EQ(refusal_with(path_, &Geometry::reader_slots, ~64U + 1), Code::corrupt);
  EXPECT_EQ(refusal_with(path_, &Geometry::reader_slots, 64U), Code::corrupt);
  EXPECT_EQ(refusal_with(path_, &Geometry::heap_pages, std::uint64_t{0}), no_fault);
}

// --- room ------------------------------------------------------------------------------------------------

TEST_F(SegmentTest, BackedPagesAreStoredAndZero) {
  const Segment segment = open_whole(path_, small_request());
  const std::uint64_t before = stored_bytes(segment.descriptor());
  const std::uint64_t first = segment.roots().backed;
  take(segment.back_pages(first, first + 16));
  EXPECT_GE(stored_bytes(segment.descriptor()), before + 16 * page_bytes);
  for (std::uint64_t i = 0; i < 16 * page_bytes; ++i)
    ASSERT_EQ(*segment.at(first * page_bytes + i), std::byte{0});
  take(segment.back_pages(first, first));
}

TEST_F(SegmentTest, WritingInPlaceOfAllocationKeepsOrClears) {
  write_file(path_, "content");
  ASSERT_EQ(truncate(path_.c_str(), 1 << 20), 0);
  const int descriptor = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  take(allocate_by_writing(descriptor, 0, 200'000, Unallocatable::rewrite));
  EXPECT_GE(stored_bytes(descriptor), 200'000U);
  EXPECT_EQ((peek<std::array<char, 7>>(path_, 0)), (std::array{'c', 'o', 'n', 't', 'e', 'n', 't'}));
  take(allocate_by_writing(descriptor, 0, 400'000, Unallocatable::write_zeros));
  EXPECT_GE(stored_bytes(descriptor), 400'000U);
  EXPECT_EQ((peek<std::array<char, 7>>(path_, 0)), (std::array<char, 7>{}));
  EXPECT_EQ(refusal(allocate_by_writing(descriptor, 0, 2 << 20, Unallocatable::rewrite)), Code::corrupt);
  EXPECT_EQ(status_of(path_).st_size, 1 << 20);
  close(descriptor);
}

TEST_F(SegmentTest, LoneOpenerBacksTheHolesBelowTheFrontier) {
  {
    const Segment segment = open_whole(path_, small_request());
    segment.roots().frontier += 8;
    segment.roots().backed += 16;
  }
  const int descriptor = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  const auto heap = static_cast<off_t>(geometry().heap_offset);
  const auto rest = static_cast<off_t>(small_capacity_bytes) - heap;
  ASSERT_EQ(fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, heap, rest), 0);
  const std::uint64_t holed = stored_bytes(descriptor);
  open_whole(path_, existing_request());
  EXPECT_GE(stored_bytes(descriptor), holed + 16 * page_bytes);
  EXPECT_LT(stored_bytes(descriptor), holed + 20 * page_bytes);
  close(descriptor);
}

TEST_F(SegmentTest, FrontierBeyondTheCapacityIsCorruptAndAllocatesNothing) {
  create();
  const std::uint64_t offset = geometry().roots_offset + offsetof(layout::Roots, frontier);
  for (const std::uint64_t frontier : {small_capacity_bytes / page_bytes + 1, ~std::uint64_t{0}}) {
    patch(path_, offset, frontier);
    EXPECT_EQ(refusal(open_path(path_, existing_request())), Code::corrupt);
  }
  const int descriptor = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_LT(stored_bytes(descriptor), geometry().heap_offset + 4 * page_bytes);
  close(descriptor);
}

TEST_F(SegmentTest, SyncReachesTheFile) {
  const Segment segment = open_whole(path_, small_request());
  segment.roots().key_count = 9;
  take(segment.sync());
  EXPECT_EQ(peek<layout::Roots>(path_, segment.geometry().roots_offset).key_count, 9U);
}

TEST_F(SegmentTest, FullDiskIsAnErrorOfCreationThatLeavesNothing) {
  RADISH_EXPECT_IN_OWN_MOUNT(folder_, "size=16k", [&] {
    if (refusal(open_path(path_, small_request())) != Code::no_space) return 1;
    if (files() != 0) return 2;
    if (refusal(SegmentBuilder::create_under_temporary_name(path_, small_request())) != Code::no_space)
      return 3;
    return files() == 0 ? 0 : 4;
  });
}

TEST_F(SegmentTest, FullDiskIsAnErrorOfGrowthAndOfALoneOpening) {
  RADISH_EXPECT_IN_OWN_MOUNT(folder_, "size=64k", [&] {
    const std::uint64_t pages = small_capacity_bytes / page_bytes;
    {
      const Segment segment = open_whole(path_, small_request());
      const auto growth = segment.back_pages(segment.roots().backed, pages);
      if (refusal(growth) != Code::no_space || subject(growth) != ENOSPC) return 1;
      segment.roots().frontier = pages;
    }
    return refusal(open_path(path_, existing_request())) == Code::no_space ? 0 : 2;
  });
}

TEST_F(SegmentTest, FrozenSegmentOpensOnAReadOnlyFileSystem) {
  RADISH_EXPECT_IN_OWN_MOUNT(folder_, "size=1m", [&] {
    create();
    patch(path_, offsetof(layout::Superblock, sealed), layout::sealed_mark);
    if (mount("none", folder_.c_str(), "", MS_REMOUNT | MS_BIND | MS_RDONLY, "") != 0) return 1;
    if (!open_readonly(path_)) return 2;
    const auto refused = open_path(path_, small_request());
    return refusal(refused) == Code::io && subject(refused) == EROFS ? 0 : 3;
  });
}

TEST_F(SegmentTest, WithoutProcCreationFallsBackToATemporaryName) {
  RADISH_EXPECT_IN_OWN_MOUNT("/proc", "size=16k", [&] {
    if (refusal(SegmentBuilder::create_unnamed(path_, small_request())) != Code::io) return 1;
    if (!take(open_path(path_, small_request())).created()) return 2;
    if (files() != 1) return 3;
    return take(open_path(path_, existing_request())).alone() ? 0 : 4;
  });
}

// --- memfd and descriptors -------------------------------------------------------------------------------

TEST(MemfdTest, IsWholeAndSealedInSize) {
  Opening opening = take(create_memfd("radish test", small_request()));
  EXPECT_TRUE(opening.created());
  EXPECT_TRUE(opening.alone());
  const Segment segment = take(std::move(opening).finish());
  EXPECT_EQ(segment.path(), "");
  EXPECT_EQ(segment.roots().generation, 1U);
  const int seals = fcntl(segment.descriptor(), F_GET_SEALS);
  EXPECT_EQ(seals & (F_SEAL_SHRINK | F_SEAL_GROW), F_SEAL_SHRINK | F_SEAL_GROW);
  EXPECT_NE(ftruncate(segment.descriptor(), 0), 0);
  EXPECT_NE(ftruncate(segment.descriptor(), 1 << 20), 0);
  EXPECT_NE(fcntl(segment.descriptor(), F_GETFD) & FD_CLOEXEC, 0);
  take(segment.back_pages(segment.roots().backed, segment.roots().backed + 1));
  take(segment.sync());
}

TEST(MemfdTest, RefusesBadArguments) {
  EXPECT_EQ(refusal(create_memfd(std::string(300, 'x'), small_request())), Code::invalid_argument);
  OpenRequest request = small_request();
  request.reader_slots = 65537;
  EXPECT_EQ(refusal(create_memfd("x", request)), Code::invalid_argument);
}

TEST(DescriptorTest, DuplicateOpensAnAttachmentOfItsOwn) {
  std::optional<Segment> first = take(take(create_memfd("x", small_request())).finish());
  const int handed = dup(first->descriptor());
  {
    Opening opening = take(open_descriptor(handed, small_request()));
    EXPECT_FALSE(opening.alone());
    EXPECT_FALSE(opening.created());
    const Segment second = take(std::move(opening).finish());
    EXPECT_EQ(second.path(), "");
    first->roots().key_count = 5;
    EXPECT_EQ(second.roots().key_count, 5U);
  }
  // The duplicate shares the first attachment's description, so it counts as attached until it is closed.
  const int reopened = open(("/proc/self/fd/" + std::to_string(handed)).c_str(), O_RDWR | O_CLOEXEC);
  first.reset();
  EXPECT_FALSE(take(open_descriptor(reopened, small_request())).alone());
  close(handed);
  EXPECT_TRUE(take(open_descriptor(reopened, small_request())).alone());
  close(reopened);
}

TEST(DescriptorTest, DescriptorOfAnotherProcessOpensThroughProc) {
  Bell ready;
  const Segment segment = take(take(create_memfd("x", small_request())).finish());
  Child child([&] {
    ready.ring();
    rest_until_killed();
    return 0;
  });
  ASSERT_TRUE(ready.heard());
  const std::string path =
      "/proc/" + std::to_string(child.pid()) + "/fd/" + std::to_string(segment.descriptor());
  const int handed = open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(handed, 0);
  EXPECT_FALSE(take(open_descriptor(handed, small_request())).alone());
  EXPECT_EQ(refusal(open_path(path, small_request())), Code::not_regular_file) << "paths follow no links";
  close(handed);
}

TEST(DescriptorTest, EmptyMemfdIsInitialised) {
  const int descriptor = memfd_create("x", MFD_CLOEXEC);
  EXPECT_TRUE(take(open_descriptor(descriptor, small_request())).created());
  EXPECT_FALSE(take(open_descriptor(descriptor, small_request())).created());
  close(descriptor);
}

TEST(DescriptorTest, DescriptorThatCannotWriteIsRefused) {
  const Segment segment = take(take(create_memfd("x", small_request())).finish());
  const std::string path = "/proc/self/fd/" + std::to_string(segment.descriptor());
  for (const int flags : {O_RDONLY, O_WRONLY, O_PATH}) {
    const int descriptor = open(path.c_str(), flags | O_CLOEXEC);
    ASSERT_GE(descriptor, 0);
    EXPECT_EQ(refusal(open_descriptor(descriptor, small_request())), Code::invalid_argument);
    close(descriptor);
  }
}

TEST(DescriptorTest, WhatIsNoFileIsRefused) {
  const auto refused = open_descriptor(-1, small_request());
  EXPECT_EQ(refusal(refused), Code::io);
  EXPECT_EQ(subject(refused), std::uint64_t{EBADF});
  std::array<int, 2> sockets{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()), 0);
  EXPECT_EQ(refusal(open_descriptor(sockets[0], small_request())), Code::not_regular_file);
  for (const int socket : sockets) close(socket);
}

// --- frozen ----------------------------------------------------------------------------------------------

TEST_F(SegmentTest, FrozenSegmentIsReadOnlyForAll) {
  create();
  EXPECT_EQ(refusal(open_readonly(path_)), Code::not_frozen);
  EXPECT_EQ(refusal(open_readonly(path_ + "2")), Code::not_found);
  patch(path_, offsetof(layout::Superblock, sealed), layout::sealed_mark);
  ASSERT_EQ(chmod(path_.c_str(), 0400), 0);
  const Segment segment = take(open_readonly(path_));
  EXPECT_TRUE(segment.read_only());
  EXPECT_EQ(segment.path(), path_);
  EXPECT_EQ(segment.geometry(), geometry());
  EXPECT_EQ(segment.roots().generation, 1U);
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  EXPECT_EQ(refusal(open_path(path_, small_request())), Code::frozen);
}

TEST_F(SegmentTest, ReadOnlyAttachmentTakesNoLock) {
  create();
  patch(path_, offsetof(layout::Superblock, sealed), layout::sealed_mark);
  const Segment segment = take(open_readonly(path_));
  const int other = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_TRUE(take(set_lock(other, F_WRLCK, attach_lock_byte)));
  EXPECT_TRUE(take(set_lock(other, F_WRLCK, open_lock_byte)));
  EXPECT_TRUE(open_readonly(path_).has_value());
  close(other);
}

TEST_F(SegmentTest, SealOverAnArmedRecordIsCorrupt) {
  create();
  patch(path_, geometry().record_offset, layout::armed_mark);
  EXPECT_EQ(refusal(open_path(path_, small_request())), no_fault) << "recovery is for the floors above";
  patch(path_, offsetof(layout::Superblock, sealed), layout::sealed_mark);
  EXPECT_EQ(refusal(open_path(path_, small_request())), Code::corrupt);
  EXPECT_EQ(refusal(open_readonly(path_)), Code::corrupt);
}

TEST_F(SegmentTest, RefusedOpeningLeavesAFrozenFileAlone) {
  create();
  patch(path_, offsetof(layout::Superblock, sealed), layout::sealed_mark);
  const auto superblock = peek<std::array<char, page_bytes>>(path_, 0);
  const auto lease = peek<std::array<char, page_bytes>>(path_, page_bytes);
  EXPECT_EQ(refusal(open_path(path_, small_request())), Code::frozen);
  EXPECT_EQ((peek<std::array<char, page_bytes>>(path_, 0)), superblock);
  EXPECT_EQ((peek<std::array<char, page_bytes>>(path_, page_bytes)), lease);
}

// --- kills -----------------------------------------------------------------------------------------------

/// A traced child that runs a body: it can be killed at its nth system call or instruction.
class Traced {
 public:
  explicit Traced(const std::function<void()>& body)
      : child_([&] {
          ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
          raise(SIGSTOP);
          body();
          return 0;
        }) {
    waitpid(child_.pid(), nullptr, 0);
    ptrace(PTRACE_SETOPTIONS, child_.pid(), nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  }
  /// Lets it go on to its next stop; false if it has ended, which must have been well.
  bool step(__ptrace_request request) {
    ptrace(request, child_.pid(), nullptr, nullptr);
    int status = 0;
    waitpid(child_.pid(), &status, 0);
    if (WIFSTOPPED(status)) return true;
    EXPECT_EQ(status, 0);
    child_.forget();
    return false;
  }
  /// Lets it go on until it maps the small segment.
  void run_to_mapping() {
    while (step(PTRACE_SYSCALL)) {
      __ptrace_syscall_info info{};
      ptrace(PTRACE_GET_SYSCALL_INFO, child_.pid(), sizeof(info), &info);
      if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_mmap &&
          info.entry.args[1] == small_capacity_bytes)
        return;
    }
    ADD_FAILURE() << "the traced process never mapped the segment";
  }
  /// Steps it `stops` times, then kills it; how many steps it made of itself.
  std::uint64_t kill_after(std::uint64_t stops, __ptrace_request request) {
    std::uint64_t made = 0;
    while (made < stops && step(request)) ++made;
    if (made == stops) child_.kill_and_reap();
    return made;
  }

 private:
  Child child_;
};

TEST_F(SegmentTest, CreatorKilledAtAnySystemCallLeavesNoFileOrAWholeOne) {
  int without = 0;
  int whole = 0;
  for (std::uint64_t stops = 0;; ++stops) {
    const std::uint64_t made =
        Traced([&] { open_whole(path_, small_request()); }).kill_after(stops, PTRACE_SYSCALL);
    if (files() == 0) {
      ++without;
    } else {
      ++whole;
      Opening opening = take(open_path(path_, existing_request()));
      EXPECT_TRUE(opening.alone()) << stops;
      EXPECT_EQ(opening.segment().roots().generation, 1U) << stops;
      EXPECT_EQ(files(), 1U) << stops;
      fs::remove(path_);
    }
    if (made < stops) break;
  }
  EXPECT_GT(without, 10);
  EXPECT_GT(whole, 5);
}

TEST_F(SegmentTest, CreatorUnderATemporaryNameLeavesNoHalfFileUnderThePath) {
  int whole = 0;
  for (std::uint64_t stops = 0;; ++stops) {
    const auto body = [&] { take(SegmentBuilder::create_under_temporary_name(path_, small_request())); };
    const std::uint64_t made = Traced(body).kill_after(stops, PTRACE_SYSCALL);
    if (fs::exists(path_)) {
      ++whole;
      EXPECT_FALSE(take(open_path(path_, existing_request())).created()) << stops;
    }
    for (const auto& file : fs::directory_iterator(folder_)) fs::remove(file);
    if (made < stops) break;
  }
  EXPECT_GT(whole, 2);
}

TEST_F(SegmentTest, InitialiserKilledAtAnySystemCallLeavesAFileThatOpens) {
  int unfinished = 0;
  int whole = 0;
  for (std::uint64_t stops = 0;; ++stops) {
    write_file(path_, "");
    const std::uint64_t made =
        Traced([&] { open_whole(path_, small_request()); }).kill_after(stops, PTRACE_SYSCALL);
    Opening opening = take(open_path(path_, small_request()));
    ++(opening.created() ? unfinished : whole);
    EXPECT_TRUE(opening.alone()) << stops;
    EXPECT_EQ(opening.segment().roots().epoch, 1U) << stops;
    EXPECT_EQ(opening.segment().superblock().magic, layout::magic_ready) << stops;
    if (made < stops) break;
  }
  EXPECT_GT(unfinished, 10);
  EXPECT_GT(whole, 2);
}

// A kill leaves the file as it is at that instruction, so a copy taken there stands for it.
TEST_F(SegmentTest, InitialiserKilledAtAnyInstructionLeavesAFileThatOpens) {
  using Region = std::array<char, page_bytes>;
  const std::string copy = path_ + ".copy";
  write_file(path_, "");
  Traced traced([&] { open_whole(path_, small_request()); });
  traced.run_to_mapping();
  std::array<Region, 3> before{};
  std::uint64_t magic = 0;
  int states = 0;
  while (magic != layout::magic_ready && traced.step(PTRACE_SINGLESTEP)) {
    const std::array state{peek<Region>(path_, 0), peek<Region>(path_, page_bytes),
                           peek<Region>(path_, geometry().roots_offset)};
    if (state == before) continue;
    before = state;
    ++states;
    magic = peek<std::uint64_t>(path_, 0);
    fs::copy_file(path_, copy, fs::copy_options::overwrite_existing);
    Opening opening = take(open_path(copy, small_request()));
    EXPECT_EQ(opening.created(), magic != layout::magic_ready);
    EXPECT_TRUE(opening.alone());
    EXPECT_EQ(opening.segment().roots().epoch, 1U);
    EXPECT_EQ(opening.segment().roots().backed, geometry().heap_offset / page_bytes);
  }
  EXPECT_EQ(magic, layout::magic_ready);
  EXPECT_GT(states, 5);
}

TEST_F(SegmentTest, OpenerKilledAtAnySystemCallBlocksNobody) {
  create();
  for (std::uint64_t stops = 0;; ++stops) {
    const std::uint64_t made =
        Traced([&] { open_whole(path_, existing_request()); }).kill_after(stops, PTRACE_SYSCALL);
    OpenRequest request = existing_request();
    request.open_timeout_ms = 0;
    EXPECT_TRUE(take(open_path(path_, request)).alone()) << stops;
    if (made < stops) break;
  }
}

// --- /dev/shm --------------------------------------------------------------------------------------------

class SharedMemorySegmentTest : public SegmentTest {
 protected:
  SharedMemorySegmentTest() : SegmentTest("/dev/shm") {}
};

TEST_F(SharedMemorySegmentTest, CreatesAttachesAndGrows) {
  const Segment first = open_whole(path_, small_request());
  const Segment second = open_whole(path_, existing_request());
  EXPECT_GE(stored_bytes(first.descriptor()), geometry().heap_offset);
  take(first.back_pages(first.roots().backed, first.roots().backed + 4));
  EXPECT_GE(stored_bytes(first.descriptor()), geometry().heap_offset + 4 * page_bytes);
  first.roots().key_count = 3;
  EXPECT_EQ(second.roots().key_count, 3U);
  take(first.sync());
}

TEST_F(SharedMemorySegmentTest, OneOfRacingCreatorsWins) {
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(count_creators(4, [&](int) { return open_path(path_, small_request()); }), 1);
    fs::remove(path_);
  }
}

TEST_F(SharedMemorySegmentTest, KilledCreatorLeavesNoFileOrAWholeOne) {
  for (std::uint64_t stops = 0;; ++stops) {
    const std::uint64_t made =
        Traced([&] { open_whole(path_, small_request()); }).kill_after(stops, PTRACE_SYSCALL);
    if (files() != 0) {
      EXPECT_TRUE(take(open_path(path_, existing_request())).alone()) << stops;
    }
    fs::remove(path_);
    if (made < stops) break;
  }
}

}  // namespace
}  // namespace radish::segment
