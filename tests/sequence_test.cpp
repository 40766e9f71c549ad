// The shared description of operations, and what it makes of a tree: generated and written-down sequences
// against the model, at the bounds, in a full heap, over reopening, through two handles and from two
// processes.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <set>

#include "model/bytes.h"
#include "model/generator.h"
#include "model/run.h"
#include "model/shrink.h"
#include "support.h"

namespace radish::tests {
namespace {

using namespace radish::model;

constexpr std::array all_profiles = {Profile::tiny,     Profile::prefixes, Profile::wide,
                                     Profile::integers, Profile::huge,     Profile::churn};
constexpr std::array all_storages = {Storage::anonymous, Storage::memfd, Storage::file};

std::uint64_t fingerprint(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

// --- the description --------------------------------------------------------------------------------------

TEST(Operations, TextOfEverySequenceParsesBackToIt) {
  for (const Profile profile : all_profiles) {
    const Sequence sequence = generate(seed(), profile, 3000, {.storage = Storage::file});
    const auto parsed = parse_sequence(to_text(sequence));
    ASSERT_TRUE(parsed) << parsed.error() << "\n" << replay_command();
    EXPECT_TRUE(*parsed == sequence) << replay_command();
  }
}

TEST(Operations, EveryByteSurvivesTheText) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  for (const char byte : {'"', '\\', '*', '0', '\0'})
    bytes += std::string(40, byte) + std::string(2, byte) + ":x" + std::string(3, byte);
  const Operation operation{
      .kind = Kind::walk, .key = bytes, .bound = bytes + bytes, .value = ~std::uint64_t{}};
  const auto parsed = parse_operation(to_text(operation));
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(*parsed, operation);
}

TEST(Operations, DamagedTextIsRefusedWithItsLine) {
  for (const std::string_view line :
       {"insert", "insert key=\"a", "insert key=\"\\q\" value=1", "insert key=\"\\x1\" value=1",
        "erase key=a", "insert key=\"a\" value=x", "insert key=\"a\" value=1 count=2",
        "erase key=\"\\*99999999999:a\"", "jump", "find key=\"a\"  ",
        "segment storage=tape capacity=1 slots=1", "segment storage=file capacity=1"}) {
    const auto parsed = parse_sequence(fmt::format("# first\n{}\n", line));
    ASSERT_FALSE(parsed) << line;
    EXPECT_TRUE(parsed.error().starts_with("line 2: ")) << parsed.error();
  }
}

TEST(Operations, EncodedSequencesDecodeToTheSameOperations) {
  for (const Profile profile : all_profiles) {
    Sequence sequence = generate(seed(), profile, profile == Profile::huge ? 100 : 500, {});
    for (Operation& operation : sequence.operations) operation.count = std::min(operation.count, 255U);
    EXPECT_TRUE(decode(encode(sequence)).operations == sequence.operations) << profile_name(profile) << "\n"
                                                                            << replay_command();
  }
}

TEST(Operations, AnyBytesDecodeToASequenceThatRuns) {
  Random random(seed());
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint8_t> bytes(random.below(400));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
    ASSERT_TRUE(agrees_with_model(decode(bytes))) << replay_command();
  }
}

TEST(Generator, SameSeedGivesSameSequenceEverywhere) {
  // Fixed numbers: a change here takes the meaning from every seed in every log.
  const std::array<std::uint64_t, profile_count> expected = {9931617099010754861U,  6188085345680853994U,
                                                             13723629779833709645U, 18040706817368481530U,
                                                             7089192629326679202U,  18223229064080481471U};
  for (std::size_t i = 0; i < profile_count; ++i)
    EXPECT_EQ(fingerprint(to_text(generate(42, all_profiles[i], 1000, {}))), expected[i])
        << profile_name(all_profiles[i]);
}

TEST(Generator, EveryProfileDrawsEveryKind) {
  for (const Profile profile : all_profiles) {
    std::set<Kind> drawn;
    for (const Operation& operation : generate(7, profile, 40000, {}).operations)
      drawn.insert(operation.kind);
    EXPECT_EQ(drawn.size(), kind_count) << profile_name(profile);
  }
}

TEST(Shrinking, LeavesOnlyWhatTheFailureNeeds) {
  const auto failing = [](const Sequence& sequence) {
    bool inserted = false;
    for (const Operation& operation : sequence.operations) {
      if (operation.kind == Kind::insert && operation.key.starts_with("aa")) inserted = true;
      if (operation.kind == Kind::erase && inserted) return true;
    }
    return false;
  };
  Sequence sequence = generate(3, Profile::churn, 1500, {});
  sequence.operations.insert(sequence.operations.begin() + 200,
                             Operation{.kind = Kind::insert, .key = "aabbbbbbbbbbb", .value = 77});
  ASSERT_TRUE(failing(sequence));
  const Sequence small = shrink(sequence, failing);
  EXPECT_EQ(to_text(small.operations.at(0)), "insert key=\"aa\" value=0");
  EXPECT_EQ(to_text(small.operations.at(1)), "erase key=\"\"");
  EXPECT_EQ(small.operations.size(), 2U);
}

// --- the harness notices ----------------------------------------------------------------------------------

class Notices : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(runner_.open());
    for (const std::string_view line : {"insert key=\"a\" value=1", "insert key=\"ab\" value=2",
                                        "insert key=\"b\" value=3", "cursor_open key=\"\""})
      ASSERT_FALSE(runner_.step(*parse_operation(line)));
  }
  bool differs(std::string_view line) { return runner_.step(*parse_operation(line)).has_value(); }
  bool differs_at_the_end() { return runner_.finish().has_value(); }

  Runner runner_{Setting{}};
};

