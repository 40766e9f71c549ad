// The tree without a name: every mutation of a byte-string tree.
#include "face.h"

namespace radish::crashpoints {
namespace {

struct TreeStore : UnnamedTree {
  static constexpr const char* name = "radish";
  static constexpr std::uint64_t pages_per_operation_max = 20;  // one run and a few slabs

  static Result<TreeStore> of(Segment segment) { return TreeStore{UnnamedTree::of(std::move(segment))}; }
  Reply operate(const Call& call) { return operate_on(tree, call); }
};

constexpr Subject subject = Face<TreeStore>::subject();

}  // namespace
}  // namespace radish::crashpoints

const radish::crashpoints::Subject* crashpoints_subject() { return &radish::crashpoints::subject; }
