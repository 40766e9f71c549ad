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

struct LoadStore {
  static constexpr const char* name = "radish, loads";
  static constexpr std::uint32_t acts = all_acts;
  static constexpr std::uint64_t pages_per_operation_max = 200;  // a second tree
  static constexpr bool has_longest_prefix = true;

  static bool lay_out(const Segment&) { return true; }
  static Result<LoadStore> of(Segment segment) {
    Tree tree = segment.tree();
    return LoadStore{std::move(segment), std::move(tree)};
  }

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
  Result<bool> change_nothing() { return tree.erase(absent_key); }
  [[nodiscard]] Found find(std::string_view key) const { return tree.find(key); }
  [[nodiscard]] auto longest_prefix(std::string_view query) const { return tree.longest_prefix(query); }
  [[nodiscard]] Result<void> dump(const Sink& sink) const { return dump_tree(tree, sink); }
  [[nodiscard]] Result<std::uint64_t> count() const { return tree.count(); }
  [[nodiscard]] static std::string complaint() { return {}; }

  Segment segment;
  Tree tree;
};

constexpr Subject subject = Face<LoadStore>::subject();

}  // namespace
}  // namespace radish::crashpoints

const radish::crashpoints::Subject* crashpoints_subject() { return &radish::crashpoints::subject; }
