// How answers look on standard output.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "output.h"
#include "registry.h"

namespace radish::cli {

using Json = nlohmann::ordered_json;

/// One JSON object on a line.
void write_json(Output& out, const Json& object);
/// Sets "key", or "key_hex" if `hex` is asked for or the key is not valid UTF-8.
void set_key(Json& object, std::string_view key, bool hex);
/// One key as a line of text, key<TAB>value, or as an object, as the arguments ask.
void write_entry(Output& out, const KeyArguments& arguments, std::string_view key, std::uint64_t value);

}  // namespace radish::cli
