#include "crashpoints/case_file.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

#include "crashpoints/build_id.h"
#include "crashpoints/limit.h"
#include "model/shrink.h"

namespace radish::crashpoints {
namespace {

/// The base, then the mutation.
model::Sequence sequence_of(const Case& explored) {
  model::Sequence sequence{.operations = explored.base};
  sequence.operations.push_back(explored.mutation);
  return sequence;
}

/// Under the same circumstances.
std::optional<Case> case_of(const model::Sequence& sequence, const Case& like) {
  if (sequence.operations.empty()) return std::nullopt;
  for (const Operation& operation : sequence.operations)
    if (!model::is_mutation(operation.kind)) return std::nullopt;
  Case made = like;
  made.base = sequence.operations;
  made.mutation = sequence.operations.back();
  made.base.pop_back();
  return made;
}

std::string map_text(const Model& model) {
  std::string text;
  for (const auto& [key, value] : model.map()) text += fmt::format("{} {}\n", model::quote(key), value);
  return text;
}

/// The keys in which the maps differ.
std::string difference(const Truth& truth) {
  std::string text;
  for (const auto& [key, value] : truth.before.map())
    if (truth.after.find(key) != value) text += fmt::format("- {} {}\n", model::quote(key), value);
  for (const auto& [key, value] : truth.after.map())
    if (truth.before.find(key) != value) text += fmt::format("+ {} {}\n", model::quote(key), value);
  return text;
}

/// What binutils says of an address in a file, or the address.
std::string line_of(const std::string& path, std::uint64_t code) {
  const std::string address = fmt::format("{:#x} in {}", code, path);
  const auto close_pipe = [](FILE* pipe) { pclose(pipe); };
  const std::unique_ptr<FILE, decltype(close_pipe)> pipe(
      popen(fmt::format("addr2line -Cfipe '{}' {:#x} 2>&1", path, code).c_str(), "r"), close_pipe);
  std::array<char, 4096> text{};
  const std::size_t bytes = pipe ? fread(text.data(), 1, text.size() - 1, pipe.get()) : 0;
  return address + "\n" + std::string(text.data(), bytes);
}

void write_maps(const std::string& directory, const Truth& truth) {
  stress::write_text_file(directory, "before.txt", map_text(truth.before));
  stress::write_text_file(directory, "after.txt", map_text(truth.after));
  stress::write_text_file(directory, "difference.txt", difference(truth));
}

void write_image(const std::string& directory, const std::string& name, const Image& image) {
  const std::string bytes(reinterpret_cast<const char*>(image.data()), image.size());
  stress::write_text_file(directory, name, bytes);
}

/// Makes the base again, which may be what the subject dies of. A full heap holds more than the case says.
void write_base(const std::string& directory, const Case& explored, const Subject& subject) {
  Oracle oracle(subject);
  const Image empty = oracle.arena().image();
  write_image(directory, "empty.image", empty);
  oracle.take(explored, empty);
  write_image(directory, "base.image", oracle.arena().image());
  write_maps(directory, oracle.truth());
}

nlohmann::json json_of(const StateIndex& index, EngineKind engine) {
  if (engine == EngineKind::step)
    return {{"level", index.level}, {"moment", index.moment}, {"instruction", index.retired}};
  return {{"level", index.level}, {"prefix", index.stores.prefix}, {"beyond", index.stores.beyond}};
}

nlohmann::json json_of(const Told& told, const Finding& finding, const Engines& engines) {
  nlohmann::json json = to_json(told.options);
  json["engine"] = name_of(told.engine);
  json["name"] = told.explored.name;
  json["heap_is_full"] = told.explored.heap_is_full;
  json["sequence"] = model::to_text(sequence_of(told.explored));
  json["what"] = finding.what;
  json["where"] = finding.where;
  json["state_index"] = json_of(finding.index, told.engine);
  json["may_be_before"] = finding.allowed.before;
  json["may_be_after"] = finding.allowed.after;
  json["recovery"] = finding.way;
  json["build"] = describe_build(engines.walked(told.engine));
  return json;
}

}  // namespace

std::string describe_build(const Plugin& plugin) {
  const std::string id = build_id_of(plugin.path());
  return fmt::format("{} ({}), build id {}", plugin.subject().name, plugin.subject().build,
                     id.empty() ? "unknown" : id);
}

std::string what_text(const Told& told, const Finding& finding, const Engines& engines) {
  const Plugin& walked = engines.walked(told.engine);
  return fmt::format(
      "{}\n{}\n\n{} operations make the base{}; then: {}\nengine: {}; state: {}\nsubject: {}\nlast store: {}",
      finding.what, finding.where, told.explored.base.size(),
      told.explored.heap_is_full ? ", and the heap is filled" : "", model::to_text(told.explored.mutation),
      name_of(told.engine), json_of(finding.index, told.engine).dump(), describe_build(walked),
      line_of(walked.path(), finding.code));
}

std::string_view kind_of(std::string_view what) {
  const std::size_t colon = what.find(':');
  const bool named = colon != 0 && colon <= 3 && what.find_first_of("0123456789") == 1;
  return what.substr(0, named ? colon : what.find_first_of("0123456789\""));
}

Told shrink(Engines& engines, Told told, const Finding& found, std::size_t attempts_max) {
  using std::chrono::steady_clock;
  const steady_clock::time_point end = steady_clock::now() + std::chrono::seconds(limits.case_seconds);
  const auto fails = [&](const model::Sequence& sequence) {
    const auto smaller = case_of(sequence, told.explored);
    if (!smaller || steady_clock::now() >= end) return false;
    try {
      const auto again = engines.explore(told.engine, *smaller, told.seed);
      return again && kind_of(again->what) == kind_of(found.what);
    } catch (const std::runtime_error&) {
      return false;  // it cannot be explored
    }
  };
  if (!fails(sequence_of(told.explored))) return told;
  const auto smallest = model::shrink(sequence_of(told.explored), fails, attempts_max);
  told.explored = *case_of(smallest, told.explored);
  return told;
}

void write_finding(const std::string& directory, const Told& told, const Finding& finding,
                   const Engines& engines) {
  stress::write_case(
      directory, {.harness = "crashpoints", .seed = told.seed, .options = json_of(told, finding, engines)},
      what_text(told, finding, engines));
  stress::write_text_file(directory, "sequence.txt", model::to_text(sequence_of(told.explored)));
  write_maps(directory, Truth(told.explored));
  write_image(directory, "state.image", finding.state);
  // Of a wrong answer or a wrong log there is no state to be judged again.
  if (!finding.way.empty() || kind_of(finding.what) == "O1")
    fmt::print(stderr, "debug: gdb --args {} --state\n", stress::replay_command(directory));
  write_base(directory, told.explored, engines.shipped().subject());
}

Told read_told(const stress::Case& stored) {
  const auto sequence = model::parse_sequence(stored.options.at("sequence").get<std::string>());
  if (!sequence) throw std::runtime_error("the case's sequence: " + sequence.error());
  const auto explored = case_of(*sequence, {.name = stored.options.at("name"),
                                            .heap_is_full = stored.options.at("heap_is_full").get<bool>()});
  if (!explored) throw std::runtime_error("the case's sequence holds more than mutations");
  return {.options = options_of(stored.options),
          .engine = engine_named(stored.options.at("engine")),
          .seed = stored.seed,
          .explored = *explored};
}

Finding read_finding(const stress::Case& stored, const std::string& directory) {
  return {
      .what = stored.options.at("what"),
      .where = stored.options.at("where"),
      .state = read_image(directory, "state.image"),
      .allowed = {.before = stored.options.at("may_be_before"), .after = stored.options.at("may_be_after")},
      .way = stored.options.at("recovery")};
}

Image read_image(const std::string& directory, const std::string& name) {
  std::ifstream file(directory + '/' + name, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  Image image(bytes.size());
  std::memcpy(image.data(), bytes.data(), bytes.size());
  return image;
}

}  // namespace radish::crashpoints
