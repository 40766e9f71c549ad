#include "torture/options.h"

#include <CLI/CLI.hpp>

#include "torture/ledger.h"
#include "twins.h"

namespace radish::stress::torture {

namespace {

/// Other than CLI::Range, lets nothing through that is no number.
CLI::Validator between(double least, double most) {
  const std::string what =
      "number from " + CLI::detail::to_string(least) + " to " + CLI::detail::to_string(most);
  return CLI::Validator(
      [=](const std::string& text) {
        double value = 0;
        const bool fits = CLI::detail::lexical_cast(text, value) && value >= least && value <= most;
        return fits ? std::string() : "it must be a " + what;
      },
      what);
}

}  // namespace

void add_options(CLI::App& command, Options& options) {
  command.add_option("--seconds", options.seconds, "How long")
      ->check(between(0.1, 1e7))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Of every choice; 0: drawn, and printed")->capture_default_str();
  command.add_option("--storage", options.storage, "What the segment lives in")
      ->check(CLI::IsMember({"mixed", "file", "shm", "memfd", "anonymous", "small"}))
      ->capture_default_str();
  command.add_option("--file", options.file, "Path of the segment, instead of one of its own; is removed");
  const CLI::Range seats(0U, seats_max / 4);
  command.add_option("--writers", options.writers, "Seats of writers")
      ->check(CLI::Range(1U, seats_max / 4))
      ->capture_default_str();
  command.add_option("--readers", options.readers, "Seats of readers")->check(seats)->capture_default_str();
  command.add_option("--views", options.views, "Seats of stable views")->check(seats)->capture_default_str();
  command.add_option("--iterators", options.iterators, "Seats of scans")->check(seats)->capture_default_str();
  command.add_option("--keys", options.keys, "Keys of each writing strand")
      ->check(CLI::Range(10U, 100'000U))
      ->capture_default_str();
  command.add_option("--round-seconds", options.round_seconds, "Between two complete comparisons")
      ->check(between(0.1, 1e6))
      ->capture_default_str();
  command.add_option("--acts-per-second", options.acts_per_second, "Kills, stops and the like")
      ->check(between(0.1, 10'000))
      ->capture_default_str();
  command.add_option("--hang-seconds", options.hang_seconds, "Without progress, after which it is a hang")
      ->check(between(0.1, 1e6))
      ->capture_default_str();
  command
      .add_option("--recovery-seconds", options.recovery_seconds,
                  "That the dead may be left with the lock, beyond which it is a failure")
      ->check(between(1e-6, 1e6))
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
