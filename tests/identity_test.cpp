// Floor 1: who a process is, and whether it lives.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "sync_fixture.h"

namespace radish::sync {
namespace {

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

TEST(IdentityTest, IsWholeWhicheverThreadAsksFirst) {
  EXPECT_EQ(Child([] {
              Identity first = 0;
              std::thread([&] { first = take(own_identity()); }).join();
              return pid_of(first) == own_pid() && read_start(own_pid()) == start_of(first) ? 0 : 1;
            }).join(),
            0);
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
  const layout::LeaseOrigin origin = take(own_origin());
  EXPECT_NE(origin.pid_namespace, 0U);
  EXPECT_NE(origin.time_namespace, 0U);
  unsigned set = 0;
  for (const std::uint8_t byte : origin.boot_id) set += byte != 0;
  EXPECT_GT(set, 4U);
  EXPECT_EQ(Child([&] { return take(own_origin()) == origin ? 0 : 1; }).join(), 0);
}

TEST(IdentityTest, OriginThatCannotBeReadForTheMomentIsAnErrorNotAnotherBoot) {
  Child child([] {
    const rlimit none{};
    return setrlimit(RLIMIT_NOFILE, &none) == 0 && refusal(own_origin()) == Code::io ? 0 : 1;
  });
  EXPECT_EQ(child.join(), 0);
  EXPECT_EQ(refusal(own_origin()), no_fault);
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

}  // namespace
}  // namespace radish::sync
