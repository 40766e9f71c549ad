// A million keys: loaded by a process that is killed again and again, then opened, verified, dumped.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "model/generator.h"
#include "processes.h"
#include "radish/tree.hpp"
#include "scratch.h"
#include "support.h"

namespace radish::tests {
namespace {

constexpr std::uint64_t keys_in_all = 1'000'000;

/// Key `index` of a fixed set: some short, some long, many with shared prefixes.
std::string key_of(std::uint64_t index) {
  const std::uint64_t mixed = index * 0x9e3779b97f4a7c15;
  std::string key = index % 3 == 0 ? "" : "prefix " + std::to_string(index % 97) + "/";
  return key + std::to_string(mixed);
}

/// Every entry in order, as one string.
std::string dump(const Tree& tree) {
  std::string text;
  auto cursor = tree.cursor();
  for (auto entry = cursor->next(); entry && *entry; entry = cursor->next()) {
    text += (*entry)->key;
    text += '\t' + std::to_string((*entry)->value) + '\n';
  }
  return text;
}

struct Progress {
  std::uint64_t acknowledged;  ///< keys below it are in the tree
};

/// Goes on from the last acknowledged key; that one may be there already.
int load(const std::string& path, Progress& progress) {
  auto tree = Tree::open(path);
  if (!tree) return 1;
  for (std::uint64_t index = progress.acknowledged; index < keys_in_all; ++index) {
    if (!tree->insert(key_of(index), index)) return 2;
    progress.acknowledged = index + 1;
  }
  return 0;
}

TEST(MillionKeys, LoadKillReopenVerifyDumpGiveTheSameBytes) {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("killed"), calm_path = scratch.file("calm");
  model::Random random(seed());
  Shared<Progress> progress;
  std::uint64_t kills = 0;
  for (std::uint64_t kill_at = 0; progress->acknowledged < keys_in_all;) {
    kill_at += 1 + random.below(keys_in_all / 5);
    Child loader([&] { return load(path, *progress); });
    volatile const std::uint64_t& acknowledged = progress->acknowledged;
    spin_until([&] { return acknowledged >= std::min(kill_at, keys_in_all); });
    const int ended = loader.kill_and_reap();
    ASSERT_TRUE(ended == 0 || ended == -SIGKILL) << ended << "; " << replay_command();
    kills += ended != 0 ? 1 : 0;
    const auto tree = Tree::open(path);
    ASSERT_TRUE(tree) << tree.error().message << "; " << replay_command();
    const auto whole = tree->verify();
    ASSERT_TRUE(whole) << whole.error().message << "; " << replay_command();
    const std::uint64_t count = *tree->count();
    ASSERT_TRUE(count == progress->acknowledged || count == progress->acknowledged + 1) << replay_command();
  }
  ASSERT_GT(kills, 2U) << replay_command();

  Shared<Progress> calm;
  ASSERT_EQ(load(calm_path, *calm), 0);
  const std::string killed = dump(*Tree::open(path));
  EXPECT_EQ(std::ranges::count(killed, '\n'), static_cast<std::ptrdiff_t>(keys_in_all));
  EXPECT_TRUE(killed == dump(*Tree::open(calm_path))) << replay_command();
}

}  // namespace
}  // namespace radish::tests
