// lpm prefixes del-prefix scan
#include <fmt/format.h>

#include <limits>

#include "answers.h"
#include "failure.h"
#include "registry.h"
#include "text.h"
#include "trees.h"

namespace radish::cli {
namespace {

int longest_prefix(const KeyArguments& arguments, Output& out) {
  const std::string query = arguments.key();
  const auto match = must(open_for_reading(arguments).longest_prefix(query));
  if (match) write_entry(out, arguments, std::string_view(query).substr(0, match->length), match->value);
  return match ? exit_yes : exit_no;
}

int prefixes(const KeyArguments& arguments, Output& out) {
  const std::string query = arguments.key();
  const auto matches = must(open_for_reading(arguments).prefixes(query));
  for (const Match& match : matches)
    write_entry(out, arguments, std::string_view(query).substr(0, match.length), match.value);
  return matches.empty() ? exit_no : exit_yes;
}

int del_prefix(const KeyArguments& arguments, Output& out) {
  const std::uint64_t erased = must(open_for_writing(arguments).erase_prefix(arguments.key()));
  if (arguments.json)
    write_json(out, {{"erased", erased}});
  else
    out.write(fmt::format("{}\n", erased));
  return exit_yes;
}

struct ScanArguments : KeyArguments {
  std::string from_text;
  bool has_from = false;
  bool reverse = false;
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();

  [[nodiscard]] std::string from() const { return KeyArguments{{file, json}, from_text, hex}.key(); }
};

// Leaves the cursor so that the first step in the wanted direction gives the first answer, or, in reverse,
// the one key before it that is too great.
void place(KeyedCursor& cursor, const ScanArguments& arguments) {
  if (arguments.has_from) cursor.seek(arguments.from());
  if (!arguments.reverse) return;
  if (!arguments.has_from)
    cursor.seek_end();
  else
    must(cursor.next());  // the key `from` itself belongs to the answer: step over it
}

int scan(const ScanArguments& arguments, Output& out) {
  const KeyedRoot root = open_root_for_reading(arguments, arguments.hex);
  KeyedCursor cursor = root.cursor(arguments.key());
  const std::string from = arguments.from();
  place(cursor, arguments);
  for (std::uint64_t written = 0; written < arguments.limit;) {
    const auto entry = must(arguments.reverse ? cursor.previous() : cursor.next());
    if (!entry) break;
    if (arguments.reverse && arguments.has_from && cursor.is_behind(entry->key, from)) continue;
    write_entry(out, arguments, entry->key, entry->value);
    ++written;
  }
  return exit_yes;
}

void add_lpm(Registry& registry) {
  auto [command, arguments] = registry.add<KeyArguments>(
      "lpm", "Print the longest key that is a prefix of QUERY: key<TAB>value",
      R"(Answer {"key":"...","value":N}; "key_hex" in place of a "key" that is not UTF-8)", longest_prefix);
  add_key(command, arguments, "QUERY", "Any bytes, as they are");
  add_examples(command,
               "  radish lpm routes.radish /images/logo.png\n"
               "Exits with 1 if no key is a prefix of QUERY. Keys print escaped, as dump writes them.");
}

void add_prefixes(Registry& registry) {
  auto [command, arguments] = registry.add<KeyArguments>(
      "prefixes", "Print every key that is a prefix of QUERY, shortest first: key<TAB>value",
      R"(Answer one {"key":"...","value":N} a line; "key_hex" in place of a "key" that is not UTF-8)",
      prefixes);
  add_key(command, arguments, "QUERY", "Any bytes, as they are");
  add_examples(command,
               "  radish prefixes routes.radish /images/logo.png\n"
               "Exits with 1 if no key is a prefix of QUERY. Keys print escaped, as dump writes them.");
}

void add_del_prefix(Registry& registry) {
  auto [command, arguments] = registry.add<KeyArguments>(
      "del-prefix", "Erase all keys that start with PREFIX, at once; print how many",
      R"(Answer {"erased":N})", del_prefix);
  add_key(command, arguments, "PREFIX", "What the keys start with; empty: all of them");
  add_examples(command, "  radish del-prefix routes.radish /images/");
}

void add_scan(Registry& registry) {
  auto [command, arguments] = registry.add<ScanArguments>(
      "scan", "Print the keys in order, or those that start with PREFIX: key<TAB>value",
      R"(Answer one {"key":"...","value":N} a line; "key_hex" in place of a "key" that is not UTF-8)", scan);
  add_key(command, arguments, "PREFIX", "What the keys start with")->required(false);
  command
      .add_option_function<std::string>(
          "--from",
          [scanned = &arguments](const std::string& key) {
            scanned->from_text = key;
            scanned->has_from = true;
          },
          "Start with KEY, or the first behind it")
      ->type_name("KEY");
  add_parsed(command, "--limit", "N", arguments.limit, "a number", parse_number, "Print no more than N keys");
  command.add_flag("--reverse", arguments.reverse, "From the greatest key, or --from, downwards");
  add_examples(
      command,
      "  radish scan words.radish\n"
      "  radish scan words.radish app --limit 10\n"
      "  radish scan words.radish --from m --reverse --limit 1\n"
      "Keys are in the order of their bytes, those of an integer map in that of numbers. They print\n"
      "escaped, as dump writes them. Writers go on meanwhile; dump is for one moment of a tree that "
      "changes.");
}

}  // namespace

void add_prefix_commands(Registry& registry) {
  add_lpm(registry);
  add_prefixes(registry);
  add_del_prefix(registry);
  add_scan(registry);
}

}  // namespace radish::cli
