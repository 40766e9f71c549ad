// Disks of every size, page by page, so that each step by which a tree grows is somewhere the one for which
// there is no room: always an error of what needed the room, never a signal, and nothing lost.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "model/generator.h"
#include "mounts.h"
#include "scratch.h"
#include "segment/superblock.h"
#include "support.h"
#include "trees.h"

namespace radish::tests {
namespace {

namespace fs = std::filesystem;
using layout::page_bytes;

constexpr OpenOptions small = {.capacity_bytes = 1 << 20, .reader_slots = 16};
constexpr std::uint64_t pages_max = 200;  // enough for several steps of the heap

/// Of a body in a file system of the test's own; anything else is the failing step's number.
constexpr int fine = 0;

class DiskFullTest : public testing::Test {
 protected:
  [[nodiscard]] std::string folder() const { return scratch_.file(""); }
  [[nodiscard]] std::string path() const { return scratch_.file("tree"); }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder()), {}));
  }
  /// The disk has so many pages from here on.
  void resize_disk(std::uint64_t pages) const {
    const std::string options = "size=" + std::to_string(pages * page_bytes);
    if (mount("none", folder().c_str(), nullptr, MS_REMOUNT, options.c_str()) != 0)
      throw std::runtime_error("remount");
  }
  [[nodiscard]] static std::uint64_t header_pages() {
    return take(segment::plan_geometry(
                    {.capacity_bytes = small.capacity_bytes, .reader_slots = small.reader_slots}))
               .heap_offset /
           page_bytes;
  }

  ScratchDirectory scratch_;
};

// --- creation --------------------------------------------------------------------------------------------

TEST_F(DiskFullTest, CreationThatFindsNoRoomLeavesNothingAndSaysSo) {
  RADISH_EXPECT_IN_OWN_MOUNT(folder(), "size=4k", [&] {
    for (std::uint64_t pages = 1; pages < header_pages(); ++pages) {
      resize_disk(pages);
      for (const bool exclusive : {false, true}) {
        OpenOptions options = small;
        options.exclusive = exclusive;
        if (!is_refused(Tree::open(path(), options), Code::no_space, path())) return 1;
        if (files() != 0) return 2;
      }
    }
    resize_disk(header_pages());
    const auto tree = Tree::open(path(), small);
    return tree && tree->outcome() == Outcome::created && tree->verify() ? fine : 3;
  });
}

TEST_F(DiskFullTest, EmptyFileThatFindsNoRoomToBecomeATreeBecomesOneLater) {
  RADISH_EXPECT_IN_OWN_MOUNT(folder(), "size=4k", [&] {
    for (std::uint64_t pages = 1; pages < header_pages(); ++pages) {
      resize_disk(pages);
      write_file(path(), "");
      if (!is_refused(Tree::open(path(), small), Code::no_space, path())) return 1;
      if (!is_refused(Tree::open(path(), small), Code::no_space, path())) return 2;
      if (!is_refused(Tree::open(path(), {.must_exist = true}), Code::not_found)) return 3;
      resize_disk(header_pages());
      const auto tree = Tree::open(path(), small);
      if (!tree || tree->outcome() != Outcome::created || !tree->verify()) return 4;
      if (!tree->unlink()) return 5;
    }
    return fine;
  });
}

TEST_F(DiskFullTest, CreationThatFindsNoNameForAFileSaysSo) {
  RADISH_EXPECT_IN_OWN_MOUNT(folder(), "size=1m,nr_inodes=1", [&] {
    return is_refused(Tree::open(path(), small), Code::no_space, path()) && files() == 0 ? fine : 1;
  });
}

// --- growth ----------------------------------------------------------------------------------------------

/// A tree on a disk of some size, and beside it what it must hold.
class Filled {
 public:
  Filled(Tree tree, std::uint64_t seed) : tree_(std::move(tree)), random_(seed) {}

  /// Inserts keys of all lengths until one finds no room, which is kept for later; what refused it.
  Error fill() {
    for (;;) {
      next_ = std::to_string(model_.size()) + std::string(length(), 'k');
      if (const auto inserted = tree_.insert(next_, model_.size()); !inserted) return inserted.error();
      model_[next_] = model_.size();
    }
  }
  /// The tree is the model, byte for byte and block for block.
  [[nodiscard]] bool is_whole() const {
    if (tree_.count() != model_.size() || !tree_.verify()) return false;
    Cursor cursor = take(tree_.cursor());
    for (const auto& [key, value] : model_) {
      const auto entry = take(cursor.next());
      if (!entry || entry->key != key || entry->value != value || tree_.find(key) != value) return false;
    }
    return !take(cursor.next()) && take(tree_.find(next_)) == std::nullopt;
  }
  /// All that needs no room: another value for each key, and every third one gone.
  [[nodiscard]] bool overwrites_and_erases() {
    std::uint64_t count = 0;
    for (auto entry = model_.begin(); entry != model_.end(); ++count) {
      if (tree_.insert(entry->first, entry->second += 1000) != false) return false;
      if (tree_.fetch_add(entry->first, 1) != entry->second) return false;
      ++entry->second;
      if (count % 3 != 0) {
        ++entry;
        continue;
      }
      if (tree_.erase(entry->first) != true) return false;
      entry = model_.erase(entry);
    }
    return true;
  }
  /// The insert that found no room.
  [[nodiscard]] Result<bool> try_again() {
    const auto inserted = tree_.insert(next_, 5);
    if (inserted) model_[next_] = 5, next_ += "no such key";
    return inserted;
  }
  /// Closes the tree and opens it again.
  [[nodiscard]] bool reopens(const std::string& path) {
    tree_ = take(Tree::create_anonymous(small));
    auto again = Tree::open(path, small);
    if (!again || again->outcome() != Outcome::attached) return false;
    tree_ = std::move(*again);
    return true;
  }
  [[nodiscard]] Tree& tree() { return tree_; }
  [[nodiscard]] std::size_t keys() const { return model_.size(); }

