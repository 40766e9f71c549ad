// Floor 1: who a process is, whether it lives, reader slots and pins, the lock and its views.
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "attachments.h"
#include "processes.h"
#include "rights.h"
#include "sync/liveness.h"

namespace radish::sync {
namespace {

using tests::Bell;
using tests::Child;
using tests::no_fault;
using tests::no_rights;
using tests::Party;
using tests::Place;
using tests::refusal;
using tests::rest_until_killed;
using tests::Resting;
using tests::Shared;
using tests::spin_until;
using tests::subject;
using tests::take;

constexpr std::uint64_t short_wait_ms = 20;

std::uint64_t own_pid() { return static_cast<std::uint64_t>(getpid()); }

Identity with_start(Identity identity, std::uint64_t start) {
  return make_identity(pid_of(identity), start, identity >> (pid_bits + start_bits));
}
Identity with_other_tag(Identity identity) {
  return identity ^ Identity { 1 } << 63;
}

/// The identity of a program run that is over, and whose number the kernel has not given away again.
Identity dead_identity() {
  Shared<Identity> identity;
  Child child([&] {
    *identity = take(own_identity());
    return 0;
  });
  child.join();
  return *identity;
}

// --- identity --------------------------------------------------------------------------------------------

TEST(IdentityTest, FieldsKeepApart) {
  const Identity identity = make_identity(0x3f'ffff, 0, 0xfff);
  EXPECT_EQ(pid_of(identity), 0x3f'ffffU);
  EXPECT_EQ(start_of(identity), 0U);
  EXPECT_EQ(start_of(make_identity(1, 0x3fff'ffff, 0)), 0x3fff'ffffU);
  EXPECT_EQ(start_of(make_identity(0x3f'ffff, 5, 0xfff)), 5U);
}

TEST(IdentityTest, SameProcessLooksPastTheTagAlone) {
  const Identity identity = make_identity(7, 9, 1);
  EXPECT_TRUE(same_process(identity, identity));
  EXPECT_TRUE(same_process(identity, make_identity(7, 9, 2)));
  EXPECT_FALSE(same_process(identity, make_identity(7, 10, 1)));
  EXPECT_FALSE(same_process(identity, make_identity(8, 9, 1)));
}

TEST(IdentityTest, IsTheSameInEveryThread) {
  const Identity here = take(own_identity());
  EXPECT_EQ(pid_of(here), own_pid());
  EXPECT_NE(start_of(here), 0U);
  EXPECT_EQ(take(own_identity()), here);
  EXPECT_EQ(cached_identity(), here);
  Identity there = 0;
  std::thread([&] { there = take(own_identity()); }).join();
  EXPECT_EQ(there, here);
}

int child_finds_its_own_name(Identity parent) {
  if (cached_identity() != 0) return 1;
  const Identity own = take(own_identity());
  if (pid_of(own) != own_pid() || own == parent) return 2;
  return cached_identity() == own ? 0 : 3;
}

TEST(IdentityTest, ForkedChildIsAnother) {
  const Identity parent = take(own_identity());
  EXPECT_EQ(Child([&] { return child_finds_its_own_name(parent); }).join(), 0);
  EXPECT_EQ(cached_identity(), parent);
}

TEST(IdentityTest, ChildOfARawForkIsAnother) {
  const Identity parent = take(own_identity());
  EXPECT_EQ(Child::raw([&] { return child_finds_its_own_name(parent); }).join(), 0);
}

TEST(IdentityTest, StartIsTheKernelsAndNeverZero) {
  const auto start = read_start(own_pid());
  ASSERT_TRUE(start);
  EXPECT_EQ(*start, start_of(take(own_identity())));
  EXPECT_EQ(read_start(0x3f'ffff), std::nullopt);
}

TEST(IdentityTest, StartIsFoundBehindAnyProcessName) {
  EXPECT_EQ(Child([] {
              const auto before = read_start(own_pid());
              prctl(PR_SET_NAME, ") 1 (2) 3");
              return before && read_start(own_pid()) == before ? 0 : 1;
            }).join(),
            0);
}

TEST(IdentityTest, OriginIsSharedWithAChild) {
  const layout::LeaseOrigin origin = own_origin();
  EXPECT_NE(origin.pid_namespace, 0U);
  EXPECT_NE(origin.time_namespace, 0U);
  unsigned set = 0;
  for (const std::uint8_t byte : origin.boot_id) set += byte != 0;
  EXPECT_GT(set, 4U);
  EXPECT_EQ(Child([&] { return own_origin() == origin ? 0 : 1; }).join(), 0);
}

// --- liveness --------------------------------------------------------------------------------------------

class LivenessTest : public testing::Test {
 protected:
  [[nodiscard]] bool dead(Identity identity) const {
    return certainly_dead(identity, place_.first_mapping());
  }

  struct KnownPlace : Place {
    [[nodiscard]] const MappingKey& first_mapping() const { return mapping_; }
    MappingKey mapping_ = mapping_key(first().segment().base());
  } place_;
};

TEST_F(LivenessTest, OneselfIsAlive) {
  EXPECT_FALSE(dead(take(own_identity())));
  EXPECT_FALSE(certainly_dead(take(own_identity()), {}));
}

TEST_F(LivenessTest, LeftOverFromBeforeOnesExecIsDead) {
  EXPECT_TRUE(dead(with_other_tag(take(own_identity()))));
}

TEST_F(LivenessTest, OnesNumberInAnotherLifeIsDead) {
  const Identity own = take(own_identity());
  EXPECT_TRUE(dead(with_start(own, start_of(own) - 1)));
}

TEST_F(LivenessTest, OnesNumberWithAnUnreadableStartIsAlive) {
  EXPECT_FALSE(dead(with_start(take(own_identity()), 0)));
}

TEST_F(LivenessTest, LivingChildIsAliveUntilItIsKilled) {
  Resting resting;
  EXPECT_FALSE(dead(resting.identity()));
  resting.child().kill_and_reap();
  EXPECT_TRUE(dead(resting.identity()));
}

TEST_F(LivenessTest, ZombieIsDead) {
  Shared<Identity> identity;
  Child child([&] {
    *identity = take(own_identity());
    return 0;
  });
  child.await_end();
  EXPECT_TRUE(dead(*identity));
  child.join();
  EXPECT_TRUE(dead(*identity));
}

TEST_F(LivenessTest, StoppedProcessIsAlive) {
  Resting resting;
  resting.stop();
  EXPECT_FALSE(dead(resting.identity()));
}

bool main_thread_is_zombie(pid_t pid) {
  const std::string path = "/proc/self/task/" + std::to_string(pid) + "/stat";
  std::FILE* file = std::fopen(path.c_str(), "re");
  char state = 0;
  const bool read = file != nullptr && std::fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
  if (file != nullptr) std::fclose(file);
  return read && state == 'Z';
}

TEST_F(LivenessTest, ProcessWhoseMainThreadHasExitedIsAlive) {
  Shared<Identity> identity;
  Bell ready;
  Child child([&]() -> int {
    *identity = take(own_identity());
    std::thread([&ready, pid = getpid()] {
      spin_until([pid] { return main_thread_is_zombie(pid); });
      ready.ring();
      rest_until_killed();
    }).detach();
    while (true) syscall(SYS_exit, 0);  // of this thread alone
  });
  ready.wait();
  EXPECT_FALSE(dead(*identity));
  child.kill_and_reap();
  EXPECT_TRUE(dead(*identity));
}

TEST_F(LivenessTest, RecycledNumberIsDead) {
  Resting resting;
  EXPECT_TRUE(dead(with_start(resting.identity(), start_of(resting.identity()) - 1)));
}

TEST_F(LivenessTest, NumberRecycledForAThreadIsDead) {
  Shared<pid_t> thread;
  Resting resting([&] {
    std::thread([&] {
      *thread = gettid();
      rest_until_killed();
    }).detach();
    spin_until([&] { return *static_cast<volatile pid_t*>(&*thread) != 0; });
  });
  const Identity identity =
      make_identity(static_cast<std::uint64_t>(*thread), start_of(resting.identity()) - 1, 0);
  EXPECT_TRUE(dead(identity));
}

TEST_F(LivenessTest, UnreadableStartProvesNothing) {
  Resting resting;
  EXPECT_FALSE(dead(with_start(resting.identity(), 0)));
}

TEST_F(LivenessTest, NumberThatNobodyHasIsDead) {
  EXPECT_TRUE(dead(make_identity(0, 0, 1)));
  EXPECT_TRUE(dead(make_identity(0x3f'ffff, 1, 1)));
  EXPECT_TRUE(dead(dead_identity()));
}

/// A process that has become a program which waits for the bell on its standard input.
class Execed {
 public:
  explicit Execed(const std::function<void()>& act = [] {})
      : child_([this, act] {
          *identity_ = take(own_identity());
          act();
          rest_.become_standard_input();
          execl("/bin/cat", "cat", nullptr);
          return 1;
        }) {
    if (exec_.heard()) throw std::runtime_error("nobody rings this");  // the exec closes the other end
  }
  [[nodiscard]] Identity identity() const { return *identity_; }
  Child& child() { return child_; }

 private:
  Shared<Identity> identity_;
  Bell exec_;
  Bell rest_;
  Child child_;
};

TEST_F(LivenessTest, ProgramExecedSinceThatDoesNotMapTheSegmentIsDead) {
  Execed execed;
  EXPECT_TRUE(dead(execed.identity()));
}

TEST_F(LivenessTest, WithoutOnesOwnLineExecProvesNothing) {
  Execed execed;
  EXPECT_FALSE(certainly_dead(execed.identity(), {}));
}

TEST_F(LivenessTest, ProcessThatMayNotBeExaminedIsAlive) {
  Resting resting([this] {
    munmap(place_.first().segment().base(), place_.first().segment().geometry().capacity_bytes);
    prctl(PR_SET_DUMPABLE, 0);
  });
  EXPECT_EQ(Child([&] {
              if (geteuid() == 0 && setuid(12345) != 0) return 1;
              return dead(resting.identity()) ? 2 : 0;
            }).join(),
            0);
}

// A pid namespace of its own that still sees its parent's /proc, as `unshare --pid --fork` makes it: there
// the number of a living process is that of another one outside.
TEST_F(LivenessTest, ProcOfAnotherNamespaceProvesNothing) {
  Execed outside;
  const auto inside = [&] {
    const Place place;
    if (start_of(take(own_identity())) != 0) return 1;
    if (!dead(with_other_tag(take(own_identity())))) return 4;  // from before an exec, whenever that began
    const MappingKey mapping = mapping_key(place.first().segment().base());
    pid_t number = outside.child().pid();
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    arguments.set_tid = reinterpret_cast<std::uintptr_t>(&number);
    arguments.set_tid_size = 1;
    const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
    if (pid == 0) rest_until_killed();
    if (pid != number) return 2;
    return certainly_dead(make_identity(static_cast<std::uint64_t>(pid), 0, 1), mapping) ? 3 : 0;
  };
  const int result = Child([&] {
                       if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
                         return no_rights;
                       return Child(inside).join();
                     }).join();
  RADISH_SKIP_IF_DENIED(result);
  EXPECT_EQ(result, 0) << "the failing step's number";
}

TEST_F(LivenessTest, MappingIsKnownByDeviceAndInode) {
  EXPECT_NE(place_.first_mapping().device_and_inode.find(' '), std::string::npos);
  EXPECT_EQ(mapping_key(place_.attach().segment().base()).device_and_inode,
            place_.first_mapping().device_and_inode);
  EXPECT_NE(mapping_key(Place().first().segment().base()).device_and_inode,
            place_.first_mapping().device_and_inode);
  EXPECT_EQ(mapping_key(nullptr).device_and_inode, "");
}

// --- slots and pins --------------------------------------------------------------------------------------

TEST(SlotTest, FirstPinClaimsASlotForTheThread) {
  Place place;
  const Party& party = place.first();
  EXPECT_EQ(count_slots(party.segment()), 0U);
  {
    const Pin pin = take(Pin::take(*party.attachment));
    EXPECT_EQ(party.slot().owner, take(own_identity()));
    EXPECT_EQ(party.slot().pin, 1U) << "the first epoch";
  }
  EXPECT_EQ(party.slot().pin, 0U);
  EXPECT_EQ(party.slot().owner, take(own_identity())) << "kept for the next";
  EXPECT_EQ(count_slots(party.segment()), 1U);
  EXPECT_GE(party.lease().slots_high_water, 1U);
}

TEST(SlotTest, NestedPinsKeepTheOldestEpoch) {
  Place place;
  const Party& party = place.first();
  layout::Roots& roots = party.segment().roots();
  roots.epoch = 5;
  {
    const Pin outer = take(Pin::take(*party.attachment));
    roots.epoch = 9;
    {
      const Pin inner = take(Pin::take(*party.attachment));
      EXPECT_EQ(party.slot().pin, 5U);
    }
    EXPECT_EQ(party.slot().pin, 5U);
  }
  EXPECT_EQ(party.slot().pin, 0U);
  const Pin later = take(Pin::take(*party.attachment));
  EXPECT_EQ(party.slot().pin, 9U);
}

TEST(SlotTest, EachThreadHasItsOwnAndGivesItBackAtItsExit) {
  Place place;
  const Party& party = place.first();
  const Pin pin = take(Pin::take(*party.attachment));
  std::thread([&] {
    const Pin other = take(Pin::take(*party.attachment));
    EXPECT_EQ(count_slots(party.segment()), 2U);
    EXPECT_EQ(party.slot(1).owner, take(own_identity()));
  }).join();
  EXPECT_EQ(count_slots(party.segment()), 1U);
  EXPECT_EQ(party.slot(1).owner, 0U);
  EXPECT_NE(party.slot(0).pin, 0U);
}

TEST(SlotTest, EachAttachmentHasItsOwn) {
  Place place;
  const Party second = place.attach();
  const Pin one = take(Pin::take(*place.first().attachment));
  const Pin two = take(Pin::take(*second.attachment));
  EXPECT_EQ(count_slots(second.segment()), 2U);
}

TEST(SlotTest, ClosingFreesTheSlotsOfAllThreads) {
  Place place;
  Party party = place.attach();
  const std::weak_ptr<Attachment> closed = party.attachment;
  std::thread thread([&] {
    {
      const Pin pin = take(Pin::take(*party.attachment));
    }
    party.attachment.reset();
    EXPECT_EQ(count_slots(place.first().segment()), 0U);
  });
  thread.join();
  EXPECT_TRUE(closed.expired());

  party = place.attach();
  take(party.attachment->claim_slot(party.state()));
  std::atomic<bool> claimed = false, close = false;
  std::thread keeper([&, attachment = party.attachment.get()] {
    take(attachment->claim_slot(*take(attachment->thread_state())));
    claimed = true;
    spin_until([&] { return close.load(); });
  });
  spin_until([&] { return claimed.load(); });
  EXPECT_EQ(count_slots(place.first().segment()), 2U);
  party.attachment.reset();
  EXPECT_EQ(count_slots(place.first().segment()), 0U);
  close = true;
  keeper.join();
  EXPECT_EQ(count_slots(place.first().segment()), 0U);
}

TEST(SlotTest, ForkedChildClaimsItsOwn) {
  Place place;
  const Party& party = place.first();
  const Pin pin = take(Pin::take(*party.attachment));
  for (const bool raw : {false, true}) {
    const auto body = [&] {
      const Pin own = take(Pin::take(*party.attachment));
      if (count_slots(party.segment()) != 2) return 1;
      return party.slot(1).owner == take(own_identity()) && party.slot(1).pin != 0 ? 0 : 2;
    };
    EXPECT_EQ((raw ? Child::raw(body) : Child(body)).join(), 0);
    EXPECT_EQ(count_slots(party.segment()), 2U) << "a child that ended without closing leaves its slot";
    party.sweep();
    EXPECT_EQ(count_slots(party.segment()), 1U);
    EXPECT_EQ(party.slot(1).pin, 0U);
  }
  EXPECT_EQ(party.slot(0).owner, take(own_identity()));
  EXPECT_NE(party.slot(0).pin, 0U);
}

TEST(SlotTest, ChildThatClosesFreesItsOwnAlone) {
  Place place;
  Party& party = place.first();
  const Pin pin = take(Pin::take(*party.attachment));
  const std::uint64_t* const owners[] = {&party.slot(0).owner, &party.slot(1).owner};
  EXPECT_EQ(Child([&] {
              const Party other = place.attach();  // to look on after the close
              {
                const Pin own = take(Pin::take(*party.attachment));
              }
              if (other.slot(1).owner != take(own_identity())) return 1;
              party.attachment.reset();
              return other.slot(1).owner == 0 && other.slot(0).owner != 0 ? 0 : 2;
            }).join(),
            0);
  EXPECT_EQ(*owners[0], take(own_identity()));
  EXPECT_EQ(*owners[1], 0U);
}

TEST(SlotTest, LivingOwnersOfAllSlotsAreNamed) {
  Place place(1);
  const Party& party = place.first();
  Resting resting([&] { take(party.attachment->claim_slot(party.state())); });
  const auto refused = Pin::take(*party.attachment);
  EXPECT_EQ(refusal(refused), Code::too_many_readers);
  EXPECT_EQ(subject(refused), resting.pid());
  EXPECT_EQ(party.lease().writer, 0U);
}

TEST(SlotTest, SlotOfADeadOwnerIsSweptAndReused) {
  Place place(1);
  const Party& party = place.first();
  Resting resting([&] {
    take(party.attachment->claim_slot(party.state()));
    party.slot().pin = 1;
  });
  resting.child().kill_and_reap();
  EXPECT_EQ(party.slot().owner, resting.identity());
  const Pin pin = take(Pin::take(*party.attachment));
  EXPECT_EQ(party.slot().owner, take(own_identity()));
  EXPECT_EQ(party.lease().writer, 0U);
}

TEST(SlotTest, SlotOfTheDeadIsHadWhileAViewIsHeld) {
  Place place(1);
  const Party& party = place.first();
  Resting dead([&] { take(party.attachment->claim_slot(party.state())); });
  dead.child().kill_and_reap();
  Resting viewer([&] { ASSERT_EQ(take(party.enter()), ViewEntry::entered); });
  EXPECT_EQ(refusal(Pin::take(*party.attachment)), no_fault);
}

TEST(SlotTest, StoppedWriterHoldsNobodyUpWhoWantsASlot) {
  Place place(1);
  const Party& party = place.first();
  Resting dead([&] { take(party.attachment->claim_slot(party.state())); });
  dead.child().kill_and_reap();
  Resting writer([&] { take(party.acquire()); });
  writer.stop();
  EXPECT_EQ(refusal(Pin::take(*party.attachment)), Code::too_many_readers);
}

TEST(SlotTest, OldestPinIsFoundAndItsHolderNamed) {
  Place place;
  const Party& party = place.first();
  EXPECT_EQ(oldest_pin(party.segment()).epoch, UINT64_MAX);
  EXPECT_EQ(oldest_pin(party.segment()).holder, 0U);
  layout::Roots& roots = party.segment().roots();
  roots.epoch = 8;
  const Pin younger = take(Pin::take(*party.attachment));
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 8U);
  EXPECT_EQ(oldest_pin(party.segment()).holder, take(own_identity()));
  roots.epoch = 4;
  Resting older([&] { new Pin(take(Pin::take(*party.attachment))); });
  roots.epoch = 9;
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 4U);
  EXPECT_EQ(oldest_pin(party.segment()).holder, older.identity());
  older.child().kill_and_reap();
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 4U) << "until it is swept";
  party.sweep();
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 8U);
}

TEST(SlotTest, HighWaterMarkIsNotTrustedBeyondTheSlots) {
  Place place(3);
  const Party& party = place.first();
  party.lease().slots_high_water = UINT32_MAX;
  const Pin pin = take(Pin::take(*party.attachment));
  EXPECT_EQ(count_slots(party.segment()), 1U);
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 1U);
  EXPECT_EQ(sweep_dead_slots(party.segment(), party.attachment->mapping()), 0U);
}

TEST(SlotTest, ReadsAreCountedPerAttachment) {
  Place place;
  const Party& party = place.first();
  const Party second = place.attach();
  for (int read = 0; read < 3; ++read) take(Pin::take(*party.attachment));
  std::thread([&] { take(Pin::take(*party.attachment)); }).join();
  take(Pin::take(*second.attachment));
  EXPECT_EQ(party.attachment->reads(), 4U);
  EXPECT_EQ(second.attachment->reads(), 1U);
}

// --- the writer word -------------------------------------------------------------------------------------

TEST(LockTest, WriterWordNamesItsOwner) {
  Place place;
  EXPECT_FALSE(take(place.first().acquire()));
  EXPECT_EQ(place.lease().writer, take(own_identity()));
  place.first().release();
  EXPECT_EQ(place.lease().writer, 0U);
}

TEST(LockTest, OneWriterAtATime) {
  constexpr int turns = 2000;
  Place place;
  const Party& party = place.first();
  volatile std::uint64_t& counter = *place.words();
  const auto count_up = [&] {
    for (int turn = 0; turn < turns; ++turn) {
      take(party.acquire());
      counter = counter + 1;
      party.release();
    }
    return 0;
  };
  Child one(count_up), two([&] {
    std::thread beside(count_up);
    count_up();
    beside.join();
    return 0;
  });
  EXPECT_EQ(one.join(), 0);
  EXPECT_EQ(two.join(), 0);
  EXPECT_EQ(counter, 3U * turns);
}

TEST(LockTest, SecondAcquireOfAThreadIsReentrant) {
  Place place;
  const Party& party = place.first();
  take(party.acquire());
  EXPECT_EQ(refusal(party.acquire()), Code::reentrant);
  EXPECT_EQ(refusal(party.enter()), Code::reentrant);
  party.release();
  EXPECT_EQ(refusal(party.acquire()), no_fault);
}

TEST(LockTest, MutationBelowOnesOwnViewIsRefused) {
  Place place;
  const Party& party = place.first();
  take(party.enter());
  EXPECT_EQ(refusal(party.acquire()), Code::view_held);
  party.leave();
  EXPECT_EQ(refusal(party.acquire()), no_fault);
}

TEST(LockTest, WordOfTheDeadIsTakenAndSaid) {
  Place place;
  const Party& party = place.first();
  Child([&] { return take(party.acquire()) ? 1 : 0; }).join();
  EXPECT_NE(place.lease().writer, 0U);
  EXPECT_TRUE(take(party.acquire()));
  EXPECT_EQ(place.lease().writer, take(own_identity()));
  party.release();
  EXPECT_FALSE(take(party.acquire()));
}

TEST(LockTest, WordOfAZombieIsTaken) {
  Place place;
  const Party& party = place.first();
  Child child([&] { return take(party.acquire()) ? 1 : 0; });
  child.await_end();
  EXPECT_TRUE(take(party.acquire()));
}

TEST(LockTest, WordOfAProgramThatWasReplacedIsTaken) {
  Place place;
  const Party& party = place.first();
  Execed execed([&] { take(party.acquire()); });
  EXPECT_TRUE(take(party.acquire()));
}

TEST(LockTest, WordFromBeforeOnesOwnExecIsTaken) {
  Place place;
  const Party& party = place.first();
  place.lease().writer = with_other_tag(take(own_identity()));
  EXPECT_TRUE(take(party.acquire()));
}

TEST(LockTest, StoppedHolderIsNotRobbedAndTheDeadlineNamesIt) {
  Place place;
  const Party& party = place.first();
  Resting holder([&] { take(party.acquire()); });
  holder.stop();
  const auto refused = party.acquire(short_wait_ms);
  EXPECT_EQ(refusal(refused), Code::timed_out);
  EXPECT_EQ(subject(refused), holder.pid());
  EXPECT_EQ(place.lease().writer, holder.identity());
  EXPECT_EQ(place.lease().waiters, 0U);
  holder.child().kill_and_reap();
  EXPECT_TRUE(take(party.acquire()));
}

TEST(LockTest, AnotherThreadOfOnesProcessIsWaitedFor) {
  Place place;
  const Party& party = place.first();
  take(party.acquire());
  std::thread([&] {
    const auto refused = party.acquire(short_wait_ms);
    EXPECT_EQ(refusal(refused), Code::timed_out);
    EXPECT_EQ(subject(refused), own_pid());
  }).join();
  party.release();
}

TEST(LockTest, SleepingWaiterGoesOnWhenTheHolderDies) {
  Place place;
  const Party& party = place.first();
  Resting holder([&] { take(party.acquire()); });
  Child waiter([&] { return take(party.acquire()) ? 7 : 8; });
  std::atomic_ref waiters(place.lease().waiters);
  spin_until([&] { return waiters.load() != 0; });
  holder.child().send_kill();
  EXPECT_EQ(waiter.join(), 7);
}

TEST(LockTest, SleepingWaiterGoesOnAtTheRelease) {
  Place place;
  const Party& party = place.first();
  take(party.acquire());
  Child waiter([&] { return take(party.acquire()) ? 7 : 8; });
  std::atomic_ref waiters(place.lease().waiters);
  spin_until([&] { return waiters.load() != 0; });
  party.release();
  EXPECT_EQ(waiter.join(), 8);
}

TEST(LockTest, CountOfWaitersLeftByTheKilledCostsNothingButAWake) {
  Place place;
  const Party& party = place.first();
  place.lease().waiters = 1000;
  take(party.acquire());
  party.release();
  EXPECT_EQ(place.lease().waiters, 1000U);
  EXPECT_FALSE(take(party.acquire()));
}

// --- stable views ----------------------------------------------------------------------------------------

TEST(ViewTest, WriterWaitsForAView) {
  Place place;
  const Party& party = place.first();
  Resting viewer([&] { take(party.enter()); });
  const auto refused = party.acquire(short_wait_ms);
  EXPECT_EQ(refusal(refused), Code::timed_out);
  EXPECT_EQ(subject(refused), viewer.pid());
  EXPECT_EQ(place.lease().writer, 0U) << "who gives up lets go of the word";
}

TEST(ViewTest, WriterGoesOnWhenTheViewIsLeft) {
  Place place;
  const Party& party = place.first();
  take(party.enter());
  Child writer([&] { return take(party.acquire()) ? 7 : 8; });
  std::atomic_ref waiters(place.lease().waiters);
  spin_until([&] { return waiters.load() != 0; });
  party.leave();
  EXPECT_EQ(writer.join(), 8);
}

TEST(ViewTest, ViewWaitsForTheWriter) {
  Place place;
  const Party& party = place.first();
  Resting writer([&] { take(party.acquire()); });
  const auto refused = party.enter(short_wait_ms);
  EXPECT_EQ(refusal(refused), Code::timed_out);
  EXPECT_EQ(subject(refused), writer.pid());
  for (const std::uint64_t view : place.lease().views) EXPECT_EQ(view, 0U);
}

TEST(ViewTest, ViewWaitsForAWriterThatWaitsForAView) {
  Place place;
  const Party& party = place.first();
  const Party second = place.attach();
  take(party.enter());
  Child writer([&] { return take(party.acquire()) ? 7 : 8; });
  std::atomic_ref writer_word(place.lease().writer);
  spin_until([&] { return writer_word.load() != 0; });
  EXPECT_EQ(refusal(second.enter(short_wait_ms)), Code::timed_out);
  party.leave();
  EXPECT_EQ(writer.join(), 8);
}

TEST(ViewTest, SeveralViewsAreHeldAtOnce) {
  Place place;
  const Party second = place.attach();
  EXPECT_EQ(take(place.first().enter()), ViewEntry::entered);
  EXPECT_EQ(take(second.enter()), ViewEntry::entered);
  EXPECT_EQ(place.lease().views[0], take(own_identity()));
  EXPECT_EQ(place.lease().views[1], take(own_identity()));
}

TEST(ViewTest, NestedViewIsTheSame) {
  Place place;
  const Party& party = place.first();
  take(party.enter());
  take(party.enter());
  EXPECT_EQ(place.lease().views[1], 0U);
  party.leave();
  EXPECT_EQ(place.lease().views[0], take(own_identity()));
  party.leave();
  EXPECT_EQ(place.lease().views[0], 0U);
}

TEST(ViewTest, ViewOfTheDeadHoldsNobodyUp) {
  Place place;
  const Party& party = place.first();
  EXPECT_EQ(Child([&] { return take(party.enter()) == ViewEntry::entered ? 0 : 1; }).join(), 0);
  EXPECT_NE(place.lease().views[0], 0U);
  EXPECT_FALSE(take(party.acquire()));
  EXPECT_EQ(place.lease().views[0], 0U);
}

TEST(ViewTest, ViewFromBeforeOnesOwnExecHoldsNobodyUp) {
  Place place;
  place.lease().views[5] = with_other_tag(take(own_identity()));
  EXPECT_FALSE(take(place.first().acquire()));
  EXPECT_EQ(place.lease().views[5], 0U);
}

TEST(ViewTest, DeadWriterIsReportedNotWaitedFor) {
  Place place;
  const Party& party = place.first();
  Child([&] { return take(party.acquire()) ? 1 : 0; }).join();
  EXPECT_EQ(take(party.enter()), ViewEntry::writer_died);
  for (const std::uint64_t view : place.lease().views) EXPECT_EQ(view, 0U);
  EXPECT_EQ(party.state().view_depth, 0U);
}

TEST(ViewTest, ChildDoesNotHoldTheViewOfItsParent) {
  Place place;
  const Party& party = place.first();
  take(party.enter());
  EXPECT_EQ(Child([&] {
              if (party.state().view_depth != 0) return 1;
              const auto refused = party.acquire(short_wait_ms);
              return refusal(refused) == Code::timed_out ? 0 : 2;
            }).join(),
            0);
  EXPECT_EQ(place.lease().views[0], take(own_identity()));
}

TEST(ViewTest, SixtyFifthViewIsRefused) {
  Place place;
  std::vector<Party> parties;
  for (std::uint32_t view = 0; view < layout::view_entries; ++view) {
    parties.push_back(place.attach());
    ASSERT_EQ(take(parties.back().enter()), ViewEntry::entered);
  }
  const auto refused = place.first().enter(short_wait_ms);
  EXPECT_EQ(refusal(refused), Code::too_many_views);
  EXPECT_EQ(subject(refused), own_pid());
  EXPECT_EQ(refusal(place.first().enter()), Code::too_many_views) << "without a deadline too";
  parties[40].leave();
  EXPECT_EQ(take(place.first().enter()), ViewEntry::entered);
}

TEST(ViewTest, TableFullOfTheDeadIsCleared) {
  Place place;
  const Identity dead = dead_identity();
  for (std::uint64_t& view : place.lease().views) view = dead;
  EXPECT_EQ(take(place.first().enter()), ViewEntry::entered);
}

TEST(ViewTest, NothingChangesUnderAView) {
  constexpr int views = 200;
  Place place;
  const Party& party = place.first();
  Shared<std::atomic<bool>> enough;
  volatile std::uint64_t* const words = place.words();
  const auto write = [&] {
    while (!enough->load()) {
      take(party.acquire());
      words[0] = words[0] + 1;
      words[1] = words[1] + 1;
      party.release();
    }
    return 0;
  };
  Child one(write), two(write);
  for (int view = 0; view < views; ++view) {
    take(party.enter());
    const std::uint64_t first = words[0];
    for (int look = 0; look < 100; ++look) ASSERT_EQ(words[1], first);
    ASSERT_EQ(words[0], first);
    party.leave();
  }
  *enough = true;
  EXPECT_EQ(one.join(), 0);
  EXPECT_EQ(two.join(), 0);
}

TEST(ViewTest, GetsInHoweverBusyTheWriters) {
  Place place;
  const Party& party = place.first();
  Shared<std::atomic<bool>> enough;
  const auto write = [&] {
    while (!enough->load()) {
      take(party.acquire());
      party.release();
    }
    return 0;
  };
  Child writers[] = {Child(write), Child(write), Child(write)};
  for (int view = 0; view < 5; ++view) {
    EXPECT_EQ(take(party.enter()), ViewEntry::entered);
    party.leave();
  }
  *enough = true;
  for (Child& writer : writers) EXPECT_EQ(writer.join(), 0);
}

TEST(ViewTest, LongWaitingViewPostsATurnAndTakesItBack) {
  Place place;
  const Party& party = place.first();
  take(party.acquire());
  Shared<Identity> identity;
  Child viewer([&] {
    *identity = take(own_identity());
    return take(party.enter()) == ViewEntry::entered ? 0 : 1;
  });
  std::atomic_ref turn(place.lease().turn);
  spin_until([&] { return turn.load() != 0; });
  EXPECT_EQ(turn.load(), *identity);
  party.release();
  EXPECT_EQ(viewer.join(), 0);
  EXPECT_EQ(turn.load(), 0U);
}

TEST(ViewTest, TurnOfTheDeadIsCleared) {
  Place place;
  place.lease().turn = dead_identity();
  EXPECT_FALSE(take(place.first().acquire()));
  EXPECT_EQ(place.lease().turn, 0U);
}

TEST(ViewTest, TurnOfAStoppedWaiterIsCleared) {
  Place place;
  Resting waiter;
  waiter.stop();
  place.lease().turn = waiter.identity();
  EXPECT_FALSE(take(place.first().acquire()));
  EXPECT_EQ(place.lease().turn, 0U);
}

TEST(ViewTest, ViewThatGivesUpLeavesNoTurnBehind) {
  Place place;
  const Party& party = place.first();
  Resting writer([&] { take(party.acquire()); });
  EXPECT_EQ(refusal(party.enter(120)), Code::timed_out);
  EXPECT_EQ(place.lease().turn, 0U);
}

}  // namespace
}  // namespace radish::sync
