#include "crashpoints/options.h"

namespace radish::crashpoints {

nlohmann::json to_json(const Options& options) {
  return {{"subject", options.subject}, {"instrumented", options.instrumented}, {"twin", options.twin}};
}

Options options_of(const nlohmann::json& json) {
  Options options;
  options.subject = json.at("subject");
  options.instrumented = json.at("instrumented");
  options.twin = json.at("twin");
  return options;
}

}  // namespace radish::crashpoints
