// Defects that floors 1 and 2 once had, each with the behaviour that replaced it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "attachments.h"
#include "mounts.h"
#include "processes.h"
#include "radish/tree.hpp"
#include "rights.h"
#include "scratch.h"
#include "sync/liveness.h"
#include "txn/recovery.h"

namespace {

/// Makes the reading of lines fail as it does where there is no memory for one, after so many lines.
std::atomic<int> lines_until_out_of_memory{-1};

}  // namespace

// In place of the C library's.
extern "C" ssize_t getdelim(char** line, std::size_t* capacity, int delimiter, std::FILE* file) {
  if (lines_until_out_of_memory.load() >= 0 && lines_until_out_of_memory.fetch_sub(1) == 0) {
    lines_until_out_of_memory = 0;  // and so it stays
    errno = ENOMEM;
    return -1;
  }
  return __getdelim(line, capacity, delimiter, file);
}

namespace radish::tests {
namespace {

using sync::Identity;

constexpr std::uint64_t short_wait_ms = 20;

Identity own() { return take(sync::own_identity()); }

/// Runs a body in a child, and expects it to answer 0 rather than the number of the step that failed.
void expect_in_child(const std::function<int()>& body) {
  const int result = Child(body).join();
  RADISH_SKIP_IF_DENIED(result);
  EXPECT_EQ(result, 0) << "the failing step's number";
}

class SegmentRegression : public testing::Test {
 protected:
  [[nodiscard]] layout::Lease& lease() const { return place_.lease(); }
  [[nodiscard]] sync::Attachment& attachment() { return *party_.attachment; }
  [[nodiscard]] std::uint64_t generation() const { return party_.segment().roots().generation; }
  /// Leaves the writer word to a process that has died with it, whatever views are held.
  Identity die_as_writer() {
    EXPECT_EQ(Child([&] {
                return take(sync::acquire_writer_word(attachment(), party_.state(), 0)) ? 1 : 0;
              }).join(),
              0);
    return lease().writer;
  }

