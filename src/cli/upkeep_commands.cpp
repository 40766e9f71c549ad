// compact trim
#include <fmt/format.h>

#include "answers.h"
#include "failure.h"
#include "registry.h"
#include "text.h"
#include "trees.h"

namespace radish::cli {
namespace {

struct CompactArguments : FileArguments {
  std::string to;
  OpenOptions options;
};

int compact(const CompactArguments& arguments, Output& out) {
  const Tree from = open_for_reading(arguments);
  const std::uint64_t before = must(from.stats()).heap_bytes_used;
  must(from.compact_to(arguments.to, arguments.options));
  const Stats stats = must(open_for_reading({.file = arguments.to}).stats());
  if (arguments.json)
    write_json(
        out,
        {{"keys", stats.keys}, {"heap_bytes_before", before}, {"heap_bytes_after", stats.heap_bytes_used}});
  else
    out.write(fmt::format("{} keys in {} bytes of the heap; before: {}\n", stats.keys, stats.heap_bytes_used,
                          before));
  return exit_yes;
}

void add_compact(Registry& registry) {
  auto [command, arguments] = registry.add<CompactArguments>(
      "compact", "Copy a tree into a fresh file that is as small as can be",
      R"(Answer {"keys":N,"heap_bytes_before":N,"heap_bytes_after":N})", compact);
  command.add_option("TO", arguments.to, "The file to be made; there must be none")
      ->required()
      ->type_name("");
  add_parsed(command, "--capacity", "SIZE", arguments.options.capacity_bytes,
             "a size such as 512K, 64M or 4G", parse_size,
             "Greatest size of the copy; that of FILE if left out");
  add_examples(command,
               "  radish compact words.radish small.radish\n"
               "TO is there when all is copied, or never. Writers of FILE wait meanwhile, readers don't.");
}

int trim(const FileArguments& arguments, Output& out) {
  const std::uint64_t bytes = must(open_for_writing(arguments).trim());
  if (arguments.json)
    write_json(out, {{"bytes_given_back", bytes}});
  else
    out.write(fmt::format("{} bytes given back\n", bytes));
  return exit_yes;
}

void add_trim(Registry& registry) {
  add_examples(registry
                   .add<FileArguments>(
                       "trim", "Give what is free at the end of a tree's memory back to the file system",
                       R"(Answer {"bytes_given_back":N})", trim)
                   .command,
               "  radish trim words.radish\nWriters wait meanwhile, readers don't.");
}

}  // namespace

void add_upkeep_commands(Registry& registry) {
  add_compact(registry);
  add_trim(registry);
}

}  // namespace radish::cli
