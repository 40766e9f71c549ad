// The C interface: every function, and every error code that one process can easily bring about. The tree
// behind it has tests of its own.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "radish/tree.hpp"
#include "scratch.h"

#define radish radish_tree
#include "radish.h"
#undef radish

namespace radish::tests {
namespace {

using Handle = std::unique_ptr<radish_tree, decltype(&radish_close)>;
using Cursor = std::unique_ptr<radish_cursor, decltype(&radish_cursor_close)>;

constexpr std::uint64_t small_capacity_bytes = 1 << 20;

radish_options small_options(std::uint32_t flags = 0) {
  radish_options options = {};
  options.size = sizeof options;
  options.capacity_bytes = small_capacity_bytes;
  options.reader_slots = 64;
  options.flags = flags;
  return options;
}

Handle owned(radish_tree* tree) { return {tree, radish_close}; }

Handle open_small(const std::string& path, std::uint32_t flags = 0) {
  const radish_options options = small_options(flags);
  return owned(radish_open(path.c_str(), &options, nullptr));
}

Handle anonymous() {
  const radish_options options = small_options();
  return owned(radish_create_anonymous(&options, nullptr));
}

int insert(const Handle& tree, std::string_view key, std::uint64_t value) {
  return radish_insert(tree.get(), key.data(), key.size(), value);
}

struct Found {
  int answer;
  std::uint64_t value;
  bool operator==(const Found&) const = default;
};

Found find(const Handle& tree, std::string_view key) {
  std::uint64_t value = 0;
  const int answer = radish_find(tree.get(), key.data(), key.size(), &value);
  return {answer, value};
}

/// The code of an open that must fail, whose message must not be empty and must be the thread's last one.
int refusal(const std::function<radish_tree*(radish_error*)>& open) {
  radish_error error = {};
  const Handle tree = owned(open(&error));
  EXPECT_EQ(tree, nullptr);
  EXPECT_NE(error.message[0], '\0');
  EXPECT_EQ(std::string_view(radish_last_error()).substr(0, std::strlen(error.message)), error.message);
  return error.code;
}

int refusal_of_options(const radish_options& options) {
  return refusal([&](radish_error* error) { return radish_create_anonymous(&options, error); });
}

int refusal_of_open(const std::string& path, std::uint32_t flags = 0) {
  const radish_options options = small_options(flags);
  return refusal([&](radish_error* error) { return radish_open(path.c_str(), &options, error); });
}

/// Runs `body` in a forked child; its answer, 0 to 255.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct CAbi : ::testing::Test {
  ScratchDirectory scratch;
  std::string path = scratch.file("tree");
};

TEST_F(CAbi, OpenCreatesThenAttaches) {
  const Handle first = open_small(path);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(radish_open_outcome(first.get()), RADISH_CREATED);
  const Handle second = open_small(path, RADISH_MUST_EXIST);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(radish_open_outcome(second.get()), RADISH_ATTACHED);
  EXPECT_EQ(insert(first, "shared", 5), 1);
  EXPECT_EQ(find(second, "shared"), (Found{1, 5}));
}

TEST_F(CAbi, OpenWithoutOptionsOrErrorWorks) {
  const Handle tree = owned(radish_open(path.c_str(), nullptr, nullptr));
  ASSERT_NE(tree, nullptr);
  EXPECT_STREQ(radish_path(tree.get()), path.c_str());
  EXPECT_GE(radish_fd(tree.get()), 0);
  EXPECT_EQ(owned(radish_open(scratch.file("no/such").c_str(), nullptr, nullptr)), nullptr);
}

TEST_F(CAbi, SuccessClearsTheError) {
  radish_error error = {RADISH_E_IO, "left over"};
  const Handle tree = owned(radish_open(path.c_str(), nullptr, &error));
  EXPECT_EQ(error.code, 0);
  EXPECT_STREQ(error.message, "");
}

TEST_F(CAbi, ModeAndFlagsReachTheFile) {
  radish_options options = small_options(RADISH_EXCLUSIVE);
  options.mode = 0640;
  const Handle tree = owned(radish_open(path.c_str(), &options, nullptr));
  ASSERT_NE(tree, nullptr);
  struct stat status;
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
  EXPECT_EQ(refusal_of_open(path, RADISH_EXCLUSIVE), RADISH_E_EXISTS);
  EXPECT_EQ(refusal_of_open(scratch.file("none"), RADISH_MUST_EXIST), RADISH_E_NOT_FOUND);
}

TEST_F(CAbi, OptionsOfAnOlderCallerAreAPrefix) {
  for (std::uint32_t size = sizeof(std::uint32_t); size < sizeof(radish_options); size += 4) {
    radish_options options = {};
    std::memset(&options, 0xFF, sizeof options);
    options.size = size;
    if (size > offsetof(radish_options, mode)) options.mode = 0;
    if (size > offsetof(radish_options, capacity_bytes)) options.capacity_bytes = 0;
    if (size > offsetof(radish_options, reader_slots)) options.reader_slots = 0;
    if (size > offsetof(radish_options, flags)) options.flags = 0;
    if (size > offsetof(radish_options, lock_timeout_ms)) options.lock_timeout_ms = 0;
    if (size == offsetof(radish_options, capacity_bytes) + 4) continue;  // ends inside a field
    EXPECT_NE(owned(radish_create_anonymous(&options, nullptr)), nullptr) << size << radish_last_error();
  }
}

TEST_F(CAbi, OptionsOfANewerCallerMustBeZeroInWhatIsUnknown) {
  struct {
    radish_options known;
    std::uint64_t unknown;
  } options = {small_options(), 0};
  options.known.size = sizeof options;
  EXPECT_NE(owned(radish_create_anonymous(&options.known, nullptr)), nullptr);
  options.unknown = std::uint64_t{1} << 63;
  EXPECT_EQ(refusal_of_options(options.known), RADISH_E_INVALID);
}

TEST_F(CAbi, SenselessOptionsAreInvalid) {
  const auto with = [](auto change) {
    radish_options options = small_options();
    change(options);
    return refusal_of_options(options);
  };
  EXPECT_EQ(with([](auto& options) { options.size = 0; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.size = 3; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.size = 0xFFFFFFFF; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.flags = 4; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.mode = 010000; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.reserved = 1; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.capacity_bytes = 1; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.capacity_bytes = std::uint64_t{33} << 30; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.reader_slots = 65537; }), RADISH_E_INVALID);
}

TEST_F(CAbi, MemfdIsSharedByItsDescriptor) {
  const radish_options options = small_options();
  const Handle first = owned(radish_create_memfd("shared", &options, nullptr));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(radish_path(first.get()), nullptr);
  const Handle second = owned(radish_open_fd(radish_fd(first.get()), nullptr));
  ASSERT_NE(second, nullptr) << radish_last_error();
  EXPECT_EQ(insert(second, "key", 9), 1);
  EXPECT_EQ(find(first, "key"), (Found{1, 9}));
}

TEST_F(CAbi, AnonymousHasNoPath) {
  const Handle tree = anonymous();
  ASSERT_NE(tree, nullptr);
  EXPECT_EQ(radish_path(tree.get()), nullptr);
  EXPECT_EQ(radish_open_outcome(tree.get()), RADISH_CREATED);
}

TEST_F(CAbi, InsertFindErase) {
  const Handle tree = anonymous();
  EXPECT_EQ(insert(tree, "key", 1), 1);
  EXPECT_EQ(insert(tree, "key", 2), 0);
  EXPECT_EQ(find(tree, "key"), (Found{1, 2}));
  EXPECT_EQ(find(tree, "ke"), (Found{0, 0}));
  EXPECT_EQ(radish_insert_new(tree.get(), "key", 3, 3), 0);
  EXPECT_EQ(find(tree, "key"), (Found{1, 2}));
  EXPECT_EQ(radish_insert_new(tree.get(), "new", 3, 3), 1);
  EXPECT_EQ(radish_count(tree.get()), 2);
  EXPECT_EQ(radish_erase(tree.get(), "key", 3), 1);
  EXPECT_EQ(radish_erase(tree.get(), "key", 3), 0);
  EXPECT_EQ(radish_count(tree.get()), 1);
}

TEST_F(CAbi, KeysAreAnyBytesAndTheEmptyOneMayBeNull) {
  const Handle tree = anonymous();
  const std::string zeros("a\0b", 3);
  EXPECT_EQ(insert(tree, zeros, UINT64_MAX), 1);
  EXPECT_EQ(find(tree, zeros), (Found{1, UINT64_MAX}));
  EXPECT_EQ(find(tree, "a"), (Found{0, 0}));
  EXPECT_EQ(radish_insert(tree.get(), nullptr, 0, 7), 1);
  EXPECT_EQ(find(tree, ""), (Found{1, 7}));
  EXPECT_EQ(radish_erase(tree.get(), nullptr, 0), 1);
}

TEST_F(CAbi, CompareExchangeTellsWhatItFound) {
  const Handle tree = anonymous();
  std::uint64_t expected = 1;
  EXPECT_EQ(radish_compare_exchange(tree.get(), "key", 3, &expected, 2), RADISH_ABSENT);
  EXPECT_EQ(expected, 1U);
  EXPECT_EQ(insert(tree, "key", 5), 1);
  EXPECT_EQ(radish_compare_exchange(tree.get(), "key", 3, &expected, 2), 0);
  EXPECT_EQ(expected, 5U);
  EXPECT_EQ(radish_compare_exchange(tree.get(), "key", 3, &expected, 2), 1);
  EXPECT_EQ(find(tree, "key"), (Found{1, 2}));
}

TEST_F(CAbi, FetchAddStartsAtDelta) {
  const Handle tree = anonymous();
  std::uint64_t previous = 99;
  EXPECT_EQ(radish_fetch_add(tree.get(), "key", 3, 4, &previous), 0);
  EXPECT_EQ(previous, 0U);
  EXPECT_EQ(radish_fetch_add(tree.get(), "key", 3, UINT64_MAX, &previous), 1);
  EXPECT_EQ(previous, 4U);
  EXPECT_EQ(find(tree, "key"), (Found{1, 3}));
}

TEST_F(CAbi, LongestPrefixAndAllPrefixes) {
  const Handle tree = anonymous();
  std::uint64_t value = 0;
  std::size_t matched = 0;
  EXPECT_EQ(radish_longest_prefix(tree.get(), "abc", 3, &value, &matched), 0);
  for (const std::string_view key : {"a", "abc", "abd"}) insert(tree, key, key.size());
  EXPECT_EQ(radish_longest_prefix(tree.get(), "abcd", 4, &value, &matched), 1);
  EXPECT_EQ(value, 3U);
  EXPECT_EQ(matched, 3U);
  std::array<radish_match, 2> matches = {};
  EXPECT_EQ(radish_prefixes(tree.get(), "abcd", 4, nullptr, 0), 2);
  EXPECT_EQ(radish_prefixes(tree.get(), "abcd", 4, matches.data(), 1), 2);
  EXPECT_EQ(matches[0].matched, 1U);
  EXPECT_EQ(matches[1].matched, 0U);
  EXPECT_EQ(radish_prefixes(tree.get(), "abcd", 4, matches.data(), 2), 2);
  EXPECT_EQ(matches[1].matched, 3U);
  EXPECT_EQ(matches[1].value, 3U);
}

TEST_F(CAbi, ErasePrefixAndClear) {
  const Handle tree = anonymous();
  for (const std::string_view key : {"a", "ab", "abc", "b"}) insert(tree, key, 1);
  EXPECT_EQ(radish_erase_prefix(tree.get(), "ab", 2), 2);
  EXPECT_EQ(radish_erase_prefix(tree.get(), "ab", 2), 0);
  EXPECT_EQ(radish_count(tree.get()), 2);
  EXPECT_EQ(radish_clear(tree.get()), 0);
  EXPECT_EQ(radish_count(tree.get()), 0);
}

std::string step(radish_cursor* cursor, decltype(radish_cursor_next)* move) {
  const void* key = nullptr;
  std::size_t length = 0;
  std::uint64_t value = 0;
  const int answer = move(cursor, &key, &length, &value);
  return answer == 1 ? std::string(static_cast<const char*>(key), length) : std::to_string(answer);
}

TEST_F(CAbi, CursorWalksBothWaysInsideItsPrefix) {
  const Handle tree = anonymous();
  for (const std::string_view key : {"a", "ba", "bb", "bc", "c"}) insert(tree, key, 1);
  const Cursor cursor(radish_cursor_open(tree.get(), "b", 1, nullptr), radish_cursor_close);
  ASSERT_NE(cursor, nullptr);
  EXPECT_EQ(step(cursor.get(), radish_cursor_previous), "0");
  EXPECT_EQ(step(cursor.get(), radish_cursor_next), "ba");
  EXPECT_EQ(step(cursor.get(), radish_cursor_next), "bb");
  EXPECT_EQ(step(cursor.get(), radish_cursor_previous), "bb");
  EXPECT_EQ(radish_cursor_seek(cursor.get(), "bbb", 3), 0);
  EXPECT_EQ(step(cursor.get(), radish_cursor_next), "bc");
  EXPECT_EQ(step(cursor.get(), radish_cursor_next), "0");
  EXPECT_EQ(radish_cursor_seek_end(cursor.get()), 0);
  EXPECT_EQ(step(cursor.get(), radish_cursor_previous), "bc");
  EXPECT_EQ(radish_cursor_seek(cursor.get(), nullptr, 0), 0);
  EXPECT_EQ(step(cursor.get(), radish_cursor_next), "ba");
}

TEST_F(CAbi, CursorOfAParentAnswersForked) {
  const Handle tree = anonymous();
  insert(tree, "key", 1);
  const Cursor cursor(radish_cursor_open(tree.get(), nullptr, 0, nullptr), radish_cursor_close);
  ASSERT_NE(cursor, nullptr);
  const std::string forked = std::to_string(RADISH_E_FORKED);
  EXPECT_EQ(in_child([&] { return step(cursor.get(), radish_cursor_next) == forked ? 7 : 0; }), 7);
  EXPECT_EQ(step(cursor.get(), radish_cursor_next), "key");
}

TEST_F(CAbi, HandleOfAParentWorksInTheChild) {
  const Handle tree = anonymous();
  insert(tree, "parent", 1);
  EXPECT_EQ(
      in_child([&] { return find(tree, "parent").answer == 1 && insert(tree, "child", 2) == 1 ? 7 : 0; }), 7);
  EXPECT_EQ(find(tree, "child"), (Found{1, 2}));
}

TEST_F(CAbi, FreezeSealsForEver) {
  const Handle tree = open_small(path);
  insert(tree, "key", 4);
  EXPECT_EQ(refusal([&](radish_error* error) { return radish_open_readonly(path.c_str(), error); }),
            RADISH_E_NOT_FROZEN);
  EXPECT_EQ(radish_frozen(tree.get()), 0);
  ASSERT_EQ(radish_freeze(tree.get()), 0) << radish_last_error();
  EXPECT_EQ(radish_frozen(tree.get()), 1);
  EXPECT_EQ(radish_readonly(tree.get()), 0);
  EXPECT_EQ(insert(tree, "new", 1), RADISH_E_FROZEN);
  EXPECT_EQ(refusal_of_open(path), RADISH_E_FROZEN);
}

TEST_F(CAbi, FrozenFileIsReadOnly) {
  {
    const Handle tree = open_small(path);
    insert(tree, "key", 4);
    ASSERT_EQ(radish_freeze(tree.get()), 0) << radish_last_error();
  }
  const Handle tree = owned(radish_open_readonly(path.c_str(), nullptr));
  ASSERT_NE(tree, nullptr) << radish_last_error();
  EXPECT_EQ(radish_readonly(tree.get()), 1);
  EXPECT_EQ(radish_frozen(tree.get()), 1);
  EXPECT_EQ(find(tree, "key"), (Found{1, 4}));
  EXPECT_EQ(insert(tree, "new", 1), RADISH_E_READ_ONLY);
  EXPECT_EQ(radish_clear(tree.get()), RADISH_E_READ_ONLY);
  EXPECT_EQ(radish_verify(tree.get(), nullptr), 0) << radish_last_error();
}

TEST_F(CAbi, DamagedFrozenFileIsCorrupt) {
  constexpr std::string_view key = "a key with enough text in it to be found again";
  {
    const Handle tree = open_small(path);
    insert(tree, key, 4);
    ASSERT_EQ(radish_freeze(tree.get()), 0) << radish_last_error();
  }
  ASSERT_TRUE(damage_text(path, key.substr(8)));
  const Handle tree = owned(radish_open_readonly(path.c_str(), nullptr));
  ASSERT_NE(tree, nullptr) << radish_last_error();
  radish_error error = {};
  EXPECT_EQ(radish_verify(tree.get(), &error), RADISH_E_CORRUPT);
  EXPECT_EQ(error.code, RADISH_E_CORRUPT);
  EXPECT_STREQ(error.message, radish_last_error());
}

TEST_F(CAbi, SyncAndUnlink) {
  const Handle tree = open_small(path);
  insert(tree, "key", 4);
  EXPECT_EQ(radish_sync(tree.get()), 0) << radish_last_error();
  EXPECT_EQ(radish_unlink(tree.get()), 0) << radish_last_error();
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(find(tree, "key"), (Found{1, 4}));
}

TEST_F(CAbi, StatsCountKeys) {
  const Handle tree = open_small(path);
  insert(tree, "one", 1);
  insert(tree, "two", 2);
  radish_stats stats = {};
  stats.size = sizeof stats;
  ASSERT_EQ(radish_stats_get(tree.get(), &stats), 0) << radish_last_error();
  EXPECT_EQ(stats.size, sizeof stats);
  EXPECT_EQ(stats.keys, 2U);
  EXPECT_EQ(stats.writes, 2U);
  EXPECT_EQ(stats.capacity_bytes, small_capacity_bytes);
  EXPECT_EQ(stats.generation, radish_generation(tree.get()));
  EXPECT_EQ(stats.reader_slots, 64U);
  EXPECT_EQ(stats.frozen, 0U);
}

TEST_F(CAbi, StatsOfAnOlderCallerStayInTheirSize) {
  const Handle tree = anonymous();
  insert(tree, "one", 1);
  radish_stats stats;
  std::memset(&stats, 0xAB, sizeof stats);
  stats.size = offsetof(radish_stats, blocks);
  ASSERT_EQ(radish_stats_get(tree.get(), &stats), 0);
  EXPECT_EQ(stats.keys, 1U);
  EXPECT_EQ(stats.blocks, 0xABABABABABABABABU);
}

TEST_F(CAbi, StatsOfANewerCallerAreZeroInWhatIsUnknown) {
  const Handle tree = anonymous();
  struct {
    radish_stats known;
    std::uint64_t unknown;
  } stats;
  std::memset(&stats, 0xAB, sizeof stats);
  stats.known.size = sizeof stats;
  ASSERT_EQ(radish_stats_get(tree.get(), &stats.known), 0);
  EXPECT_EQ(stats.known.keys, 0U);
  EXPECT_EQ(stats.unknown, 0U);
  stats.known.size = 2;
  EXPECT_EQ(radish_stats_get(tree.get(), &stats.known), RADISH_E_INVALID);
  stats.known.size = 1 << 20;
  EXPECT_EQ(radish_stats_get(tree.get(), &stats.known), RADISH_E_INVALID);
}

TEST_F(CAbi, NullHandlesAreInvalid) {
  std::uint64_t value = 0;
  std::size_t matched = 0;
  const void* key = nullptr;
  radish_stats stats = {};
  radish_close(nullptr);
  radish_cursor_close(nullptr);
  EXPECT_EQ(radish_fd(nullptr), -1);
  EXPECT_EQ(radish_path(nullptr), nullptr);
  EXPECT_EQ(radish_generation(nullptr), 0U);
  EXPECT_EQ(radish_insert(nullptr, "k", 1, 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_insert_new(nullptr, "k", 1, 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_compare_exchange(nullptr, "k", 1, &value, 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_fetch_add(nullptr, "k", 1, 1, &value), RADISH_E_INVALID);
  EXPECT_EQ(radish_find(nullptr, "k", 1, &value), RADISH_E_INVALID);
  EXPECT_EQ(radish_longest_prefix(nullptr, "k", 1, &value, &matched), RADISH_E_INVALID);
  EXPECT_EQ(radish_prefixes(nullptr, "k", 1, nullptr, 0), RADISH_E_INVALID);
  EXPECT_EQ(radish_erase(nullptr, "k", 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_erase_prefix(nullptr, "k", 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_count(nullptr), RADISH_E_INVALID);
  EXPECT_EQ(radish_stats_get(nullptr, &stats), RADISH_E_INVALID);
  EXPECT_EQ(radish_verify(nullptr, nullptr), RADISH_E_INVALID);
  EXPECT_EQ(radish_cursor_open(nullptr, nullptr, 0, nullptr), nullptr);
  EXPECT_EQ(radish_cursor_next(nullptr, &key, &matched, &value), RADISH_E_INVALID);
  EXPECT_EQ(radish_cursor_previous(nullptr, &key, &matched, &value), RADISH_E_INVALID);
  EXPECT_EQ(radish_cursor_seek(nullptr, "k", 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_cursor_seek_end(nullptr), RADISH_E_INVALID);
  for (auto* function : {radish_clear, radish_freeze, radish_sync, radish_unlink})
    EXPECT_EQ(function(nullptr), RADISH_E_INVALID);
  for (auto* function : {radish_frozen, radish_readonly, radish_open_outcome})
    EXPECT_EQ(function(nullptr), RADISH_E_INVALID);
}

TEST_F(CAbi, NullArgumentsAreInvalid) {
  const Handle tree = anonymous();
  std::uint64_t value = 0;
  std::size_t matched = 0;
  EXPECT_EQ(refusal([](radish_error* error) { return radish_open(nullptr, nullptr, error); }),
            RADISH_E_INVALID);
  EXPECT_EQ(refusal([](radish_error* error) { return radish_open_readonly(nullptr, error); }),
            RADISH_E_INVALID);
  EXPECT_EQ(refusal([](radish_error* error) { return radish_create_memfd(nullptr, nullptr, error); }),
            RADISH_E_INVALID);
  EXPECT_EQ(refusal([](radish_error* error) { return radish_open_fd(-1, error); }), RADISH_E_INVALID);
  EXPECT_EQ(radish_insert(tree.get(), nullptr, 1, 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_find(tree.get(), nullptr, 1, &value), RADISH_E_INVALID);
  EXPECT_EQ(radish_find(tree.get(), "k", 1, nullptr), RADISH_E_INVALID);
  EXPECT_EQ(radish_longest_prefix(tree.get(), "k", 1, nullptr, &matched), RADISH_E_INVALID);
  EXPECT_EQ(radish_longest_prefix(tree.get(), "k", 1, &value, nullptr), RADISH_E_INVALID);
  EXPECT_EQ(radish_prefixes(tree.get(), "k", 1, nullptr, 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_compare_exchange(tree.get(), "k", 1, nullptr, 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_fetch_add(tree.get(), "k", 1, 1, nullptr), RADISH_E_INVALID);
  EXPECT_EQ(radish_stats_get(tree.get(), nullptr), RADISH_E_INVALID);
  radish_error error = {};
  EXPECT_EQ(radish_cursor_open(tree.get(), nullptr, 1, &error), nullptr);
  EXPECT_EQ(error.code, RADISH_E_INVALID);
  const Cursor cursor(radish_cursor_open(tree.get(), nullptr, 0, nullptr), radish_cursor_close);
  EXPECT_EQ(radish_cursor_next(cursor.get(), nullptr, &matched, &value), RADISH_E_INVALID);
  EXPECT_EQ(radish_cursor_seek(cursor.get(), nullptr, 1), RADISH_E_INVALID);
}

TEST_F(CAbi, KeysHaveALimit) {
  const Handle tree = open_small(path);
  const std::string longest(65535, 'k');
  const std::string longer(65536, 'k');
  EXPECT_EQ(insert(tree, longest, 1), 1) << radish_last_error();
  EXPECT_EQ(find(tree, longest), (Found{1, 1}));
  EXPECT_EQ(insert(tree, longer, 1), RADISH_E_TOO_LONG);
  EXPECT_EQ(radish_insert_new(tree.get(), longer.data(), longer.size(), 1), RADISH_E_TOO_LONG);
}

TEST_F(CAbi, FullTreeStillUpdatesAndErases) {
  const Handle tree = anonymous();
  int answer = 1;
  int stored = 0;
  for (; answer == 1; ++stored) answer = insert(tree, "some key number " + std::to_string(stored), 1);
  EXPECT_EQ(answer, RADISH_E_FULL);
  EXPECT_EQ(radish_count(tree.get()), stored - 1);
  EXPECT_EQ(insert(tree, "some key number 0", 2), 0);
  EXPECT_EQ(radish_erase(tree.get(), "some key number 0", 17), 1);
  EXPECT_EQ(radish_verify(tree.get(), nullptr), 0) << radish_last_error();
}

TEST_F(CAbi, ReaderSlotsRunOut) {
  radish_options options = small_options();
  options.reader_slots = 1;
  const Handle first = owned(radish_open(path.c_str(), &options, nullptr));
  const Handle second = owned(radish_open(path.c_str(), &options, nullptr));
  ASSERT_TRUE(first && second) << radish_last_error();
  EXPECT_EQ(find(first, "key").answer, 0);
  EXPECT_EQ(find(second, "key").answer, RADISH_E_READERS_FULL);
}

TEST_F(CAbi, WaitForALivingHolderEndsAtTheDeadline) {
  radish_options options = small_options();
  options.lock_timeout_ms = 20;
  const Handle tree = owned(radish_open(path.c_str(), &options, nullptr));
  ASSERT_NE(tree, nullptr);
  std::array<int, 2> ready;
  std::array<int, 2> done;
  ASSERT_TRUE(::pipe(ready.data()) == 0 && ::pipe(done.data()) == 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    ::close(done[1]);
    const auto mine = Tree::open(path);
    const auto view = mine->view();
    char byte = view ? 'y' : 'n';
    const bool told = ::write(ready[1], &byte, 1) == 1;
    ::_exit(told && ::read(done[0], &byte, 1) == 0 ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_EQ(insert(tree, "key", 1), RADISH_E_TIMED_OUT);
  for (const int descriptor : {ready[0], ready[1], done[0], done[1]}) ::close(descriptor);
  int status = 0;
  EXPECT_EQ(::waitpid(holder, &status, 0), holder);
  EXPECT_EQ(insert(tree, "key", 1), 1) << radish_last_error();
}

TEST_F(CAbi, WhatIsNoSegmentIsRefused) {
  write_file(path, std::string(std::size_t{256} << 10, 'x'));
  EXPECT_EQ(refusal_of_open(path), RADISH_E_NOT_RADISH);
  EXPECT_EQ(refusal_of_open(scratch.file("")), RADISH_E_NOT_REGULAR);
  EXPECT_EQ(refusal_of_open(path + "/below-a-file"), RADISH_E_IO);
  std::filesystem::create_symlink(path, scratch.file("link"));
  EXPECT_EQ(refusal_of_open(scratch.file("link")), RADISH_E_NOT_REGULAR);
}

TEST_F(CAbi, LongMessagesAreCutNotOverrun) {
  radish_error error;
  std::memset(&error, 'x', sizeof error);
  const std::string missing = scratch.file(std::string(200, 'm')) + "/" + std::string(200, 'm');
  EXPECT_EQ(radish_open(missing.c_str(), nullptr, &error), nullptr);
  EXPECT_LT(std::strlen(error.message), sizeof error.message);
  EXPECT_GE(std::strlen(radish_last_error()), std::strlen(error.message));
}

TEST_F(CAbi, LastErrorBelongsToItsThread) {
  EXPECT_EQ(radish_count(nullptr), RADISH_E_INVALID);
  const std::string mine = radish_last_error();
  EXPECT_NE(mine, "");
  std::thread([&] {
    EXPECT_STREQ(radish_last_error(), "");
    EXPECT_EQ(refusal_of_open(scratch.file("none"), RADISH_MUST_EXIST), RADISH_E_NOT_FOUND);
    EXPECT_NE(radish_last_error(), mine);
  }).join();
  EXPECT_EQ(radish_last_error(), mine);
}

TEST_F(CAbi, EveryCodeHasASentenceOfItsOwn) {
  std::set<std::string> sentences;
  for (int code = RADISH_E_VIEW_HELD; code <= 0; ++code) sentences.insert(radish_strerror(code));
  sentences.insert(radish_strerror(1));
  EXPECT_EQ(sentences.size(), 26U);
  EXPECT_STREQ(radish_strerror(RADISH_E_VIEW_HELD - 1), radish_strerror(1));
  EXPECT_STREQ(radish_strerror(0), "success");
}

}  // namespace
}  // namespace radish::tests
