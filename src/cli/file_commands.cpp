// create count stat verify freeze clear
#include <fmt/format.h>

#include "answers.h"
#include "failure.h"
#include "registry.h"
#include "text.h"
#include "trees.h"

namespace radish::cli {
namespace {

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::created:
      return "created";
    case Outcome::attached:
      return "attached";
    case Outcome::recovered:
      return "recovered";
    case Outcome::healed:
      return "healed";
  }
  return "unknown";
}

struct CreateArguments : FileArguments {
  OpenOptions options;
};

int create(const CreateArguments& arguments, Output& out) {
  const Tree tree = open_or_create(arguments, arguments.options);
  const Stats stats = must(tree.stats());
  if (arguments.json)
    write_json(out, {{"outcome", outcome_name(tree.outcome())},
                     {"capacity_bytes", stats.capacity_bytes},
                     {"reader_slots", stats.reader_slots}});
  else if (tree.outcome() == Outcome::created)
    out.write("created\n");
  else
    out.write("was there, and stays as it is\n");
  return exit_yes;
}

int count(const FileArguments& arguments, Output& out) {
  const std::uint64_t keys = must(open_root_for_reading(arguments).count());
  if (arguments.json)
    write_json(out, {{"keys", keys}});
  else
    out.write(fmt::format("{}\n", keys));
  return exit_yes;
}

Json figures(const Tree& tree) {
  const Stats stats = must(tree.stats());
  return {{"outcome", outcome_name(tree.outcome())},
          {"keys", stats.keys},
          {"blocks", stats.blocks},
          {"blocks_retired", stats.blocks_retired},
          {"heap_bytes_used", stats.heap_bytes_used},
          {"heap_bytes_free", stats.heap_bytes_free},
          {"capacity_bytes", stats.capacity_bytes},
          {"backed_bytes", stats.backed_bytes},
          {"epoch", stats.epoch},
          {"generation", stats.generation},
          {"reader_slots", stats.reader_slots},
          {"reader_slots_used", stats.reader_slots_used},
          {"frozen", stats.frozen}};
}

Json figures_of(const Reader& reader) {
  return {{"slot", reader.slot},
          {"pid", reader.pid},
          {"command", reader.command},
          {"state", std::string(1, reader.state)},
          {"reading", reader.epoch != 0},
          {"epoch", reader.epoch},
          {"epochs_behind", reader.epochs_behind},
          {"bytes_held", reader.bytes_held},
          {"in_the_way_ms", reader.in_the_way_ms}};
}

void write_line(Output& out, const Reader& reader) {
  const std::string what =
      reader.epoch == 0
          ? "not reading"
          : fmt::format("reading since epoch {}, {} behind, holds {} bytes, in the way for {} ms",
                        reader.epoch, reader.epochs_behind, reader.bytes_held, reader.in_the_way_ms);
  out.write(fmt::format("  slot {}, process {} ({}, {}): {}\n", reader.slot, reader.pid, reader.command,
                        reader.state, what));
}

