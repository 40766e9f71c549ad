// How a tree comes to be, and is refused, through the public interface: racing creators, creators that are
// killed, and whatever may lie under a path.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>

#include "mounts.h"
#include "processes.h"
#include "scratch.h"
#include "traced.h"
#include "trees.h"

namespace radish::tests {
namespace {

namespace fs = std::filesystem;

constexpr OpenOptions small = {.capacity_bytes = 256 << 10, .reader_slots = 16};

class CreationTest : public testing::Test {
 protected:
  [[nodiscard]] std::string folder() const { return scratch_.file(""); }
  [[nodiscard]] std::string path() const { return scratch_.file("tree"); }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder()), {}));
  }

  ScratchDirectory scratch_;
};

// --- races -----------------------------------------------------------------------------------------------

struct RaceCount {
  std::atomic<int> created, attached, refused;
};

/// What one of the racers does: it opens the tree, leaves a key of its own, and stays until all have.
int race(const std::string& path, int number, RaceCount& count, Bell& start, Bell& ready, Bell& all_ready) {
  (void)start.heard();  // the end of it starts them all
  auto tree = Tree::open(path, small);
  if (!tree)
    ++count.refused;
  else
    ++(tree->outcome() == Outcome::created ? count.created : count.attached);
  const bool good = tree && tree->outcome() <= Outcome::attached && tree->insert(std::to_string(number), 1);
  ready.ring();
  (void)all_ready.heard();
  return good && tree->count() == 200U ? 0 : 1;
}

void expect_one_creator(const std::string& path) {
  constexpr int racers = 200;
  Shared<RaceCount> count;
  std::optional<Bell> start(std::in_place), all_ready(std::in_place);
  Bell ready;
  std::deque<Child> children;
  for (int number = 0; number < racers; ++number)
    children.emplace_back([&, number] { return race(path, number, *count, *start, ready, *all_ready); });
  start.reset();
  for (int number = 0; number < racers; ++number) ready.wait();
  EXPECT_EQ(count->created, 1);
  EXPECT_EQ(count->attached, racers - 1);
  EXPECT_EQ(count->refused, 0);
  all_ready.reset();
  for (Child& child : children) EXPECT_EQ(child.join(), 0) << "it did not see everybody's key";
  const Tree tree = take(Tree::open(path, {.must_exist = true}));
  EXPECT_EQ(take(tree.count()), std::uint64_t{racers});
  EXPECT_EQ(tree.generation(), 1U);
  EXPECT_TRUE(is_done(tree.verify()));
}

constexpr int rounds = 10;  // two creators do not meet in each

TEST_F(CreationTest, OneOfTwoHundredRacingProcessesCreatesAndTheOthersAttach) {
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    expect_one_creator(path());
    EXPECT_EQ(files(), 1U);
    fs::remove(path());
  }
}

TEST_F(CreationTest, OneOfTwoHundredRacingProcessesInitialisesAnEmptyFile) {
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    write_file(path(), "");
    expect_one_creator(path());
    EXPECT_EQ(files(), 1U);
  }
}

// --- kills -----------------------------------------------------------------------------------------------

/// Kills `act` at each stop of its system calls; `judge` looks at what is left.
std::uint64_t each_kill(const std::function<void()>& act, const std::function<void()>& judge) {
  for (std::uint64_t stops = 0;; ++stops) {
    const bool died = Traced([&] {
                        act();
                        return 0;
                      }).dies_after(stops);
    SCOPED_TRACE("killed after " + std::to_string(stops) + " stops");
    judge();
    if (!died) return stops;
  }
}

TEST_F(CreationTest, CreatorKilledAtAnySystemCallLeavesNothingOrATreeThatOpens) {
  int left = 0;
  const std::uint64_t kills = each_kill([&] { take(take(Tree::open(path(), small)).insert("key", 7)); },
                                        [&] {
                                          const bool whole = fs::exists(path());
                                          EXPECT_EQ(files(), whole ? 1U : 0U)
                                              << "something is left under another name";
                                          left += whole;
                                          Tree tree = take(Tree::open(path(), small));
                                          EXPECT_EQ(tree.outcome() == Outcome::created, !whole);
                                          EXPECT_TRUE(is_done(tree.verify()));
                                          EXPECT_TRUE(is_done(tree.insert("key", 8)));
                                          EXPECT_EQ(take(tree.count()), 1U);
                                          fs::remove(path());
                                        });
  EXPECT_GT(kills, 40U);
  EXPECT_GT(left, 10);
}

