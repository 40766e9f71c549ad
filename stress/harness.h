// The harnesses of radish-check. Each is a subcommand, and can look again for what a case of its own tells
// of.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "case.h"

namespace radish::stress {

class Harnesses {
 public:
  explicit Harnesses(CLI::App& app);

  /// Of a case and its directory.
  using Replay = std::function<int(const Case&, const std::string&)>;
  /// A harness: `run` after its options were parsed; `replay`, and if its cases hold a state, `replay_state`
  /// looks at that alone. All of them give exit codes.
  CLI::App& add(const std::string& name, const std::string& description, std::function<int()> run,
                Replay replay, Replay replay_state = nullptr);
  /// A subcommand that processes of a harness run, and nobody else.
  CLI::App& add_hidden(const std::string& name, std::function<int()> run);

  /// Runs the subcommand that was parsed.
  [[nodiscard]] int run_parsed() const;

 private:
  struct Entry {
    CLI::App* command;
    std::function<int()> run;
  };
  struct Replayer {
    std::string harness;
    Replay whole, state;
  };
  [[nodiscard]] int replay() const;

  CLI::App& app_;
  std::vector<Entry> entries_;
  std::vector<Replayer> replayers_;
  std::string case_directory_;
  bool state_alone_ = false;
};

void add_torture(Harnesses& harnesses);
void add_crashpoints(Harnesses& harnesses);

}  // namespace radish::stress
