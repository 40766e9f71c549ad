// The radish command, run as a program: what it prints, what it exits with, and what it leaves in the file.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "radish/tree.hpp"
#include "scratch.h"

namespace radish::tests {
namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

/// What a finished command left: exit code (or minus the signal), and what it printed.
struct Ran {
  int status;
  std::string out;
  std::string error;
  bool operator==(const Ran&) const = default;
};

std::ostream& operator<<(std::ostream& stream, const Ran& ran) {
  return stream << "exit " << ran.status << "\n--- out\n" << ran.out << "\n--- error\n" << ran.error;
}

/// Descriptors for a command's standard streams; -1 is a closed stream.
struct Streams {
  int in;
  int out;
  int error;
};

void put_in_place(int descriptor, int number) {
  if (descriptor < 0)
    ::close(number);
  else
    ::dup2(descriptor, number);
}

pid_t start(const Words& words, Streams streams) {
  std::vector<char*> pointers = {const_cast<char*>("radish")};
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  put_in_place(streams.in, STDIN_FILENO);
  put_in_place(streams.out, STDOUT_FILENO);
  put_in_place(streams.error, STDERR_FILENO);
  ::execv(RADISH_COMMAND, pointers.data());
  ::_exit(127);
}

int wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class File {
 public:
  File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    EXPECT_GE(descriptor_, 0) << path;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(descriptor_); }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

constexpr int for_writing = O_WRONLY | O_CREAT | O_TRUNC;

struct Command : ::testing::Test {
  ScratchDirectory scratch;
  std::string tree = scratch.file("tree");

  [[nodiscard]] Ran run(const Words& words, std::string_view input = {}) const {
    write_file(scratch.file("in"), input);
    int status = 0;
    {
      const File in(scratch.file("in"), O_RDONLY);
      const File out(scratch.file("out"), for_writing);
      const File error(scratch.file("error"), for_writing);
      status = wait_for(start(words, {in.descriptor(), out.descriptor(), error.descriptor()}));
    }
    return {status, read_file(scratch.file("out")), read_file(scratch.file("error"))};
  }

  /// Runs a command whose answer must be one JSON text and whose exit code `status`.
  [[nodiscard]] Json json(const Words& words, int status = 0, std::string_view input = {}) const {
    const Ran ran = run(words, input);
    EXPECT_EQ(ran.status, status) << ran;
    EXPECT_TRUE(Json::accept(ran.out)) << ran;
    return Json::parse(ran.out, nullptr, false);
  }

  void load(std::string_view lines) const {
    const Ran ran = run({"load", tree}, lines);
    EXPECT_EQ(ran.status, 0) << ran;
  }

