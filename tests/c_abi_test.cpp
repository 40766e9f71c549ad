// The C interface: every function, and every error code that one process can easily bring about. The tree
// behind it has tests of its own.
#include "c_abi_fixture.h"

namespace radish::tests {
namespace {

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

TEST_F(CAbi, BatchesOfLookupsAnswerEach) {
  const Handle tree = anonymous();
  std::vector<std::string> texts;
  std::vector<radish_key> keys;
  for (int number = 0; number < 1000; ++number) texts.push_back("key " + std::to_string(number));
  for (const std::string& text : texts) keys.push_back({text.data(), text.size()});
  for (std::size_t index = 0; index < texts.size(); index += 2)
    ASSERT_EQ(insert(tree, texts[index], index), 1);
  keys.push_back({nullptr, 0});
  std::vector<std::uint64_t> values(keys.size(), 99);
  std::vector<unsigned char> found(keys.size(), 2);
  EXPECT_EQ(radish_find_batch(tree.get(), keys.data(), keys.size(), values.data(), found.data()), 500);
  for (std::size_t index = 0; index < keys.size(); ++index) {
    const bool there = index % 2 == 0 && index < texts.size();
    EXPECT_EQ(found[index], there) << index;
    EXPECT_EQ(values[index], there ? index : 99) << index;
  }
  std::vector<radish_match> matches(keys.size());
  std::int64_t matched = 0;
  const std::int64_t told =
      radish_longest_prefix_batch(tree.get(), keys.data(), keys.size(), matches.data(), found.data());
  for (std::size_t index = 0; index < keys.size(); ++index) {
    radish_match alone = {};
    const int answer =
        radish_longest_prefix(tree.get(), keys[index].data, keys[index].len, &alone.value, &alone.matched);
    EXPECT_EQ(found[index], answer) << index;
    EXPECT_EQ(matches[index].value, alone.value) << index;
    EXPECT_EQ(matches[index].matched, alone.matched) << index;
    matched += answer;
  }
  EXPECT_EQ(told, matched);
  EXPECT_EQ(radish_find_batch(tree.get(), nullptr, 0, nullptr, nullptr), 0);
  EXPECT_EQ(radish_find_batch(nullptr, keys.data(), 1, values.data(), found.data()), RADISH_E_INVALID);
  EXPECT_EQ(radish_find_batch(tree.get(), nullptr, 1, values.data(), found.data()), RADISH_E_INVALID);
  EXPECT_EQ(radish_find_batch(tree.get(), keys.data(), 1, nullptr, found.data()), RADISH_E_INVALID);
  EXPECT_EQ(radish_longest_prefix_batch(tree.get(), keys.data(), 1, matches.data(), nullptr),
            RADISH_E_INVALID);
  const radish_key broken = {nullptr, 3};
  EXPECT_EQ(radish_find_batch(tree.get(), &broken, 1, values.data(), found.data()), RADISH_E_INVALID);
}

TEST_F(CAbi, LoadReplacesEverything) {
  const Handle tree = anonymous();
  ASSERT_EQ(insert(tree, "before", 1), 1);
  std::vector<std::string> texts;
  std::vector<radish_key> keys{{nullptr, 0}};
  std::vector<std::uint64_t> values{7};
  for (int number = 1000; number < 2000; ++number) texts.push_back("key " + std::to_string(number));
  for (const std::string& text : texts) {
    keys.push_back({text.data(), text.size()});
    values.push_back(values.size());
  }
  EXPECT_EQ(radish_replace_all(tree.get(), keys.data(), values.data(), keys.size()), 0);
  EXPECT_EQ(radish_count(tree.get()), 1001);
  std::uint64_t value = 0;
  EXPECT_EQ(radish_find(tree.get(), "before", 6, &value), 0);
  EXPECT_EQ(radish_find(tree.get(), nullptr, 0, &value), 1);
  EXPECT_EQ(value, 7U);
  EXPECT_EQ(radish_find(tree.get(), "key 1999", 8, &value), 1);
  EXPECT_EQ(value, 1000U);
  std::swap(keys[3], keys[4]);
  EXPECT_EQ(radish_replace_all(tree.get(), keys.data(), values.data(), keys.size()), RADISH_E_INVALID);
  EXPECT_EQ(radish_replace_all(tree.get(), nullptr, values.data(), 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_replace_all(tree.get(), keys.data(), nullptr, 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_replace_all(nullptr, keys.data(), values.data(), 1), RADISH_E_INVALID);
  const radish_key broken = {nullptr, 3};
  EXPECT_EQ(radish_replace_all(tree.get(), &broken, values.data(), 1), RADISH_E_INVALID);
  EXPECT_EQ(radish_count(tree.get()), 1001);
  EXPECT_EQ(radish_replace_all(tree.get(), nullptr, nullptr, 0), 0);
  EXPECT_EQ(radish_count(tree.get()), 0);
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
  EXPECT_NE(open_small(path, RADISH_HUGE_PAGES | RADISH_MUST_EXIST), nullptr);
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
    if (size > offsetof(radish_options, record_entries)) options.record_entries = 0;
    if (size > offsetof(radish_options, retired_bytes_max)) options.retired_bytes_max = 0;
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
  EXPECT_EQ(with([](auto& options) { options.flags = 8; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.mode = 010000; }), RADISH_E_INVALID);
  EXPECT_EQ(with([](auto& options) { options.record_entries = 1; }), RADISH_E_INVALID);
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

}  // namespace
}  // namespace radish::tests
