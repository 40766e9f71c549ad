#include "torture/options.h"

#include <CLI/CLI.hpp>

#include "torture/ledger.h"
#include "twins.h"

namespace radish::stress::torture {

void add_options(CLI::App& command, Options& options) {
  command.add_option("--seconds", options.seconds, "How long")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Of every choice; 0: drawn, and printed")->capture_default_str();
  command.add_option("--storage", options.storage, "What the segment lives in")
      ->check(CLI::IsMember({"mixed", "file", "shm", "memfd", "anonymous", "small"}))
      ->capture_default_str();
  command.add_option("--file", options.file, "Path of the segment, instead of one of its own; is removed");
  const CLI::Range seats(0U, seats_max / 4);
  command.add_option("--writers", options.writers, "Seats of writers")->check(seats)->capture_default_str();
  command.add_option("--readers", options.readers, "Seats of readers")->check(seats)->capture_default_str();
  command.add_option("--views", options.views, "Seats of stable views")->check(seats)->capture_default_str();
  command.add_option("--iterators", options.iterators, "Seats of scans")->check(seats)->capture_default_str();
  command.add_option("--keys", options.keys, "Keys of each writing strand")
      ->check(CLI::Range(10U, 100'000U))
      ->capture_default_str();
  command.add_option("--round-seconds", options.round_seconds, "Between two complete comparisons")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--acts-per-second", options.acts_per_second, "Kills, stops and the like")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--hang-seconds", options.hang_seconds, "Without progress, after which it is a hang")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--recovery-seconds", options.recovery_seconds,
                  "From a lock holder's death to another's write, beyond which that is a failure")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--case-directory", options.case_directory, "Where a failure is laid down");
  if (twins_exist()) command.add_option("--twin", options.twin, "Which broken variant to run")->group("");
}

nlohmann::json to_json(const Options& options) {
  return {{"seconds", options.seconds},
          {"storage", options.storage},
          {"file", options.file},
          {"writers", options.writers},
          {"readers", options.readers},
          {"views", options.views},
          {"iterators", options.iterators},
          {"keys", options.keys},
          {"round_seconds", options.round_seconds},
          {"acts_per_second", options.acts_per_second},
          {"hang_seconds", options.hang_seconds},
          {"recovery_seconds", options.recovery_seconds},
          {"twin", options.twin}};
}

Options from_json(const nlohmann::json& stored) {
  Options options;
  options.seconds = stored.value("seconds", options.seconds);
  options.storage = stored.value("storage", options.storage);
  options.file = stored.value("file", options.file);
  options.writers = stored.value("writers", options.writers);
  options.readers = stored.value("readers", options.readers);
  options.views = stored.value("views", options.views);
  options.iterators = stored.value("iterators", options.iterators);
  options.keys = stored.value("keys", options.keys);
  options.round_seconds = stored.value("round_seconds", options.round_seconds);
  options.acts_per_second = stored.value("acts_per_second", options.acts_per_second);
  options.hang_seconds = stored.value("hang_seconds", options.hang_seconds);
  options.recovery_seconds = stored.value("recovery_seconds", options.recovery_seconds);
  options.twin = stored.value("twin", options.twin);
  return options;
}

}  // namespace radish::stress::torture