  [[nodiscard]] std::string dump() const { return run({"dump", tree}).out; }
};

Ran silent(int status) { return {status, "", ""}; }
Ran prints(std::string text, int status = 0) { return {status, std::move(text), ""}; }

/// An error is one sentence on standard error, and nothing is answered.
::testing::AssertionResult fails(const Ran& ran, int status, std::string_view part = {}) {
  const bool sentence = ran.error.starts_with("radish: ") && ran.error.find(part) != std::string::npos;
  if (ran.status == status && ran.out.empty() && sentence) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << ran;
}

std::string escaped_byte(unsigned byte) { return fmt::format("\\x{:02x}", byte); }

// --- one key ----------------------------------------------------------------------------------------------

TEST_F(Command, PutGetHasDel) {
  EXPECT_EQ(run({"put", tree, "apple", "7"}), silent(0));
  EXPECT_EQ(run({"get", tree, "apple"}), prints("7\n"));
  EXPECT_EQ(run({"get", tree, "appl"}), silent(1));
  EXPECT_EQ(run({"has", tree, "apple"}), silent(0));
  EXPECT_EQ(run({"has", tree, "pear"}), silent(1));
  EXPECT_EQ(run({"put", tree, "apple", "18446744073709551615"}), silent(0));
  EXPECT_EQ(run({"get", tree, "apple"}), prints("18446744073709551615\n"));
  EXPECT_EQ(run({"del", tree, "apple"}), silent(0));
  EXPECT_EQ(run({"del", tree, "apple"}), silent(1));
}

TEST_F(Command, PutNewLeavesWhatIsThere) {
  EXPECT_EQ(run({"put", tree, "--new", "apple", "7"}), silent(0));
  EXPECT_EQ(run({"put", tree, "apple", "8", "--new"}), silent(1));
  EXPECT_EQ(run({"get", tree, "apple"}), prints("7\n"));
}

TEST_F(Command, KeysAreTakenAsTheyAre) {
  const Words keys = {"",         "get", "put", "a b", "[x,y]", "{}", "%s", "a\\tb",
                      "\xff\xfe", "a=b", "'",   "\"",  "#",     "@f", "-",  "line\nline"};
  for (const std::string& key : keys) {
    EXPECT_EQ(run({"put", tree, key, "5"}), silent(0)) << key;
    EXPECT_EQ(run({"has", tree, key}), silent(0)) << key;
  }
  for (const std::string key : {"-k", "--json", "--", "--help"}) {
    EXPECT_EQ(run({"put", tree, "--", key, "6"}), silent(0)) << key;
    EXPECT_EQ(run({"get", tree, "--", key}), prints("6\n")) << key;
  }
  EXPECT_EQ(run({"count", tree}), prints(fmt::format("{}\n", keys.size() + 4)));
}

TEST_F(Command, HexKeysAreAnyBytes) {
  EXPECT_EQ(run({"put", tree, "--hex", "00fF0a", "5"}), silent(0));
  EXPECT_EQ(run({"get", tree, "00ff0a", "--hex"}), prints("5\n"));
  EXPECT_EQ(run({"scan", tree, "--hex"}), prints("00ff0a\t5\n"));
  EXPECT_EQ(run({"scan", tree}), prints("\\x00\\xff\\n\t5\n"));
  EXPECT_EQ(run({"del", tree, "--hex", "00ff0a"}), silent(0));
  EXPECT_TRUE(fails(run({"get", tree, "--hex", "0"}), 2, "hex"));
  EXPECT_TRUE(fails(run({"get", tree, "--hex", "0g"}), 2, "hex"));
}

TEST_F(Command, AnswersInJson) {
  EXPECT_EQ(json({"put", tree, "apple", "7", "--json"}), Json({{"new", true}}));
  EXPECT_EQ(json({"put", tree, "apple", "8", "--json"}), Json({{"new", false}}));
  EXPECT_EQ(json({"put", tree, "apple", "9", "--json", "--new"}, 1), Json({{"new", false}}));
  EXPECT_EQ(json({"get", tree, "apple", "--json"}), Json({{"found", true}, {"value", 8}}));
  EXPECT_EQ(json({"get", tree, "pear", "--json"}, 1), Json({{"found", false}}));
  EXPECT_EQ(json({"has", tree, "apple", "--json"}), Json({{"found", true}}));
  EXPECT_EQ(json({"has", tree, "pear", "--json"}, 1), Json({{"found", false}}));
  EXPECT_EQ(json({"count", tree, "--json"}), Json({{"keys", 1}}));
  EXPECT_EQ(json({"verify", tree, "--json"}), Json({{"whole", true}, {"keys", 1}}));
  EXPECT_EQ(json({"lpm", tree, "apples", "--json"}), Json({{"key", "apple"}, {"value", 8}}));
  EXPECT_EQ(json({"prefixes", tree, "apples", "--json"}), Json({{"key", "apple"}, {"value", 8}}));
  EXPECT_EQ(json({"load", tree, "--json"}, 0, "apple\t1\nfig\t2\n"),
            Json({{"lines", 2}, {"new", 1}, {"updated", 1}}));
  EXPECT_EQ(json({"del", tree, "fig", "--json"}), Json({{"erased", 1}}));
  EXPECT_EQ(json({"del", tree, "fig", "--json"}, 1), Json({{"erased", 0}}));
  EXPECT_EQ(json({"del-prefix", tree, "a", "--json"}), Json({{"erased", 1}}));
  EXPECT_EQ(json({"clear", tree, "--json"}), Json({{"cleared", true}}));
  EXPECT_EQ(json({"freeze", tree, "--json"}), Json({{"frozen", true}}));
}

TEST_F(Command, JsonKeysThatAreNotTextAreHex) {
  load("\\x00\t1\n\\xff\t2\n\u00e4\\\\\"\t18446744073709551615\n");
  const Ran ran = run({"scan", tree, "--json"});
  EXPECT_EQ(ran, prints("{\"key\":\"\\u0000\",\"value\":1}\n"
                        "{\"key\":\"\u00e4\\\\\\\"\",\"value\":18446744073709551615}\n"
                        "{\"key_hex\":\"ff\",\"value\":2}\n"));
  EXPECT_EQ(json({"scan", tree, "--json", "--hex", "00"}), Json({{"key_hex", "00"}, {"value", 1}}));
}

// --- prefixes and order -----------------------------------------------------------------------------------

TEST_F(Command, PrefixesOfAQuery) {
  load("\t1\n/\t2\n/images/\t3\n");
  EXPECT_EQ(run({"lpm", tree, "/images/logo.png"}), prints("/images/\t3\n"));
  EXPECT_EQ(run({"lpm", tree, "other"}), prints("\t1\n"));
  EXPECT_EQ(run({"prefixes", tree, "/images/logo.png"}), prints("\t1\n/\t2\n/images/\t3\n"));
  EXPECT_EQ(run({"del", tree, ""}), silent(0));
  EXPECT_EQ(run({"lpm", tree, "other"}), silent(1));
  EXPECT_EQ(run({"prefixes", tree, "other"}), silent(1));
}

TEST_F(Command, DelPrefixPrintsHowMany) {
  load("a\t1\nab\t2\nabc\t3\nb\t4\n");
  EXPECT_EQ(run({"del-prefix", tree, "ab"}), prints("2\n"));
  EXPECT_EQ(run({"del-prefix", tree, "ab"}), prints("0\n"));
  EXPECT_EQ(dump(), "a\t1\nb\t4\n");
  EXPECT_EQ(run({"del-prefix", tree, ""}), prints("2\n"));
}

TEST_F(Command, ScanIsOrderedAndBounded) {
  load("c\t5\nba\t2\na\t1\nbc\t4\nbb\t3\n");
  EXPECT_EQ(run({"scan", tree}), prints("a\t1\nba\t2\nbb\t3\nbc\t4\nc\t5\n"));
  EXPECT_EQ(run({"scan", tree, "b"}), prints("ba\t2\nbb\t3\nbc\t4\n"));
  EXPECT_EQ(run({"scan", tree, "b", "--limit", "2"}), prints("ba\t2\nbb\t3\n"));
  EXPECT_EQ(run({"scan", tree, "--limit", "0"}), prints(""));
  EXPECT_EQ(run({"scan", tree, "--from", "bab"}), prints("bb\t3\nbc\t4\nc\t5\n"));
  EXPECT_EQ(run({"scan", tree, "b", "--from", "bb"}), prints("bb\t3\nbc\t4\n"));
  EXPECT_EQ(run({"scan", tree, "b", "--from", "a"}), prints("ba\t2\nbb\t3\nbc\t4\n"));
  EXPECT_EQ(run({"scan", tree, "nothing"}), prints(""));
}

TEST_F(Command, ScanGoesDownToo) {
  load("a\t1\nba\t2\nbb\t3\nbc\t4\nc\t5\n");
  EXPECT_EQ(run({"scan", tree, "--reverse"}), prints("c\t5\nbc\t4\nbb\t3\nba\t2\na\t1\n"));
  EXPECT_EQ(run({"scan", tree, "b", "--reverse", "--limit", "1"}), prints("bc\t4\n"));
  EXPECT_EQ(run({"scan", tree, "--reverse", "--from", "bb"}), prints("bb\t3\nba\t2\na\t1\n"));
  EXPECT_EQ(run({"scan", tree, "--reverse", "--from", "bab", "--limit", "1"}), prints("ba\t2\n"));
  EXPECT_EQ(run({"scan", tree, "b", "--reverse", "--from", "z"}), prints("bc\t4\nbb\t3\nba\t2\n"));
  EXPECT_EQ(run({"scan", tree, "b", "--reverse", "--from", "a"}), prints(""));
}

// --- load and dump ----------------------------------------------------------------------------------------

TEST_F(Command, LoadTellsNewFromUpdated) {
  EXPECT_EQ(run({"load", tree}, "a\t1\nb\t2\na\t3\n"), prints("3 lines: 2 new, 1 updated\n"));
  EXPECT_EQ(run({"load", tree, "-"}, "b\t4\n"), prints("1 lines: 0 new, 1 updated\n"));
  EXPECT_EQ(run({"load", tree}, ""), prints("0 lines: 0 new, 0 updated\n"));
  EXPECT_EQ(dump(), "a\t3\nb\t4\n");
}

TEST_F(Command, LoadReadsAFileWithoutLastNewline) {
  write_file(scratch.file("lines"), "a\t1\nb\t2");
  EXPECT_EQ(run({"load", tree, scratch.file("lines")}), prints("2 lines: 2 new, 0 updated\n"));
  EXPECT_EQ(dump(), "a\t1\nb\t2\n");
}

TEST_F(Command, QuietLoadIsQuiet) { EXPECT_EQ(run({"load", tree, "--quiet"}, "a\t1\n"), silent(0)); }

TEST_F(Command, KeysOnlyLinesAreKeysByteForByte) {
  EXPECT_EQ(run({"load", tree, "--keys-only"}, "b\\x41\na\tb\n\nc\r\n"),
            prints("4 lines: 4 new, 0 updated\n"));
  EXPECT_EQ(dump(), "\t2\na\\tb\t1\nb\\\\x41\t0\nc\\r\t3\n");
}

TEST_F(Command, KeysOnlyLinesMayBeEscaped) {
  EXPECT_EQ(run({"load", tree, "--keys-only", "--escaped"}, "\\x41\nb\\n\n").status, 0);
  EXPECT_EQ(dump(), "A\t0\nb\\n\t1\n");
}

TEST_F(Command, LoadNamesTheLineThatItRefuses) {
  EXPECT_TRUE(fails(run({"load", tree}, "a\t1\nb 2\n"), 3, "line 2: there is no tab"));
  EXPECT_TRUE(fails(run({"load", tree}, "a\t1\nb\t2\nc\tx\n"), 3, "line 3: what follows the tab"));
  EXPECT_TRUE(fails(run({"load", tree}, "c\t18446744073709551616\n"), 3, "line 1: what follows the tab"));
  EXPECT_TRUE(fails(run({"load", tree}, "c\t1\r\n"), 3, "line 1: what follows the tab"));
  EXPECT_TRUE(fails(run({"load", tree}, "c\td\t1\n"), 3, "line 1: what follows the tab"));
  EXPECT_TRUE(fails(run({"load", tree}, "c\\q\t1\n"), 3, "line 1: a backslash"));
  EXPECT_TRUE(fails(run({"load", tree}, "c\\x4\t1\n"), 3, "line 1: a backslash"));
  EXPECT_TRUE(fails(run({"load", tree}, "c\\\t1\n"), 3, "line 1: a backslash"));
  EXPECT_EQ(dump(), "a\t1\nb\t2\n");
}

TEST_F(Command, LoadRefusesKeysThatAreTooLong) {
  const std::string longest(65535, 'k');
  EXPECT_TRUE(fails(run({"load", tree, "--keys-only"}, longest + "\n" + longest + "k\n"), 3, "line 2: "));
  EXPECT_EQ(run({"has", tree, longest}), silent(0));
  EXPECT_TRUE(
      fails(run({"load", tree, "--keys-only"}, "a\n" + std::string(3 << 20, 'k')), 3, "line 2: the line"));
}

TEST_F(Command, LoadOfAMissingInputCreatesNothing) {
  EXPECT_TRUE(fails(run({"load", tree, scratch.file("none")}), 3, "none"));
  EXPECT_FALSE(std::filesystem::exists(tree));
  EXPECT_TRUE(fails(run({"load", tree, scratch.file("")}), 3, "cannot read"));
}

TEST_F(Command, DumpEscapesOnlyWhatIsNoText) {
  load(
      "plain "
      "key\t1\n\u00e4\u20ac\U0001F600\t2\n\\x01\\x7f\\t\\n\\r\\\\\t3\n\\xc0\\x80\\xed\\xa0\\x80\\xf5\t4\n");
  EXPECT_EQ(dump(),
            "\\x01\\x7f\\t\\n\\r\\\\\t3\nplain key\t1\n\\xc0\\x80\\xed\\xa0\\x80\\xf5\t4\n"
            "\u00e4\u20ac\U0001F600\t2\n");
}

/// Every byte alone, every byte between others, and the longest key, all spelt as \xNN.
std::string lines_of_all_bytes() {
  std::string lines = "\t0\n";
  std::string all;
  for (unsigned byte = 0; byte < 256; ++byte) {
    lines += fmt::format("{}\t{}\nmid{}dle\t{}\n", escaped_byte(byte), byte, escaped_byte(byte), 1000 + byte);
    all += escaped_byte(byte);
  }
  lines += all + "\t5000\n";
  std::string longest;
  for (unsigned i = 0; i < 65535; ++i) longest += escaped_byte((i * 7 + i / 256) & 255);
  return lines + longest + "\t6000\n";
}

TEST_F(Command, DumpLoadDumpKeepsEveryByte) {
  load(lines_of_all_bytes());
  EXPECT_EQ(run({"count", tree}), prints("515\n"));
  EXPECT_EQ(run({"get", tree, "--hex", "6d69640a646c65"}), prints("1010\n"));
  const std::string copy = scratch.file("copy");
  EXPECT_EQ(run({"dump", tree, scratch.file("first")}), silent(0));
  EXPECT_EQ(run({"load", copy, scratch.file("first")}), prints("515 lines: 515 new, 0 updated\n"));
  EXPECT_EQ(run({"dump", copy, scratch.file("second")}), silent(0));
  const std::string first = read_file(scratch.file("first"));
  EXPECT_TRUE(first == read_file(scratch.file("second")));
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 515);
  EXPECT_TRUE(run({"scan", tree, "--hex"}).out == run({"scan", copy, "--hex"}).out);
}