TEST_F(Notices, LostKey) {
  ASSERT_TRUE(runner_.tree().erase("ab"));
  EXPECT_TRUE(differs("find key=\"ab\""));
  EXPECT_TRUE(differs("contains key=\"ab\""));
  EXPECT_TRUE(differs("longest_prefix key=\"abc\""));
  EXPECT_TRUE(differs("prefixes key=\"abc\""));
  EXPECT_TRUE(differs("count"));
  EXPECT_TRUE(differs("stats"));
  EXPECT_TRUE(differs("scan_forward key=\"\" count=9"));
  EXPECT_TRUE(differs("scan_backward key=\"a\" bound=\"b\" count=9"));
  EXPECT_TRUE(differs("walk key=\"\" value=3 count=2"));
  EXPECT_TRUE(differs("cursor_next count=9"));
  EXPECT_TRUE(differs("view key=\"ab\""));
  EXPECT_TRUE(differs_at_the_end());
}

TEST_F(Notices, ChangedValue) {
  ASSERT_TRUE(runner_.tree().insert("ab", 7));
  EXPECT_TRUE(differs("find key=\"ab\""));
  EXPECT_TRUE(differs("longest_prefix key=\"abc\""));
  EXPECT_TRUE(differs("cursor_next count=9"));
  EXPECT_TRUE(differs_at_the_end());
  EXPECT_TRUE(differs("compare_exchange key=\"ab\" value=2 second=3"));
}

TEST_F(Notices, KeyThatNobodyInserted) {
  ASSERT_TRUE(runner_.tree().insert("aa", 7));
  EXPECT_TRUE(differs("cursor_next count=9"));
  EXPECT_TRUE(differs("erase_prefix key=\"a\""));
}

TEST_F(Notices, CursorThatPassesOverAKeyIsToldFromOneThatMissesAnErasedKey) {
  EXPECT_FALSE(differs("cursor_next count=1"));
  EXPECT_FALSE(differs("erase key=\"ab\""));
  EXPECT_FALSE(differs("insert key=\"aa\" value=4"));
  EXPECT_FALSE(differs("cursor_next count=9"));
  EXPECT_FALSE(differs("cursor_previous count=9"));
  EXPECT_FALSE(differs_at_the_end());
}

// --- against the tree -------------------------------------------------------------------------------------

class GeneratedSequences : public ::testing::TestWithParam<std::tuple<Profile, Storage>> {};

TEST_P(GeneratedSequences, AgreeWithModel) {
  const auto [profile, storage] = GetParam();
  const std::size_t length = profile == Profile::huge ? 200 : 2000;
  for (std::uint64_t round = 0; round < 2 * scale(); ++round) {
    const Setting setting{.storage = storage, .capacity_bytes = round % 2 == 0 ? 1U << 20 : 256U << 10};
    ASSERT_TRUE(agrees_with_model(generate(seed() + round, profile, length, setting))) << replay_command();
  }
}

INSTANTIATE_TEST_SUITE_P(All, GeneratedSequences,
                         ::testing::Combine(::testing::ValuesIn(all_profiles),
                                            ::testing::ValuesIn(all_storages)),
                         [](const auto& test) {
                           return fmt::format("{}_{}", profile_name(std::get<0>(test.param)),
                                              storage_name(std::get<1>(test.param)));
                         });

