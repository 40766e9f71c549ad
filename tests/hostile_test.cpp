// Bytes that no transaction leaves, met by the public interface: a clear answer and nothing worse. Each test
// is a case that once came out wrong.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "attachments.h"
#include "heap/heap.h"
#include "radish/tree.hpp"
#include "scratch.h"
#include "segment/layout.h"

namespace radish::tests {
namespace {

/// A tree in a memfd, and its bytes.
class HostileTest : public ::testing::Test {
 protected:
  void make(std::uint64_t capacity_bytes) {
    auto tree = Tree::create_memfd("hostile", {.capacity_bytes = capacity_bytes, .reader_slots = 16});
    if (!tree) throw std::runtime_error(tree.error().message);
    tree_.emplace(std::move(*tree));
    bytes_ = capacity_bytes;
    void* base = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, tree_->descriptor(), 0);
    if (base == MAP_FAILED) throw std::runtime_error("mmap");
    base_ = static_cast<std::byte*>(base);
  }
  void TearDown() override {
    if (base_ != nullptr) munmap(base_, bytes_);
  }

  [[nodiscard]] const layout::Geometry& geometry() const {
    return reinterpret_cast<const layout::Superblock*>(base_)->geometry;
  }
  [[nodiscard]] layout::Roots& roots() const {
    return *reinterpret_cast<layout::Roots*>(base_ + geometry().roots_offset);
  }
  [[nodiscard]] std::byte* block(layout::Reference reference) const { return base_ + reference * 8ULL; }
  [[nodiscard]] layout::PageHeader& page(std::uint64_t number) const {
    return *reinterpret_cast<layout::PageHeader*>(base_ + number * layout::page_bytes);
  }
  /// One more, whose pin is not the tree's.
  [[nodiscard]] std::shared_ptr<sync::Attachment> attach() const {
    segment::OpenRequest request;
    request.identity = take(sync::own_identity());
    request.origin = take(sync::own_origin());
    return std::make_shared<sync::Attachment>(
        take(take(segment::open_descriptor(tree_->descriptor(), request)).finish()), 0);
  }
  /// A root, all of whose children are itself, in a heap that is in use to the end.
  void make_endless(std::uint64_t capacity_bytes) {
    make(capacity_bytes);
    for (int byte = 0; byte < 60; ++byte)
      ASSERT_TRUE(tree_->insert(std::string{'k', static_cast<char>(byte)}.append(600, 'r'), 1));
    std::byte* root = block(roots().tree);
    const auto& header = *reinterpret_cast<layout::InnerHeader*>(root);
    ASSERT_EQ(header.kind, layout::NodeKind::indexed);
    const auto shape = layout::inner_shape(header).value();
    auto* references = reinterpret_cast<layout::Reference*>(root + shape.references_at);
    std::fill(references + 1, references + shape.references, roots().tree);
    roots().frontier = roots().backed = bytes_ / layout::page_bytes;
  }
  template <class T>
  [[nodiscard]] static Code code_of(const Result<T>& result) {
    return result ? Code{} : result.error().code;
  }

