// The subcommands: each is a name, its arguments, and a function that runs with them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "output.h"

namespace radish::cli {

/// What every subcommand takes.
struct FileArguments {
  std::string file;
  bool json = false;
  std::string root{};  ///< of the commands that have --root; empty: the tree without a name
};

/// What subcommands for one key take.
struct KeyArguments : FileArguments {
  std::string key_text;
  bool hex = false;

  /// The key's bytes; throws Failure if they were given in hex that is none.
  [[nodiscard]] std::string key() const;
};

class Registry {
 public:
  explicit Registry(CLI::App& app) : app_(app) {}

  template <class Arguments>
  struct Added {
    CLI::App& command;
    Arguments& arguments;
  };

  /// Adds a subcommand that takes FILE, and --json unless `json` (its description) is empty.
  template <class Arguments>
  Added<Arguments> add(const std::string& name, const std::string& description, const std::string& json,
                       int (*run)(const Arguments&, Output&));

  /// Runs the subcommand that was parsed; its exit code.
  int run_parsed(Output& out) const;

 private:
  CLI::App& app_;
  std::vector<std::pair<CLI::App*, std::function<int(Output&)>>> commands_;
};

/// Adds --root.
void add_root(CLI::App& command, FileArguments& arguments);
/// Adds KEY (or PREFIX, or QUERY) and --hex.
CLI::Option* add_key(CLI::App& command, KeyArguments& arguments, const std::string& name,
                     const std::string& description);
/// Adds an option whose text parse(text) turns into a number, or refuses: it is not `what`.
template <class Number, class Parse>
void add_parsed(CLI::App& command, const char* name, const char* type, Number& number, const char* what,
                Parse parse, const std::string& description) {
  command
      .add_option_function<std::string>(
          name,
          [&number, name, what, parse](const std::string& text) {
            const auto parsed = parse(text);
            if (!parsed) throw CLI::ValidationError(name, "'" + text + "' is not " + what);
            number = *parsed;
          },
          description)
      ->type_name(type);
}
/// Sets the examples at the end of --help.
void add_examples(CLI::App& command, const std::string& examples);

void add_file_commands(Registry&);      // create count stat verify freeze clear
void add_key_commands(Registry&);       // put get has del
void add_prefix_commands(Registry&);    // lpm prefixes del-prefix scan
void add_transfer_commands(Registry&);  // load dump
void add_upkeep_commands(Registry&);    // compact trim
void add_root_commands(Registry&);      // roots

template <class Arguments>
Registry::Added<Arguments> Registry::add(const std::string& name, const std::string& description,
                                         const std::string& json, int (*run)(const Arguments&, Output&)) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app_.add_subcommand(name, description);
  command->add_option("FILE", arguments->file, "The file that holds the tree")->required()->type_name("");
  if (!json.empty()) command->add_flag("--json", arguments->json, json);
  commands_.emplace_back(command, [arguments, run](Output& out) { return run(*arguments, out); });
  return {*command, *arguments};
}

}  // namespace radish::cli
