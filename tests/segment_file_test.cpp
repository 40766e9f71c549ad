// Floor 0: what lies in the file, the room that it takes, descriptors, and frozen files.
#include <gtest/gtest.h>

#include "segment_fixture.h"

namespace radish::segment {
namespace {

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
  EXPECT_EQ(refusal_with(path_, &Geometry::record_entries, 1U), Code::corrupt);
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
  const std::uint64_t before = take(stored_bytes(segment.descriptor()));
  const std::uint64_t first = segment.roots().backed;
  take(segment.back_pages(first, first + 16));
  EXPECT_GE(take(stored_bytes(segment.descriptor())), before + 16 * page_bytes);
  for (std::uint64_t i = 0; i < 16 * page_bytes; ++i)
    ASSERT_EQ(*segment.at(first * page_bytes + i), std::byte{0});
  take(segment.back_pages(first, first));
}

TEST_F(SegmentTest, WritingInPlaceOfAllocationKeepsOrClears) {
  write_file(path_, "content");
  ASSERT_EQ(truncate(path_.c_str(), 1 << 20), 0);
  const int descriptor = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  take(allocate_by_writing(descriptor, 0, 200'000, Unallocatable::rewrite));
  EXPECT_GE(take(stored_bytes(descriptor)), 200'000U);
  EXPECT_EQ((peek<std::array<char, 7>>(path_, 0)), (std::array{'c', 'o', 'n', 't', 'e', 'n', 't'}));
  take(allocate_by_writing(descriptor, 0, 400'000, Unallocatable::write_zeros));
  EXPECT_GE(take(stored_bytes(descriptor)), 400'000U);
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
  const std::uint64_t holed = take(stored_bytes(descriptor));
  open_whole(path_, existing_request());
  EXPECT_GE(take(stored_bytes(descriptor)), holed + 16 * page_bytes);
  EXPECT_LT(take(stored_bytes(descriptor)), holed + 20 * page_bytes);
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
  EXPECT_LT(take(stored_bytes(descriptor)), geometry().heap_offset + 4 * page_bytes);
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

}  // namespace
}  // namespace radish::segment
