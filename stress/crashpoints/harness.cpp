// The subcommand of the explorer.
#include "harness.h"

#include <memory>

#include "crashpoints/campaign.h"
#include "crashpoints/limit.h"
#include "crashpoints/replay.h"
#include "model/cases.h"

namespace radish::stress {

void add_crashpoints(Harnesses& harnesses) {
  const auto options = std::make_shared<crashpoints::Options>();
  CLI::App& command = harnesses.add(
      "crashpoints", "Every state that the death of a process can leave, judged by the living",
      [options] { return crashpoints::run_campaign(*options); }, crashpoints::replay,
      crashpoints::replay_state);
  command.add_option("--seconds", options->seconds, "How long; 0: until every shape and sequence has been")
      ->check(CLI::Range(0.0, 1e7))
      ->capture_default_str();
  command
      .add_option("--cases", options->cases, "How many, each engine; 0: as many as there are, or in the time")
      ->capture_default_str();
  command.add_option("--jobs", options->jobs, "Processes; 0: one a processor")->capture_default_str();
  command.add_option("--seed", options->seed, "Of every choice; 0: drawn, and printed")
      ->capture_default_str();
  CLI::Option* engine =
      command
          .add_option("--engine", options->engine,
                      "Deaths between stores, deaths between instructions, or reads that span mutations")
          ->check(CLI::IsMember({"store", "step", "span", "all"}))
          ->capture_default_str();
  std::vector<std::string> mutations;
  for (const model::Kind kind : model::mutations) mutations.emplace_back(model::fields_of(kind).name);
  command.add_option("--ops", options->operations, "Mutations to die in, separated by commas; none: all")
      ->delimiter(',')
      ->check(CLI::IsMember(mutations));
  CLI::Option* subject =
      command.add_option("--subject", options->subject, "Shared object to explore, as it ships");
  command.add_option("--instrumented", options->instrumented, "The same, reporting its stores");
  command.add_option("--failures", options->failures, "After so many the campaign ends")
      ->check(CLI::Range(1U, 1000U))
      ->capture_default_str();
  command.add_option("--json", options->json, "File for the figures");
  command.add_option("--junit", options->junit, "File for a JUnit report");
  command.add_option("--case-directory", options->case_directory, "Where failures are laid down");
  CLI::Option* twin =
      command.add_option("--twin", options->twin, "Which broken variant to explore")->group("");
  command
      .add_option("--compiler-matrix", options->compiler_matrix,
                  "Every radish_subject.so below a directory, between instructions, in shares of the time")
      ->check(CLI::ExistingDirectory)
      ->excludes(engine)
      ->excludes(subject)
      ->excludes(twin);
  command.add_option("--case-seconds", crashpoints::limits.case_seconds, "A case that lasts longer fails")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  command
      .add_option("--processor-seconds", crashpoints::limits.processor_seconds,
                  "The same of the processor time of each process")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
}

}  // namespace radish::stress
