// A named tree that comes and goes: whoever stores a key makes it, and clearing it is dropping it. While
// there is none the map is empty.
#include "face.h"

namespace radish::crashpoints {
namespace {

/// Reads the tree without a name, which is always there: who has only ever met no tree has no slot.
void announce_reader(const Segment& segment) { (void)segment.tree().find(absent_key); }

/// What a question to the tree is answered; or nothing, where it is not there or has gone meanwhile.
template <class Question>
auto ask(const Segment& segment, std::string_view root, Question question)
    -> decltype(question(std::declval<const Tree&>())) {
  using Answer = decltype(question(std::declval<const Tree&>()));
  const auto tree = Segment(segment).tree(root, {.must_exist = true});
  if (!tree) announce_reader(segment);
  Answer answer = tree ? question(*tree) : Answer(std::unexpected(tree.error()));
  const bool gone =
      !answer && (answer.error().code == Code::not_found || answer.error().code == Code::dropped);
  return gone ? Answer() : answer;
}

struct RootStore {
  static constexpr const char* name = "radish, a root that comes and goes";
  static constexpr std::uint32_t acts = all_acts;
  static constexpr std::uint64_t pages_per_operation_max = 20;
  static constexpr bool has_longest_prefix = true;
  static constexpr std::string_view root = "comes and goes";

  static bool lay_out(const Segment&) { return true; }
  static Result<RootStore> of(Segment segment) { return RootStore{std::move(segment)}; }

  Reply operate(const Call& call) {
    if (call.act == Act::clear) {
      const auto dropped = segment.drop(root);
      return dropped ? Reply{} : reply(dropped);
    }
    const bool stores = call.act == Act::insert || call.act == Act::insert_new || call.act == Act::fetch_add;
    auto tree = segment.tree(root, {.must_exist = !stores});
    if (tree) return operate_on(*tree, call);
    if (tree.error().code != Code::not_found) return reply(Result<bool>(std::unexpected(tree.error())));
    const auto changed = change_nothing();  // refused, if it is frozen
    return changed ? Reply{} : reply(changed);
  }
  Result<bool> change_nothing() { return segment.tree().erase(absent_key); }

  [[nodiscard]] Found find(std::string_view key) const {
    return ask(segment, root, [&](const Tree& tree) { return tree.find(key); });
  }
  [[nodiscard]] Result<std::optional<Match>> longest_prefix(std::string_view query) const {
    return ask(segment, root, [&](const Tree& tree) { return tree.longest_prefix(query); });
  }
  [[nodiscard]] Result<void> dump(const Sink& sink) const {
    return ask(segment, root, [&](const Tree& tree) { return dump_tree(tree, sink); });
  }
  [[nodiscard]] Result<std::uint64_t> count() const {
    return ask(segment, root, [](const Tree& tree) { return tree.count(); });
  }
  [[nodiscard]] static std::string complaint() { return {}; }

  Segment segment;
};

constexpr Subject subject = Face<RootStore>::subject();

}  // namespace
}  // namespace radish::crashpoints

const radish::crashpoints::Subject* crashpoints_subject() { return &radish::crashpoints::subject; }
