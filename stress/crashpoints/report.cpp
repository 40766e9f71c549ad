#include "crashpoints/report.h"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

namespace radish::crashpoints {
namespace {

std::string act_name(std::size_t act) {
  if (act == static_cast<std::size_t>(Act::freeze)) return "freeze";
  return std::string(model::fields_of(static_cast<model::Kind>(act)).name);
}

std::string line(const std::string& name, const Row& row) {
  return fmt::format("  {:<17} {:>8} {:>10} {:>11} {:>9} {:>9} {:>9} {:>8} {:>11} {:>9}\n", name,
                     row.cases.load(), row.store_states[0].load(), row.store_states[1].load(),
                     row.store_states[2].load(), row.step_states[0].load(),
                     row.step_states[1].load() + row.step_states[2].load(), row.killed.load(),
                     row.span_reads.load(), row.failures.load());
}

void add(Row& sum, const Row& row) {
  sum.cases += row.cases;
  for (unsigned level = 0; level < levels; ++level) {
    sum.store_states[level] += row.store_states[level];
    sum.step_states[level] += row.step_states[level];
  }
  sum.visited += row.visited;
  sum.instructions += row.instructions;
  sum.killed += row.killed;
  sum.span_reads += row.span_reads;
  sum.failures += row.failures;
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
  return {{"cases", row.cases.load()},
          {"store_states", states(row.store_states)},
          {"step_states", states(row.step_states)},
          {"instructions", row.instructions.load()},
          {"killed", row.killed.load()},
          {"spanning_reads", row.span_reads.load()},
          {"failures", row.failures.load()}};
}

}  // namespace

std::string live_line(const Board& board, const Progress& progress) {
  const std::uint64_t cases = board.next;
  const double done = progress.seconds_asked > 0
                          ? progress.seconds / progress.seconds_asked
                          : static_cast<double>(cases) / static_cast<double>(progress.cases_asked);
  const double left = done > 0 ? progress.seconds / done - progress.seconds : 0;
  const auto states = board.store_states() + board.step_states();
  return fmt::format(
      "{:.0f} s, {} cases, {} states between stores, {} between instructions, {:.0f} a second, {} failures; "
      "{:.0f} s left",
      progress.seconds, cases, board.store_states(), board.step_states(),
      static_cast<double>(states) / progress.seconds, board.failures(), left > 0 ? left : 0);
}

std::string table(const Board& board, const Options& options, double seconds) {
  std::string text = fmt::format(
      "\ncrashpoints, seed {}, {:.0f} s{}{}\n  {:<17} {:>8} {:>10} {:>11} {:>9} {:>9} {:>9} {:>8} {:>11} "
      "{:>9}\n",
      options.seed, seconds, options.twin.empty() ? "" : ", broken variant ", options.twin,
      "states:", "cases", "by store", "2nd death", "3rd", "by step", "2nd, 3rd", "killed", "span reads",
      "failures");
  Row sum{};
  for (std::size_t act = 0; act < board.rows.size(); ++act) {
    if (board.rows[act].cases == 0) continue;
    text += line(act_name(act), board.rows[act]);
    add(sum, board.rows[act]);
  }
  text += line("all", sum);
  text +=
      fmt::format("  {} distinct recovered images lived on for 200 operations each\n", board.lives.load());
  text += fmt::format("  {} machine instructions walked through\n", sum.instructions.load());
  text += fmt::format("  states judged      {}\n", board.store_states() + board.step_states());
  text += fmt::format("  failures           {}\n", sum.failures.load());
  return text;
}

void write_json(const std::string& path, const Board& board, const Options& options, double seconds) {
  nlohmann::json operations = nlohmann::json::object();
  for (std::size_t act = 0; act < board.rows.size(); ++act)
    if (board.rows[act].cases != 0) operations[act_name(act)] = json_of(board.rows[act]);
  const nlohmann::json all{{"seed", options.seed},
                           {"seconds", seconds},
                           {"lives", board.lives.load()},
                           {"operations", operations},
                           {"failures", board.failures()}};
  write(path, all.dump(2) + '\n');
}

void write_junit(const std::string& path, const Board& board, double seconds) {
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"crashpoints\" time=\"{:.1f}\" failures=\"{}\">\n",
      seconds, board.failures());
  for (std::size_t act = 0; act < board.rows.size(); ++act) {
    const Row& row = board.rows[act];
    if (row.cases == 0) continue;
    text += fmt::format("  <testcase classname=\"crashpoints\" name=\"{}\">", act_name(act));
    if (row.failures != 0) text += fmt::format("<failure message=\"{} cases\"/>", row.failures.load());
    text += "</testcase>\n";
  }
  write(path, text + "</testsuite>\n");
}

}  // namespace radish::crashpoints
