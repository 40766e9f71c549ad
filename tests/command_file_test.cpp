// The command with the file as a whole, with its own command line, and with streams that fail it.
#include "command_fixture.h"
#include "processes.h"
#include "trees.h"

namespace radish::tests {
namespace {

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

TEST_F(Command, CompactMakesAFreshFile) {
  EXPECT_EQ(run({"create", tree, "--capacity", "1M"}).status, 0);
  load("a\t1\nb\t2\n");
  const std::string to = scratch.file("to");
  const Json answer = json({"compact", tree, to, "--capacity", "256K", "--json"});
  EXPECT_EQ(answer["keys"], 2);
  EXPECT_EQ(json({"stat", to, "--json"})["capacity_bytes"], 256 << 10);
  EXPECT_EQ(run({"dump", to}), prints("a\t1\nb\t2\n"));
  EXPECT_TRUE(fails(run({"compact", tree, to}), 3, to)) << "there is one";
  EXPECT_TRUE(fails(run({"compact", tree}), 2));
  EXPECT_EQ(run({"freeze", tree}), silent(0));
  const Ran ran = run({"compact", tree, scratch.file("again")});
  EXPECT_EQ(ran.status, 0);
  EXPECT_TRUE(ran.out.starts_with("2 keys in ")) << ran;
}

TEST_F(Command, StatListsReadersAndLoadIsBoundedByWhatTheyHoldBack) {
  std::string lines;
  for (int number = 0; number < 3000; ++number) lines += fmt::format("key {}\t{}\n", number, number);
  load(lines);
  Child reader([&]() -> int {
    const Tree own = take(Tree::open(tree));
    const Party party = attach(own);
    const auto pin = sync::Pin::take(*party.attachment);
    raise(SIGSTOP);
    return 0;
  });
  ASSERT_TRUE(reader.await_stop());
  for (int round = 0; round < 6; ++round) {
    EXPECT_EQ(run({"del-prefix", tree, "key 1"}).status, 0);
    load(lines);
  }
  const Json readers = json({"stat", tree, "--json"})["readers"];
  ASSERT_EQ(readers.size(), 1U) << readers;
  EXPECT_EQ(readers[0]["pid"], reader.pid());
  EXPECT_EQ(readers[0]["state"], "T");
  EXPECT_EQ(readers[0]["reading"], true);
  EXPECT_GT(readers[0]["bytes_held"], 1000);
  EXPECT_GE(readers[0]["in_the_way_ms"], 0);
  EXPECT_NE(run({"stat", tree}).out.find(fmt::format("process {} (", reader.pid())), std::string::npos);
  lines.clear();
  for (int number = 0; number < 3000; ++number) lines += fmt::format("other {}\t{}\n", number, number);
  EXPECT_TRUE(fails(run({"load", tree, "--retired-max", "1"}, lines), 3, std::to_string(reader.pid())));
  EXPECT_EQ(run({"load", tree, "--retired-max", "1G", "--huge-pages"}, lines).status, 0);
  reader.kill_and_reap();
}

TEST_F(Command, TrimGivesRoomBack) {
  std::string lines;
  for (int number = 0; number < 2000; ++number) lines += fmt::format("key {}\t{}\n", number, number);
  load(lines);
  EXPECT_EQ(run({"clear", tree}), silent(0));
  EXPECT_GT(json({"trim", tree, "--json"})["bytes_given_back"], 10'000);
  EXPECT_EQ(run({"trim", tree}), prints("0 bytes given back\n"));
  EXPECT_EQ(run({"verify", tree}), prints("whole: 0 keys\n"));
  EXPECT_TRUE(fails(run({"trim", scratch.file("none")}), 3));
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
