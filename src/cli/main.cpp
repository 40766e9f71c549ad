// The radish command.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "failure.h"
#include "output.h"
#include "registry.h"

#ifndef RADISH_VERSION
#define RADISH_VERSION "0.1.0"
#endif

namespace radish::cli {
namespace {

constexpr const char* program_description =
    "radish: a map from keys (any bytes) to numbers in a file that many processes share.\n"
    "Each command is one short visit; any number of them may work on one file at once.";

constexpr const char* footer =
    "Examples:\n"
    "  radish load words.radish --keys-only /usr/share/dict/words\n"
    "  radish get words.radish apple\n"
    "  radish scan words.radish app --limit 10\n"
    "  radish dump words.radish | radish load copy.radish\n"
    "  radish COMMAND --help\n"
    "Exit codes: 0 yes or done, 1 no or absent, 2 wrong usage, 3 error (told on standard error).\n"
    "put, load and create make a missing file; the others want one. Frozen files are read as they are.";

// A closed standard stream would lend its number to the tree's own descriptor, and a message be written into
// the tree. In its place stands a descriptor that can be used for nothing of that kind.
bool fill_standard_descriptors() {
  constexpr int useless[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int number = 0; number <= STDERR_FILENO; ++number)
    if (::fcntl(number, F_GETFD) < 0 && ::open("/dev/null", useless[number]) != number) return false;
  return true;
}

// Not through fmt, which throws when standard error takes no more.
void complain(const char* sentence) { std::fprintf(stderr, "radish: %s\n", sentence); }

int parse_and_run(int count, char** words) {
  CLI::App app(program_description, "radish");
  app.set_version_flag("--version", "radish " RADISH_VERSION);
  app.require_subcommand(0, 1);  // not 1: a misspelt command would be reported as a missing one
  app.footer(footer);
  Registry registry(app);
  add_file_commands(registry);
  add_key_commands(registry);
  add_prefix_commands(registry);
  add_transfer_commands(registry);
  add_upkeep_commands(registry);
  add_root_commands(registry);
  Output out(STDOUT_FILENO, "standard output");
  try {
    app.parse(count, words);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    complain(error.what());
    std::fputs("Try radish --help, or radish COMMAND --help.\n", stderr);
    return exit_usage;
  }
  if (app.get_subcommands().empty()) {
    std::fputs(app.help().c_str(), stderr);
    return exit_usage;
  }
  const int status = registry.run_parsed(out);
  out.flush();
  return status;
}

int run(int count, char** words) {
  try {
    return parse_and_run(count, words);
  } catch (const Failure& failure) {
    complain(failure.what());
    return failure.status();
  } catch (const std::exception& exception) {
    complain(exception.what());
    return exit_error;
  }
}

}  // namespace
}  // namespace radish::cli

int main(int count, char** words) {
  if (!radish::cli::fill_standard_descriptors()) return radish::cli::exit_error;
  return radish::cli::run(count, words);
}
