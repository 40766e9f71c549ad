// Frozen segments: read by anybody from anywhere, without slots and locks; refused to who would write; their
// content under a checksum.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "mounts.h"
#include "processes.h"
#include "scratch.h"
#include "segment/superblock.h"
#include "segment/system.h"
#include "support.h"
#include "trees.h"

namespace radish::tests {
namespace {

constexpr std::uint64_t keys = 1000;
constexpr OpenOptions small = {.capacity_bytes = 256 << 10, .reader_slots = 1, .mode = 0644};

std::string key_of(std::uint64_t number) { return "key " + std::to_string(number); }

Tree make_tree(const std::string& path) {
  Tree tree = take(Tree::open(path, small));
  for (std::uint64_t number = 0; number < keys; ++number) take(tree.insert(key_of(number), number));
  return tree;
}

void make_frozen(const std::string& path) { take(make_tree(path).freeze()); }

/// Every kind of read; true if all answers are right.
bool reads_everything(const Tree& tree) {
  if (take(tree.count()) != keys || !tree.verify()) return false;
  for (std::uint64_t number = 0; number < keys; ++number)
    if (take(tree.find(key_of(number))) != number) return false;
  if (take(tree.longest_prefix("key 7/more")) != Match{7, 5} || take(tree.prefixes("key 77")).size() != 2)
    return false;
  const View view = take(tree.view());
  Cursor cursor = take(tree.cursor("key "));
  std::uint64_t met = 0;
  while (take(cursor.next())) ++met;
  return met == keys && take(tree.stats()).frozen && take(tree.stats()).reader_slots_used == 0;
}

class FrozenTest : public testing::Test {
 protected:
  FrozenTest()
      : geometry_(take(segment::plan_geometry(
            {.capacity_bytes = small.capacity_bytes, .reader_slots = small.reader_slots}))) {}
  [[nodiscard]] std::string path() const { return scratch_.file("tree"); }