int stat(const FileArguments& arguments, Output& out) {
  const Tree tree = open_for_reading(arguments);
  Json object = figures(tree);
  const std::vector<Reader> readers = must(tree.readers());
  if (arguments.json) {
    object["readers"] = Json::array();
    for (const Reader& reader : readers) object["readers"].push_back(figures_of(reader));
    write_json(out, object);
    return exit_yes;
  }
  for (const auto& [name, value] : object.items())
    out.write(fmt::format("{:<18} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump()));
  out.write(fmt::format("{:<18} {}\n", "readers", readers.size()));
  for (const Reader& reader : readers) write_line(out, reader);
  return exit_yes;
}

Result<std::uint64_t> verified_keys(const std::string& file) {
  auto tree = Tree::open(file, {.must_exist = true});
  if (!tree && tree.error().code == Code::frozen) tree = Tree::open_readonly(file);
  if (!tree) return std::unexpected(tree.error());
  if (auto whole = tree->verify(); !whole) return std::unexpected(whole.error());
  return tree->count();
}

// A tree that is not whole is the answer no; one that can't be asked is an error.
int verify(const FileArguments& arguments, Output& out) {
  const auto keys = verified_keys(arguments.file);
  if (!keys && keys.error().code != Code::corrupt) throw Failure(keys.error());
  if (arguments.json)
    write_json(out, keys ? Json{{"whole", true}, {"keys", *keys}}
                         : Json{{"whole", false}, {"error", keys.error().message}});
  if (!keys) {
    out.flush();
    throw Failure(exit_no, keys.error().message);
  }
  if (!arguments.json) out.write(fmt::format("whole: {} keys\n", *keys));
  return exit_yes;
}

int freeze(const FileArguments& arguments, Output& out) {
  must(open_for_writing(arguments).freeze());
  if (arguments.json) write_json(out, {{"frozen", true}});
  return exit_yes;
}

int clear(const FileArguments& arguments, Output& out) {
  must(open_root_for_writing(arguments).clear());
  if (arguments.json) write_json(out, {{"cleared", true}});
  return exit_yes;
}

void add_create(Registry& registry) {
  auto [command, arguments] = registry.add<CreateArguments>(
      "create", "Create an empty tree, or leave the one that is there",
      R"(Answer {"outcome":"created"|...,"capacity_bytes":N,"reader_slots":N})", create);
  add_parsed(command, "--capacity", "SIZE", arguments.options.capacity_bytes,
             "a size such as 512K, 64M or 4G", parse_size,
             "Greatest size, 128K to 32G; 4G if left out. The file takes space as it fills");
  add_parsed(command, "--readers", "N", arguments.options.reader_slots, "a number from 1 to 65536",
             parse_slots, "Reading threads at once, 1 to 65536; 1024 if left out");
  add_parsed(command, "--mode", "OCTAL", arguments.options.mode, "an octal file mode up to 777", parse_mode,
             "Permissions of the file; 0600 if left out");
  command.add_flag("--exclusive", arguments.options.exclusive, "Fail with 3 if the file exists");
  add_examples(command,
               "  radish create words.radish\n"
               "  radish create /dev/shm/routes --capacity 256M --readers 64 --mode 0640 --exclusive");
}

void add_simple(Registry& registry, const char* name, const char* description, const char* json,
                int (*run)(const FileArguments&, Output&), const char* examples) {
  add_examples(registry.add<FileArguments>(name, description, json, run).command, examples);
}

void add_of_root(Registry& registry, const char* name, const char* description, const char* json,
                 int (*run)(const FileArguments&, Output&), const char* examples) {
  auto [command, arguments] = registry.add<FileArguments>(name, description, json, run);
  add_root(command, arguments);
  add_examples(command, examples);
}

}  // namespace

void add_file_commands(Registry& registry) {
  add_create(registry);
  add_of_root(registry, "count", "Print the number of keys", R"(Answer {"keys":N})", count,
              "  radish count words.radish");
  add_simple(registry, "stat", "Print the figures of a tree", "Answer them as one object", stat,
             "  radish stat words.radish\n  radish stat words.radish --json | jq .heap_bytes_free");
  add_simple(registry, "verify", "Check every byte of a tree; exit with 1 if it is not whole",
             R"(Answer {"whole":true,"keys":N} or {"whole":false,"error":"..."})", verify,
             "  radish verify words.radish\nWriters wait meanwhile, readers don't.");
  add_simple(registry, "freeze", "Seal a tree for ever: it can be read, never changed",
             R"(Answer {"frozen":true})", freeze, "  radish freeze words.radish");
  add_of_root(registry, "clear", "Erase all keys, at once", R"(Answer {"cleared":true})", clear,
              "  radish clear words.radish\n  radish clear words.radish --root drafts");
}

}  // namespace radish::cli