TEST_F(CreationTest, FreezerKilledAtAnySystemCallLeavesATreeThatIsFrozenOrUsable) {
  int frozen = 0;
  const std::uint64_t kills = each_kill(
      [&] {
        Tree tree = take(Tree::open(path(), small));
        take(tree.insert("key", 7));
        take(tree.freeze());
      },
      [&] {
        if (const auto tree = Tree::open_readonly(path()); tree) {
          ++frozen;
          EXPECT_TRUE(is_done(tree->verify()));
          EXPECT_EQ(take(tree->find("key")), 7U);
        } else {
          Tree usable = take(Tree::open(path(), small));
          EXPECT_TRUE(is_done(usable.insert("key", 7)));
          EXPECT_TRUE(is_done(usable.freeze()));
        }
        fs::remove(path());
      });
  EXPECT_GT(kills, 40U);
  EXPECT_GT(frozen, 2);
}

// --- what may lie under a path ---------------------------------------------------------------------------

/// Every way to open is refused with this code, and the file stays what it is.
void expect_refused(const std::string& path, Code code, Code readonly_code) {
  EXPECT_TRUE(is_refused(Tree::open(path, small), code, path));
  EXPECT_TRUE(is_refused(Tree::open(path, {.must_exist = true}), code, path));
  EXPECT_TRUE(is_refused(Tree::open(path, {.exclusive = true}), Code::exists, path));
  EXPECT_TRUE(is_refused(Tree::open_readonly(path), readonly_code, path));
}
void expect_refused(const std::string& path, Code code) { expect_refused(path, code, code); }

TEST_F(CreationTest, ShortAndForeignFilesAreRefusedAndKept) {
  for (const std::string& content :
       {std::string("x"), std::string("radish0"), std::string("radish02 and more"), std::string(80, '\0'),
        std::string(1 << 20, 'r')}) {
    write_file(path(), content);
    expect_refused(path(), Code::not_radish);
    EXPECT_TRUE(read_file(path()) == content) << content.size();
  }
}

TEST_F(CreationTest, TruncatedTreesAreRefused) {
  take(take(Tree::open(path(), small)).insert("key", 1));
  for (const std::uintmax_t bytes : {256U * 1024 - 1, 128U * 1024, 4096U, 4095U, 128U, 80U, 8U}) {
    fs::resize_file(path(), bytes);
    expect_refused(path(), Code::corrupt);
    EXPECT_EQ(fs::file_size(path()), bytes);
  }
}

TEST_F(CreationTest, HugeSparseFilesAreRefusedAtOnceAndTakeNoRoom) {
  constexpr std::uintmax_t tebibyte = std::uintmax_t{1} << 40;
  write_file(path(), "");
  fs::resize_file(path(), tebibyte);
  expect_refused(path(), Code::not_radish);
  EXPECT_EQ(stored_file_bytes(path()), 0U);

  const std::string grown = scratch_.file("grown");
  take(take(Tree::open(grown, small)).insert("key", 1));
  const std::uint64_t before = stored_file_bytes(grown);
  fs::resize_file(grown, tebibyte);
  expect_refused(grown, Code::corrupt);
  EXPECT_EQ(stored_file_bytes(grown), before);

  const std::string unfinished = scratch_.file("unfinished");
  write_file(unfinished, {reinterpret_cast<const char*>(&layout::magic_creating), 8});
  fs::resize_file(unfinished, tebibyte);
  expect_refused(unfinished, Code::not_radish, Code::not_frozen);
}

TEST_F(CreationTest, WhatIsNoFileIsRefusedWithoutWaitingForIt) {
  const std::string folder_name = scratch_.file("folder"), fifo = scratch_.file("fifo");
  ASSERT_TRUE(fs::create_directory(folder_name));
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& name : {folder_name, fifo, std::string("/dev/zero")})
    expect_refused(name, Code::not_regular_file);
}

