// The crash-point engines over a fixed list of cases, with a subject that may be a mutant: the first finding
// ends it. What `radish-check crashpoints` does besides, workers and shrinking and a comparison with what the
// *unmutated* library stores, would take time or find differences that are no faults.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>

#include "crashpoints/case_source.h"
#include "crashpoints/step_engine.h"
#include "crashpoints/store_engine.h"
#include "crashpoints/waits.h"

namespace {

using namespace radish::crashpoints;

struct Arguments {
  std::string subject;
  std::string instrumented;  ///< empty: the subject's own instructions are stepped through
  bool waits = false;        ///< of this one: how it waits and wakes
  std::uint64_t cases = 8;
  std::uint64_t first = 0;
  std::uint64_t seed = 1;
};

/// Calls `explore` with one case after the other; 1 and a sentence if it finds something.
template <class Explore>
int each_case(const Arguments& arguments, Explore explore) {
  const CaseSource source(arguments.seed);
  for (std::uint64_t number = arguments.first; number < arguments.first + arguments.cases; ++number) {
    const Case explored = source.at(number);
    if (const auto found = explore(explored, arguments.seed + number)) {
      fmt::print("case {}, {}: {}: {}\n", number, explored.name, found->what, found->where);
      return 1;
    }
  }
  return 0;
}

/// States that the unmutated library leaves when it dies between stores: the mutant reads and recovers them.
int judge_states(const Arguments& arguments) {
  const Plugin subject(arguments.subject), instrumented(arguments.instrumented);
  StoreEngine engine(subject, instrumented);
  Tally tally;
  const int code = each_case(arguments, [&](const Case& explored, std::uint64_t seed) {
    return engine.explore(explored, seed, {.samples = 4, .third_level = 0}, tally);
  });
  fmt::print("{} + {} states\n", tally.states[0], tally.states[1]);
  return code;
}

/// States that the mutant itself leaves when it dies between instructions, in mutations, recoveries, reads
/// and comings and goings.
int judge_steps(const Arguments& arguments) {
  const Plugin subject(arguments.subject);
  StepEngine engine(subject, nullptr);
  StepTally tally;
  const int code = each_case(arguments, [&](const Case& explored, std::uint64_t seed) {
    return engine.explore(explored, seed, {.kills = 1, .recoveries = 1, .visits = seed % 4 == 0}, tally);
  });
  fmt::print("{} + {} states\n", tally.states[0], tally.states[1]);
  return code;
}

/// Who waits for whom at each point of the two, in mutants of the instrumented library.
int judge_waits(const Arguments& arguments) {
  const Plugin subject(arguments.subject), instrumented(arguments.instrumented);
  Oracle oracle(subject.subject());
  const Image pristine = oracle.arena().image();
  const Deed view{.way = Way::by_reading_lock}, writer{.way = Way::by_writing_lock};
  std::uint64_t waits = 0;
  const int code = each_case(arguments, [&](const Case& explored, std::uint64_t) {
    oracle.take(explored, pristine);
    const Image base = oracle.arena().image();
    const Deed mutation{.mutation = &explored.mutation};
    std::optional<Finding> found;
    const auto judge = [&](const WaitPlan& plan, const WaitCourse& course) {
      ++waits;
      const Complaint wrong = course.wrong ? course.wrong : judge_left(oracle, plan);
      if (wrong) found = Finding{*wrong, to_text(plan)};
      return !wrong;
    };
    for (const auto& [holder, waiter] : {std::pair{mutation, view}, {mutation, writer}, {view, writer}})
      if (!found)
        each_wait(instrumented, oracle, pristine, {.image = &base, .holder = holder, .waiter = waiter},
                  judge);
    return found;
  });
  fmt::print("{} waits\n", waits);
  return code;
}

int judge(const Arguments& arguments) {
  if (arguments.instrumented.empty()) return judge_steps(arguments);
  return arguments.waits ? judge_waits(arguments) : judge_states(arguments);
}

}  // namespace

int main(int argument_count, char** argument_values) {
  Arguments arguments;
  CLI::App app("Judges what the deaths of a subject's processes leave; exit code 1: something is wrong");
  app.add_option("subject", arguments.subject)->required();
  app.add_option("--instrumented", arguments.instrumented, "States between the stores of this one");
  app.add_flag("--waits", arguments.waits, "How the instrumented one waits and wakes");
  app.add_option("--cases", arguments.cases);
  app.add_option("--first", arguments.first, "Number of the first case");
  app.add_option("--seed", arguments.seed);
  CLI11_PARSE(app, argument_count, argument_values);
  try {
    return judge(arguments);
  } catch (const std::exception& exception) {
    fmt::print("{}\n", exception.what());
    return 1;
  }
}
