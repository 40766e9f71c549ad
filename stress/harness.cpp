#include "harness.h"

#include <stdexcept>
#include <utility>

namespace radish::stress {

Harnesses::Harnesses(CLI::App& app) : app_(app) {
  CLI::App* command = app_.add_subcommand("replay", "Looks again for what a case tells of");
  command->add_option("CASE", case_directory_, "Directory of the case")->required()->type_name("");
  command->add_flag("--state", state_alone_,
                    "Only judge the state that was laid down, in this very process: for debuggers");
  entries_.push_back({command, [this] { return replay(); }});
}

CLI::App& Harnesses::add(const std::string& name, const std::string& description, std::function<int()> run,
                         Replay replay, Replay replay_state) {
  CLI::App* command = app_.add_subcommand(name, description);
  entries_.push_back({command, std::move(run)});
  replayers_.push_back({name, std::move(replay), std::move(replay_state)});
  return *command;
}

CLI::App& Harnesses::add_hidden(const std::string& name, std::function<int()> run) {
  CLI::App* command = app_.add_subcommand(name)->group("");
  entries_.push_back({command, std::move(run)});
  return *command;
}

int Harnesses::run_parsed() const {
  for (const Entry& entry : entries_)
    if (entry.command->parsed()) return entry.run();
  return 2;
}

int Harnesses::replay() const {
  const Case found = read_case(case_directory_);
  for (const Replayer& replayer : replayers_) {
    if (replayer.harness != found.harness) continue;
    if (state_alone_ && !replayer.state) throw std::runtime_error("cases of this harness hold no state");
    return (state_alone_ ? replayer.state : replayer.whole)(found, case_directory_);
  }
  throw std::runtime_error("there is no harness " + found.harness);
}

}  // namespace radish::stress
