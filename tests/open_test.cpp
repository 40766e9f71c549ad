// How an open comes out over what files and earlier deaths leave, through the public interface. Each test is
// a case that once came out wrong.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "attachments.h"
#include "mounts.h"
#include "radish/tree.hpp"
#include "scratch.h"
#include "sync/identity.h"
#include "txn/transaction.h"

namespace radish::tests {
namespace {

constexpr OpenOptions small = {.capacity_bytes = 256 << 10, .reader_slots = 16};

class OpenTest : public ::testing::Test {
 protected:
  OpenTest()
      : geometry_(*segment::plan_geometry({.capacity_bytes = small.capacity_bytes, .reader_slots = 16})) {}

  [[nodiscard]] std::string path() const { return scratch_.file("tree"); }
  template <class T>
  void patch(std::uint64_t offset, const T& value) const {
    const int descriptor = ::open(path().c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(pwrite(descriptor, &value, sizeof value, static_cast<off_t>(offset)),
              static_cast<ssize_t>(sizeof value));
    close(descriptor);
  }
  /// As if the machine had been booted since.
  void patch_boot() const {
    layout::LeaseOrigin origin = take(sync::own_origin());
    origin.boot_id[0] ^= 1;
    patch(layout::page_bytes + offsetof(layout::Lease, origin), origin);
    patch(layout::page_bytes + offsetof(layout::Lease, checksum), segment::lease_checksum(origin));
  }
  /// An armed record with one store.
  void patch_record(std::uint64_t target, std::uint64_t value) const {
    patch(geometry_.record_offset + sizeof(layout::Record), layout::RecordEntry{target, value});
    patch(geometry_.record_offset + offsetof(layout::Record, entry_count), std::uint32_t{1});
    patch(geometry_.record_offset + offsetof(layout::Record, takeover_generation), std::uint64_t{2});
    patch(geometry_.record_offset, layout::armed_mark);
  }
  [[nodiscard]] static Code code_of(const Result<Tree>& tree) { return tree ? no_fault : tree.error().code; }

  ScratchDirectory scratch_;
  layout::Geometry geometry_;
};

TEST_F(OpenTest, ProcessWithoutItsMainThreadCreatesAndReopens) {
  Child child([&] {
    std::thread([&] {
      spin_until([] { return main_thread_has_exited(getpid()); });
      auto tree = Tree::open(path(), small);
      if (!tree || !tree->insert("key", 7)) _exit(1);
      _exit(Tree::open_descriptor(tree->descriptor()) ? 0 : 2);
    }).detach();
    exit_this_thread_alone();
    return 3;
  });
  EXPECT_EQ(child.join(), 0);
  auto tree = Tree::open(path(), small);
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->find("key").value(), 7);
}

TEST_F(OpenTest, TextThatBeginsLikeAnUnfinishedSegmentIsLeftAlone) {
  const std::string text = "creating a list of what to buy: bread, apples";
  write_file(path(), text);
  EXPECT_EQ(code_of(Tree::open(path(), small)), Code::not_radish);
  EXPECT_EQ(read_file(path()), text);
  std::string marked(sizeof(layout::magic_creating), '\0');
  std::memcpy(marked.data(), &layout::magic_creating, marked.size());
  write_file(path(), marked + text);
  EXPECT_EQ(code_of(Tree::open(path(), small)), Code::not_radish);
  EXPECT_EQ(read_file(path()), marked + text);
}

TEST_F(OpenTest, DamagedFileOfAnotherBootIsRefusedEachTime) {
  ASSERT_TRUE(Tree::open(path(), small)->insert("key", 1));
  patch(geometry_.roots_offset + offsetof(layout::Roots, key_count), std::uint64_t{9});
  patch_boot();
  for (int attempt = 0; attempt < 3; ++attempt) EXPECT_EQ(code_of(Tree::open(path(), small)), Code::corrupt);
  patch(geometry_.roots_offset + offsetof(layout::Roots, key_count), std::uint64_t{1});
  const auto tree = Tree::open(path(), small);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->outcome(), Outcome::healed);
  EXPECT_EQ(tree->generation(), 2U);
}

TEST_F(OpenTest, UnreadableLeaseIsMadeAnewAsAWhole) {
  ASSERT_TRUE(Tree::open(path(), small)->insert("key", 1));
  std::array<unsigned char, layout::page_bytes> rubbish;
  rubbish.fill(0xab);
  patch(layout::page_bytes, rubbish);
  const auto tree = Tree::open(path(), small);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->outcome(), Outcome::healed);
  EXPECT_EQ(*tree->find("key"), 1U);
  const auto whole = tree->verify();
  EXPECT_TRUE(whole) << whole.error().message;
}