TEST_F(Command, DumpReplacesItsOutputButNeverItsTree) {
  load("a\t1\n");
  write_file(scratch.file("text"), std::string(1000, 'x'));
  EXPECT_EQ(run({"dump", tree, scratch.file("text")}), silent(0));
  EXPECT_EQ(read_file(scratch.file("text")), "a\t1\n");
  EXPECT_TRUE(fails(run({"dump", tree, tree}), 2, "the tree itself"));
  EXPECT_EQ(dump(), "a\t1\n");
}

/// All that comes out of a pipe or a terminal until nobody has its other end open any more.
std::string read_to_end(int descriptor) {
  std::string all;
  std::array<char, 4096> bytes;
  for (;;) {
    const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
    if (count <= 0) return all;  // EIO is how a terminal says that its other end is closed
    all.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

TEST_F(Command, DumpIsOneMomentForWhichWritersWait) {
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += fmt::format("some key {:06}\t{}\n", i, i);
  load(lines);
  auto writer = Tree::open(tree, {.lock_timeout = std::chrono::milliseconds(20)});
  ASSERT_TRUE(writer);
  std::array<int, 2> ends = {};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t dumper = start({"dump", tree}, {STDIN_FILENO, ends[1], STDERR_FILENO});
  ::close(ends[1]);
  std::string dumped(1, '\0');
  ASSERT_EQ(::read(ends[0], dumped.data(), 1), 1);  // it is at work, and stuck: the pipe does not hold it all
  const auto early = writer->insert("some key 999999", 1);
  EXPECT_TRUE(!early && early.error().code == Code::timed_out);
  dumped += read_to_end(ends[0]);
  ::close(ends[0]);
  EXPECT_EQ(wait_for(dumper), 0);
  EXPECT_TRUE(dumped == lines);
  EXPECT_TRUE(writer->insert("some key 999999", 1));
}

TEST_F(Command, TwoLoadsAtOnceLoseNothing) {
  std::map<std::string, std::uint64_t> expected;
  std::array<std::string, 2> lines;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const std::uint64_t writer = i % 2;
    const std::string key = fmt::format("{:x}/{}", i * 2654435761 % 65536, i);
    lines[writer] += fmt::format("{}\t{}\n", key, i);
    expected[key] = i;
    if (i % 10 < 2) {  // the same key with the same value from both
      lines[1 - writer] += fmt::format("{}\t{}\n", key, i);
    }
  }
  std::array<pid_t, 2> loaders = {};
  for (std::size_t i = 0; i < 2; ++i) {
    write_file(scratch.file(std::to_string(i)), lines[i]);
    const File null("/dev/null", O_RDWR);
    loaders[i] = start({"load", tree, scratch.file(std::to_string(i)), "--quiet"},
                       {null.descriptor(), null.descriptor(), STDERR_FILENO});
  }
  for (const pid_t loader : loaders) EXPECT_EQ(wait_for(loader), 0);
  std::string wanted;
  for (const auto& [key, value] : expected) wanted += fmt::format("{}\t{}\n", key, value);
  EXPECT_TRUE(dump() == wanted);
  EXPECT_EQ(run({"verify", tree}), prints("whole: 4000 keys\n"));
}

// --- the file as a whole ----------------------------------------------------------------------------------

TEST_F(Command, CreateMakesTheFileOrLeavesIt) {
  EXPECT_EQ(run({"create", tree, "--capacity", "1M", "--readers", "64", "--mode", "0640"}),
            prints("created\n"));
  struct stat status;
  ASSERT_EQ(::stat(tree.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
  EXPECT_EQ(run({"create", tree, "--capacity", "2M"}), prints("was there, and stays as it is\n"));
  EXPECT_EQ(json({"create", tree, "--json"}),
            Json({{"outcome", "attached"}, {"capacity_bytes", 1 << 20}, {"reader_slots", 64}}));
  EXPECT_TRUE(fails(run({"create", tree, "--exclusive"}), 3));
}

TEST_F(Command, CreateRefusesSenselessOptions) {
  for (const std::string size : {"", "K", "1Q", "-1", "1.5G", "99999999999999999999", "99999999999T"})
    EXPECT_TRUE(fails(run({"create", tree, "--capacity", size}), 2)) << size;
  for (const std::string size : {"1", "127K", "33G"})
    EXPECT_TRUE(fails(run({"create", tree, "--capacity", size}), 2)) << size;
  for (const std::string mode : {"0888", "rw", "01000", ""})
    EXPECT_TRUE(fails(run({"create", tree, "--mode", mode}), 2)) << mode;
  for (const std::string slots : {"0", "65537", "many"})
    EXPECT_TRUE(fails(run({"create", tree, "--readers", slots}), 2)) << slots;
  EXPECT_FALSE(std::filesystem::exists(tree));
}

TEST_F(Command, FilesAreOwnersOnlyByDefault) {
  EXPECT_EQ(run({"put", tree, "a", "1"}), silent(0));
  struct stat status;
  ASSERT_EQ(::stat(tree.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(Command, OnlyCreatePutAndLoadMakeAMissingFile) {
  for (const std::string name : {"count", "stat", "verify", "freeze", "clear", "scan", "dump"})
    EXPECT_TRUE(fails(run({name, tree}), 3, tree)) << name;
  for (const std::string name : {"get", "has", "lpm", "prefixes", "del", "del-prefix"})
    EXPECT_TRUE(fails(run({name, tree, "key"}), 3, tree)) << name;
  EXPECT_FALSE(std::filesystem::exists(tree));
}

TEST_F(Command, CountAndClear) {
  load("a\t1\nb\t2\n");
  EXPECT_EQ(run({"count", tree}), prints("2\n"));
  EXPECT_EQ(run({"clear", tree}), silent(0));
  EXPECT_EQ(run({"count", tree}), prints("0\n"));
}

TEST_F(Command, StatNamesItsFigures) {
  EXPECT_EQ(run({"create", tree, "--capacity", "1M"}).status, 0);
  load("a\t1\nb\t2\n");
  const Json figures = json({"stat", tree, "--json"});
  EXPECT_EQ(figures["keys"], 2);
  EXPECT_EQ(figures["capacity_bytes"], 1 << 20);
  EXPECT_EQ(figures["frozen"], false);
  const Ran ran = run({"stat", tree});
  EXPECT_EQ(ran.status, 0);
  for (const auto& [name, value] : figures.items())
    EXPECT_NE(ran.out.find(name + " "), std::string::npos) << name << ran;
}

TEST_F(Command, VerifySaysNoToADamagedFile) {
  const std::string key = "a key with enough text in it to be found again";
  EXPECT_EQ(run({"put", tree, key, "1"}), silent(0));
  EXPECT_EQ(run({"verify", tree}), prints("whole: 1 keys\n"));
  EXPECT_EQ(run({"freeze", tree}), silent(0));
  EXPECT_EQ(run({"verify", tree}), prints("whole: 1 keys\n"));
  ASSERT_TRUE(damage_text(tree, key.substr(8)));
  EXPECT_TRUE(fails(run({"verify", tree}), 1));
  const Ran ran = run({"verify", tree, "--json"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(Json::parse(ran.out)["whole"], false);
}

TEST_F(Command, FrozenFilesAreReadAndNeverChanged) {
  load("a\t1\nab\t2\n");
  EXPECT_EQ(run({"freeze", tree}), silent(0));
  const std::string before = dump();
  EXPECT_EQ(before, "a\t1\nab\t2\n");
  EXPECT_EQ(run({"get", tree, "ab"}), prints("2\n"));
  EXPECT_EQ(run({"has", tree, "b"}), silent(1));
  EXPECT_EQ(run({"lpm", tree, "abc"}), prints("ab\t2\n"));
  EXPECT_EQ(run({"prefixes", tree, "abc"}), prints(before));
  EXPECT_EQ(run({"scan", tree}), prints(before));
  EXPECT_EQ(run({"count", tree}), prints("2\n"));
  EXPECT_EQ(json({"stat", tree, "--json"})["frozen"], true);
  for (const Words& words :
       {Words{"put", tree, "a", "5"}, Words{"del", tree, "a"}, Words{"del-prefix", tree, "a"},
        Words{"load", tree}, Words{"clear", tree}, Words{"freeze", tree}, Words{"create", tree}})
    EXPECT_TRUE(fails(run(words, "a\t9\n"), 3)) << words[0];
  EXPECT_EQ(dump(), before);
}

TEST_F(Command, WhatIsNoTreeIsRefused) {
  write_file(tree, std::string(std::size_t{256} << 10, 'x'));
  for (const std::string name : {"count", "stat", "verify", "scan", "dump", "clear"})
    EXPECT_TRUE(fails(run({name, tree}), 3)) << name;
  EXPECT_TRUE(fails(run({"count", scratch.file("")}), 3));
}

TEST_F(Command, FullTreeIsAnErrorThatNamesTheLine) {
  EXPECT_EQ(run({"create", tree, "--capacity", "256K", "--readers", "64"}).status, 0);
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += fmt::format("some key number {}\n", i);
  const Ran ran = run({"load", tree, "--keys-only"}, lines);
  EXPECT_TRUE(fails(ran, 3, "standard input, line "));
  EXPECT_EQ(run({"verify", tree}).status, 0);
  EXPECT_EQ(run({"put", tree, "some key number 0", "5"}), silent(0));
}

// --- the command line -------------------------------------------------------------------------------------

TEST_F(Command, WrongUsageExitsWithTwo) {
  EXPECT_EQ(run({}).status, 2);
  EXPECT_TRUE(fails(run({"frobnicate"}), 2, "frobnicate"));
  EXPECT_TRUE(fails(run({"count"}), 2, "FILE"));
  EXPECT_TRUE(fails(run({"get", tree}), 2, "KEY"));
  EXPECT_TRUE(fails(run({"put", tree, "a"}), 2, "VALUE"));
  EXPECT_TRUE(fails(run({"get", tree, "a", "b"}), 2, "b"));
  EXPECT_TRUE(fails(run({"get", tree, "a", "--frobnicate"}), 2, "--frobnicate"));
  EXPECT_TRUE(fails(run({"scan", tree, "--limit", "-1"}), 2, "--limit"));
  for (const std::string value : {"", "x", "-1", "1.5", "0x10", " 1", "18446744073709551616"})
    EXPECT_EQ(run({"put", tree, "a", value}).status, 2) << value;
  EXPECT_FALSE(std::filesystem::exists(tree));
}

TEST_F(Command, HelpAndVersionNeedNoFile) {
  const Ran help = run({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.error, "");
  for (const std::string name : {"create", "put", "get", "has", "lpm", "prefixes", "del", "del-prefix",
                                 "scan", "load", "dump", "count", "stat", "verify", "freeze", "clear"}) {
    EXPECT_NE(help.out.find("\n  " + name + " "), std::string::npos) << name;
    const Ran ran = run({name, "--help"});
    EXPECT_EQ(ran.status, 0) << name;
    EXPECT_NE(ran.out.find("Examples:"), std::string::npos) << name;
    for (std::size_t begin = 0, end = 0; begin < ran.out.size(); begin = end + 1) {
      end = std::min(ran.out.find('\n', begin), ran.out.size());
      EXPECT_LE(end - begin, 120U) << ran.out.substr(begin, end - begin);
    }
  }
  EXPECT_EQ(run({"--version"}), prints(fmt::format("radish {}\n", RADISH_PROJECT_VERSION)));
}

// --- streams ----------------------------------------------------------------------------------------------

TEST_F(Command, FullDiskIsAnError) {
  load("a\t1\n");
  EXPECT_TRUE(fails(run({"dump", tree, "/dev/full"}), 3, "/dev/full"));
  const File full("/dev/full", O_WRONLY);
  const File error(scratch.file("error"), for_writing);
  for (const Words& words : {Words{"dump", tree}, Words{"scan", tree}, Words{"get", tree, "a"},
                             Words{"count", tree, "--json"}, Words{"stat", tree}})
    EXPECT_EQ(wait_for(start(words, {STDIN_FILENO, full.descriptor(), error.descriptor()})), 3) << words[0];
  EXPECT_NE(read_file(scratch.file("error")).find("radish: cannot write to standard output"),
            std::string::npos);
}

TEST_F(Command, ReaderThatLeavesEndsTheCommandQuietly) {
  load(lines_of_all_bytes());
  std::array<int, 2> ends = {};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  ::close(ends[0]);
  const File error(scratch.file("error"), for_writing);
  EXPECT_EQ(wait_for(start({"dump", tree}, {STDIN_FILENO, ends[1], error.descriptor()})), -SIGPIPE);
  ::close(ends[1]);
  EXPECT_EQ(read_file(scratch.file("error")), "");
  EXPECT_EQ(run({"put", tree, "after", "1"}), silent(0));
}

TEST_F(Command, ClosedStreamsNeverLendTheirNumbersToTheTree) {
  load("a\t1\n");
  write_file(scratch.file("in"), "no tab\n");
  const File in(scratch.file("in"), O_RDONLY);
  const File null("/dev/null", O_RDWR);
  EXPECT_EQ(wait_for(start({"get", tree, "a"}, {in.descriptor(), -1, null.descriptor()})), 3);
  EXPECT_EQ(wait_for(start({"dump", tree}, {in.descriptor(), -1, null.descriptor()})), 3);
  EXPECT_EQ(wait_for(start({"load", tree}, {in.descriptor(), null.descriptor(), -1})), 3);
  EXPECT_EQ(wait_for(start({"load", tree}, {-1, null.descriptor(), null.descriptor()})), 3);
  EXPECT_EQ(wait_for(start({"get", tree, "a"}, {-1, -1, -1})), 3);
  EXPECT_EQ(run({"verify", tree}), prints("whole: 1 keys\n"));
}

TEST_F(Command, LoadShowsProgressOnATerminalOnly) {
  write_file(scratch.file("lines"), "a\t1\nb\t2\nc\t3\nd\t4\n");
  int terminal = -1;
  int other_end = -1;
  ASSERT_EQ(::openpty(&terminal, &other_end, nullptr, nullptr, nullptr), 0);
  const File out(scratch.file("out"), for_writing);
  const pid_t loader =
      start({"load", tree, scratch.file("lines")}, {STDIN_FILENO, out.descriptor(), other_end});
  ::close(other_end);
  const std::string shown = read_to_end(terminal);
  ::close(terminal);
  EXPECT_EQ(wait_for(loader), 0);
  EXPECT_NE(shown.find("[######------------------]  25 %  1 lines"), std::string::npos) << shown;
  EXPECT_NE(shown.find("left"), std::string::npos) << shown;
  EXPECT_TRUE(shown.ends_with("\r\x1b[K")) << shown;
  EXPECT_EQ(read_file(scratch.file("out")), "4 lines: 4 new, 0 updated\n");
}

}  // namespace
}  // namespace radish::tests
