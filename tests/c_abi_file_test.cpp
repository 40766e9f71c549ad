// The C interface: frozen files, figures, refusals and errors.
#include "c_abi_fixture.h"
#include "processes.h"
#include "trees.h"

namespace radish::tests {
namespace {

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

TEST_F(CAbi, CompactCopiesIntoAFreshSegment) {
  const Handle tree = open_small(path);
  insert(tree, "key", 4);
  const std::string to = path + ".compact";
  ASSERT_EQ(radish_compact(tree.get(), to.c_str(), nullptr, nullptr), 0) << radish_last_error();
  EXPECT_EQ(find(owned(radish_open(to.c_str(), nullptr, nullptr)), "key"), (Found{1, 4}));
  radish_error error = {};
  EXPECT_EQ(radish_compact(tree.get(), to.c_str(), nullptr, &error), RADISH_E_EXISTS);
  EXPECT_EQ(error.code, RADISH_E_EXISTS);
  EXPECT_EQ(radish_compact(tree.get(), nullptr, nullptr, nullptr), RADISH_E_INVALID);
  EXPECT_EQ(radish_compact(nullptr, to.c_str(), nullptr, nullptr), RADISH_E_INVALID);
  std::filesystem::remove(to);
}

TEST_F(CAbi, TrimGivesRoomBack) {
  const Handle tree = open_small(path);
  for (int number = 0; number < 2000; ++number) insert(tree, "key " + std::to_string(number), 4);
  ASSERT_EQ(radish_clear(tree.get()), 0) << radish_last_error();
  EXPECT_GT(radish_trim(tree.get()), 10'000) << radish_last_error();
  EXPECT_EQ(radish_trim(tree.get()), 0) << radish_last_error();
  EXPECT_EQ(radish_trim(nullptr), RADISH_E_INVALID);
  ASSERT_EQ(radish_freeze(tree.get()), 0) << radish_last_error();
  EXPECT_EQ(radish_trim(tree.get()), RADISH_E_FROZEN);
}

TEST_F(CAbi, InsertionsAreRefusedWhenReadersHoldBackMoreThanTheBound) {
  radish_options options = {};
  options.size = sizeof options;
  options.retired_bytes_max = 64 << 10;
  const Handle tree = owned(radish_open(path.c_str(), &options, nullptr));
  ASSERT_NE(tree, nullptr) << radish_last_error();
  for (int key = 0; key < 2000; ++key) insert(tree, "key " + std::to_string(key), 1);
  Child reader([&]() -> int {
    const Tree own = take(Tree::open(path));
    const Party party = attach(own);
    const auto pin = sync::Pin::take(*party.attachment);
    raise(SIGSTOP);
    return 0;
  });
  ASSERT_TRUE(reader.await_stop());
  int answer = 0;
  for (int turn = 0; turn < 100'000 && answer >= 0; ++turn) {
    const std::string key = "key " + std::to_string(turn % 2000);
    ASSERT_EQ(radish_erase(tree.get(), key.data(), key.size()), 1) << radish_last_error();
    answer = insert(tree, key, 1);
  }
  EXPECT_EQ(answer, RADISH_E_PINNED);
  EXPECT_NE(std::string_view(radish_last_error()).find(std::to_string(reader.pid())), std::string_view::npos);
  reader.kill_and_reap();
}

TEST_F(CAbi, WhatIsReplacedUnderAPinIsNotUsedAgainUntilItIsReleased) {
  const Handle tree = open_small(path);
  insert(tree, "key", 4);
  radish_error error = {};
  EXPECT_EQ(radish_pin_take(nullptr, &error), nullptr);
  EXPECT_EQ(error.code, RADISH_E_INVALID);
  radish_pin* pin = radish_pin_take(tree.get(), &error);
  ASSERT_NE(pin, nullptr) << error.message;
  const auto churn = [&] {
    int answer = 0;
    for (int turn = 0; turn < 100'000 && answer >= 0; ++turn) {
      const std::string key = "some other key " + std::to_string(turn);
      answer = insert(tree, key, 1);
      if (answer >= 0) answer = radish_erase(tree.get(), key.data(), key.size());
    }
    return answer;
  };
  EXPECT_EQ(churn(), RADISH_E_PINNED);
  EXPECT_EQ(find(tree, "key").value, 4U);
  radish_pin_release(pin);
  radish_pin_release(nullptr);
  EXPECT_GE(churn(), 0) << radish_last_error();
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
  for (int code = RADISH_E_BATCH_TOO_LARGE; code <= 0; ++code) sentences.insert(radish_strerror(code));
  sentences.insert(radish_strerror(1));
  EXPECT_EQ(sentences.size(), 30U);
  EXPECT_STREQ(radish_strerror(RADISH_E_BATCH_TOO_LARGE - 1), radish_strerror(1));
  EXPECT_STREQ(radish_strerror(0), "success");
}

}  // namespace
}  // namespace radish::tests