  std::optional<Tree> tree_;
  std::byte* base_ = nullptr;
  std::uint64_t bytes_ = 0;
};

TEST_F(HostileTest, CountOfWaitingPagesBeyondTheHeapIsCorruptNotALongWalk) {
  make(256 << 10);
  std::uint64_t keys = 0;
  while (tree_->insert("key" + std::to_string(keys * 7919), 1)) ++keys;
  for (std::uint64_t key = 0; key < 20; ++key) ASSERT_TRUE(tree_->erase("key" + std::to_string(key * 7919)));
  ASSERT_NE(roots().waiting_pages, 0U);
  // Under a pin every page that is looked at joins the list again, which therefore never runs out.
  const auto reader = attach();
  for (std::uint64_t number = roots().waiting_head; number != 0; number = page(number).waiting_next)
    page(number).young_epoch = page(number).old_epoch = roots().epoch;
  const auto pin = sync::Pin::take(*reader);
  ASSERT_TRUE(pin);
  roots().waiting_pages = std::uint64_t{1} << 61;
  EXPECT_EQ(code_of(tree_->insert(std::string(20'000, 'x'), 1)), Code::corrupt);
}

TEST_F(HostileTest, SlotsRetiredInAnEpochToComeAreCorrupt) {
  make(256 << 10);
  std::uint64_t keys = 0;
  while (tree_->insert("key" + std::to_string(keys * 7919), 1)) ++keys;
  for (std::uint64_t key = 0; key < 20; ++key) ASSERT_TRUE(tree_->erase("key" + std::to_string(key * 7919)));
  for (std::uint64_t number = roots().waiting_head; number != 0; number = page(number).waiting_next)
    page(number).young_epoch = page(number).old_epoch = UINT64_MAX;
  EXPECT_EQ(code_of(tree_->insert(std::string(20'000, 'x'), 1)), Code::corrupt);
}

TEST_F(HostileTest, NodeOverAPageHeaderMakesAPlanThatIsDropped) {
  make(1 << 20);
  // So many terminals that they fill a page.
  for (int number = 0; number < 300; ++number)
    for (const std::size_t bytes : {500U, 1100U})
      ASSERT_TRUE(tree_->insert(std::to_string(1000 + number).append(bytes, 't'), 1));
  // The class of the smallest blocks: `head` with one free slot, before `other` on the partial list.
  const std::uint64_t head = roots().partial_head[0];
  std::uint64_t other = 0;
  for (std::uint64_t number = geometry().heap_offset / layout::page_bytes; number < roots().frontier;
       ++number)
    if (number != head && page(number).kind == layout::PageKind::slab && page(number).size_class == 0)
      other = number;
  ASSERT_NE(other, 0U);
  bool kept = false;
  for (std::uint64_t& word : page(head).free) {
    const std::uint64_t lowest = word & (~word + 1);
    word = kept ? 0 : lowest;
    kept |= lowest != 0;
  }
  page(other).free[0] |= 1;
  page(head).partial_next = static_cast<layout::PageNumber>(other);
  page(other).partial_next = page(other).partial_previous = 0;
  // A node whose terminal is the word that taking head's last slot stores: other's partial_previous.
  const std::uint64_t node_at = other * layout::page_bytes - 8;
  const layout::InnerHeader header{
      .kind = layout::NodeKind::sparse, .separators = 0, .prefix_bytes = 12, .link = 0};
  std::memcpy(base_ + node_at, &header, sizeof header);
  roots().tree = static_cast<layout::Reference>(node_at / 8);
  const std::string key(reinterpret_cast<const char*>(base_ + node_at + 8), 12);
  EXPECT_EQ(code_of(tree_->insert(key, 7)), Code::corrupt);
}

TEST_F(HostileTest, NodesThatReferToEachOtherEndACountAndAScan) {
  make_endless(64 << 20);
  EXPECT_EQ(code_of(tree_->erase_prefix("")), Code::corrupt);
  EXPECT_EQ(code_of(tree_->cursor()->next()), Code::corrupt);
  EXPECT_EQ(code_of(tree_->verify()), Code::corrupt);
}

/// Most bytes of memory that this process has held since `forget`.
struct Peak {
  static void forget() { std::ofstream("/proc/self/clear_refs") << 5; }
  static std::uint64_t bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) << 10;
    throw std::runtime_error("no VmHWM");
  }
};

TEST_F(HostileTest, CountTakesMemoryForOnePathWhateverTheHeapClaimsToHold) {
  make_endless(256 << 20);
  Peak::forget();
  const std::uint64_t before = Peak::bytes();
  EXPECT_EQ(code_of(tree_->erase_prefix("k")), Code::corrupt);
  EXPECT_LT(Peak::bytes() - before, 64U << 20);
}

/// A file of one key that may become large, and words of it that are changed while nobody is attached.
class RefusedFile {
 public:
  static constexpr std::uint64_t capacity_bytes = 256 << 20;
  RefusedFile() {
    EXPECT_TRUE(Tree::open(path_, {.capacity_bytes = capacity_bytes})->insert("key", 1));
    std::ifstream(path_, std::ios::binary).read(reinterpret_cast<char*>(&superblock_), sizeof superblock_);
  }
  [[nodiscard]] const layout::Geometry& geometry() const { return superblock_.geometry; }
  void change(std::uint64_t offset, std::uint64_t value) const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
    EXPECT_TRUE(file);
  }
  void expect_refused_as_it_is() const {
    const std::uint64_t before = stored_file_bytes(path_);
    const auto refused = Tree::open(path_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::corrupt) << refused.error().message;
    EXPECT_LT(stored_file_bytes(path_) - before, 1U << 20);
  }

 private:
  ScratchDirectory scratch_;
  std::string path_ = scratch_.file("refused");
  layout::Superblock superblock_{};
};

TEST_F(HostileTest, FileThatIsRefusedIsNotGrown) {
  const RefusedFile file;
  const layout::Offset roots = file.geometry().roots_offset;
  file.change(roots + offsetof(layout::Roots, frontier), RefusedFile::capacity_bytes / layout::page_bytes);
  file.change(roots + offsetof(layout::Roots, backed), RefusedFile::capacity_bytes / layout::page_bytes);
  file.change(roots + offsetof(layout::Roots, epoch), 0);
  file.expect_refused_as_it_is();
}

TEST_F(HostileTest, FileWhoseArmedWordIsRefusedIsNotGrown) {
  for (const std::uint64_t armed : {std::uint64_t{5}, layout::armed_mark}) {
    const RefusedFile file;
    const layout::Offset roots = file.geometry().roots_offset, record = file.geometry().record_offset;
    file.change(roots + offsetof(layout::Roots, frontier), RefusedFile::capacity_bytes / layout::page_bytes);
    file.change(roots + offsetof(layout::Roots, backed), RefusedFile::capacity_bytes / layout::page_bytes);
    file.change(record + offsetof(layout::Record, armed), armed);
    file.change(record + offsetof(layout::Record, takeover_generation), 7);
    file.expect_refused_as_it_is();
  }
}

TEST_F(HostileTest, FileWhoseRecordIsRefusedIsNotGrown) {
  const RefusedFile file;
  const layout::Offset record = file.geometry().record_offset, roots = file.geometry().roots_offset;
  const layout::Offset entries = record + sizeof(layout::Record);
  file.change(record + offsetof(layout::Record, armed), layout::armed_mark);
  file.change(record + offsetof(layout::Record, takeover_generation), 2);
  file.change(record + offsetof(layout::Record, entry_count), 3);
  std::uint64_t at = entries;
  for (const std::size_t field : {offsetof(layout::Roots, frontier), offsetof(layout::Roots, backed)}) {
    file.change(at, (roots + field) << 4 | 8);
    file.change(at + 8, RefusedFile::capacity_bytes / layout::page_bytes);
    at += sizeof(layout::RecordEntry);
  }
  file.change(at, 8);  // the superblock's magic
  file.expect_refused_as_it_is();
}

TEST_F(HostileTest, BlockInUseThatIsMarkedFreeIsNotedBeforeItIsOverwritten) {
  make(1 << 20);
  std::string key = "abcdefghijklmnopqrstuvwxyzabcdefghijklmn";
  ASSERT_TRUE(tree_->insert(key, 1));
  page(roots().tree * 8ULL / layout::page_bytes).free[0] |= 1;  // slot 0 is the root's leaf
  std::string other = key;
  other[1] = 'Z';
  EXPECT_EQ(code_of(tree_->insert(other, 2)), Code::corrupt);
  EXPECT_EQ(*tree_->find(key), 1U);
}

TEST_F(HostileTest, CursorGivesNothingAfterAStepThatFailed) {
  make(1 << 20);
  const std::string long_rest(600, 'r');
  for (const char* key : {"a", "b", "c", "d"}) ASSERT_TRUE(tree_->insert(key + long_rest, 1));
  auto* slots = reinterpret_cast<layout::Reference*>(block(roots().tree) +
                                                     layout::slots_at(layout::NodeKind::sparse, 3, 0));
  std::swap(slots[2], slots[3]);
  auto cursor = tree_->cursor();
  for (int attempt = 0; attempt < 4; ++attempt) EXPECT_EQ(code_of(cursor->next()), Code::corrupt);
  std::swap(slots[2], slots[3]);
  for (const std::string letter : {"a", "b", "c", "d"}) {
    const std::string key = letter + long_rest;
    const auto entry = cursor->next();
    ASSERT_TRUE(entry && *entry);
    EXPECT_EQ((*entry)->key, key);
  }
}

TEST_F(HostileTest, NodeThatIsItsOwnTerminalEndsACount) {
  make(1 << 20);
  for (const char* key : {"a1", "b1", "c1", "d1"}) ASSERT_TRUE(tree_->insert(key, 1));
  // Of no child and no prefix, so that it is smaller than what a walk counts in.
  const layout::InnerHeader header{
      .kind = layout::NodeKind::sparse, .separators = 0, .prefix_bytes = 0, .link = 0};
  std::memcpy(block(roots().tree), &header, sizeof header);
  std::memcpy(block(roots().tree) + sizeof header, &roots().tree, sizeof(layout::Reference));
  EXPECT_EQ(code_of(tree_->erase_prefix("")), Code::corrupt);
  EXPECT_EQ(code_of(tree_->cursor()->next()), Code::corrupt);
  EXPECT_EQ(code_of(tree_->verify()), Code::corrupt);
}

TEST_F(HostileTest, CursorOverSharedSubtreesMeetsNoMoreKeysThanTheHeapHolds) {
  make(1 << 20);
  // Every level would double the keys; but what leads to a child is in the child, so they do not ascend.
  const std::string long_rest(600, 'r');
  for (std::size_t depth = 0; depth < 20; ++depth)
    for (const char* end : {"a", "b"})
      ASSERT_TRUE(tree_->insert(std::string(depth, 'a') + end + long_rest, 1));
  for (layout::Reference node = roots().tree; block(node)[0] == std::byte{3};) {
    const auto shape = layout::inner_shape(*reinterpret_cast<layout::InnerHeader*>(block(node))).value();
    auto* children = reinterpret_cast<layout::Reference*>(block(node) + shape.references_at) + 1;
    std::fill(children + 1, children + shape.references - 1, children[0]);
    node = children[0];
  }
  auto cursor = tree_->cursor();
  std::uint64_t met = 0;
  Result<std::optional<Entry>> entry = cursor->next();
  for (; entry && *entry && met <= bytes_; entry = cursor->next()) ++met;
  EXPECT_EQ(code_of(entry), Code::corrupt);
  EXPECT_LE(met, bytes_ / 16);
  cursor->seek_end();
  for (met = 0, entry = cursor->previous(); entry && *entry && met <= bytes_; entry = cursor->previous())
    ++met;
  EXPECT_EQ(code_of(entry), Code::corrupt);
}

TEST_F(HostileTest, LastEpochIsNotGoneBeyond) {
  make(256 << 10);
  std::uint64_t keys = 0;
  while (tree_->insert("key" + std::to_string(keys * 7919), 1)) ++keys;
  roots().epoch = heap::epoch_max - 1;
  ASSERT_EQ(code_of(tree_->verify()), Code{});
  // What verify() calls whole can be used, also where the epoch cannot move on: all of it is given back.
  for (int round = 0; round < 4; ++round) {
    for (std::uint64_t key = 0; key < keys; ++key)
      ASSERT_TRUE(tree_->erase("key" + std::to_string(key * 7919)));
    std::uint64_t again = 0;
    Result<bool> inserted = false;
    for (; (inserted = tree_->insert("key" + std::to_string(again * 7919), 1)); ++again) continue;
    EXPECT_EQ(code_of(inserted), Code::full) << inserted.error().message;
    EXPECT_EQ(again, keys);
    EXPECT_EQ(roots().epoch, heap::epoch_max);
    EXPECT_EQ(code_of(tree_->verify()), Code{});
  }
}

TEST_F(HostileTest, ReadAtTheLastEpochHoldsBackWhatIsRetired) {
  make(256 << 10);
  roots().epoch = heap::epoch_max;
  ASSERT_TRUE(tree_->insert("key", 1));
  std::uint64_t keys = 0;
  while (tree_->insert("key" + std::to_string(keys * 7919), 1)) ++keys;
  const auto reader = attach();
  std::optional<sync::Pin> pin = take(sync::Pin::take(*reader));
  ASSERT_TRUE(tree_->erase_prefix("key"));
  const auto held = tree_->insert(std::string(20'000, 'x'), 1);
  EXPECT_EQ(code_of(held), Code::pinned) << (held ? "inserted" : held.error().message);
  pin.reset();
  EXPECT_EQ(code_of(tree_->insert(std::string(20'000, 'x'), 1)), Code{});
  EXPECT_EQ(code_of(tree_->verify()), Code{});
}

TEST_F(HostileTest, GenerationThatATakeoverCouldNotCountOnIsRefused) {
  make(1 << 20);
  roots().generation = UINT64_MAX;
  EXPECT_EQ(code_of(tree_->verify()), Code::corrupt);
  EXPECT_EQ(code_of(Tree::open_descriptor(tree_->descriptor())), Code::corrupt);
}

TEST_F(HostileTest, EpochToComeOfAPageWithoutRetiredSlotsIsCorrupt) {
  make(1 << 20);
  ASSERT_TRUE(tree_->insert("key", 1));
  for (std::uint64_t layout::PageHeader::* field :
       {&layout::PageHeader::young_epoch, &layout::PageHeader::old_epoch}) {
    auto& epoch = page(roots().tree * 8ULL / layout::page_bytes).*field;
    epoch = roots().epoch + 1;
    EXPECT_EQ(code_of(tree_->verify()), Code::corrupt);
    epoch = 0;
  }
  EXPECT_EQ(code_of(tree_->verify()), Code{});
}

TEST_F(HostileTest, CleanMarkIsThereOrNot) {
  make(1 << 20);
  roots().clean_mark = 2;
  EXPECT_EQ(code_of(tree_->verify()), Code::corrupt);
  EXPECT_EQ(code_of(Tree::open_descriptor(tree_->descriptor())), Code::corrupt);
}

TEST_F(HostileTest, BytesBehindTheLastSlotAreZero) {
  make(1 << 20);
  base_[geometry().record_offset - 1] = std::byte{1};
  EXPECT_EQ(code_of(tree_->verify()), Code::corrupt);
}

TEST_F(HostileTest, FrontierBeyondTheCapacityIsNotBelieved) {
  make(1 << 20);
  ASSERT_TRUE(tree_->insert("key", 1));
  roots().tree = static_cast<layout::Reference>(bytes_ / layout::reference_unit_bytes);
  for (const std::uint64_t frontier : {bytes_ / layout::page_bytes + 1, std::uint64_t{UINT32_MAX}}) {
    roots().frontier = frontier;
    // In these words: whatever lies behind the mapping may read as a node of no known kind.
    const auto outside = [](const auto& answer) {
      return !answer && answer.error().message.find("points outside the heap") != std::string::npos;
    };
    EXPECT_TRUE(outside(tree_->find("key")));
    EXPECT_TRUE(outside(tree_->insert("key", 2)));
    EXPECT_TRUE(outside(tree_->cursor()->next()));
  }
}

TEST_F(HostileTest, CountOfKeysBeyondTheHeapIsRefusedByAnOpen) {
  make(1 << 20);
  roots().key_count = UINT64_MAX;
  EXPECT_EQ(code_of(Tree::open_descriptor(tree_->descriptor())), Code::corrupt);
}

TEST_F(HostileTest, BucketWhoseSuffixesReachBeyondItIsNotCopied) {
  make(1 << 20);
  for (int number = 0; number < 14; ++number) ASSERT_TRUE(tree_->insert(std::to_string(number), 1));
  std::byte* const bucket = block(roots().tree);
  const auto& header = *reinterpret_cast<layout::BucketHeader*>(bucket);
  ASSERT_EQ(header.kind, layout::NodeKind::bucket);
  auto* ends = reinterpret_cast<std::uint16_t*>(bucket + layout::bucket_ends_at(header.capacity));
  const auto used = header.state >> 48 & 63;
  ASSERT_EQ(used, 14U);
  const std::uint16_t true_end = ends[used - 1];
  for (const std::uint16_t lie : {std::uint16_t{400}, std::uint16_t{65'535}, std::uint16_t{0}}) {
    ends[used - 1] = lie;
    EXPECT_EQ(code_of(tree_->insert(std::string(300, 'x'), 1)), Code::corrupt) << lie;
  }
  ends[used - 1] = true_end;
  EXPECT_TRUE(tree_->insert(std::string(300, 'x'), 1));
}

TEST_F(HostileTest, InnerNodeWithoutAnEntryIsSeenInATreeAndAllowedAmongTheCondemned) {
  make(1 << 20);
  for (const char first : {'a', 'b'})
    for (const char second : {'a', 'b'})
      ASSERT_TRUE(tree_->insert((std::string{'k', first} + second).append(600, 'r'), 1));
  std::byte* const top = block(roots().tree);
  const auto shape = layout::inner_shape(*reinterpret_cast<layout::InnerHeader*>(top)).value();
  auto* references = reinterpret_cast<layout::Reference*>(top + shape.references_at);
  std::byte* const below = block(references[1]);
  const auto& header = *reinterpret_cast<layout::InnerHeader*>(below);
  ASSERT_EQ(header.kind, layout::NodeKind::sparse);
  const auto shape_below = layout::inner_shape(header).value();
  std::fill_n(reinterpret_cast<layout::Reference*>(below + shape_below.references_at), shape_below.references,
              layout::Reference{0});
  const auto verified = tree_->verify();
  ASSERT_EQ(code_of(verified), Code::corrupt);
  EXPECT_NE(verified.error().message.find("without an entry"), std::string::npos) << verified.error().message;
  roots().condemned_ready = roots().tree;
  roots().tree = 0;
  roots().key_count = 0;
  const auto condemned = tree_->verify();
  ASSERT_EQ(code_of(condemned), Code::corrupt) << "the two leaves are lost";
  EXPECT_NE(condemned.error().message.find("reached from nowhere"), std::string::npos)
      << condemned.error().message;
}

}  // namespace
}  // namespace radish::tests
