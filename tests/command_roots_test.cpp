// The command and the named roots of a file.
#include "command_fixture.h"
#include "radish/integer_map.hpp"

namespace radish::tests {
namespace {

TEST_F(Command, CommandsSpeakOfANamedTree) {
  EXPECT_EQ(run({"put", tree, "a", "1"}), silent(0));
  EXPECT_EQ(run({"put", tree, "--root", "other", "a", "2"}), silent(0));
  EXPECT_EQ(run({"load", tree, "--root", "other", "--quiet"}, "ab\t3\nb\t4\n"), silent(0));
  EXPECT_EQ(run({"get", tree, "a"}), prints("1\n"));
  EXPECT_EQ(run({"get", tree, "--root", "other", "a"}), prints("2\n"));
  EXPECT_EQ(run({"has", tree, "b"}), silent(1));
  EXPECT_EQ(run({"has", tree, "--root", "other", "b"}), silent(0));
  EXPECT_EQ(run({"lpm", tree, "--root", "other", "abc"}), prints("ab\t3\n"));
  EXPECT_EQ(run({"prefixes", tree, "--root", "other", "abc"}), prints("a\t2\nab\t3\n"));
  EXPECT_EQ(run({"scan", tree, "--root", "other"}), prints("a\t2\nab\t3\nb\t4\n"));
  EXPECT_EQ(run({"dump", tree, "--root", "other"}), prints("a\t2\nab\t3\nb\t4\n"));
  EXPECT_EQ(run({"count", tree, "--root", "other"}), prints("3\n"));
  EXPECT_EQ(run({"del", tree, "--root", "other", "b"}), silent(0));
  EXPECT_EQ(run({"del-prefix", tree, "--root", "other", "a"}), prints("2\n"));
  EXPECT_EQ(run({"put", tree, "--root", "other", "c", "5"}), silent(0));
  EXPECT_EQ(run({"clear", tree, "--root", "other"}), silent(0));
  EXPECT_EQ(run({"count", tree, "--root", "other"}), prints("0\n"));
  EXPECT_EQ(run({"count", tree}), prints("1\n"));
}

TEST_F(Command, OnlyPutAndLoadMakeAMissingRoot) {
  EXPECT_EQ(run({"create", tree}), prints("created\n"));
  for (const std::string name : {"count", "scan", "dump", "clear"})
    EXPECT_TRUE(fails(run({name, tree, "--root", "none"}), 3, "no root")) << name;
  for (const std::string name : {"get", "has", "lpm", "del", "del-prefix"})
    EXPECT_TRUE(fails(run({name, tree, "--root", "none", "key"}), 3, "no root")) << name;
  EXPECT_TRUE(fails(run({"get", tree, "--root", "", "key"}), 2));
  EXPECT_EQ(run({"roots", tree}), silent(0));
}

TEST_F(Command, RootsAreMadeListedAndDropped) {
  EXPECT_EQ(run({"roots", tree, "--make", "b"}), silent(0));
  EXPECT_EQ(run({"roots", tree, "--make", "b"}), silent(1));
  EXPECT_EQ(json({"roots", tree, "--make-map", "a", "--depth", "8", "--json"}), Json({{"made", true}}));
  EXPECT_EQ(run({"put", tree, "--root", "b", "k", "1"}), silent(0));
  EXPECT_EQ(run({"roots", tree}), prints("a\tinteger map\t0\nb\ttree\t1\n"));
  EXPECT_EQ(run({"roots", tree, "--json"}),
            prints("{\"name\":\"a\",\"kind\":\"integer map\",\"depth\":8,\"keys\":0}\n"
                   "{\"name\":\"b\",\"kind\":\"tree\",\"keys\":1}\n"));
  EXPECT_TRUE(fails(run({"lpm", tree, "--root", "a", "k"}), 3, "another kind"));
  EXPECT_EQ(run({"roots", tree, "--drop", "b"}), silent(0));
  EXPECT_EQ(json({"roots", tree, "--drop", "b", "--json"}, 1), Json({{"dropped", false}}));
  EXPECT_EQ(run({"roots", tree}), prints("a\tinteger map\t0\n"));
  for (const Words& senseless :
       {Words{"roots", tree, "--make", "x", "--drop", "y"}, Words{"roots", tree, "--depth", "3"},
        Words{"roots", tree, "--make-map", "x", "--depth", "17"}})
    EXPECT_TRUE(fails(run(senseless), 2));
}

TEST_F(Command, CompactCopiesAllRoots) {
  EXPECT_EQ(run({"put", tree, "u", "1"}), silent(0));
  EXPECT_EQ(run({"put", tree, "--root", "trees", "t", "2"}), silent(0));
  {
    auto segment = Segment::open(tree);
    ASSERT_TRUE(segment);
    auto map = segment->integer_map("ids", {.depth = 5});
    ASSERT_TRUE(map);
    ASSERT_TRUE(map->insert(0xfffff, 3));
  }
  const std::string copy = scratch.file("copy");
  EXPECT_EQ(run({"compact", tree, copy}).status, 0);
  EXPECT_EQ(run({"roots", copy}), prints("ids\tinteger map\t1\ntrees\ttree\t1\n"));
  auto segment = Segment::open(copy);
  ASSERT_TRUE(segment);
  const auto found = segment->integer_map("ids")->find(0xfffff);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, 3U);
  EXPECT_EQ(run({"verify", copy}).status, 0);
}

TEST_F(Command, IntegerMapTakesNumbers) {
  EXPECT_EQ(run({"roots", tree, "--make-map", "ids"}), silent(0));
  const auto with_root = [&](Words words) {
    words.insert(words.begin() + 1, {tree, "--root", "ids"});
    return words;
  };
  EXPECT_EQ(run(with_root({"put", "42", "7"})), silent(0));
  EXPECT_EQ(json(with_root({"put", "42", "8", "--json"})), Json({{"new", false}}));
  EXPECT_EQ(run(with_root({"put", "--new", "42", "9"})), silent(1));
  EXPECT_EQ(run(with_root({"load", "--quiet"}), "9\t1\n100\t2\n18446744073709551615\t0\n"), silent(0));
  EXPECT_EQ(run(with_root({"get", "42"})), prints("8\n"));
  EXPECT_EQ(run(with_root({"has", "43"})), silent(1));
  EXPECT_EQ(run(with_root({"has", "9"})), silent(0));
  const std::string all = "9\t1\n42\t8\n100\t2\n18446744073709551615\t0\n";
  EXPECT_EQ(run(with_root({"scan"})), prints(all));
  EXPECT_EQ(run(with_root({"dump"})), prints(all));
  EXPECT_EQ(run(with_root({"scan", "--from", "10", "--limit", "2"})), prints("42\t8\n100\t2\n"));
  EXPECT_EQ(run(with_root({"scan", "--from", "99", "--reverse"})), prints("42\t8\n9\t1\n"));
  EXPECT_EQ(run(with_root({"scan", "--from", "42", "--reverse", "--limit", "1"})), prints("42\t8\n"));
  EXPECT_EQ(run(with_root({"count"})), prints("4\n"));
  EXPECT_EQ(run(with_root({"del", "9"})), silent(0));
  EXPECT_EQ(run(with_root({"del", "9"})), silent(1));
  EXPECT_EQ(run(with_root({"clear"})), silent(0));
  EXPECT_EQ(run(with_root({"count"})), prints("0\n"));
}

TEST_F(Command, WhatIsNoKeyOfAnIntegerMapIsRefused) {
  EXPECT_EQ(run({"roots", tree, "--make-map", "ids", "--depth", "2"}), silent(0));
  for (const char* key : {"", "x", "-1", "1.5", "18446744073709551616", "0x10", " 1"})
    EXPECT_TRUE(fails(run({"put", tree, "--root", "ids", "--", key, "7"}), 2, "is no key of an integer map"))
        << key;
  EXPECT_TRUE(
      fails(run({"put", tree, "--root", "ids", "256", "7"}), 2, "greater than any of the map's depth"));
  EXPECT_TRUE(fails(run({"get", tree, "--root", "ids", "--hex", "10"}), 2, "not hex digits"));
  EXPECT_TRUE(fails(run({"scan", tree, "--root", "ids", "1"}), 2, "no prefixes"));
  EXPECT_TRUE(
      fails(run({"load", tree, "--root", "ids", "--quiet"}, "1\t2\nx\t3\n"), 3, "line 2: 'x' is no key"));
  for (const char* name : {"lpm", "prefixes", "del-prefix"})
    EXPECT_TRUE(fails(run({name, tree, "--root", "ids", "1"}), 3, "another kind")) << name;
  EXPECT_EQ(run({"dump", tree, "--root", "ids"}), prints("1\t2\n"));
}

}  // namespace
}  // namespace radish::tests
