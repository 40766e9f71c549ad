#include "trees.h"

#include "failure.h"

namespace radish::cli {
namespace {

Tree tree_of(Segment segment, const std::string& root, bool must_exist) {
  return root.empty() ? segment.tree() : must(segment.tree(root, {.must_exist = must_exist}));
}

KeyedRoot root_of(Segment segment, const std::string& root, bool must_exist, bool hex) {
  if (!root.empty()) {
    if (const auto map = segment.integer_map(root, {.must_exist = true})) {
      if (hex) throw Failure(exit_usage, "the keys of an integer map are decimal numbers, not hex digits");
      return KeyedRoot(*map);
    }
  }
  return KeyedRoot(tree_of(std::move(segment), root, must_exist));
}

Segment open_segment_for_writing(const std::string& file) {
  return must(Segment::open(file, {.must_exist = true}));
}

}  // namespace

Segment open_segment_for_reading(const std::string& file) {
  auto segment = Segment::open(file, {.must_exist = true});
  if (!segment && segment.error().code == Code::frozen) return must(Segment::open_readonly(file));
  return must(std::move(segment));
}

Tree open_for_reading(const FileArguments& arguments) {
  return tree_of(open_segment_for_reading(arguments.file), arguments.root, true);
}

Tree open_for_writing(const FileArguments& arguments) {
  return tree_of(open_segment_for_writing(arguments.file), arguments.root, true);
}

Tree open_or_create(const FileArguments& arguments, const OpenOptions& options) {
  return tree_of(must(Segment::open(arguments.file, options)), arguments.root, false);
}

KeyedRoot open_root_for_reading(const FileArguments& arguments, bool hex) {
  return root_of(open_segment_for_reading(arguments.file), arguments.root, true, hex);
}

KeyedRoot open_root_for_writing(const FileArguments& arguments, bool hex) {
  return root_of(open_segment_for_writing(arguments.file), arguments.root, true, hex);
}

KeyedRoot open_or_create_root(const FileArguments& arguments, bool hex, const OpenOptions& options) {
  return root_of(must(Segment::open(arguments.file, options)), arguments.root, false, hex);
}

}  // namespace radish::cli