TEST_F(CreationTest, SymbolicLinksAreNotFollowedWhereverTheyLead) {
  (void)take(Tree::open(path(), small));
  const std::string dangling = scratch_.file("dangling"), to_file = scratch_.file("to_file"),
                    to_folder = scratch_.file("to_folder");
  fs::create_symlink(scratch_.file("nowhere"), dangling);
  fs::create_symlink(path(), to_file);
  fs::create_directory_symlink(folder(), to_folder);
  for (const std::string& name : {dangling, to_file, to_folder}) expect_refused(name, Code::not_regular_file);
  EXPECT_FALSE(fs::exists(scratch_.file("nowhere"))) << "a file was made behind a dangling link";
  const auto through_folder = Tree::open(to_folder + "/tree", small);
  EXPECT_TRUE(is_done(through_folder)) << "links on the way are the file system's affair";
}

// --- file systems ----------------------------------------------------------------------------------------

TEST_F(CreationTest, ReadOnlyFileSystemIsNamedAsTheReason) {
  RADISH_EXPECT_IN_OWN_MOUNT(folder(), "size=1m", [&] {
    (void)take(Tree::open(path(), small));
    if (mount("none", folder().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return 1;
    const std::string reason = "Read-only file system", free_path = scratch_.file("new");
    if (!is_refused(Tree::open(path(), small), Code::io, reason)) return 2;
    if (!is_refused(Tree::open(free_path, small), Code::io, reason)) return 3;
    if (!is_refused(Tree::open(free_path, {.exclusive = true}), Code::io, reason)) return 4;
    if (!is_refused(Tree::open_readonly(path()), Code::not_frozen)) return 5;
    return is_refused(Tree::open_readonly(free_path), Code::not_found) && files() == 1 ? 0 : 6;
  });
}

/// Runs a body to which the kernel seems to say that every file lies on a file system of some type; its exit
/// code.
int run_as_if_on(std::uint64_t type, const std::function<int()>& body) {
  Traced traced(body);
  std::uint64_t buffer = 0;
  while (traced.step()) {
    const __ptrace_syscall_info info = traced.at();
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
      buffer = info.entry.nr == SYS_fstatfs ? info.entry.args[1] : 0;
    else if (info.op == PTRACE_SYSCALL_INFO_EXIT && buffer != 0)
      traced.poke(buffer + offsetof(struct statfs, f_type), type);
  }
  return traced.exit_code();
}

// None can be mounted here without a server, so a tracer puts the answer into the kernel's mouth.
TEST_F(CreationTest, NetworkFileSystemIsRefusedAndNothingIsMadeThere) {
  static_assert(sizeof(statfs::f_type) == sizeof(std::uint64_t));
  (void)take(Tree::open(path(), small));
  const std::string frozen = scratch_.file("frozen"), free_path = scratch_.file("new");
  take(take(Tree::open(frozen, small)).freeze());
  const auto open_all = [&] {
    constexpr Code refused = Code::unsupported_file_system;
    if (!is_refused(Tree::open(path(), small), refused, path())) return 1;
    if (!is_refused(Tree::open(free_path, small), refused, free_path)) return 2;
    if (!is_refused(Tree::open_readonly(frozen), refused, frozen)) return 3;
    const int descriptor = open(path().c_str(), O_RDWR | O_CLOEXEC);
    return is_refused(Tree::open_descriptor(descriptor), refused) ? 0 : 4;
  };
  for (const std::uint64_t type : {std::uint64_t{NFS_SUPER_MAGIC}, std::uint64_t{V9FS_MAGIC}, 0xff534d42UL})
    EXPECT_EQ(run_as_if_on(type, open_all), 0) << "the failing step's number; type " << type;
  EXPECT_EQ(run_as_if_on(EXT4_SUPER_MAGIC, open_all), 1) << "the tracer itself is no reason to refuse";
  EXPECT_EQ(files(), 2U) << "something was made there";
}

}  // namespace
}  // namespace radish::tests
