// Floor 0: checksum, geometry, creation, and opening what exists.
#include <gtest/gtest.h>

#include "segment_fixture.h"

namespace radish::segment {
namespace {

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
      EXPECT_EQ(geometry.page_map_offset, geometry.roots_offset + 2 * page_bytes);
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
  EXPECT_GE(take(stored_bytes(segment.descriptor())), segment.geometry().heap_offset);
  EXPECT_LT(take(stored_bytes(segment.descriptor())), std::uint64_t{16} << 20);
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

}  // namespace
}  // namespace radish::segment
