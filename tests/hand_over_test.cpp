// Trees without a path, from process to process: descriptors over a socket and through /proc, and from user
// to user.
#include "hand_over.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "processes.h"
#include "rights.h"
#include "scratch.h"
#include "trees.h"

namespace radish::tests {
namespace {

constexpr OpenOptions small = {.capacity_bytes = 256 << 10, .reader_slots = 16};

/// Whom a process acts as.
enum class User { oneself, nobody };
constexpr uid_t nobody = 65534;

void become(User user) {
  if (user == User::oneself) return;
  if (setresgid(nobody, nobody, nobody) != 0 || setresuid(nobody, nobody, nobody) != 0)
    throw std::runtime_error("cannot become nobody");
}

/// A process that makes a tree in a memfd, after it has been parted from the test, which inherits nothing of
/// it. It hands the descriptor over, waits until that was used, answers in the tree, and rests.
class Maker {
 public:
  explicit Maker(User user)
      : child_([this, user] {
          become(user);
          Tree tree = take(Tree::create_memfd("handed over", small));
          take(tree.insert("maker", 1));
          *descriptor_ = tree.descriptor();
          socket_.give(tree.descriptor());
          used_.wait();
          if (take(tree.find("taker")) != 2U || !take(tree.insert("answer", 3))) return 1;
          answered_.ring();
          rest_until_killed();
        }) {}

  /// The descriptor that was handed over; the caller's to close.
  [[nodiscard]] int descriptor() { return socket_.take(); }
  /// Where the kernel shows it to others.
  [[nodiscard]] std::string proc_path() const {
    return "/proc/" + std::to_string(child_.pid()) + "/fd/" + std::to_string(*descriptor_);
  }
  void await_answer() {
    used_.ring();
    answered_.wait();
  }
  void die() { child_.kill_and_reap(); }

 private:
  HandOver socket_;
  Shared<int> descriptor_;
  Bell used_, answered_;
  Child child_;
};

/// The tree behind a descriptor, which is closed.
Tree open_handed(int descriptor) {
  auto tree = Tree::open_descriptor(descriptor, small);
  close(descriptor);
  return take(std::move(tree));
}

/// Both sides read and write, and the tree outlives its maker.
void expect_shared(Maker& maker, Tree tree) {
  EXPECT_EQ(tree.outcome(), Outcome::attached);
  EXPECT_EQ(take(tree.find("maker")), 1U);
  EXPECT_TRUE(take(tree.insert("taker", 2)));
  maker.await_answer();
  EXPECT_EQ(take(tree.find("answer")), 3U);
  maker.die();
  EXPECT_TRUE(take(tree.insert("more", 4)));
  EXPECT_EQ(take(tree.count()), 4U);
  EXPECT_TRUE(is_done(tree.verify()));
}

TEST(HandOverTest, TreeIsSharedByADescriptorOverASocket) {
  Maker maker(User::oneself);
  expect_shared(maker, open_handed(maker.descriptor()));
}

TEST(HandOverTest, TreeIsSharedByADescriptorOfALivingProcessInProc) {
  Maker maker(User::oneself);
  close(maker.descriptor());  // it is there
  const std::string path = maker.proc_path();
  EXPECT_TRUE(is_refused(Tree::open(path, small), Code::not_regular_file)) << "paths follow no links";
  const int found = open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(found, 0);
  expect_shared(maker, open_handed(found));
  EXPECT_LT(open(path.c_str(), O_RDWR | O_CLOEXEC), 0) << "gone with its process";
}

TEST(HandOverTest, DescriptorKeepsTheTreeOfAMakerThatHasDied) {
  Maker maker(User::oneself);
  const int kept = maker.descriptor();
  maker.die();
  Tree tree = take(Tree::open_descriptor(kept, small));
  EXPECT_EQ(tree.outcome(), Outcome::attached) << "a maker at rest owes nothing";
  EXPECT_EQ(take(tree.find("maker")), 1U);
  EXPECT_EQ(take(tree.stats()).reader_slots_used, 1U);
  close(kept);
}

// --- between users ---------------------------------------------------------------------------------------

TEST(HandOverTest, TreeOfAnotherUserIsSharedWithRoot) {
  RADISH_SKIP_UNLESS_ROOT();
  Maker maker(User::nobody);
  expect_shared(maker, open_handed(maker.descriptor()));
}

TEST(HandOverTest, TreeOfAnotherUserIsSharedWithItsOwner) {
  RADISH_SKIP_UNLESS_ROOT();
  Maker maker(User::nobody);
  Child taker([&] {
    become(User::nobody);
    expect_shared(maker, open_handed(maker.descriptor()));
    return testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(taker.join(), 0);
}

TEST(HandOverTest, TreeOfRootIsSharedWithAnotherUser) {
  RADISH_SKIP_UNLESS_ROOT();
  Maker maker(User::oneself);
  Child taker([&] {
    become(User::nobody);
    Tree tree = open_handed(maker.descriptor());
    const bool read = take(tree.find("maker")) == 1U;
    take(tree.insert("taker", 2));
    maker.await_answer();
    return read && take(tree.find("answer")) == 3U && tree.verify() ? 0 : 1;
  });
  EXPECT_EQ(taker.join(), 0);
}

TEST(HandOverTest, ModeOfAMemfdIsKeptAndBindsOtherUsers) {
  RADISH_SKIP_UNLESS_ROOT();
  const Tree tree = take(Tree::create_memfd("mode", small));
  ASSERT_EQ(fchmod(tree.descriptor(), 0600), 0);
  Child stranger([&] {
    become(User::nobody);
    return is_refused(Tree::open_descriptor(tree.descriptor(), small), Code::io, "Permission denied") ? 0 : 1;
  });
  EXPECT_EQ(stranger.join(), 0);
  EXPECT_TRUE(is_done(Tree::open_descriptor(tree.descriptor(), small)));
  struct stat status{};
  ASSERT_EQ(fstat(tree.descriptor(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST(HandOverTest, EmptyMemfdIsInitialisedByItsOwnerAlone) {
  RADISH_SKIP_UNLESS_ROOT();
  HandOver socket;
  Bell refused;
  Child owner([&] {
    become(User::nobody);
    const int empty = memfd_create("empty", MFD_CLOEXEC);
    socket.give(empty);
    refused.wait();
    const auto tree = Tree::open_descriptor(empty, small);
    return tree && tree->outcome() == Outcome::created ? 0 : 1;
  });
  const int empty = socket.take();
  EXPECT_TRUE(is_refused(Tree::open_descriptor(empty, small), Code::foreign_owner, std::to_string(nobody)));
  refused.ring();
  EXPECT_EQ(owner.join(), 0);
  EXPECT_EQ(open_handed(empty).outcome(), Outcome::attached);
}

// --- what a descriptor must be able to do ----------------------------------------------------------------

TEST(HandOverTest, DescriptorThatCannotReadAndWriteIsRefusedAndStaysTheCallers) {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("tree");
  take(take(Tree::open(path, small)).insert("key", 1));
  for (const int flags : {O_RDONLY, O_WRONLY, O_PATH}) {
    const int descriptor = open(path.c_str(), flags | O_CLOEXEC);
    EXPECT_TRUE(is_refused(Tree::open_descriptor(descriptor, small), Code::invalid_argument,
                           std::to_string(descriptor)));
    EXPECT_EQ(close(descriptor), 0);
  }
  const Tree tree = open_handed(open(path.c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(take(tree.find("key")), 1U);
  EXPECT_EQ(tree.path(), "");
}

}  // namespace
}  // namespace radish::tests
