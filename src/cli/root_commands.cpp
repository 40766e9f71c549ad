// roots
#include <fmt/format.h>

#include "answers.h"
#include "failure.h"
#include "radish/integer_map.hpp"
#include "registry.h"
#include "text.h"
#include "trees.h"

namespace radish::cli {
namespace {

struct RootsArguments : FileArguments {
  std::string make;
  std::string make_map;
  std::string drop;
  unsigned depth = 0;
};

const char* kind_name(RootKind kind) { return kind == RootKind::tree ? "tree" : "integer map"; }

std::string escaped(std::string_view name) {
  std::string text;
  append_escaped(text, name);
  return text;
}

int list(const RootsArguments& arguments, Output& out) {
  for (const RootInfo& root : must(open_segment_for_reading(arguments.file).roots())) {
    if (arguments.json) {
      Json object;
      set_bytes(object, "name", root.name, false);
      object["kind"] = kind_name(root.kind);
      if (root.kind == RootKind::integer_map) object["depth"] = root.depth;
      object["keys"] = root.keys;
      write_json(out, object);
    } else {
      out.write(fmt::format("{}\t{}\t{}\n", escaped(root.name), kind_name(root.kind), root.keys));
    }
  }
  return exit_yes;
}

int answer(const RootsArguments& arguments, Output& out, const char* deed, bool done) {
  if (arguments.json) write_json(out, {{deed, done}});
  return done ? exit_yes : exit_no;
}

/// A root that was not there; false if one of its name is there already.
template <class Root>
bool is_made(const Result<Root>& root) {
  if (!root && root.error().code != Code::exists) throw Failure(root.error());
  return root.has_value();
}

int roots(const RootsArguments& arguments, Output& out) {
  if (arguments.make.empty() && arguments.make_map.empty() && arguments.drop.empty())
    return list(arguments, out);
  if (!arguments.drop.empty()) {
    Segment segment = must(Segment::open(arguments.file, {.must_exist = true}));
    return answer(arguments, out, "dropped", must(segment.drop(arguments.drop)));
  }
  Segment segment = must(Segment::open(arguments.file));
  const bool made =
      arguments.make.empty()
          ? is_made(segment.integer_map(arguments.make_map, {.exclusive = true, .depth = arguments.depth}))
          : is_made(segment.tree(arguments.make, {.exclusive = true}));
  return answer(arguments, out, "made", made);
}

}  // namespace

void add_root_commands(Registry& registry) {
  auto [command, arguments] = registry.add<RootsArguments>(
      "roots", "Print the named trees and integer maps of a file: name<TAB>kind<TAB>keys; make or drop one",
      R"(Answer one {"name":"...","kind":"tree"|"integer map","keys":N} a line, or {"made":true|false}, ...)",
      roots);
  auto* make = command.add_option("--make", arguments.make, "Make an empty tree; exit with 1 if it is there")
                   ->type_name("NAME");
  auto* map =
      command.add_option("--make-map", arguments.make_map, "The same for an integer map")->type_name("NAME");
  command
      .add_option("--depth", arguments.depth, "Of an integer map: digits of a key, of 4 bits; 16 if left out")
      ->needs(map)
      ->check(CLI::Range(1, 16))
      ->type_name("N");
  auto* drop = command
                   .add_option("--drop", arguments.drop,
                               "Drop one with all its keys, at once; exit with 1 if there is none")
                   ->type_name("NAME");
  make->excludes(map)->excludes(drop);
  map->excludes(drop);
  add_examples(command,
               "  radish roots routes.radish\n"
               "  radish roots routes.radish --make drafts\n"
               "  radish put routes.radish --root drafts /images/ 7\n"
               "  radish roots routes.radish --drop drafts");
}

}  // namespace radish::cli