  Place place_{2};
  Party& party_ = place_.first();
};

// --- identity and namespaces -----------------------------------------------------------------------------

TEST(IdentityRegression, WithoutADescriptorThereIsNoNameRatherThanAWrongOne) {
  expect_in_child([] {
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    const auto refused = sync::own_identity();
    if (refusal(refused) != Code::io || subject(refused) != EMFILE) return 1;
    if (sync::cached_identity() != 0) return 2;
    setrlimit(RLIMIT_NOFILE, &before);
    return sync::start_of(own()) != 0 ? 0 : 3;
  });
}

/// Becomes a process of a number inside and outside of a new pid namespace, below the /proc of the old one.
int under_one_number_in_two_namespaces(const std::function<int()>& body) {
  pid_t numbers[2] = {};  // innermost first
  {
    Child gone([] { return 0; });
    numbers[0] = numbers[1] = gone.pid();
  }
  if (unshare(CLONE_NEWPID) != 0) return no_rights;
  return Child([&] {
           clone_args arguments{};
           arguments.exit_signal = SIGCHLD;
           arguments.set_tid = reinterpret_cast<std::uintptr_t>(numbers);
           arguments.set_tid_size = 2;
           const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
           if (pid < 0) return no_rights;
           if (pid == 0) _exit(getpid() == numbers[0] ? body() : 99);
           int status = 0;
           waitpid(pid, &status, 0);
           return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
         })
      .join();
}

/// A filter of system calls that answers EPERM to those it does not know, as container runtimes had.
void refuse_pidfd_open() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {std::size(filter), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    throw std::runtime_error("seccomp");
}

TEST(IdentityRegression, DeadAreToldWherePidfdIsRefused) {
  Resting living, zombie, reaped;
  zombie.child().send_kill();
  zombie.child().await_end();
  reaped.child().kill_and_reap();
  EXPECT_EQ(Child([&] {
              refuse_pidfd_open();
              if (!sync::has_ended(reaped.identity())) return 1;
              if (!sync::has_ended(zombie.identity())) return 2;
              return sync::has_ended(living.identity()) ? 3 : 0;
            }).join(),
            0);
}

TEST(IdentityRegression, ProcOfAnotherNamespaceIsNotOursThoughTheNumberAgrees) {
  EXPECT_TRUE(sync::proc_is_ours());
  expect_in_child(
      [] { return under_one_number_in_two_namespaces([] { return sync::proc_is_ours() ? 1 : 0; }); });
}

/// Runs a body in namespaces of its own where /proc shows nothing.
int without_proc(const std::function<int()>& body) {
  if (!enter_own_mount_namespace() || unshare(CLONE_NEWPID) != 0) return no_rights;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return no_rights;
  if (mount("none", "/proc", "tmpfs", 0, "size=16k") != 0) return no_rights;
  return Child(body).join();
}

Result<Tree> open_small(const std::string& path) {
  return Tree::open(path, {.capacity_bytes = 256 << 10, .lock_timeout = std::chrono::milliseconds(200)});
}

TEST(NamespaceRegression, StrangersWithoutProcAreRefusedBesideOneAnother) {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("tree");
  Bell open, enough;
  Child holder([&] {
    return without_proc([&] {
      const auto tree = open_small(path);
      open.ring();
      enough.wait();
      return tree ? 0 : 1;
    });
  });
  if (!open.heard()) {
    const int result = holder.join();
    RADISH_SKIP_IF_DENIED(result);
    FAIL() << "the holder ended with " << result;
  }
  expect_in_child([&] {
    return without_proc([&] {
      const auto beside = open_small(path);
      if (beside) return 1;
      return beside.error().code == Code::foreign_namespace ? 0 : 2;
    });
  });
  enough.ring();
  EXPECT_EQ(holder.join(), 0);
}

TEST(NamespaceRegression, WithoutProcOnlyTheProcessThatWasAloneIsServed) {
  const ScratchDirectory scratch;
  expect_in_child([&] {
    return without_proc([&] {
      auto tree = open_small(scratch.file("tree"));
      if (!tree || !tree->insert("key", 1)) return 1;
      auto second = open_small(scratch.file("tree"));
      if (!second || !second->insert("key", 2)) return 2;
      return Child([&] {
               const auto refused = tree->insert("key", 3);
               return !refused && refused.error().code == Code::foreign_namespace ? 0 : 3;
             })
          .join();
    });
  });
}

TEST_F(SegmentRegression, LeaseOfAnotherBootIsRefusedWhileOthersAreAttached) {
  lease().origin.boot_id[3] ^= 1;
  lease().checksum = segment::lease_checksum(lease().origin);
  EXPECT_EQ(refusal(txn::settle_beside(*place_.attach().attachment)), Code::foreign_namespace);
}

// --- liveness --------------------------------------------------------------------------------------------

TEST_F(SegmentRegression, MappingsThatThereIsNoMemoryToReadProveNothing) {
  const Resting resting([] {});
  const sync::MappingKey mapping = sync::mapping_key(party_.segment().base());
  ASSERT_FALSE(sync::certainly_dead(resting.identity(), mapping));
  lines_until_out_of_memory = 1;
  // Whatever is read first, it is cut short after its first line.
  const bool dead = sync::certainly_dead(resting.identity(), mapping);
  lines_until_out_of_memory = -1;
  EXPECT_FALSE(dead);
}

// --- slots -----------------------------------------------------------------------------------------------

TEST_F(SegmentRegression, FirstLivingOwnerIsNamedWhereTheDeadCannotBeSwept) {
  Resting dead([&] { take(attachment().claim_slot(party_.state())); });
  const Resting living([&] { take(attachment().claim_slot(party_.state())); });
  Resting writer([&] { take(party_.acquire()); });
  writer.stop();
  dead.child().kill_and_reap();
  const auto refused = sync::Pin::take(attachment());
  EXPECT_EQ(refusal(refused), Code::too_many_readers);
  EXPECT_EQ(subject(refused), sync::pid_of(living.identity()));
}

// --- takeovers -------------------------------------------------------------------------------------------

TEST_F(SegmentRegression, TakeoverIsCountedThoughAReaderSweptFirst) {
  (void)die_as_writer();
  for (int slot = 0; slot < 2; ++slot)
    Child([&] {
      take(attachment().claim_slot(party_.state()));
      return 0;
    }).join();
  take(attachment().claim_slot(party_.state()));
  EXPECT_EQ(lease().writer, sync::owed_takeover);
  EXPECT_TRUE(take(txn::Writer::acquire(attachment())).recovered());
  EXPECT_EQ(generation(), 2U);
  EXPECT_EQ(lease().writer, 0U);
}

TEST_F(SegmentRegression, TakeoverIsCountedThoughAWriterGaveUpFirst) {
  (void)die_as_writer();
  Resting viewer([&] { party_.lease().views[0] = own(); });
  EXPECT_EQ(refusal(party_.acquire(short_wait_ms)), Code::timed_out);
  EXPECT_EQ(lease().writer, sync::owed_takeover);
  viewer.child().kill_and_reap();
  EXPECT_TRUE(take(txn::Writer::acquire(attachment())).recovered());
  EXPECT_EQ(generation(), 2U);
}

/// Its holder has exec'ed and attached again meanwhile: it lives, and nobody but itself could tell that its
/// word is left over.
TEST_F(SegmentRegression, WordThatWasGivenBackIsAnybodysThoughItsHolderIsBackAsAnotherProgram) {
  const Identity gone = die_as_writer();
  Resting holder;  // attached
  Resting viewer([&] { party_.lease().views[0] = own(); });
  EXPECT_EQ(refusal(party_.acquire(short_wait_ms)), Code::timed_out);
  EXPECT_NE(lease().writer, gone);
  EXPECT_TRUE(sync::certainly_dead(lease().writer, attachment().mapping()));
}

TEST_F(SegmentRegression, TakeoverIsOwedUntilItsRecordIsWhole) {
  (void)die_as_writer();
  party_.segment().record().armed = layout::armed_mark;
  party_.segment().record().entry_count = UINT32_MAX;
  EXPECT_EQ(refusal(txn::Writer::acquire(attachment())), Code::corrupt);
  EXPECT_EQ(lease().writer, sync::owed_takeover);
  EXPECT_EQ(refusal(txn::enter_view(attachment())), Code::corrupt);
  EXPECT_EQ(lease().writer, sync::owed_takeover);
}

TEST_F(SegmentRegression, SealedSegmentOwesNoTakeover) {
  (void)die_as_writer();
  party_.segment().superblock().sealed = layout::sealed_mark;
  EXPECT_EQ(refusal(txn::Writer::acquire(attachment())), Code::frozen);
  EXPECT_EQ(lease().writer, 0U);
  (void)die_as_writer();
  EXPECT_EQ(refusal(txn::enter_view(attachment())), no_fault);
  EXPECT_EQ(generation(), 1U);
}

TEST_F(SegmentRegression, DeadWriterIsRecoveredFromBesideALivingView) {
  const Resting viewer([&] { take(party_.enter()); });
  const Party patient = place_.attach(short_wait_ms);
  (void)die_as_writer();
  EXPECT_EQ(refusal(txn::enter_view(*patient.attachment)), no_fault);
  EXPECT_EQ(generation(), 2U);
  txn::leave_view(*patient.attachment);
  (void)die_as_writer();
  EXPECT_EQ(take(txn::settle_beside(*patient.attachment)), Outcome::recovered);
  EXPECT_EQ(generation(), 3U);
}

TEST_F(SegmentRegression, WhatIsLeftFromBeforeOnesExecIsClearedBesideALivingView) {
  const Identity before_exec = own() ^ Identity { 1 } << 63;
  const Resting viewer([&] { take(party_.enter()); });
  lease().views[5] = before_exec;
  lease().slots_high_water = 2;
  party_.slot(1) = {.owner = before_exec, .pin = 1, .met_pin = 0, .met_ns = 0, .reserved = {}};
  EXPECT_EQ(take(txn::settle_beside(*place_.attach(short_wait_ms).attachment)), Outcome::attached);
  EXPECT_EQ(lease().views[5], 0U);
  EXPECT_EQ(lease().views[0], viewer.identity());
  EXPECT_EQ(party_.slot(1).owner, 0U);
  EXPECT_EQ(party_.slot(1).pin, 0U);
  EXPECT_EQ(lease().writer, 0U);
}

// --- turns -----------------------------------------------------------------------------------------------

TEST_F(SegmentRegression, TurnStaysPostedWhileAnotherWriterHoldsTheLock) {
  const Resting viewer([] {});
  const Resting writer([&] { take(party_.acquire()); });
  lease().turn = viewer.identity();
  EXPECT_EQ(refusal(party_.acquire(short_wait_ms)), Code::timed_out);
  EXPECT_EQ(lease().turn, viewer.identity());
}

/// It has been posted after 50 ms.
TEST_F(SegmentRegression, TurnOfAViewThatGivesUpIsTakenBack) {
  const Resting writer([&] { take(party_.acquire()); });
  EXPECT_EQ(refusal(party_.enter(100)), Code::timed_out);
  EXPECT_EQ(lease().turn, 0U);
}

// --- several handles of one thread -----------------------------------------------------------------------

class TwoHandles : public testing::Test {
 protected:
  [[nodiscard]] bool other_process_may_write() const {
    return Child([&] {
             return txn::Writer::acquire(*place_.attach(short_wait_ms).attachment) ? 1 : 0;
           }).join() == 1;
  }
  [[nodiscard]] std::uint32_t views() const {
    std::uint32_t held = 0;
    for (const std::uint64_t view : place_.lease().views) held += view != 0;
    return held;
  }