TEST_F(OpenTest, ReservedBytesAreChecked) {
  const auto tree = Tree::open(path(), small);
  ASSERT_TRUE(tree && tree->verify());
  for (const std::uint64_t offset : {layout::page_bytes + offsetof(layout::Lease, reserved5),
                                     geometry_.slots_offset + offsetof(layout::Slot, reserved),
                                     geometry_.record_offset + offsetof(layout::Record, reserved1)}) {
    patch(offset, std::uint8_t{1});
    EXPECT_FALSE(tree->verify()) << offset;
    patch(offset, std::uint8_t{0});
    EXPECT_TRUE(tree->verify()) << offset;
  }
}

/// A file with a sound superblock and holes for the rest, beside a file that fills the disk.
int make_sparse_copy_on_a_full_disk(const std::string& path, std::uint64_t whole_bytes) {
  std::string head;
  {
    const auto tree = Tree::open(path + ".whole", small);
    if (!tree) return 1;
  }
  head = read_file(path + ".whole").substr(0, whole_bytes);
  if (::unlink((path + ".whole").c_str()) != 0) return 2;
  write_file(path, head);
  if (truncate(path.c_str(), static_cast<off_t>(small.capacity_bytes)) != 0) return 3;
  const int descriptor = ::open((path + ".rest").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const std::string page(layout::page_bytes, 'x');
  while (write(descriptor, page.data(), page.size()) > 0) {
  }
  close(descriptor);
  return 0;
}

TEST_F(OpenTest, FullDiskUnderASparseCopyIsAnErrorNotASignal) {
  RADISH_EXPECT_IN_OWN_MOUNT(scratch_.file(""), "size=128k", [&] {
    if (const int failed = make_sparse_copy_on_a_full_disk(path(), layout::page_bytes); failed != 0)
      return failed;
    return code_of(Tree::open(path(), small)) == Code::no_space ? 0 : 10;
  });
}

TEST_F(OpenTest, RecordThatTakesPagesOnAFullDiskIsAnErrorNotASignal) {
  RADISH_EXPECT_IN_OWN_MOUNT(scratch_.file(""), "size=128k", [&] {
    const int failed = make_sparse_copy_on_a_full_disk(path(), geometry_.heap_offset);
    if (failed != 0) return failed;
    const std::uint64_t roots_at = geometry_.roots_offset, pages = small.capacity_bytes / layout::page_bytes;
    patch_record(txn::target_of(roots_at + offsetof(layout::Roots, backed), 8), pages);
    if (code_of(Tree::open(path(), small)) != Code::no_space) return 10;
    patch_record(txn::target_of(roots_at + offsetof(layout::Roots, frontier), 8), pages);
    return code_of(Tree::open(path(), small)) == Code::no_space ? 0 : 11;
  });
}

TEST_F(OpenTest, RecordThatBacksMoreThanThereIsIsCorrupt) {
  (void)*Tree::open(path(), small);
  patch_record(txn::target_of(geometry_.roots_offset + offsetof(layout::Roots, backed), 8), UINT32_MAX);
  EXPECT_EQ(code_of(Tree::open(path(), small)), Code::corrupt);
}

}  // namespace
}  // namespace radish::tests
