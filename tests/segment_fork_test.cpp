// Floor 0: what forked children share, what they must not keep of an open in progress, and who keeps opens
// out.
#include <gtest/gtest.h>

#include <future>

#include "segment_fixture.h"

namespace radish::segment {
namespace {

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

/// What a process leaves that opens in one thread, forks in another, and is killed before the open is
/// finished.
class OrphanOfAnOpen {
 public:
  OrphanOfAnOpen(const std::string& path, pid_t (*fork_one)()) {
    Child opener([&] {
      std::promise<void> opened;
      std::thread([&] {
        const Opening opening = take(open_path(path, existing_request()));
        opened.set_value();
        rest_until_killed();
      }).detach();
      opened.get_future().wait();
      if (fork_one() == 0) {
        *pid_ = getpid();
        ready_.ring();
      }
      rest_until_killed();
      return 0;
    });
    ready_.wait();
    opener.kill_and_reap();
  }
  void end() {
    kill(*pid_, SIGKILL);
    EXPECT_FALSE(gone_.heard());
  }

 private:
  tests::Shared<pid_t> pid_;
  Bell ready_;
  Bell gone_;  // which the orphan alone could ring
};

TEST_F(SegmentTest, ChildForkedDuringAnOpenDoesNotKeepItsLocksAlive) {
  create();
  OrphanOfAnOpen orphan(path_, fork);
  OpenRequest request = existing_request();
  request.open_timeout_ms = 0;
  EXPECT_TRUE(take(open_path(path_, request)).alone());
  orphan.end();
}

/// The limit of that: _Fork runs no handlers.
TEST_F(SegmentTest, ChildOfARawForkDuringAnOpenKeepsItsLocksUntilItEnds) {
  create();
  OrphanOfAnOpen orphan(path_, _Fork);
  OpenRequest request = existing_request();
  request.open_timeout_ms = 0;
  EXPECT_EQ(refusal(open_path(path_, request)), Code::timed_out);
  orphan.end();
  EXPECT_TRUE(take(open_path(path_, request)).alone());
}

/// True if somebody holds the lock that opens are serialised by.
bool is_open_lock_held(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool held = !take(set_lock(descriptor, F_WRLCK, open_lock_byte));
  close(descriptor);
  return held;
}

TEST_F(SegmentTest, DescriptionThatAForkMayHaveSeenBeforeItsGuardIsGivenUp) {
  create();
  std::vector<Child> children;
  auto opened = open_guarded([&] {
    const int descriptor = open(path_.c_str(), O_RDWR | O_CLOEXEC);
    if (children.empty())
      children.emplace_back([] {
        rest_until_killed();
        return 0;
      });
    return descriptor;
  });
  ASSERT_TRUE(take(set_lock(opened.number, F_WRLCK, open_lock_byte)));
  EXPECT_TRUE(is_open_lock_held(path_));
  opened.guard.release();
  close(opened.number);
  EXPECT_FALSE(is_open_lock_held(path_)) << "the child has another description";
}

TEST_F(SegmentTest, ChildKeepsWhatTookThePlaceOfAGuardedDescriptor) {
  create();
  auto opened = open_guarded([&] { return open(path_.c_str(), O_RDWR | O_CLOEXEC); });
  const int other = memfd_create("other", MFD_CLOEXEC);
  ASSERT_EQ(dup3(other, opened.number, O_CLOEXEC), opened.number);
  EXPECT_EQ(Child([&] { return fcntl(opened.number, F_GETFD) < 0 ? 1 : 0; }).join(), 0);
  opened.guard.release();
  close(opened.number);
  close(other);
}

/// A program that closes all descriptors, as a daemon does, and opens others under their numbers.
TEST_F(SegmentTest, FileThatTookTheDescriptorsNumberIsLeftAlone) {
  const int other = memfd_create("other", MFD_CLOEXEC);
  int number = -1;
  {
    const Segment segment = open_whole(path_, small_request());
    number = segment.descriptor();
    ASSERT_EQ(dup3(other, number, O_CLOEXEC), number);
    const std::uint64_t pages = segment.geometry().capacity_bytes / page_bytes;
    EXPECT_EQ(refusal(segment.back_pages(pages - 1, pages)), Code::io);
    EXPECT_EQ(refusal(ShutDoor::shut(segment, identity_of(getpid()))), Code::io);
  }
  EXPECT_EQ(take(file_bytes(number)), 0U) << "neither changed nor closed";
  close(number);
  close(other);
}

TEST_F(SegmentTest, ShutDoorKeepsOpensOutAndNamesWhoShutIt) {
  const Segment segment = open_whole(path_, small_request());
  OpenRequest request = existing_request();
  request.open_timeout_ms = 0;
  {
    const auto door = take(ShutDoor::shut(segment, identity_of(getpid())));
    const auto refused = open_path(path_, request);
    EXPECT_EQ(refusal(refused), Code::timed_out);
    EXPECT_EQ(subject(refused), static_cast<std::uint64_t>(getpid()));
    EXPECT_EQ(refusal(ShutDoor::shut(segment, identity_of(1))), Code::timed_out);
  }
  EXPECT_EQ(segment.lease().opener, 0U);
  EXPECT_EQ(refusal(open_path(path_, request)), no_fault);
}

}  // namespace
}  // namespace radish::segment
