// Long differential runs: generated sequences against the model, until so many operations are done.
//
// Sequence i of a run is made from seed + i alone, so what fails or crashes replays as one sequence.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <random>

#include "model/bytes.h"
#include "model/generator.h"
#include "model/report.h"
#include "model/run.h"
#include "model/shrink.h"

namespace {

using namespace radish::model;

struct Arguments {
  std::uint64_t seed = std::random_device{}();
  std::uint64_t operations = 1'000'000;
  std::uint64_t length = 2000;
  std::string profile = "all";
  std::string storage = "anonymous";
  std::uint64_t capacity_bytes = 0;
  std::string replay;
  std::string decode;
  std::string failure_file;
  bool print = false;
};

void describe(CLI::App& app, Arguments& arguments) {
  app.add_option("--seed", arguments.seed, "of the first sequence; the next ones count up");
  app.add_option("--operations", arguments.operations, "to run at least");
  app.add_option("--length", arguments.length, "operations in a sequence")->check(CLI::PositiveNumber);
  app.add_option("--profile", arguments.profile, "tiny, prefixes, wide, integers, huge, churn, or all")
      ->check(CLI::IsMember({"all", "tiny", "prefixes", "wide", "integers", "huge", "churn"}));
  app.add_option("--storage", arguments.storage, "anonymous, memfd or file (below TMPDIR)")
      ->check(CLI::IsMember({"anonymous", "memfd", "file"}));
  app.add_option("--capacity", arguments.capacity_bytes,
                 "of the segment in bytes; 0: drawn for each sequence");
  app.add_option("--replay", arguments.replay, "runs the sequence in this file instead")
      ->check(CLI::ExistingFile);
  app.add_option("--decode", arguments.decode, "prints the text form of this fuzz input")
      ->check(CLI::ExistingFile);
  app.add_option("--failure-file", arguments.failure_file, "where a failing sequence is written");
  app.add_flag("--print", arguments.print, "prints the first sequence instead of running it");
}

// What a signal handler says about the sequence at work.
std::array<char, 512> crash_note;
std::size_t crash_note_bytes = 0;

void note_crash(int signal) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, crash_note.data(), crash_note_bytes);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void announce(const std::string& command) {
  const auto result =
      fmt::format_to_n(crash_note.data(), crash_note.size(), "crashed; replay: {}\n", command);
  crash_note_bytes = std::min(result.size, crash_note.size());
}

/// Huge keys cost as much as a hundred others, so `all` has few of them.
Profile chosen_profile(const Arguments& arguments, Random& random) {
  if (const auto profile = profile_named(arguments.profile)) return *profile;
  if (random.below(64) == 0) return Profile::huge;
  constexpr std::array others = {Profile::tiny, Profile::prefixes, Profile::wide, Profile::integers,
                                 Profile::churn};
  return others[random.below(others.size())];
}

Sequence make_sequence(const Arguments& arguments, std::uint64_t seed) {
  constexpr std::array<std::uint64_t, 3> capacities_bytes = {256 << 10, 1 << 20, 8 << 20};
  Random random(~seed);
  const Profile profile = chosen_profile(arguments, random);
  Setting setting;
  setting.storage = storage_named(arguments.storage).value_or(Storage::anonymous);
  setting.capacity_bytes = capacities_bytes[random.below(capacities_bytes.size())];
  if (arguments.capacity_bytes != 0) setting.capacity_bytes = arguments.capacity_bytes;
  return generate(seed, profile, arguments.length, setting);
}

std::string replay_command(const Arguments& arguments, std::uint64_t seed) {
  return fmt::format(
      "radish_differential --seed {} --operations 1 --length {} --profile {} --storage {} --capacity {}",
      seed, arguments.length, arguments.profile, arguments.storage, arguments.capacity_bytes);
}

int report(const Arguments& arguments, const Sequence& sequence, const std::string& default_file) {
  fmt::print(stderr, "a difference; shrinking\n");
  const Sequence small =
      shrink(sequence, [](const Sequence& candidate) { return run(candidate).has_value(); });
  const auto failure = run(small);
  const std::string path = arguments.failure_file.empty() ? default_file : arguments.failure_file;
  fmt::print(stderr, "{}",
             write_report(small, failure.value_or(Failure{.operation = "passes when run again"}), path));
  return 1;
}

int replay(const Arguments& arguments) {
  const auto text = read_file(arguments.replay);
  const auto sequence = parse_sequence(text.value_or(""));
  if (!text || !sequence) {
    fmt::print(stderr, "{}: {}\n", arguments.replay, text ? sequence.error() : "cannot be read");
    return 2;
  }
  if (const auto failure = run(*sequence)) {
    fmt::print(stderr, "{}", to_text(*failure));
    return 1;
  }
  fmt::print("{} operations, no difference\n", sequence->operations.size());
  return 0;
}

int decode_input(const Arguments& arguments) {
  const auto content = read_file(arguments.decode);
  if (!content) {
    fmt::print(stderr, "{}: cannot be read\n", arguments.decode);
    return 2;
  }
  fmt::print("{}", to_text(decode(std::vector<std::uint8_t>(content->begin(), content->end()))));
  return 0;
}

int explore(const Arguments& arguments) {
  fmt::print("seed {}\n", arguments.seed);
  std::fflush(stdout);
  const auto start = std::chrono::steady_clock::now();
  RunTotals totals;
  std::uint64_t seed = arguments.seed;
  for (; totals.operations < arguments.operations; ++seed) {
    const std::string command = replay_command(arguments, seed);
    announce(command);
    const Sequence sequence = make_sequence(arguments, seed);
    if (!run(sequence, &totals)) continue;
    fmt::print(stderr, "unshrunk: {}\n", command);
    return report(arguments, sequence, fmt::format("radish-failure-{}.txt", seed));
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  fmt::print(
      "{} operations in {} sequences, {} refused for want of room, at most {} keys left, no difference; "
      "{:.1f} s, "
      "{:.0f} a second\n",
      totals.operations, seed - arguments.seed, totals.refusals, totals.keys_max, elapsed.count(),
      static_cast<double>(totals.operations) / elapsed.count());
  return 0;
}

}  // namespace

int main(int argument_count, char** argument_values) {
  Arguments arguments;
  CLI::App app{
      "Runs generated operation sequences on a radish tree and on a std::map and compares every answer."};
  describe(app, arguments);
  CLI11_PARSE(app, argument_count, argument_values);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP})
    std::signal(signal, note_crash);
  if (arguments.print) {
    fmt::print("{}", to_text(make_sequence(arguments, arguments.seed)));
    return 0;
  }
  if (!arguments.decode.empty()) return decode_input(arguments);
  if (!arguments.replay.empty()) {
    announce("radish_differential --replay " + arguments.replay);
    return replay(arguments);
  }
  return explore(arguments);
}
