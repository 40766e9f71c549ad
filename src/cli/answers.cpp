#include "answers.h"

#include <fmt/format.h>

#include "text.h"

namespace radish::cli {

void write_json(Output& out, const Json& object) {
  // What is not UTF-8 outside of keys, a path in an error, is shown as well as JSON can.
  out.write(object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void set_bytes(Json& object, const std::string& field, std::string_view bytes, bool hex) {
  if (hex || !is_utf8(bytes))
    object[field + "_hex"] = to_hex(bytes);
  else
    object[field] = bytes;
}

void write_entry(Output& out, const KeyArguments& arguments, std::string_view key, std::uint64_t value) {
  if (arguments.json) {
    Json object;
    set_bytes(object, "key", key, arguments.hex);
    object["value"] = value;
    return write_json(out, object);
  }
  std::string line;
  if (arguments.hex)
    line = to_hex(key);
  else
    append_escaped(line, key);
  out.write(fmt::format("{}\t{}\n", line, value));
}

}  // namespace radish::cli
