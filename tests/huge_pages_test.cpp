// Pages of 2 MiB, where the kernel grants them: what they change is speed, and nothing else.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>

#include "segment/segment.h"
#include "trees.h"

namespace radish::tests {
namespace {

constexpr std::uint64_t keys = 300'000;
constexpr std::uint64_t huge_page_bytes = segment::huge_page_bytes;

std::string key_of(std::uint64_t number) { return std::to_string(number * 0x9e3779b97f4a7c15); }

void fill(Tree& tree) {
  for (std::uint64_t number = 0; number < keys; ++number) take(tree.insert(key_of(number), number));
}

std::size_t count_wrong(const Tree& tree) {
  std::size_t wrong = 0;
  for (std::uint64_t number = 0; number < keys; ++number)
    wrong += take(tree.find(key_of(number))) == number ? 0U : 1U;
  return wrong;
}

struct Mapped {
  std::uint64_t begin = 0;       ///< of the last mapping
  std::uint64_t bytes_huge = 0;  ///< of all of them
};

/// The mappings of a memfd in this process.
Mapped mapped(const std::string& name) {
  std::ifstream lines("/proc/self/smaps");
  Mapped found;
  bool is_it = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.find('-') < line.find(' ')) {
      is_it = line.find("/memfd:" + name + " ") != std::string::npos;
      if (is_it) std::from_chars(line.data(), line.data() + line.find('-'), found.begin, 16);
    } else if (is_it && line.starts_with("ShmemPmdMapped:")) {
      found.bytes_huge += std::stoull(line.substr(line.find(':') + 1)) * 1024;
    }
  }
  return found;
}

/// What a program gets that asks the kernel itself.
bool kernel_grants_huge_pages() {
  const int descriptor = memfd_create("asked", MFD_CLOEXEC);
  if (descriptor < 0 || ftruncate(descriptor, huge_page_bytes) != 0) return false;
  void* room = mmap(nullptr, 2 * huge_page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(room);
  void* base = static_cast<std::byte*>(room) + (layout::round_up(address, huge_page_bytes) - address);
  const int protection = PROT_READ | PROT_WRITE;
  if (mmap(base, huge_page_bytes, protection, MAP_SHARED | MAP_FIXED, descriptor, 0) == MAP_FAILED)
    return false;
  close(descriptor);
  *static_cast<volatile char*>(base) = 1;
  constexpr int collapse = 25;  // MADV_COLLAPSE, which not every <sys/mman.h> has
  const bool granted = madvise(base, huge_page_bytes, collapse) == 0;
  munmap(room, 2 * huge_page_bytes);
  return granted;
}

/// What a segment gets at least that has room for some: memory may be too strewn for all of them.
std::uint64_t granted_bytes_min() { return kernel_grants_huge_pages() ? huge_page_bytes : 0; }

std::uint64_t stored_bytes(const Tree& tree) {
  struct stat status{};
  fstat(tree.descriptor(), &status);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

TEST(HugePages, MappingsStartWhereOneCould) {
  const auto large = take(Tree::create_memfd("large", {.capacity_bytes = 64 << 20}));
  const auto just = take(Tree::create_memfd("just", {.capacity_bytes = huge_page_bytes}));
  EXPECT_NE(mapped("large").begin, 0U);
  EXPECT_EQ(mapped("large").begin % huge_page_bytes, 0U);
  EXPECT_NE(mapped("just").begin, 0U);
  EXPECT_EQ(mapped("just").begin % huge_page_bytes, 0U);
}

TEST(HugePages, KeepTheContentAndTakeNoMoreMemory) {
  auto tree = take(Tree::create_memfd("kept", {.capacity_bytes = 64 << 20, .huge_pages = true}));
  fill(tree);
  EXPECT_EQ(count_wrong(tree), 0U);
  take(tree.verify());
  auto without = take(Tree::create_memfd("without", {.capacity_bytes = 64 << 20}));
  fill(without);
  EXPECT_LE(stored_bytes(tree), stored_bytes(without));
  take(tree.clear());
  take(tree.trim());
  fill(tree);
  EXPECT_EQ(count_wrong(tree), 0U);
  take(tree.verify());
}

TEST(HugePages, AreThereAsTheSegmentGrows) {
  auto with = take(Tree::create_memfd("with", {.capacity_bytes = 64 << 20, .huge_pages = true}));
  fill(with);
  EXPECT_GE(take(with.stats()).backed_bytes, 3 * huge_page_bytes);
  EXPECT_GE(mapped("with").bytes_huge, granted_bytes_min());
}

TEST(HugePages, AreThereForAllOnceAnOpenAsks) {
  auto first = take(Tree::create_memfd("shared", {.capacity_bytes = 64 << 20}));
  fill(first);
  const auto second = take(Tree::open_descriptor(first.descriptor(), {.huge_pages = true}));
  EXPECT_EQ(count_wrong(first), 0U);
  EXPECT_EQ(count_wrong(second), 0U);
  EXPECT_GE(mapped("shared").bytes_huge, 2 * granted_bytes_min());  // in either mapping
}

TEST(HugePages, SegmentThatIsRefusedIsNotGrown) {
  const auto honest = take(Tree::create_memfd("grown", {.capacity_bytes = 64 << 20}));
  const std::uint64_t before = stored_bytes(honest);
  layout::Geometry geometry;
  ASSERT_EQ(pread(honest.descriptor(), &geometry, sizeof geometry, offsetof(layout::Superblock, geometry)),
            static_cast<ssize_t>(sizeof geometry));
  const auto backed_at = static_cast<off_t>(geometry.roots_offset + offsetof(layout::Roots, backed));
  const std::uint64_t lie = UINT64_MAX;
  ASSERT_EQ(pwrite(honest.descriptor(), &lie, sizeof lie, backed_at), static_cast<ssize_t>(sizeof lie));
  EXPECT_TRUE(is_refused(Tree::open_descriptor(honest.descriptor(), {.huge_pages = true}), Code::corrupt));
  EXPECT_EQ(stored_bytes(honest), before);
}

TEST(HugePages, ScarceAddressesAreEnoughWithoutAlignment) {
  const pid_t child = fork();
  if (child == 0) {
    const auto held = Tree::create_memfd("first", {.capacity_bytes = 64 << 20});  // what else opening takes
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t limit = pages * layout::page_bytes + (64 << 20) + (1 << 20);  // and not 2 MiB more
    const rlimit addresses{.rlim_cur = limit, .rlim_max = limit};
    if (!held || setrlimit(RLIMIT_AS, &addresses) != 0) _exit(2);
    _exit(Tree::create_memfd("second", {.capacity_bytes = 64 << 20}) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace radish::tests
