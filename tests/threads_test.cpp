// Threads of one process on one segment, through one handle and through two: what each is answered must be
// true of its key. The segment is small and its keys come and go, so that blocks change hands all the time.
// Meant for ThreadSanitizer too, which sees a block that is reused while a reader may still stand in it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "content.h"
#include "radish/tree.hpp"
#include "sanitized.h"
#include "support.h"

namespace radish::tests {
namespace {

constexpr unsigned keys_per_writer = 200;

/// Lengths and prefixes that make leaves, edges and nodes of many sizes.
std::string key_of(unsigned writer, unsigned number) {
  std::string key = std::to_string(number % 7) + "/" + std::to_string(writer) + "/" + std::to_string(number);
  return key.append(number % 5 * 9, 'x');
}
/// What a key may hold: its own hash in the high half, whatever count in the low one.
std::uint64_t value_of(const std::string& key, std::uint64_t count) {
  return std::hash<std::string>{}(key) << 32 | (count & UINT32_MAX);
}
bool fits(const std::string& key, std::uint64_t value) { return (value ^ value_of(key, 0)) >> 32 == 0; }

class ThreadsTest : public testing::Test {
 protected:
  ThreadsTest() {
    for (unsigned number = 0; number < keys_per_writer; ++number) {
      const std::string key = "there/" + std::to_string(number);
      EXPECT_TRUE(first_.insert(key, value_of(key, 0)));
    }
  }

  /// Inserts and erases keys of its own, which nobody else changes.
  void write(Tree tree, unsigned writer) {
    std::minstd_rand random(static_cast<unsigned>(seed()) + writer);
    std::vector<bool> there(keys_per_writer);
    for (std::uint64_t turn = 0; turn < turns_; ++turn) {
      const auto number = static_cast<unsigned>(random() % keys_per_writer);
      const std::string key = key_of(writer, number);
      const auto changed = there[number] ? tree.erase(key) : tree.insert(key, value_of(key, turn));
      // A reader that did not get the processor for a while holds room back: nothing has changed then.
      if (!changed && !there[number] && changed.error().code == Code::pinned) continue;
      wrong_ += !changed || !*changed;
      there[number] = !there[number];
      if (turn % 500 == 0) wrong_ += !tree.erase_prefix("nobody's/");
    }
    --writers_;
  }
  void look_up(const Tree& tree, unsigned reader) {
    std::minstd_rand random(static_cast<unsigned>(seed()) + 100 + reader);
    while (writers_ != 0) {
      const auto number = static_cast<unsigned>(random() % keys_per_writer);
      const std::string key = key_of(reader % 2, number), there = "there/" + std::to_string(number);
      const auto found = tree.find(key), kept = tree.find(there);
      wrong_ += !found || (*found && !fits(key, **found));
      wrong_ += !kept || !*kept || !fits(there, **kept);
      const auto match = tree.longest_prefix(there + "/more");
      wrong_ += !match || !*match || (*match)->length != there.size();
      look_up_together(tree, reader, number);
    }
  }
  void look_up_together(const Tree& tree, unsigned reader, unsigned number) {
    const std::string there = "there/" + std::to_string(number);
    std::vector<std::string> keys;
    for (unsigned other = 0; other < 40; ++other)
      keys.push_back(other == 7 ? there : key_of(reader % 2, (number + other) % keys_per_writer));
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<std::optional<std::uint64_t>> values(keys.size());
    std::vector<std::optional<Match>> matches(keys.size());
    wrong_ += !tree.find_batch(views, values) || !values[7];
    wrong_ += !tree.longest_prefix_batch(views, matches) || !matches[7] || matches[7]->length != there.size();
    for (std::size_t index = 0; index < keys.size(); ++index) {
      wrong_ += values[index] && !fits(keys[index], *values[index]);
      wrong_ += matches[index] && !fits(keys[index].substr(0, matches[index]->length), matches[index]->value);
    }
  }
  /// Puts others of its own keys beside those that stay, all at once.
  void load(Tree tree, unsigned writer) {
    for (std::uint64_t turn = 0; turn < turns_ / 50; ++turn) {
      Content content;
      for (unsigned number = 0; number < keys_per_writer; ++number) {
        for (const std::string& key : {"there/" + std::to_string(number), key_of(writer, number)})
          if (key.starts_with("there/") || (number + turn) % 3 == 0) content[key] = value_of(key, turn);
      }
      const auto loaded = tests::load(tree, content);
      wrong_ += !loaded && loaded.error().code != Code::pinned;  // as in `write`
    }
    --writers_;
  }
  void scan(const Tree& tree) {
    while (writers_ != 0) {
      auto cursor = tree.cursor();
      unsigned kept = 0;
      for (auto entry = cursor->next(); entry && *entry; entry = cursor->next()) {
        wrong_ += !fits(std::string((*entry)->key), (*entry)->value);
        kept += (*entry)->key.starts_with("there/");
      }
      wrong_ += kept != keys_per_writer;
    }
  }
  void hold_views(const Tree& tree) {
    while (writers_ != 0) {
      const auto view = tree.view();
      std::uint64_t keys = 0;
      auto cursor = tree.cursor();
      for (auto entry = cursor->next(); entry && *entry; entry = cursor->next()) ++keys;
      const auto count = tree.count();
      wrong_ += !view || !count || *count != keys;
    }
  }

