#include "crashpoints/case_file.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "model/shrink.h"

namespace radish::crashpoints {
namespace {

/// The base, then the mutation.
model::Sequence sequence_of(const Case& explored) {
  model::Sequence sequence{.operations = explored.base};
  sequence.operations.push_back(explored.mutation);
  return sequence;
}

std::optional<Case> case_of(const model::Sequence& sequence, const std::string& name) {
  if (sequence.operations.empty()) return std::nullopt;
  for (const Operation& operation : sequence.operations)
    if (!model::is_mutation(operation.kind)) return std::nullopt;
  Case made{.name = name, .base = sequence.operations, .mutation = sequence.operations.back()};
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

void write_bytes(const std::string& directory, const std::string& name, const Image& image) {
  std::string bytes(reinterpret_cast<const char*>(image.data()), image.size());
  stress::write_text_file(directory, name, bytes);
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

Image base_image(const Engines& engines, const Case& explored) {
  Oracle oracle(engines.shipped().subject());
  for (const Operation& operation : explored.base) {
    const Call call = call_of(operation);
    (void)oracle.subject().operate(oracle.witness(), &call);
  }
  return oracle.arena().image();
}

std::string what_text(const Told& told, const Finding& finding, const Engines& engines) {
  const Plugin& walked = engines.walked(told.engine);
  return fmt::format(
      "{}\n{}\n\n{} operations make the base; then: {}\nengine: {}; subject: {} ({})\n"
      "last store: {}",
      finding.what, finding.where, told.explored.base.size(), model::to_text(told.explored.mutation),
      name_of(told.engine), walked.subject().name, walked.subject().build,
      line_of(walked.path(), finding.code));
}

}  // namespace

Told shrink(Engines& engines, Told told, std::size_t attempts_max) {
  const auto fails = [&](const model::Sequence& sequence) {
    const auto smaller = case_of(sequence, told.explored.name);
    try {
      return smaller && engines.explore(told.engine, *smaller, told.seed).has_value();
    } catch (const std::runtime_error&) {
      return false;  // it cannot be explored
    }
  };
  if (!fails(sequence_of(told.explored))) return told;
  const auto smallest = model::shrink(sequence_of(told.explored), fails, attempts_max);
  told.explored = *case_of(smallest, told.explored.name);
  return told;
}

void write_finding(const std::string& directory, const Told& told, const Finding& finding,
                   const Engines& engines) {
  nlohmann::json options = to_json(told.options);
  options["engine"] = name_of(told.engine);
  options["name"] = told.explored.name;
  options["sequence"] = model::to_text(sequence_of(told.explored));
  stress::write_case(directory, {.harness = "crashpoints", .seed = told.seed, .options = options},
                     what_text(told, finding, engines));
  const Truth truth(told.explored);
  stress::write_text_file(directory, "before.txt", map_text(truth.before));
  stress::write_text_file(directory, "after.txt", map_text(truth.after));
  stress::write_text_file(directory, "difference.txt", difference(truth));
  stress::write_text_file(directory, "sequence.txt", model::to_text(sequence_of(told.explored)));
  write_bytes(directory, "state.image", finding.state);
  write_bytes(directory, "base.image", base_image(engines, told.explored));
}

Told read_told(const stress::Case& stored) {
  const auto sequence = model::parse_sequence(stored.options.at("sequence").get<std::string>());
  if (!sequence) throw std::runtime_error("the case's sequence: " + sequence.error());
  const auto explored = case_of(*sequence, stored.options.at("name"));
  if (!explored) throw std::runtime_error("the case's sequence holds more than mutations");
  return {.options = options_of(stored.options),
          .engine = engine_named(stored.options.at("engine")),
          .seed = stored.seed,
          .explored = *explored};
}

int replay(const stress::Case& stored, const std::string& directory) {
  const Told told = read_told(stored);
  Engines engines(told.options);
  fmt::print("exploring the case of {} with the {} engine\n", directory, name_of(told.engine));
  const auto found = engines.explore(told.engine, told.explored, told.seed);
  if (!found) {
    fmt::print("nothing found: {} states\n", engines.stores.states[0] + engines.steps.states[0]);
    return 0;
  }
  fmt::print("{}\n", what_text(told, *found, engines));
  return 1;
}

}  // namespace radish::crashpoints