  ScratchDirectory scratch_;
  layout::Geometry geometry_;
};

// --- read-only file systems ------------------------------------------------------------------------------

constexpr uid_t nobody = 65534;

bool become_nobody() {
  return setresgid(nobody, nobody, nobody) == 0 && setresuid(nobody, nobody, nobody) == 0;
}

TEST_F(FrozenTest, IsReadByAnybodyFromAReadOnlyFileSystem) {
  RADISH_SKIP_UNLESS_ROOT();
  const std::string folder = scratch_.file("");
  RADISH_EXPECT_IN_OWN_MOUNT(folder, "size=1m", [&] {
    make_frozen(path());
    if (mount("none", folder.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return 1;
    if (!become_nobody()) return 2;
    const auto tree = Tree::open_readonly(path());
    if (!tree || !tree->read_only()) return 3;
    if (!reads_everything(*tree)) return 4;
    if (refusal(Tree::open(path(), small)) != Code::io) return 5;
    return refusal(tree->unlink()) == Code::io ? 0 : 6;
  });
}

/// Takes what is left of a small disk.
void fill_disk(const std::string& file) {
  const int descriptor = open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const std::string page(layout::page_bytes, 'x');
  while (write(descriptor, page.data(), page.size()) > 0) {
  }
  close(descriptor);
}

/// A copy with holes wherever a page is zero.
void copy_sparsely(const std::string& from, const std::string& to) {
  const std::string content = read_file(from), zeros(layout::page_bytes, '\0');
  const int descriptor = open(to.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  for (std::size_t page = 0; page < content.size(); page += layout::page_bytes)
    if (const auto bytes = std::string_view(content).substr(page, layout::page_bytes); bytes != zeros)
      take(segment::write_at(descriptor, std::as_bytes(std::span(bytes)), page));
  EXPECT_EQ(ftruncate(descriptor, static_cast<off_t>(content.size())), 0);
  close(descriptor);
}

// A page that is read for the first time is made room for in a tmpfs, a hole as well.
TEST_F(FrozenTest, SparseCopyOnAFullDiskIsReadAndNoSignal) {
  RADISH_EXPECT_IN_OWN_MOUNT(scratch_.file(""), "size=1m", [&] {
    make_frozen(path());
    copy_sparsely(path(), path() + ".copy");
    fill_disk(path() + ".rest");
    const auto tree = Tree::open_readonly(path() + ".copy");
    if (!tree) return 1;
    return reads_everything(*tree) ? 0 : 2;
  });
}

// --- no slots, no locks ----------------------------------------------------------------------------------

/// Whether anybody has a lock on the file, as the kernel lists them.
bool is_locked(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) throw std::runtime_error("stat");
  std::string wanted(":");
  wanted += std::to_string(status.st_ino);
  wanted += ' ';
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);)
    if (line.find(wanted) != std::string::npos) return true;
  return false;
}

/// Whether both bytes can be locked against everybody, on a description of one's own.
bool can_be_locked(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool locked = take(segment::set_lock(descriptor, F_WRLCK, segment::attach_lock_byte)) &&
                      take(segment::set_lock(descriptor, F_WRLCK, segment::open_lock_byte));
  close(descriptor);
  return locked;
}

TEST_F(FrozenTest, ReadingTakesNoLock) {
  std::optional tree(make_tree(path()));
  EXPECT_TRUE(is_locked(path())) << "whoever may write is seen";
  EXPECT_FALSE(can_be_locked(path()));
  take(tree->freeze());
  tree.reset();
  const Tree frozen = take(Tree::open_readonly(path()));
  const View view = take(frozen.view());
  EXPECT_TRUE(reads_everything(frozen));
  EXPECT_FALSE(is_locked(path()));
  EXPECT_TRUE(can_be_locked(path()));
}

TEST_F(FrozenTest, ReadingChangesNoByte) {
  make_frozen(path());
  const std::string before = read_file(path());
  {
    const Tree tree = take(Tree::open_readonly(path()));
    EXPECT_TRUE(reads_everything(tree));
    Child child([&] { return reads_everything(tree) ? 0 : 1; });
    EXPECT_EQ(child.join(), 0);
  }
  EXPECT_EQ(read_file(path()), before);
}

TEST_F(FrozenTest, ReadersBeyondTheSlotsReadAtOnce) {
  constexpr std::ptrdiff_t readers = 16;
  static_assert(readers > small.reader_slots);
  make_frozen(path());
  const Tree tree = take(Tree::open_readonly(path()));
  std::latch all_read(readers);
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (std::ptrdiff_t reader = 0; reader < readers; ++reader)
      threads.emplace_back([&] {
        right += tree.find("key 1") == 1U;
        all_read.arrive_and_wait();  // nobody has gone, and given back a slot, before everybody has read
      });
  }
  EXPECT_EQ(right, readers);
  EXPECT_EQ(take(tree.stats()).reader_slots_used, 0U);
}

// --- refused to writers ----------------------------------------------------------------------------------

TEST_F(FrozenTest, ReadWriteOpenIsRefusedHoweverItIsAskedForAndLeavesEveryByte) {
  make_frozen(path());
  const std::string before = read_file(path());
  EXPECT_TRUE(is_refused(Tree::open(path(), small), Code::frozen, path()));
  EXPECT_TRUE(is_refused(Tree::open(path(), {.must_exist = true}), Code::frozen, path()));
  EXPECT_TRUE(is_refused(Tree::open(path(), {.exclusive = true}), Code::exists, path()));
  const int descriptor = open(path().c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_TRUE(is_refused(Tree::open_descriptor(descriptor), Code::frozen));
  close(descriptor);
  EXPECT_EQ(read_file(path()), before);
}

TEST_F(FrozenTest, WhoWasAttachedBeforeGoesOnReadingAndWritesNoMore) {
  Tree tree = make_tree(path());
  Bell attached, frozen;
  Child child([&] {
    Tree own = take(Tree::open(path(), small));
    Cursor cursor = take(own.cursor());
    if (!take(cursor.next())) return 1;
    attached.ring();
    frozen.wait();
    if (!own.frozen() || own.read_only()) return 2;
    if (refusal(own.insert("key 1", 8)) != Code::frozen || refusal(own.clear()) != Code::frozen) return 3;
    if (take(own.find("key 1")) != 1U || !take(cursor.next())) return 4;
    return own.verify() ? 0 : 5;
  });
  attached.wait();
  take(tree.freeze());
  frozen.ring();
  EXPECT_EQ(child.join(), 0);
  EXPECT_TRUE(reads_everything(take(Tree::open_readonly(path()))));
}

// --- the checksum of the content -------------------------------------------------------------------------

class DamageTest : public FrozenTest {
 protected:
  DamageTest() {
    make_frozen(path());
    content_ = read_file(path());
    descriptor_ = open(path().c_str(), O_RDWR | O_CLOEXEC);
  }
  ~DamageTest() override { close(descriptor_); }

  void put(std::uint64_t offset, char byte) const {
    take(segment::write_at(descriptor_, std::as_bytes(std::span(&byte, 1)), offset));
  }
  /// What opening and verifying say while the byte at an offset is another.
  [[nodiscard]] Code verdict_without(std::uint64_t offset, int flip) const {
    put(offset, static_cast<char>(content_[offset] ^ flip));
    const auto tree = Tree::open_readonly(path());
    const Code verdict = tree ? refusal(tree->verify()) : refusal(tree);
    put(offset, content_[offset]);
    return verdict;
  }
  [[nodiscard]] std::uint64_t frontier_bytes() const {
    std::uint64_t pages = 0;
    std::memcpy(&pages, &content_[geometry_.roots_offset + offsetof(layout::Roots, frontier)], sizeof pages);
    return pages * layout::page_bytes;
  }

  std::string content_;
  int descriptor_ = -1;
};

TEST_F(DamageTest, EveryFlippedByteOfTheContentIsFound) {
  std::printf("%s\n", replay_command().c_str());
  const std::uint64_t stride = scale() >= 10 ? 7 : 61;
  std::uint64_t flips = 0;
  for (std::uint64_t offset = geometry_.roots_offset + seed() % stride; offset < frontier_bytes();
       offset += stride, ++flips)
    EXPECT_NE(verdict_without(offset, 1 << (flips + seed()) % 8), no_fault) << offset;
  std::printf("%llu flips\n", static_cast<unsigned long long>(flips));
  EXPECT_GT(flips, 500U);
  EXPECT_TRUE(reads_everything(take(Tree::open_readonly(path()))));
}

TEST_F(DamageTest, EveryFlippedByteOfTheSuperblockIsFound) {
  for (std::uint64_t offset = 0; offset < layout::page_bytes; ++offset)
    EXPECT_NE(verdict_without(offset, 0x10), no_fault) << offset;
}

TEST_F(DamageTest, WhatTheDeadLeftInLeaseAndSlotsIsNoContent) {
  using layout::Lease, layout::Slot;
  const std::uint64_t lease = layout::page_bytes;
  for (const std::uint64_t offset :
       {lease + offsetof(Lease, writer), lease + offsetof(Lease, views), lease + offsetof(Lease, turn),
        lease + offsetof(Lease, waiters), geometry_.slots_offset + offsetof(Slot, owner),
        geometry_.slots_offset + offsetof(Slot, pin), frontier_bytes()})
    EXPECT_EQ(verdict_without(offset, 0x10), no_fault) << offset;
}

// What is not content is not looked at while a frozen file is opened, so that opening it takes no longer for
// more of it: damage is found on request.
TEST_F(DamageTest, OpeningDoesNotAskForTheChecksum) {
  put(frontier_bytes() - layout::page_bytes + 200, 'x');
  const auto tree = Tree::open_readonly(path());
  EXPECT_TRUE(is_done(tree));
  EXPECT_TRUE(is_refused(tree->verify(), Code::corrupt));
}

}  // namespace
}  // namespace radish::tests
