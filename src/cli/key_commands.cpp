// put get has del
#include <fmt/format.h>

#include "answers.h"
#include "failure.h"
#include "registry.h"
#include "text.h"
#include "trees.h"

namespace radish::cli {
namespace {

struct PutArguments : KeyArguments {
  std::string value_text;
  bool only_new = false;
};

int put(const PutArguments& arguments, Output& out) {
  const std::string key = arguments.key();
  const auto value = parse_number(arguments.value_text);
  if (!value)
    throw Failure(exit_usage,
                  fmt::format("the value '{}' is not a number from 0 to 2^64 - 1", arguments.value_text));
  KeyedRoot root = open_or_create_root(arguments, arguments.hex);
  const bool is_new = must(arguments.only_new ? root.insert_new(key, *value) : root.insert(key, *value));
  if (arguments.json) write_json(out, {{"new", is_new}});
  return arguments.only_new && !is_new ? exit_no : exit_yes;
}

int get(const KeyArguments& arguments, Output& out) {
  const auto value = must(open_root_for_reading(arguments, arguments.hex).find(arguments.key()));
  if (arguments.json)
    write_json(out, value ? Json{{"found", true}, {"value", *value}} : Json{{"found", false}});
  else if (value)
    out.write(fmt::format("{}\n", *value));
  return value ? exit_yes : exit_no;
}

int has(const KeyArguments& arguments, Output& out) {
  const bool found = must(open_root_for_reading(arguments, arguments.hex).find(arguments.key())).has_value();
  if (arguments.json) write_json(out, {{"found", found}});
  return found ? exit_yes : exit_no;
}

int del(const KeyArguments& arguments, Output& out) {
  const bool erased = must(open_root_for_writing(arguments, arguments.hex).erase(arguments.key()));
  if (arguments.json) write_json(out, {{"erased", erased ? 1 : 0}});
  return erased ? exit_yes : exit_no;
}

void add_put(Registry& registry) {
  auto [command, arguments] = registry.add<PutArguments>("put", "Store a value under a key; creates FILE",
                                                         R"(Answer {"new":true|false})", put);
  add_key(command, arguments, "KEY", "The key, as it is");
  command.add_option("VALUE", arguments.value_text, "A number from 0 to 2^64 - 1")->required()->type_name("");
  command.add_flag("--new", arguments.only_new, "Leave a key that is there as it is, and exit with 1");
  add_examples(command,
               "  radish put words.radish apple 7\n"
               "  radish put words.radish --hex 00ff 7\n"
               "  radish put words.radish --new apple 8 || echo 'was there'\n"
               "  radish put words.radish --root ids 42 7\n"
               "Keys of an integer map (roots --make-map) are decimal numbers.");
}

void add_get(Registry& registry) {
  auto [command, arguments] =
      registry.add<KeyArguments>("get", "Print the value of a key; exit with 1 if it is absent",
                                 R"(Answer {"found":true,"value":N} or {"found":false})", get);
  add_key(command, arguments, "KEY", "The key, as it is");
  add_examples(command, "  radish get words.radish apple");
}

void add_has(Registry& registry) {
  auto [command, arguments] = registry.add<KeyArguments>(
      "has", "Exit with 0 if a key is there, with 1 if not; silent", R"(Answer {"found":true|false})", has);
  add_key(command, arguments, "KEY", "The key, as it is");
  add_examples(command, "  radish has words.radish apple && echo yes");
}

void add_del(Registry& registry) {
  auto [command, arguments] = registry.add<KeyArguments>("del", "Erase a key; exit with 1 if it was absent",
                                                         R"(Answer {"erased":0|1})", del);
  add_key(command, arguments, "KEY", "The key, as it is");
  add_examples(command, "  radish del words.radish apple");
}

}  // namespace

void add_key_commands(Registry& registry) {
  add_put(registry);
  add_get(registry);
  add_has(registry);
  add_del(registry);
}

}  // namespace radish::cli
