#include "torture/settle.h"

#include <fmt/format.h>

#include <vector>

namespace radish::stress::torture {
namespace {

std::optional<std::uint64_t> value_at(const Ledger& ledger, KeyId key, Version version) {
  if (!is_present(ledger.record(key).period, version)) return std::nullopt;
  return value_of(key, version);
}

std::string text(std::optional<std::uint64_t> value) {
  if (!value) return "absent";
  return fmt::format("{:#x} (version {} of key {})", *value, version_of(*value), key_of(*value));
}

}  // namespace

Settled settle_range(const Ledger& ledger, std::uint32_t range, const Tree& tree) {
  Settled settled;
  for (KeyId key = 0; key < ledger.keys(); ++key) {
    if (ledger.record(key).range != range) continue;
    KeyState& state = ledger.state(key);
    const Version acknowledged = state.acknowledged.load(), intended = state.intended.load();
    const auto found = tree.find(ledger.bytes(key));
    const bool before = found && *found == value_at(ledger, key, acknowledged);
    const bool after = found && *found == value_at(ledger, key, intended);
    if (!before && !after) {
      settled.violation = fmt::format(
          "key {} {} of range {}, period {}, is {}: acknowledged is {} (version {}), in flight {} (version "
          "{})",
          key, printable(ledger.bytes(key)), range, ledger.record(key).period,
          found ? text(*found) : found.error().message, text(value_at(ledger, key, acknowledged)),
          acknowledged, text(value_at(ledger, key, intended)), intended);
      return settled;
    }
    if (acknowledged == intended) continue;
    ++(after ? settled.after : settled.before);
    (after ? state.acknowledged : state.intended).store(after ? intended : acknowledged);
  }
  if (settled.before != 0 && settled.after != 0)
    settled.violation =
        fmt::format("an erase_prefix of range {} was cut in half: {} keys gone, {} still there", range,
                    settled.after, settled.before);
  return settled;
}

}  // namespace radish::stress::torture
