#include "crashpoints/replay.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "crashpoints/case_file.h"
#include "crashpoints/likeness.h"
#include "crashpoints/limit.h"

namespace radish::crashpoints {
namespace {

void compare_builds(const stress::Case& stored, const Plugin& plugin) {
  const std::string then = stored.options.at("build"), now = describe_build(plugin);
  if (then != now) fmt::print("note: it was found in another build\n  then: {}\n  now:  {}\n", then, now);
}

int explore_again(const stress::Case& stored) {
  const Told told = read_told(stored);
  Engines engines(told.options);
  compare_builds(stored, engines.walked(told.engine));
  const auto found = engines.explore(told.engine, told.explored, told.seed);
  if (!found) {
    fmt::print("nothing found: {} states\n", engines.stores.states[0] + engines.steps.states[0]);
    return 0;
  }
  fmt::print("{}\n", what_text(told, *found, engines));
  const std::string then = stored.options.at("what");
  const bool same = kind_of(then) == kind_of(found->what);
  fmt::print("{}\n", same ? "found again" : "something else was found before: " + then);
  return 1;
}

/// The image as it would be if our own witness had been attached: whatever it shares with the empty structure
/// of then, it shares with that of now.
Image adapted(Image state, const Image& empty_then, const Image& empty_now) {
  const std::size_t bytes = std::min({state.size(), empty_then.size(), empty_now.size()});
  for (std::size_t index = 0; index < bytes / 8; ++index)
    if (word_of(state, index) == word_of(empty_then, index))
      std::copy_n(empty_now.begin() + static_cast<std::ptrdiff_t>(index * 8), 8,
                  state.begin() + static_cast<std::ptrdiff_t>(index * 8));
  return state;
}

void tell(const Debts& debts) {
  fmt::print("the state: {} takeovers; {}, {}{}{}\n", debts.takeovers,
             debts.owed ? "one more is owed to a dead process" : "nothing is owed",
             debts.armed ? "a record is armed" : "no record is armed",
             debts.counted ? ", its takeover is counted already" : "", debts.final ? ", final" : "");
}

}  // namespace

int replay(const stress::Case& stored, const std::string& directory) {
  fmt::print("exploring the case of {} with the {} engine\n", directory,
             stored.options.at("engine").get<std::string>());
  std::fflush(stdout);
  const pid_t child = fork_bounded();
  if (child == 0) {
    int code = 3;
    try {
      code = explore_again(stored);
    } catch (const std::exception& exception) {
      fmt::print(stderr, "radish-check: {}\n", exception.what());
    }
    std::fflush(stdout);
    _exit(code);
  }
  const auto end = await_bounded(child);
  if (end) return *end;
  fmt::print("the process that judged {}\n", end.error());
  return 1;
}

int replay_state(const stress::Case& stored, const std::string& directory) {
  const Told told = read_told(stored);
  const Finding found = read_finding(stored, directory);
  if (found.state.empty()) throw std::runtime_error("no state was laid down in " + directory);
  const Engines engines(told.options);
  compare_builds(stored, engines.walked(told.engine));
  Oracle oracle(engines.shipped().subject());
  const Image empty = oracle.arena().image();
  oracle.take(told.explored, empty);
  const Image state = adapted(found.state, read_image(directory, "empty.image"), empty);
  tell(oracle.subject().debts(state.data()));
  const auto judgement = oracle.judge(state, found.allowed, way_named(found.way));
  const std::string way = judgement.way.empty() ? "" : "after recovery by " + judgement.way + ": ";
  fmt::print("{}{}\n", way, judgement.wrong.value_or("nothing is wrong"));
  return judgement.wrong ? 1 : 0;
}

}  // namespace radish::crashpoints
