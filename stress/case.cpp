#include "case.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <system_error>

namespace radish::stress {

void write_text_file(const std::string& directory, const std::string& name, const std::string& text) {
  std::filesystem::create_directories(directory);
  const std::filesystem::path path = std::filesystem::path(directory) / name;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string replay_command(const std::string& directory) {
  std::error_code unknown;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", unknown).string();
  return fmt::format("{} replay {}", unknown ? "radish-check" : program,
                     std::filesystem::absolute(directory).string());
}

void write_case(const std::string& directory, const Case& found, const std::string& what) {
  const std::string command = replay_command(directory);
  const nlohmann::json stored{{"harness", found.harness}, {"seed", found.seed}, {"options", found.options}};
  write_text_file(directory, "case.json", stored.dump(2) + '\n');
  write_text_file(directory, "what.txt", what);
  write_text_file(
      directory, "README.txt",
      fmt::format("Found by radish-check {}, seed {}.\nwhat.txt says what was wrong; the other files are "
                  "what there was to see when it was.\nTo look for it again:\n\n    {}\n\nThe seed replays "
                  "what was drawn; when each process got the processor, and the machine's\nfiles where "
                  "their paths were keys, are not replayed.\n",
                  found.harness, found.seed, command));
  fmt::print(stderr, "case: {}\nreplay: {}\n", directory, command);
}

Case read_case(const std::string& directory) {
  const std::filesystem::path path = std::filesystem::path(directory) / "case.json";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("there is no " + path.string());
  const auto stored = nlohmann::json::parse(file);
  return {.harness = stored.at("harness"), .seed = stored.at("seed"), .options = stored.at("options")};
}

std::uint64_t draw_seed() {
  std::random_device device;
  return 1 + device() % 999'999'999;
}

}  // namespace radish::stress
