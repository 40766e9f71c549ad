#include "crashpoints/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "crashpoints/build_id.h"

namespace radish::crashpoints {
namespace {

std::string act_name(std::size_t act) {
  if (act == static_cast<std::size_t>(Act::freeze)) return "freeze";
  return std::string(model::fields_of(static_cast<model::Kind>(act)).name);
}

constexpr std::array engine_order{EngineKind::store, EngineKind::step, EngineKind::span};

std::uint64_t at_level(const Row& row, unsigned level) {
  return row.store_states[level] + row.step_states[level];
}

std::string line(const std::string& name, const Row& row) {
  std::uint64_t by_step = 0;
  for (const Count& states : row.step_states) by_step += states;
  return fmt::format("  {:<17} {:>8} {:>10} {:>10} {:>10} {:>9} {:>9} {:>8} {:>11} {:>9}\n", name,
                     row.all_cases(), row.states(), row.held(), at_level(row, 1), at_level(row, 2), by_step,
                     row.killed.load(), row.span_reads.load(), row.all_failures());
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

nlohmann::json json_of(const Row& row) {
  const auto states = [](const auto& by_level) {
    return nlohmann::json{by_level[0].load(), by_level[1].load(), by_level[2].load()};
  };
  return {{"cases", row.all_cases()},
          {"cut", row.all_cut()},
          {"store_states", states(row.store_states)},
          {"step_states", states(row.step_states)},
          {"held", row.held()},
          {"instructions", row.instructions.load()},
          {"killed", row.killed.load()},
          {"killed_stepping", row.killed_stepping.load()},
          {"agreed", row.agreed.load()},
          {"unreported", row.unreported.load()},
          {"unseen", row.unseen.load()},
          {"spanning_reads", row.span_reads.load()},
          {"waits", row.waits.load()},
          {"parked", row.parked.load()},
          {"looked", row.looked.load()},
          {"failures", row.all_failures()}};
}

nlohmann::json json_of(const Plugin& plugin) {
  return {{"name", plugin.subject().name},
          {"file", plugin.path()},
          {"build", plugin.subject().build},
          {"build_id", build_id_of(plugin.path())}};
}

bool are_parts(const std::vector<Campaigned>& campaigns) {
  return campaigns.size() != 1 || !campaigns.front().options.name.empty();
}

std::string lines_of(const Board& board) {
  std::string text;
  for (std::size_t act = 0; act < board.rows.size(); ++act)
    if (board.rows[act].all_cases() != 0) text += line(act_name(act), board.rows[act]);
  return text;
}

std::string line_of(const Campaigned& campaign) {
  Row sum{};
  campaign.board.sum_up(sum);
  return line(campaign.options.name, sum);
}

nlohmann::json json_of(const Campaigned& campaign) {
  const Board& board = campaign.board;
  nlohmann::json operations = nlohmann::json::object();
  for (std::size_t act = 0; act < board.rows.size(); ++act)
    if (board.rows[act].all_cases() != 0) operations[act_name(act)] = json_of(board.rows[act]);
  Row sum{};
  board.sum_up(sum);
  return {{"seconds", campaign.seconds},
          {"subject", json_of(campaign.engines.shipped())},
          {"instrumented", json_of(campaign.engines.instrumented())},
          {"lives", board.lives.load()},
          {"operations", operations},
          {"failures", sum.all_failures()}};
}

std::string escaped(const std::string& text) {
  std::string made;
  for (const char letter : text)
    made += letter == '&'   ? "&amp;"
            : letter == '<' ? "&lt;"
            : letter == '"' ? "&quot;"
                            : std::string(1, letter);
  return made;
}

struct Suite {
  std::string cases;
  std::size_t tests = 0, failed = 0;
};

void add_test_cases(Suite& suite, const Campaigned& campaign) {
  const std::string part =
      campaign.options.name.empty() ? "" : fmt::format(".{}", escaped(campaign.options.name));
  for (std::size_t act = 0; act < campaign.board.rows.size(); ++act)
    for (const EngineKind engine : engine_order) {
      const Row& row = campaign.board.rows[act];
      const auto kind = static_cast<std::size_t>(engine);
      if (row.cases[kind] == 0) continue;
      const std::uint64_t failures = row.failures[kind];
      ++suite.tests;
      suite.failed += failures != 0 ? 1 : 0;
      suite.cases += fmt::format("  <testcase classname=\"crashpoints.{}{}\" name=\"{}\">", name_of(engine),
                                 part, act_name(act));
      if (failures != 0)
        suite.cases += fmt::format("<failure message=\"{} of {} cases\"/>", failures, row.cases[kind].load());
      suite.cases += "</testcase>\n";
    }
}

}  // namespace

std::string live_line(const Board& board, const Progress& progress) {
  std::uint64_t cases = 0;
  for (const Count& next : board.next) cases += next;
  const double done = progress.seconds_asked > 0
                          ? progress.seconds / progress.seconds_asked
                          : static_cast<double>(cases) / static_cast<double>(progress.cases_asked);
  const double left = done > 0 ? progress.seconds / done - progress.seconds : 0;
  Row sum{};
  board.sum_up(sum);
  return fmt::format("{:.0f} s, {} cases, {} states, {:.0f} a second, {} reads, {} failures; {:.0f} s left",
                     progress.seconds, cases, sum.states(),
                     static_cast<double>(sum.states()) / progress.seconds, sum.span_reads.load(),
                     sum.all_failures(), left > 0 ? left : 0);
}

std::string table(const Options& options, const std::vector<Campaigned>& campaigns) {
  double seconds = 0;
  std::uint64_t lives = 0;
  Row all{};
  for (const Campaigned& campaign : campaigns) {
    seconds += campaign.seconds;
    lives += campaign.board.lives;
    campaign.board.sum_up(all);
  }
  const bool parts = are_parts(campaigns);
  std::string text = fmt::format("\ncrashpoints, seed {}, {:.0f} s{}{}\n", options.seed, seconds,
                                 options.twin.empty() ? "" : ", broken variant ", options.twin) +
                     fmt::format("  {:<17} {:>8} {:>10} {:>10} {:>10} {:>9} {:>9} {:>8} {:>11} {:>9}\n",
                                 parts ? "subject" : "operation", "cases", "states", "held", "2nd death",
                                 "3rd", "by step", "killed", "span reads", "failures");
  for (const Campaigned& campaign : campaigns) text += parts ? line_of(campaign) : lines_of(campaign.board);
  text += line("all", all);
  text += fmt::format("  {} distinct recovered images lived on for 200 operations each\n", lives);
  text += fmt::format("  {} machine instructions walked through\n", all.instructions.load());
  text +=
      fmt::format("  {} waits for the living, {} of them asleep: {} of these ended by a look at the dead\n",
                  all.waits.load(), all.parked.load(), all.looked.load());
  if (all.all_cut() != 0)
    text += fmt::format("  {} cases were cut off when the time was over\n", all.all_cut());
  text += fmt::format("  states judged      {}\n", all.states());
  text += fmt::format("  failures           {}\n", all.all_failures());
  return text;
}

void write_json(const std::string& path, const Options& options, const std::vector<Campaigned>& campaigns) {
  nlohmann::json all{{"seed", options.seed}};
  if (are_parts(campaigns))
    for (const Campaigned& campaign : campaigns) all["parts"][campaign.options.name] = json_of(campaign);
  else
    all.update(json_of(campaigns.front()));
  write(path, all.dump(2) + '\n');
}

void write_junit(const std::string& path, const std::vector<Campaigned>& campaigns) {
  Suite suite;
  double seconds = 0;
  for (const Campaigned& campaign : campaigns) {
    seconds += campaign.seconds;
    add_test_cases(suite, campaign);
  }
  write(path, fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                          "<testsuite name=\"crashpoints\" time=\"{:.1f}\" tests=\"{}\" failures=\"{}\">\n"
                          "{}</testsuite>\n",
                          seconds, suite.tests, suite.failed, suite.cases));
}

std::optional<std::string> shortcoming(const Row& sum, bool twin) {
  if (sum.states() + sum.span_reads == 0) return "nothing was judged";
  const bool stepped = std::ranges::any_of(sum.step_states, [](const Count& states) { return states != 0; });
  constexpr auto step = static_cast<std::size_t>(EngineKind::step);
  if (stepped && !twin && sum.agreed == 0 && sum.cases[step] > sum.cut[step])
    return "no state between instructions was looked up among those between stores";
  return std::nullopt;
}

}  // namespace radish::crashpoints
