// The tree without a name, each mutation of which is a load: all that it is to hold from then on is put where
// what it held was.
#include <map>
#include <vector>

#include "face.h"

namespace radish::crashpoints {
namespace {

using Map = std::map<std::string, std::uint64_t, std::less<>>;

/// What the tree itself would answer. Nothing of it is shared.
Reply operate_on(Map& map, const Call& call) {
  const std::string key(view_of(call.key));
  const auto found = map.find(key);
  const bool there = found != map.end();
  const std::optional<std::uint64_t> before = there ? std::optional(found->second) : std::nullopt;
  switch (call.act) {
    case Act::insert:
      map[key] = call.value;
      return reply(Result<bool>(!there));
    case Act::insert_new:
      map.emplace(key, call.value);
      return reply(Result<bool>(!there));
    case Act::compare_exchange:
      if (before == call.value) map[key] = call.second;
      return reply(Result<Exchange>(Exchange{.exchanged = before == call.value, .actual = before}));
    case Act::fetch_add:
      map[key] += call.value;
      return reply(Found(before));
    case Act::erase:
      return reply(Result<bool>(map.erase(key) == 1));
    case Act::erase_prefix:
      return reply(Result<std::uint64_t>(
          std::erase_if(map, [&](const auto& entry) { return entry.first.starts_with(key); })));
    default:
      map.clear();
      return reply(Result<void>());
  }
}

struct LoadStore : UnnamedTree {
  static constexpr const char* name = "radish, loads";
  static constexpr std::uint64_t pages_per_operation_max = 200;  // a second tree

  static Result<LoadStore> of(Segment segment) { return LoadStore{UnnamedTree::of(std::move(segment))}; }
  Reply operate(const Call& call) {
    Map map;
    const auto read =
        dump_tree(tree, [&](std::string_view key, std::uint64_t value) { map.emplace(key, value); });
    if (!read) return reply(read);
    const Reply done = operate_on(map, call);
    std::vector<std::string_view> keys;
    std::vector<std::uint64_t> values;
    for (const auto& [key, value] : map) {
      keys.push_back(key);
      values.push_back(value);
    }
    const auto loaded = tree.replace_all(keys, values);
    return loaded ? done : reply(loaded);
  }
};

constexpr Subject subject = Face<LoadStore>::subject();

}  // namespace
}  // namespace radish::crashpoints

const radish::crashpoints::Subject* crashpoints_subject() { return &radish::crashpoints::subject; }