  std::uint64_t turns_ = 3000 * scale();
  Tree first_ = *Tree::create_anonymous({.capacity_bytes = 512 << 10, .reader_slots = 16});
  // To ThreadSanitizer another mapping is other memory: what one writer fills, and the other one, who maps it
  // elsewhere, copies a reference to, would reach readers without an order that it knows of.
  Tree second_ = watched_by_thread_sanitizer ? first_ : *Tree::open_descriptor(first_.descriptor());
  std::atomic<unsigned> writers_{2};
  std::atomic<std::uint64_t> wrong_{0};
};

TEST_F(ThreadsTest, EachIsAnsweredTheTruthAboutItsKeys) {
  std::printf("%s\n", replay_command().c_str());
  {
    const std::jthread threads[] = {
        std::jthread([this] { write(first_, 0); }),   std::jthread([this] { write(second_, 1); }),
        std::jthread([this] { look_up(first_, 0); }), std::jthread([this] { look_up(second_, 1); }),
        std::jthread([this] { scan(first_); }),       std::jthread([this] { hold_views(second_); }),
    };
  }
  EXPECT_EQ(wrong_, 0U);
  EXPECT_TRUE(first_.verify());
}

TEST_F(ThreadsTest, LoadsLeaveReadersTheTruth) {
  std::printf("%s\n", replay_command().c_str());
  {
    const std::jthread threads[] = {
        std::jthread([this] { load(first_, 0); }),    std::jthread([this] { load(second_, 1); }),
        std::jthread([this] { look_up(first_, 0); }), std::jthread([this] { look_up(second_, 1); }),
        std::jthread([this] { scan(first_); }),       std::jthread([this] { hold_views(second_); }),
    };
  }
  EXPECT_EQ(wrong_, 0U);
  EXPECT_TRUE(first_.verify());
}

TEST_F(ThreadsTest, HandlesComeAndGoBesideOneAnother) {
  std::printf("%s\n", replay_command().c_str());
  const auto come_and_go = [this](unsigned writer) {
    for (std::uint64_t turn = 0; turn < turns_ / 50; ++turn) {
      const auto tree = Tree::open_descriptor(first_.descriptor());
      const std::string key = key_of(writer, static_cast<unsigned>(turn % keys_per_writer));
      if (!tree || !Tree(*tree).insert(key, value_of(key, turn)) || !tree->find(key)) ++wrong_;
    }
    --writers_;
  };
  {
    const std::jthread threads[] = {
        std::jthread([&] { come_and_go(0); }),
        std::jthread([&] { come_and_go(1); }),
        std::jthread([this] { look_up(first_, 0); }),
    };
  }
  EXPECT_EQ(wrong_, 0U);
  EXPECT_EQ(first_.stats()->reader_slots_used, 0U) << "the threads that read have gone";
}

}  // namespace
}  // namespace radish::tests
