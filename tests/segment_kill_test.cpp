// Floor 0: creators and openers killed at every step; and all of it in /dev/shm.
#include <gtest/gtest.h>

#include "segment_fixture.h"

namespace radish::segment {
namespace {

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
  EXPECT_GE(take(stored_bytes(first.descriptor())), geometry().heap_offset);
  take(first.back_pages(first.roots().backed, first.roots().backed + 4));
  EXPECT_GE(take(stored_bytes(first.descriptor())), geometry().heap_offset + 4 * page_bytes);
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
