// The subcommands of the torture.
#include "harness.h"

#include <fmt/format.h>

#include <memory>

#include "torture/campaign.h"
#include "torture/ledger.h"
#include "torture/replay.h"
#include "torture/worker.h"
#include "twins.h"

namespace radish::stress {

namespace {

struct WorkerArguments {
  int ledger = -1;
  std::uint32_t seat = 0;
};

int run_again(const WorkerArguments& arguments) {
  const auto ledger = torture::Ledger::inherit(arguments.ledger);
  become_twin(ledger.setting().twin);
  return torture::run_worker(ledger, arguments.seat, std::nullopt);
}

}  // namespace

void add_torture(Harnesses& harnesses) {
  const auto options = std::make_shared<torture::Options>();
  CLI::App& command = harnesses.add(
      "torture", "Processes on one segment, killed and stopped at random moments; every answer is checked",
      [options] { return torture::run_torture(*options); }, torture::replay);
  torture::add_options(command, *options);

  const auto arguments = std::make_shared<WorkerArguments>();
  CLI::App& worker =
      harnesses.add_hidden(torture::worker_command, [arguments] { return run_again(*arguments); });
  worker.add_option("--ledger", arguments->ledger)->required();
  worker.add_option("--seat", arguments->seat)->required();
}

}  // namespace radish::stress