 private:
  /// Most keys are short; one in eight takes pages of its own.
  std::size_t length() {
    if (random_.below(8) != 0) return random_.below(40);
    return random_.below(random_.below(4) == 0 ? 60'000 : 9'000);
  }

  Tree tree_;
  model::Random random_;
  std::map<std::string, std::uint64_t> model_;
  std::string next_;
};

/// All that is asked of a tree on a disk of `pages`; the failing step's number.
template <class Resize>
int live_on_disk(const std::string& path, std::uint64_t pages, const Resize& resize_disk) {
  auto tree = Tree::open(path, small);
  if (!tree) return 1;
  Filled filled(std::move(*tree), seed() + pages);
  const Error error = filled.fill();
  if (error.code != Code::no_space || error.message.find(path) == std::string::npos) return 2;
  if (!filled.is_whole()) return 3;
  if (refusal(filled.try_again()) != Code::no_space) return 4;
  if (const auto beside = Tree::open(path, small); !beside || !beside->verify()) return 5;
  if (!filled.reopens(path)) return 5;
  if (!filled.overwrites_and_erases() || !filled.is_whole()) return 6;
  resize_disk(pages + 64);
  if (!filled.try_again() || !filled.is_whole()) return 7;
  if (!filled.tree().clear() || !filled.tree().verify()) return 8;
  return fs::remove(path) ? fine : 9;
}

TEST_F(DiskFullTest, EveryGrowthThatFindsNoRoomIsAnErrorThatLosesNothing) {
  std::printf("%s\n", replay_command().c_str());
  RADISH_EXPECT_IN_OWN_MOUNT(folder(), "size=4k", [&] {
    const auto resize = [&](std::uint64_t pages) { resize_disk(pages); };
    for (std::uint64_t pages = header_pages(); pages <= pages_max; ++pages) {
      resize_disk(pages);
      if (const int failed = live_on_disk(path(), pages, resize); failed != fine) {
        std::fprintf(stderr, "on a disk of %llu pages\n", static_cast<unsigned long long>(pages));
        return failed;
      }
    }
    return fine;
  });
}

TEST_F(DiskFullTest, EraseClearAndFreezeNeedNoRoom) {
  RADISH_EXPECT_IN_OWN_MOUNT(folder(), "size=256k", [&] {
    std::uint64_t keys = 0;
    Tree tree = take(Tree::open(path(), small));
    if (fill(tree, keys).code != Code::no_space) return 1;
    if (take(tree.erase_prefix("key 1")) == 0 || !tree.verify()) return 2;
    if (!tree.view() || !tree.sync()) return 3;
    if (!tree.clear() || take(tree.count()) != 0 || !tree.verify()) return 4;
    std::uint64_t again = 0;
    if (fill(tree, again, "new ").code != Code::no_space || again < keys * 9 / 10) return 5;
    if (!tree.freeze() || !tree.verify()) return 6;
    const auto frozen = Tree::open_readonly(path());
    return frozen && frozen->verify() && take(frozen->count()) == again ? fine : 7;
  });
}

/// Two trees and a process beside them compete for the last pages of one disk.
TEST_F(DiskFullTest, NeighbourThatTakesTheRoomIsAnErrorTooAndItsLeavingHelps) {
  RADISH_EXPECT_IN_OWN_MOUNT(folder(), "size=512k", [&] {
    Tree one = take(Tree::open(path(), small)), two = take(Tree::open(path() + "2", small));
    std::uint64_t keys_one = 0, keys_two = 0;
    for (; keys_one < 100; ++keys_one, ++keys_two)
      if (!one.insert("key " + std::to_string(keys_one), 1) || !two.insert(std::to_string(keys_two), 1))
        return 1;
    if (fill(two, keys_two, "").code != Code::no_space) return 2;
    if (fill(one, keys_one).code != Code::no_space) return 3;
    if (!one.verify() || !two.verify() || one.count() != keys_one || two.count() != keys_two) return 4;
    if (!two.unlink()) return 5;
    two = take(Tree::create_anonymous(small));
    const std::uint64_t before = keys_one;
    if (fill(one, keys_one).code != Code::no_space) return 6;
    return keys_one > before && one.verify() && one.count() == keys_one ? fine : 7;
  });
}

}  // namespace
}  // namespace radish::tests
