// radish-check: the harnesses that look for what is wrong with radish.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "harness.h"

namespace {

int run(int count, char** words) {
  CLI::App app("radish-check: harnesses that do to radish what the world does, and check every answer",
               "radish-check");
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 nothing found, 1 something is wrong with radish, 2 wrong usage, 3 error of the "
      "harness or its surroundings, or interrupted.");
  radish::stress::Harnesses harnesses(app);
  radish::stress::add_torture(harnesses);
  radish::stress::add_crashpoints(harnesses);
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return harnesses.run_parsed();
}

}  // namespace

int main(int count, char** words) {
  try {
    return run(count, words);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "radish-check: %s\n", exception.what());
    return 3;
  }
}
