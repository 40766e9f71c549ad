#include "crashpoints/options.h"

#include <filesystem>

namespace radish::crashpoints {

nlohmann::json to_json(const Options& options) {
  const auto from_anywhere = [](const std::string& path) {
    return path.empty() ? path : std::filesystem::absolute(path).string();
  };
  return {{"subject", from_anywhere(options.subject)},
          {"instrumented", from_anywhere(options.instrumented)},
          {"twin", options.twin}};
}

Options options_of(const nlohmann::json& json) {
  Options options;
  options.subject = json.at("subject");
  options.instrumented = json.at("instrumented");
  options.twin = json.at("twin");
  return options;
}

}  // namespace radish::crashpoints
