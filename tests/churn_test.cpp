// Processes that come, read, sometimes write, and go: by the thousand, each in its own way.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "crowds.h"
#include "processes.h"
#include "scratch.h"
#include "support.h"
#include "trees.h"

namespace radish::tests {
namespace {

constexpr std::uint64_t keys = 500;
constexpr std::uint32_t slots = 64;
constexpr OpenOptions options = {.capacity_bytes = 1 << 20, .reader_slots = slots};

std::uint64_t visitors() { return scale() >= 10 ? 100'000 : 5'000 * scale(); }

std::string key_of(std::uint64_t number) { return "key " + std::to_string(number % keys); }

/// What one short-lived process does; true if every answer was right.
bool visit(Tree& tree, std::uint64_t number) {
  const auto found = tree.find(key_of(number));
  if (!found || *found != number % keys) return false;
  if (number % 8 != 0) return true;
  const std::string own = "visitor " + std::to_string(number);
  const auto inserted = tree.insert(own, number);
  return inserted && *inserted && *tree.find(own) == number && *tree.erase(own);
}

/// The ways to go. Few close what they have.
bool is_killed(std::uint64_t number) { return number % 4 == 1; }
bool closes(std::uint64_t number) { return number % 16 == 3; }
/// Most use what they inherited.
bool opens(std::uint64_t number) { return number % 16 == 8 || number % 32 == 3; }

[[noreturn]] void live(std::optional<Tree>& tree, const std::string& path, std::uint64_t number) {
  if (opens(number)) tree = take(Tree::open(path, options));
  if (!visit(*tree, number)) _exit(1);
  if (is_killed(number)) kill(getpid(), SIGKILL);
  if (closes(number)) tree.reset();
  _exit(0);
}

/// Each `step`th visitor, one after the other; how many went wrong.
int send_visitors(const std::string& path, std::uint64_t first, std::uint64_t step) {
  std::optional tree(take(Tree::open(path, options)));
  int failures = 0;
  for (std::uint64_t number = first; number < visitors(); number += step) {
    const pid_t pid = fork();
    if (pid == 0) live(tree, path, number);
    int status = 0;
    waitpid(pid, &status, 0);
    failures += status != (is_killed(number) ? SIGKILL : 0);
  }
  return std::min(failures, 99);
}

std::uint64_t blocks_in_use(const Tree& tree) {
  const Stats stats = take(tree.stats());
  return stats.blocks - stats.blocks_retired;
}

std::uint64_t keys_that_fit(Tree tree) {
  std::uint64_t inserted = 0;
  EXPECT_EQ(fill(tree, inserted).code, Code::full);
  return inserted;
}

TEST(ChurnTest, ShortLivedProcessesLeaveNothingBehind) {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("tree");
  std::optional tree(take(Tree::open(path, options)));
  for (std::uint64_t number = 0; number < keys; ++number) take(tree->insert(key_of(number), number));
  const std::uint64_t blocks = blocks_in_use(*tree), bytes = take(tree->stats()).heap_bytes_used;
  Child one([&] { return send_visitors(path, 0, 2); });
  Child two([&] { return send_visitors(path, 1, 2); });
  EXPECT_EQ(one.join(), 0) << "visitors went wrong";
  EXPECT_EQ(two.join(), 0) << "visitors went wrong";

  EXPECT_EQ(take(tree->count()), keys);
  EXPECT_TRUE(is_done(tree->verify())) << "not every block is where it belongs";
  EXPECT_EQ(blocks_in_use(*tree), blocks);
  std::printf("%llu visitors; heap bytes %llu, before %llu; slots of the dead %u\n",
              static_cast<unsigned long long>(visitors()),
              static_cast<unsigned long long>(take(tree->stats()).heap_bytes_used),
              static_cast<unsigned long long>(bytes), take(tree->stats()).reader_slots_used);
  Crowd crowd;
  crowd.add(1, slots, [&] { return tree->find("key 1") == 1U; });
  crowd.await_all();
  EXPECT_EQ(take(tree->stats()).reader_slots_used, slots) << "every slot can be had again";
  crowd.kill_all();

  tree.reset();
  Tree again = take(Tree::open(path, options));
  EXPECT_EQ(take(again.stats()).reader_slots_used, 0U);
  // What was retired last waits in its page for a mutation that takes one: that is all that may be more.
  EXPECT_LE(take(again.stats()).heap_bytes_used, bytes + 2 * layout::page_bytes);
  take(again.clear());
  EXPECT_EQ(keys_that_fit(again), keys_that_fit(take(Tree::create_anonymous(options))))
      << "room was lost, or is in pieces";
}

}  // namespace
}  // namespace radish::tests
