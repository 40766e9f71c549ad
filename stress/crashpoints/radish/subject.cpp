// The tree without a name: every mutation of a byte-string tree.
#include "face.h"

namespace radish::crashpoints {
namespace {

struct TreeStore {
  static constexpr const char* name = "radish";
  static constexpr std::uint32_t acts = all_acts;
  static constexpr std::uint64_t pages_per_operation_max = 20;  // one run and a few slabs
  static constexpr bool has_longest_prefix = true;

  static bool lay_out(const Segment&) { return true; }
  static Result<TreeStore> of(Segment segment) {
    Tree tree = segment.tree();
    return TreeStore{std::move(segment), std::move(tree)};
  }

  Reply operate(const Call& call) { return operate_on(tree, call); }
  Result<bool> change_nothing() { return tree.erase(absent_key); }
  [[nodiscard]] Found find(std::string_view key) const { return tree.find(key); }
  [[nodiscard]] auto longest_prefix(std::string_view query) const { return tree.longest_prefix(query); }
  [[nodiscard]] Result<void> dump(const Sink& sink) const { return dump_tree(tree, sink); }
  [[nodiscard]] Result<std::uint64_t> count() const { return tree.count(); }
  [[nodiscard]] static std::string complaint() { return {}; }

  Segment segment;
  Tree tree;
};

constexpr Subject subject = Face<TreeStore>::subject();

}  // namespace
}  // namespace radish::crashpoints

const radish::crashpoints::Subject* crashpoints_subject() { return &radish::crashpoints::subject; }
