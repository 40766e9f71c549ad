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
          {"failures", row.all_failures()}};
}

nlohmann::json json_of(const Plugin& plugin) {
  return {{"name", plugin.subject().name},
          {"file", plugin.path()},
          {"build", plugin.subject().build},
          {"build_id", build_id_of(plugin.path())}};
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

std::string table(const Campaigned& campaign) {
  const auto& [board, options, engines, seconds] = campaign;
  std::string text = fmt::format(
      "\ncrashpoints, seed {}, {:.0f} s{}{}\n  {:<17} {:>8} {:>10} {:>10} {:>10} {:>9} {:>9} {:>8} {:>11} "
      "{:>9}\n",
      options.seed, seconds, options.twin.empty() ? "" : ", broken variant ", options.twin, "operation",
      "cases", "states", "held", "2nd death", "3rd", "by step", "killed", "span reads", "failures");
  for (std::size_t act = 0; act < board.rows.size(); ++act)
    if (board.rows[act].all_cases() != 0) text += line(act_name(act), board.rows[act]);
  Row sum{};
  board.sum_up(sum);
  text += line("all", sum);
  text +=
      fmt::format("  {} distinct recovered images lived on for 200 operations each\n", board.lives.load());
  text += fmt::format("  {} machine instructions walked through\n", sum.instructions.load());
  text += fmt::format("  states judged      {}\n", sum.states());
  text += fmt::format("  failures           {}\n", sum.all_failures());
  return text;
}

void write_json(const std::string& path, const Campaigned& campaign) {
  const Board& board = campaign.board;
  nlohmann::json operations = nlohmann::json::object();
  for (std::size_t act = 0; act < board.rows.size(); ++act)
    if (board.rows[act].all_cases() != 0) operations[act_name(act)] = json_of(board.rows[act]);
  Row sum{};
  board.sum_up(sum);
  const nlohmann::json all{{"seed", campaign.options.seed},
                           {"seconds", campaign.seconds},
                           {"subject", json_of(campaign.engines.shipped())},
                           {"instrumented", json_of(campaign.engines.instrumented())},
                           {"lives", board.lives.load()},
                           {"operations", operations},
                           {"failures", sum.all_failures()}};
  write(path, all.dump(2) + '\n');
}

void write_junit(const std::string& path, const Campaigned& campaign) {
  std::string cases;
  std::size_t tests = 0, failed = 0;
  for (std::size_t act = 0; act < campaign.board.rows.size(); ++act)
    for (const EngineKind engine : engine_order) {
      const Row& row = campaign.board.rows[act];
      const auto kind = static_cast<std::size_t>(engine);
      if (row.cases[kind] == 0) continue;
      const std::uint64_t failures = row.failures[kind];
      ++tests;
      failed += failures != 0 ? 1 : 0;
      cases += fmt::format("  <testcase classname=\"crashpoints.{}\" name=\"{}\">", name_of(engine),
                           act_name(act));
      if (failures != 0)
        cases += fmt::format("<failure message=\"{} of {} cases\"/>", failures, row.cases[kind].load());
      cases += "</testcase>\n";
    }
  write(path, fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                          "<testsuite name=\"crashpoints\" time=\"{:.1f}\" tests=\"{}\" failures=\"{}\">\n"
                          "{}</testsuite>\n",
                          campaign.seconds, tests, failed, cases));
}

std::optional<std::string> shortcoming(const Row& sum, bool twin) {
  if (sum.states() + sum.span_reads == 0) return "nothing was judged";
  const bool stepped = std::ranges::any_of(sum.step_states, [](const Count& states) { return states != 0; });
  if (stepped && !twin && sum.agreed == 0)
    return "no state between instructions was looked up among those between stores";
  return std::nullopt;
}

}  // namespace radish::crashpoints
