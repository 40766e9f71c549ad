// How answers look on standard output.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "output.h"
#include "registry.h"

namespace radish::cli {

using Json = nlohmann::ordered_json;

/// One JSON object on a line.
void write_json(Output& out, const Json& object);
/// Sets `field`, or field + "_hex" if `hex` is asked for or the bytes are not valid UTF-8.
void set_bytes(Json& object, const std::string& field, std::string_view bytes, bool hex);
/// One key as a line of text, key<TAB>value, or as an object, as the arguments ask.
void write_entry(Output& out, const KeyArguments& arguments, std::string_view key, std::uint64_t value);

}  // namespace radish::cli