  Place place_;
  Party one_ = place_.attach(short_wait_ms), other_ = place_.attach(short_wait_ms);
};

TEST_F(TwoHandles, MutationThroughOneBelowAViewOfTheOtherIsRefused) {
  take(txn::enter_view(*one_.attachment));
  const auto refused = txn::Writer::acquire(*other_.attachment);
  ASSERT_EQ(refusal(refused), Code::view_held);
  EXPECT_TRUE(std::string_view(refused.error().what).contains("stable view")) << refused.error().what;
  txn::leave_view(*one_.attachment);
  EXPECT_EQ(refusal(txn::Writer::acquire(*other_.attachment)), no_fault);
}

TEST_F(TwoHandles, MutationWithinAMutationThroughTheOtherIsReentrant) {
  const txn::Writer writer = take(txn::Writer::acquire(*one_.attachment));
  const auto refused = txn::Writer::acquire(*other_.attachment);
  ASSERT_EQ(refusal(refused), Code::reentrant);
  EXPECT_TRUE(std::string_view(refused.error().what).contains("mutation")) << refused.error().what;
  EXPECT_EQ(refusal(txn::enter_view(*other_.attachment)), Code::reentrant);
}

TEST_F(TwoHandles, ThreadThatEndsWithinNestedViewsGivesTheEntryBack) {
  std::thread([&] {
    take(txn::enter_view(*one_.attachment));
    take(txn::enter_view(*one_.attachment));
    EXPECT_EQ(views(), 1U);
  }).join();
  EXPECT_EQ(views(), 0U);
}

/// It is not left over from an earlier program of this process.
TEST_F(TwoHandles, OpeningTheSecondLeavesWhatTheFirstHolds) {
  take(txn::enter_view(*one_.attachment));
  EXPECT_EQ(take(txn::settle_beside(*other_.attachment)), Outcome::attached);
  EXPECT_EQ(views(), 1U);
  txn::leave_view(*one_.attachment);
  const txn::Writer writer = take(txn::Writer::acquire(*one_.attachment));
  EXPECT_EQ(take(txn::settle_beside(*other_.attachment)), Outcome::attached);
}

TEST_F(TwoHandles, NestedViewOfTheOtherIsTheSame) {
  take(txn::enter_view(*one_.attachment));
  Child writer([&] { return take(place_.attach().acquire()) ? 7 : 8; });
  std::atomic_ref word(place_.lease().writer);
  spin_until([&] { return word.load() != 0; });
  EXPECT_EQ(refusal(txn::enter_view(*other_.attachment)), no_fault) << "though a writer waits";
  EXPECT_EQ(views(), 1U);
  txn::leave_view(*other_.attachment);
  EXPECT_EQ(views(), 1U);
  txn::leave_view(*one_.attachment);
  EXPECT_EQ(writer.join(), 8);
}

TEST_F(TwoHandles, ViewLastsUntilTheLastOfThemHasLeftIt) {
  take(txn::enter_view(*one_.attachment));
  take(txn::enter_view(*other_.attachment));
  txn::leave_view(*one_.attachment);
  one_.attachment.reset();
  EXPECT_EQ(views(), 1U);
  EXPECT_FALSE(other_process_may_write());
  txn::leave_view(*other_.attachment);
  EXPECT_EQ(views(), 0U);
  EXPECT_TRUE(other_process_may_write());
}

TEST_F(TwoHandles, OtherThreadsAndOtherSegmentsAreNoneOfTheirs) {
  take(txn::enter_view(*one_.attachment));
  std::thread([&] {
    EXPECT_EQ(refusal(txn::Writer::acquire(*other_.attachment)), Code::timed_out);
    take(txn::enter_view(*other_.attachment));
    EXPECT_EQ(views(), 2U);
    txn::leave_view(*other_.attachment);
  }).join();
  const Place another;
  EXPECT_EQ(refusal(txn::Writer::acquire(*another.first().attachment)), no_fault);
}

// --- ends ------------------------------------------------------------------------------------------------

TEST_F(SegmentRegression, ThreadThatEndsHoldsNoViewAnyLonger) {
  std::thread([&] { take(party_.enter()); }).join();
  EXPECT_EQ(lease().views[0], 0U);
  EXPECT_FALSE(take(party_.acquire()));
}

TEST_F(SegmentRegression, ThreadThatEndsGivesAViewOfSeveralHandlesBackOnce) {
  const Party second = place_.attach();
  const Party beside = place_.attach();
  std::thread([&] {
    take(txn::enter_view(attachment()));
    take(txn::enter_view(*second.attachment));
    take(beside.enter());
  }).join();
  for (const std::uint64_t view : lease().views) EXPECT_EQ(view, 0U);
}

// The rest of the story of StaticDestructorMayUseATree, told by another run of this program: at the exit of a
// process its main thread's objects are destroyed first, then the static ones.
constexpr const char* path_variable = "RADISH_TEST_LAST_WORDS";

[[noreturn]] void exit_with_last_words(const char* path) {
  static auto tree = Tree::open(path, {.capacity_bytes = 256 << 10});
  if (!tree || !tree->insert("first", 1) || !*tree->find("first")) _exit(1);
  std::atexit([] {
    if (!tree->insert("last", 2)) _exit(2);
    const auto found = tree->find("last");
    _exit(found && *found == 2U ? 0 : 3);
  });
  std::exit(4);
}

[[maybe_unused]] const bool said_last_words = [] {
  if (const char* path = std::getenv(path_variable)) exit_with_last_words(path);
  return false;
}();

TEST(ExitRegression, StaticDestructorMayUseATree) {
  const ScratchDirectory scratch;
  expect_in_child([&] {
    setenv(path_variable, scratch.file("tree").c_str(), 1);
    setenv("MALLOC_PERTURB_", "165", 1);  // what was freed does not look whole
    execl("/proc/self/exe", "radish_tests", nullptr);
    return 101;
  });
}

}  // namespace
}  // namespace radish::tests