TEST(Keys, OfZeroOneAndTheGreatestLengthAreStoredAndLongerOnesRefused) {
  EXPECT_TRUE(agrees_with_model(R"(segment storage=anonymous capacity=2097152 slots=16
insert key="" value=1
insert key="k" value=2
insert key="\*65535:k" value=3
insert key="\*65534:kx" value=4
insert key="\*65536:k" value=5
insert_new key="\*65536:k" value=5
fetch_add key="\*65536:k" value=5
find key="\*65536:k"
find key="\*65535:k"
find key="\*65534:k"
prefixes key="\*65535:k"
longest_prefix key="\*65534:ky"
longest_prefix key="\*65536:k"
scan_backward key="k" count=9
compare_exchange key="\*65535:k" value=3 second=6
erase key="\*65534:kx"
erase key="\*65536:k"
verify
reopen
erase_prefix key="\*65535:k"
erase key=""
scan_forward key="" count=9
)"));
}

TEST(Keys, LongerThanTheGreatestLengthAreRefusedAsTooLong) {
  Runner runner(Setting{.capacity_bytes = 1 << 20});
  ASSERT_FALSE(runner.open());
  const std::string key(key_bytes_max + 1, 'k');
  EXPECT_EQ(runner.tree().insert(key, 1).error().code, Code::too_long);
  EXPECT_EQ(runner.tree().insert_new(key, 1).error().code, Code::too_long);
  EXPECT_EQ(runner.tree().fetch_add(key, 1).error().code, Code::too_long);
  EXPECT_FALSE(runner.finish());
}

/// Inserts numbered keys until one is refused; how many went in.
std::uint64_t fill(Runner& runner, std::string_view prefix) {
  const std::uint64_t refusals = runner.refusals();
  for (std::uint64_t number = 0;; ++number) {
    const auto failed =
        runner.step({.kind = Kind::insert, .key = fmt::format("{}{:08}", prefix, number), .value = number});
    if (failed) ADD_FAILURE() << to_text(*failed);
    if (failed || runner.refusals() != refusals) return number;
  }
}

class FullHeap : public ::testing::TestWithParam<Storage> {
 protected:
  void SetUp() override {
    ASSERT_FALSE(runner_.open());
    filled_ = fill(runner_, "key");
    ASSERT_GT(filled_, 1000U);
    ASSERT_GT(runner_.refusals(), 0U);
  }
  void expect_agreement(const Operation& operation) {
    const auto failed = runner_.step(operation);
    EXPECT_FALSE(failed) << to_text(*failed);
  }
  void expect_room_again() {
    const auto failed = runner_.finish();
    EXPECT_FALSE(failed) << to_text(*failed);
    EXPECT_GE(fill(runner_, "other") * 10, filled_ * 9);
  }

  Runner runner_{Setting{.storage = GetParam(), .capacity_bytes = 256 << 10}};
  std::uint64_t filled_ = 0;
};

TEST_P(FullHeap, StillTakesValuesForKeysItHas) {
  expect_agreement({.kind = Kind::insert, .key = "key00000000", .value = 9});
  expect_agreement({.kind = Kind::compare_exchange, .key = "key00000001", .value = 1, .second = 9});
  expect_agreement({.kind = Kind::fetch_add, .key = "key00000002", .value = 9});
  expect_agreement({.kind = Kind::insert_new, .key = "key00000003", .value = 9});
  EXPECT_FALSE(runner_.finish());
}

TEST_P(FullHeap, HasRoomAgainAfterErasingOneByOne) {
  for (std::uint64_t number = 0; number < filled_; ++number)
    expect_agreement({.kind = Kind::erase, .key = fmt::format("key{:08}", number)});
  expect_room_again();
}

TEST_P(FullHeap, HasRoomAgainAfterErasingThePrefix) {
  expect_agreement({.kind = Kind::erase_prefix, .key = "ke"});
  expect_room_again();
}

TEST_P(FullHeap, HasRoomAgainAfterClear) {
  expect_agreement({.kind = Kind::clear});
  expect_room_again();
}

INSTANTIATE_TEST_SUITE_P(All, FullHeap, ::testing::ValuesIn(all_storages),
                         [](const auto& test) { return std::string(storage_name(test.param)); });

/// The operations with one of these kinds put behind each.
Sequence interleaved(const Sequence& sequence, Kind kind) {
  Sequence result{.setting = sequence.setting};
  for (const Operation& operation : sequence.operations) {
    result.operations.push_back(operation);
    result.operations.push_back({.kind = kind});
  }
  return result;
}

TEST(Handles, ReopeningBetweenOperationsKeepsEverything) {
  for (const Storage storage : all_storages) {
    const Sequence sequence = generate(seed(), Profile::tiny, 60 * scale(), {.storage = storage});
    EXPECT_TRUE(agrees_with_model(interleaved(sequence, Kind::reopen))) << replay_command();
  }
}

TEST(Handles, TwoTakingTurnsSeeOneTree) {
  for (const Storage storage : all_storages) {
    const Sequence sequence = generate(seed(), Profile::prefixes, 500 * scale(), {.storage = storage});
    EXPECT_TRUE(agrees_with_model(interleaved(sequence, Kind::switch_handle))) << replay_command();
  }
}

// --- two processes ----------------------------------------------------------------------------------------

/// One of the two ends of a conversation in which only one side speaks at a time.
class Partner {
 public:
  Partner(int from, int to) : from_(from), to_(to) {}
  ~Partner() { close_both(); }
  Partner(const Partner&) = delete;
  Partner& operator=(const Partner&) = delete;

  [[nodiscard]] bool hand_over() const { return ::write(to_, "t", 1) == 1; }
  /// False if the partner has died.
  [[nodiscard]] bool await_turn() const {
    char token = 0;
    return ::read(from_, &token, 1) == 1;
  }
  void close_both() {
    if (from_ >= 0) ::close(from_);
    if (to_ >= 0) ::close(to_);
    from_ = to_ = -1;
  }

 private:
  int from_;
  int to_;
};

/// Performs the operations of one side and follows the other's; what went wrong, or nothing.
std::string take_turns(Runner& runner, const Sequence& sequence, std::size_t side, const Partner& partner) {
  Random random(sequence.operations.size());
  std::size_t turn = 0;
  for (const Operation& operation : sequence.operations) {
    if (random.below(3) == 0) {
      if (turn == side && !partner.hand_over()) return "the partner is gone";
      turn = 1 - turn;
      if (turn == side && !partner.await_turn()) return "the partner is gone";
    }
    if (turn != side) {
      runner.follow(operation);
    } else if (const auto failed = runner.step(operation)) {
      return to_text(*failed);
    }
  }
  if (turn == side) return partner.hand_over() ? "" : "the partner is gone";
  return partner.await_turn() ? "" : "the partner is gone";
}

[[noreturn]] void be_the_child(Runner& runner, const Sequence& sequence, bool reopens,
                               const Partner& partner) {
  std::string problem;
  if (reopens)
    if (const auto failed = runner.step({.kind = Kind::reopen})) problem = to_text(*failed);
  if (problem.empty()) problem = take_turns(runner, sequence, 1, partner);
  if (problem.empty())
    if (const auto failed = runner.finish()) problem = to_text(*failed);
  if (!problem.empty()) fmt::print(stderr, "child: {}\n", problem);
  std::fflush(stderr);
  ::_exit(problem.empty() ? 0 : 1);
}

class TwoProcesses : public ::testing::TestWithParam<std::tuple<Storage, bool>> {};

TEST_P(TwoProcesses, TakingTurnsShareOneTree) {
  const auto [storage, child_reopens] = GetParam();
  const Setting setting{.storage = storage, .capacity_bytes = std::uint64_t{64} << 20};
  const Sequence sequence = generate(seed(), Profile::churn, 1500 * scale(), setting);
  Runner runner(setting);
  ASSERT_FALSE(runner.open());
  std::array<int, 2> to_child{};
  std::array<int, 2> to_parent{};
  ASSERT_EQ(::pipe(to_child.data()), 0);
  ASSERT_EQ(::pipe(to_parent.data()), 0);
  std::signal(SIGPIPE, SIG_IGN);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  Partner as_parent(to_parent[0], to_child[1]);
  Partner as_child(to_child[0], to_parent[1]);
  if (child == 0) {
    as_parent.close_both();
    be_the_child(runner, sequence, child_reopens, as_child);
  }
  as_child.close_both();
  EXPECT_EQ(take_turns(runner, sequence, 0, as_parent), "") << replay_command();
  as_parent.close_both();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << replay_command();
  EXPECT_EQ(runner.refusals(), 0U);
  EXPECT_FALSE(runner.finish()) << replay_command();
}

INSTANTIATE_TEST_SUITE_P(All, TwoProcesses,
                         ::testing::Combine(::testing::ValuesIn(all_storages), ::testing::Bool()),
                         [](const auto& test) {
                           return fmt::format("{}_{}", storage_name(std::get<0>(test.param)),
                                              std::get<1>(test.param) ? "reopened" : "inherited");
                         });

}  // namespace
}  // namespace radish::tests
