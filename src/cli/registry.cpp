#include "registry.h"

#include <fmt/format.h>

#include "failure.h"
#include "text.h"

namespace radish::cli {

std::string KeyArguments::key() const {
  if (!hex) return key_text;
  const auto bytes = from_hex(key_text);
  if (!bytes) throw Failure(exit_usage, fmt::format("'{}' is not pairs of hex digits", key_text));
  return *bytes;
}

int Registry::run_parsed(Output& out) const {
  for (const auto& [command, run] : commands_)
    if (command->parsed()) return run(out);
  return exit_usage;
}

void add_root(CLI::App& command, FileArguments& arguments) {
  command
      .add_option("--root", arguments.root,
                  "The tree, or integer map, of this name in FILE, in place of the tree without")
      ->type_name("NAME")
      ->check([](const std::string& name) { return name.empty() ? "a root's name is not empty" : ""; });
}

CLI::Option* add_key(CLI::App& command, KeyArguments& arguments, const std::string& name,
                     const std::string& description) {
  add_root(command, arguments);
  command.add_flag("--hex", arguments.hex, "Keys are hex digits, here and in what is printed");
  return command.add_option(name, arguments.key_text, description + "; behind -- if it starts with a dash")
      ->required()
      ->type_name("");
}

void add_examples(CLI::App& command, const std::string& examples) {
  command.footer("Examples:\n" + examples);
}

}  // namespace radish::cli
