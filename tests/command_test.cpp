// The radish command, run as a program: what it prints, what it exits with, and what it leaves in the file.
#include "command_fixture.h"

namespace radish::tests {
namespace {

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

}  // namespace
}  // namespace radish::tests
