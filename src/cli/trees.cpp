#include "trees.h"

#include "failure.h"

namespace radish::cli {

Tree open_for_reading(const std::string& file) {
  auto tree = Tree::open(file, {.must_exist = true});
  if (!tree && tree.error().code == Code::frozen) return must(Tree::open_readonly(file));
  return must(std::move(tree));
}

Tree open_for_writing(const std::string& file) { return must(Tree::open(file, {.must_exist = true})); }

Tree open_or_create(const std::string& file, const OpenOptions& options) {
  return must(Tree::open(file, options));
}

}  // namespace radish::cli
