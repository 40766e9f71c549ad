// Every code of an error, provoked through the public interface, with a message that names what it must.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "attachments.h"
#include "mounts.h"
#include "radish/tree.hpp"
#include "rights.h"
#include "scratch.h"
#include "segment/superblock.h"
#include "sync/identity.h"
#include "txn/recovery.h"

namespace radish::tests {
namespace {

constexpr std::uint64_t small_capacity_bytes = 256 << 10;

class Errors : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return scratch_.file("tree"); }
  [[nodiscard]] std::string own_pid() const { return std::to_string(getpid()); }

  [[nodiscard]] Tree open(OpenOptions options = {}) const {
    if (options.capacity_bytes == 0) options.capacity_bytes = small_capacity_bytes;
    auto tree = Tree::open(path(), options);
    if (!tree) throw std::runtime_error(tree.error().message);
    return std::move(*tree);
  }
  /// Changes one word of the file at rest.
  template <class T>
  void patch(std::uint64_t offset, T value) const {
    const int descriptor = ::open(path().c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(pwrite(descriptor, &value, sizeof value, static_cast<off_t>(offset)), sizeof value);
    close(descriptor);
  }

  ScratchDirectory scratch_;
};

template <class T>
::testing::AssertionResult refuses(const Result<T>& result, Code code, std::string_view part) {
  if (result) return ::testing::AssertionFailure() << "it succeeded";
  if (result.error().code != code)
    return ::testing::AssertionFailure()
           << "code " << static_cast<int>(result.error().code) << ": " << result.error().message;
  if (result.error().message.find(part) == std::string::npos)
    return ::testing::AssertionFailure() << "no \"" << part << "\" in: " << result.error().message;
  return ::testing::AssertionSuccess();
}

/// Inserts until that is refused.
Error fill(Tree& tree, std::uint64_t& keys, const std::string& prefix = "key ") {
  for (;; ++keys)
    if (const auto inserted = tree.insert(prefix + std::to_string(keys), keys); !inserted)
      return inserted.error();
}

TEST_F(Errors, InvalidArgumentNamesTheNumber) {
  EXPECT_TRUE(refuses(Tree::open(path(), {.capacity_bytes = 4096}), Code::invalid_argument, "4096"));
  EXPECT_TRUE(refuses(Tree::open(path(), {.lock_timeout = std::chrono::milliseconds(-1)}),
                      Code::invalid_argument, path()));
  EXPECT_TRUE(refuses(Tree::open(path(), {.exclusive = true, .must_exist = true}), Code::invalid_argument,
                      "exclusive"));
  EXPECT_TRUE(refuses(Tree::create_anonymous()->unlink(), Code::invalid_argument, "path"));
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(Errors, TooLongNamesTheLength) {
  Tree tree = open();
  const std::string key(65536, 'k');
  EXPECT_TRUE(refuses(tree.insert(key, 1), Code::too_long, "65536"));
  EXPECT_TRUE(refuses(tree.insert_new(key, 1), Code::too_long, "65536"));
  EXPECT_TRUE(refuses(tree.fetch_add(key, 1), Code::too_long, "65536"));
  EXPECT_EQ(*tree.count(), 0U);
}

TEST_F(Errors, FullNamesTheCapacityAndLosesNothing) {
  Tree tree = open();
  std::uint64_t keys = 0;
  const Error error = fill(tree, keys);
  EXPECT_EQ(error.code, Code::full);
  EXPECT_NE(error.message.find(std::to_string(small_capacity_bytes)), std::string::npos) << error.message;
  EXPECT_EQ(*tree.count(), keys);
  EXPECT_TRUE(tree.verify());
  EXPECT_FALSE(*tree.insert("key 0", 7));
  EXPECT_TRUE(*tree.erase("key 1"));
}

TEST_F(Errors, NoSpaceIsTheInsertsErrorAndEverythingElseGoesOn) {
  RADISH_EXPECT_IN_OWN_MOUNT(scratch_.file(""), "size=256k", [&] {
    Tree tree = open({.capacity_bytes = 16 << 20});
    std::uint64_t keys = 0;
    const Error error = fill(tree, keys);
    if (error.code != Code::no_space || error.message.find(path()) == std::string::npos) return 1;
    if (*tree.count() != keys || !tree.verify()) return 2;
    if (*tree.insert("key 0", 7) || *tree.find("key 0") != 7) return 3;
    if (*tree.erase_prefix("key ") != keys || !tree.verify()) return 4;
    std::uint64_t again = 0;
    return fill(tree, again, "kex ").code == Code::no_space && again >= keys * 9 / 10 ? 0 : 5;
  });
}

TEST_F(Errors, PinnedNamesTheReaderThatHoldsTheRoomBack) {
  Tree tree = open();
  std::uint64_t keys = 0;
  ASSERT_EQ(fill(tree, keys).code, Code::full);
  segment::OpenRequest request;
  request.identity = take(sync::own_identity());
  request.origin = take(sync::own_origin());
  {
    const auto reader =
        std::make_shared<sync::Attachment>(take(take(segment::open_path(path(), request)).finish()), 0);
    const auto pin = sync::Pin::take(*reader);
    ASSERT_TRUE(pin);
    ASSERT_EQ(tree.erase_prefix("key "), keys);
    std::uint64_t others = 0;
    const Result<void> refused = std::unexpected(fill(tree, others, "another "));
    EXPECT_LT(others, keys);
    EXPECT_TRUE(refuses(refused, Code::pinned, own_pid()));
    EXPECT_TRUE(refuses(refused, Code::pinned, path()));
    EXPECT_TRUE(tree.verify());
  }
  EXPECT_TRUE(tree.insert("another key", 1));
  EXPECT_TRUE(tree.verify());
}

TEST_F(Errors, TooManyReadersNamesOneOfThem) {
  const Tree tree = open({.reader_slots = 1});
  ASSERT_TRUE(tree.find("key"));
  std::thread([&] { EXPECT_TRUE(refuses(tree.find("key"), Code::too_many_readers, own_pid())); }).join();
}

TEST_F(Errors, TooManyViewsNamesOneOfThem) {
  const Tree tree = open();
  std::latch taken(layout::view_entries), enough(1);
  std::vector<std::thread> holders;
  for (std::uint32_t count = 0; count < layout::view_entries; ++count)
    holders.emplace_back([&] {
      const auto view = tree.view();
      EXPECT_TRUE(view) << view.error().message;
      taken.count_down();
      enough.wait();
    });
  taken.wait();
  EXPECT_TRUE(refuses(tree.view(), Code::too_many_views, own_pid()));
  EXPECT_TRUE(refuses(tree.verify(), Code::too_many_views, own_pid()));
  enough.count_down();
  for (auto& holder : holders) holder.join();
  EXPECT_TRUE(tree.verify());
}

TEST_F(Errors, FrozenRefusesEveryMutationAndReadWriteOpen) {
  Tree tree = open();
  ASSERT_TRUE(tree.insert("key", 1));
  ASSERT_TRUE(tree.freeze());
  EXPECT_TRUE(refuses(tree.insert("key", 2), Code::frozen, path()));
  EXPECT_TRUE(refuses(tree.erase("key"), Code::frozen, path()));
  EXPECT_TRUE(refuses(tree.clear(), Code::frozen, path()));
  EXPECT_TRUE(refuses(tree.freeze(), Code::frozen, path()));
  EXPECT_TRUE(refuses(Tree::open(path()), Code::frozen, path()));
  EXPECT_EQ(*tree.find("key"), 1U);
}

TEST_F(Errors, NotFrozenRefusesReadOnlyOpen) {
  const Tree tree = open();
  EXPECT_TRUE(refuses(Tree::open_readonly(path()), Code::not_frozen, path()));
}

TEST_F(Errors, ReadOnlyRefusesMutations) {
  ASSERT_TRUE(open().freeze());
  auto tree = Tree::open_readonly(path());
  ASSERT_TRUE(tree);
  EXPECT_TRUE(refuses(tree->insert("key", 1), Code::read_only, path()));
  EXPECT_TRUE(refuses(tree->freeze(), Code::read_only, path()));
  EXPECT_TRUE(tree->verify());
}

TEST_F(Errors, CorruptNamesThePlace) {
  const auto geometry = *segment::plan_geometry({.capacity_bytes = small_capacity_bytes});
  ASSERT_TRUE(open().insert("key", 1));
  patch(geometry.roots_offset + offsetof(layout::Roots, key_count), std::uint64_t{5});
  EXPECT_TRUE(refuses(open().verify(), Code::corrupt, "5"));
  patch(geometry.roots_offset + offsetof(layout::Roots, tree), layout::Reference{UINT32_MAX});
  EXPECT_TRUE(refuses(Tree::open(path()), Code::corrupt, "root"));
}

TEST_F(Errors, VersionNamesTheVersion) {
  (void)open();
  auto geometry = *segment::plan_geometry({.capacity_bytes = small_capacity_bytes});
  geometry.format_version = 77;
  patch(offsetof(layout::Superblock, geometry), geometry);
  patch(offsetof(layout::Superblock, checksum), segment::superblock_checksum(geometry));
  EXPECT_TRUE(refuses(Tree::open(path()), Code::version, "77"));
}

TEST_F(Errors, ForeignNamespaceIsRefusedWhileOthersAreAttachedAndHealedAfterwards) {
  std::optional<Tree> tree(open());
  ASSERT_TRUE(tree->insert("key", 1));
  layout::LeaseOrigin origin = take(sync::own_origin());
  ++origin.pid_namespace;
  patch(layout::page_bytes + offsetof(layout::Lease, origin), origin);
  patch(layout::page_bytes + offsetof(layout::Lease, checksum), segment::lease_checksum(origin));
  EXPECT_TRUE(refuses(Tree::open(path()), Code::foreign_namespace, "namespace"));
  tree.reset();
  const Tree healed = open();
  EXPECT_EQ(healed.outcome(), Outcome::healed);
  EXPECT_EQ(healed.generation(), 2U);
  EXPECT_EQ(*healed.find("key"), 1U);
}

TEST_F(Errors, IoSaysWhatTheSystemSaid) {
  write_file(path(), "no folder");
  EXPECT_TRUE(refuses(Tree::open(path() + "/below"), Code::io, "Not a directory"));
}

TEST_F(Errors, TimedOutNamesTheHolder) {
  const Tree holder = open();
  Bell holds;
  Child child([&]() -> int {
    const auto view = holder.view();
    holds.ring();
    rest_until_killed();
  });
  holds.wait();
  Tree tree = open({.lock_timeout = std::chrono::milliseconds(5)});
  EXPECT_TRUE(refuses(tree.insert("key", 1), Code::timed_out, std::to_string(child.pid())));
  child.kill_and_reap();
  EXPECT_TRUE(tree.insert("key", 1));
}

TEST_F(Errors, ReentrantIsAnErrorNotADeadlock) {
  const Place place;
  const auto attachment = place.attach().attachment;
  const auto writer = txn::Writer::acquire(*attachment);
  ASSERT_TRUE(writer);
  EXPECT_EQ(refusal(txn::Writer::acquire(*attachment)), Code::reentrant);
  EXPECT_EQ(refusal(txn::enter_view(*attachment)), Code::reentrant);
}

TEST_F(Errors, ForkedIsTheAnswerOfAnInheritedCursor) {
  Tree tree = open();
  ASSERT_TRUE(tree.insert("key", 1));
  auto cursor = tree.cursor();
  ASSERT_TRUE(cursor && cursor->next());
  Child child([&] { return refuses(cursor->next(), Code::forked, path()) ? 0 : 1; });
  EXPECT_EQ(child.join(), 0);
  EXPECT_TRUE(cursor->next());
}

TEST_F(Errors, NotRadishLeavesTheFileAlone) {
  write_file(path(), "somebody's letter");
  EXPECT_TRUE(refuses(Tree::open(path()), Code::not_radish, path()));
  EXPECT_EQ(read_file(path()), "somebody's letter");
}

TEST_F(Errors, ForeignOwnerOfAnEmptyFileIsNamed) {
  RADISH_SKIP_UNLESS_ROOT();
  write_file(path(), "");
  ASSERT_EQ(chown(path().c_str(), 12345, 12345), 0);
  EXPECT_TRUE(refuses(Tree::open(path()), Code::foreign_owner, "12345"));
}

TEST_F(Errors, NotRegularFileIsRefused) {
  ASSERT_TRUE(std::filesystem::create_directory(path()));
  EXPECT_TRUE(refuses(Tree::open(path()), Code::not_regular_file, path()));
}

TEST_F(Errors, ExistsIsTheAnswerToExclusiveCreation) {
  (void)open();
  EXPECT_TRUE(refuses(Tree::open(path(), {.exclusive = true}), Code::exists, path()));
}

TEST_F(Errors, NotFoundNamesThePath) {
  EXPECT_TRUE(refuses(Tree::open(path(), {.must_exist = true}), Code::not_found, path()));
  const Tree tree = open();
  ASSERT_TRUE(tree.unlink());
  EXPECT_TRUE(refuses(tree.unlink(), Code::not_found, path()));
  write_file(path(), "another file");
  EXPECT_TRUE(refuses(tree.unlink(), Code::not_found, path()));
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(Errors, ViewHeldIsTheAnswerToOnesOwnMutation) {
  Tree tree = open();
  const auto view = tree.view();
  ASSERT_TRUE(view);
  EXPECT_TRUE(refuses(tree.insert("key", 1), Code::view_held, path()));
  EXPECT_TRUE(refuses(tree.freeze(), Code::view_held, path()));
}

// A network file system cannot be mounted here: segment_test.cpp checks which types of file system count as
// one, and that any of them is refused.

}  // namespace
}  // namespace radish::tests
