#include "radix/lookup.h"

#include <algorithm>
#include <array>
#include <utility>

#include "radix/walk.h"

namespace radish::radix {
namespace {

/// Lines of a node that are asked for before it is known what it is. A lone walk asks for all that it may
/// need of most buckets; of walks side by side each asks for what it needs next, since only so many lines can
/// be on their way at once (measured in docs/performance.md).
constexpr int lone_lines = Memory::most_of_a_bucket;
constexpr int crowd_lines = 2;

/// All keys that are prefixes of the query.
struct Every {
  static constexpr bool wants_prefixes = true;
  const std::function<void(PrefixMatch)>* visit = nullptr;
  EntrySet live = 0;

  void hit(const std::uint64_t* at, std::size_t matched) const { (*visit)({sync::observe(*at), matched}); }
  Wrong end(Memory& memory, Reference terminal, std::size_t depth) {
    return hit_terminal(memory, terminal, depth, *this);
  }
  bool aim(const Bucket&, BucketState state, const Query&) {
    live = state.live();
    return true;
  }
  [[nodiscard]] bool look(const Bucket& bucket, const Query& query) const {
    std::array<std::pair<std::size_t, std::uint32_t>, layout::bucket_entries_max> found;
    std::size_t count = 0;
    const bool whole = bucket.each_suffix(live, [&](std::uint32_t entry, std::string_view suffix) {
      if (query.starts_with(suffix.data(), suffix.size())) found[count++] = {suffix.size(), entry};
    });
    if (!whole) return false;
    std::sort(found.begin(), found.begin() + count);
    for (std::size_t index = 0; index < count; ++index)
      hit(&bucket.value(found[index].second), query.depth() + found[index].first);
    return true;
  }
};

/// To the end, with nothing else to do meanwhile.
template <class Seek>
[[gnu::always_inline]] inline void follow(Memory& memory, Walk<Seek>& walk) {
  Next next;
  do next = walk.visit(memory, lone_lines);
  while (next == Next::node);
  if (next == Next::bucket) walk.look();
}

/// What a walk ends with.
template <class T, class Seek>
[[gnu::always_inline]] inline txn::Answer<T> finish(Memory& memory, Walk<Seek>& walk) {
  txn::Answer<T> answer;
  Wrong wrong = walk.wrong();
  if (wrong.what == nullptr) wrong = walk.seek().finish(memory, answer);
  if (wrong.what != nullptr) [[unlikely]]
    return {.wrong = wrong.what, .offset = wrong.offset};
  return answer;
}

template <class T, class Seek>
[[gnu::always_inline]] inline txn::Answer<T> ask(const segment::Segment& segment, const txn::Root& root,
                                                 std::string_view query) {
  Memory memory(segment);
  Walk<Seek> walk;
  walk.begin(query, root.node(segment), Seek{});
  follow(memory, walk);
  return finish<T>(memory, walk);
}

/// Walks side by side, a step of each in turn: what a step needs was asked for in the round before.
template <class Seek>
class Crowd {
 public:
  void begin(const segment::Segment& segment, const txn::Root& root,
             std::span<const std::string_view> queries) {
    for (const std::string_view query : queries) {
      walks_[nodes_.size].begin(query, root.node(segment), Seek{});
      nodes_.add(static_cast<std::uint8_t>(nodes_.size));
    }
  }
  void follow(Memory& memory) {
    while (nodes_.size + aimed_.size + sighted_.size != 0) {
      for (const std::uint8_t index : sighted_.take()) walks_[index].look();
      for (const std::uint8_t index : aimed_.take()) {
        walks_[index].sight();
        sighted_.add(index);
      }
      for (const std::uint8_t index : nodes_.take()) {
        const Next next = walks_[index].visit(memory, crowd_lines);
        nodes_.add(index, next == Next::node);
        aimed_.add(index, next == Next::bucket);
      }
    }
  }
  [[nodiscard]] Walk<Seek>& operator[](std::size_t index) { return walks_[index]; }

 private:
  struct List {
    /// Those that were in it; it is empty then, and can be filled as far as they have been looked at.
    [[nodiscard]] std::span<const std::uint8_t> take() { return {walks.data(), std::exchange(size, 0)}; }
    void add(std::uint8_t index, bool really = true) {
      walks[size] = index;
      size += really ? 1U : 0U;
    }
    std::array<std::uint8_t, lookups_at_once_max + 1> walks;
    std::size_t size = 0;
  };

  std::array<Walk<Seek>, lookups_at_once_max> walks_;
  List nodes_;    ///< before a node
  List aimed_;    ///< before what they have aimed at
  List sighted_;  ///< where all is there by now
};

template <class T, class Seek>
void ask_at_once(const segment::Segment& segment, const txn::Root& root,
                 std::span<const std::string_view> queries, std::span<txn::Answer<T>> answers) {
  Memory memory(segment);
  Crowd<Seek> crowd;
  crowd.begin(segment, root, queries);
  crowd.follow(memory);
  for (std::size_t index = 0; index < queries.size(); ++index)
    answers[index] = finish<T>(memory, crowd[index]);
}

}  // namespace

txn::Answer<std::uint64_t> find(const segment::Segment& segment, const txn::Root& root,
                                std::string_view key) {
  return ask<std::uint64_t, Whole>(segment, root, key);
}

txn::Answer<PrefixMatch> longest_prefix(const segment::Segment& segment, const txn::Root& root,
                                        std::string_view query) {
  return ask<PrefixMatch, Longest>(segment, root, query);
}

void find_at_once(const segment::Segment& segment, const txn::Root& root,
                  std::span<const std::string_view> keys, std::span<txn::Answer<std::uint64_t>> answers) {
  ask_at_once<std::uint64_t, Whole>(segment, root, keys, answers);
}

void longest_prefix_at_once(const segment::Segment& segment, const txn::Root& root,
                            std::span<const std::string_view> queries,
                            std::span<txn::Answer<PrefixMatch>> answers) {
  ask_at_once<PrefixMatch, Longest>(segment, root, queries, answers);
}

Expected<void> each_prefix(const segment::Segment& segment, const txn::Root& root, std::string_view query,
                           const std::function<void(PrefixMatch)>& visit) {
  Memory memory(segment);
  Walk<Every> walk;
  walk.begin(query, root.node(segment), Every{&visit});
  follow(memory, walk);
  const Wrong& wrong = walk.wrong();
  return wrong.what == nullptr ? Expected<void>{} : corrupt(wrong.what, wrong.offset);
}

}  // namespace radish::radix
