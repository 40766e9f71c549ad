#include "torture/settle.h"

#include <fmt/format.h>

namespace radish::stress::torture {

Settled settle_range(const Ledger& ledger, std::uint32_t range, const Tree& tree) {
  Settled settled;
  for (KeyId key = 0; key < ledger.keys(); ++key) {
    if (ledger.record(key).range != range) continue;
    KeyState& state = ledger.state(key);
    const Version acknowledged = state.acknowledged.load(), intended = state.intended.load();
    const bool was_seen = acknowledged != intended && state.seen.load() == intended;
    const auto found = tree.find(ledger.bytes(key));
    const bool before = found && !was_seen && *found == ledger.value_at(key, acknowledged);
    const bool after = found && *found == ledger.value_at(key, intended);
    if (!before && !after) {
      settled.violation = fmt::format(
          "key {} {} of range {}, period {}, is {}: acknowledged is {} (version {}), in flight {} (version "
          "{}{})",
          key, printable(ledger.bytes(key)), range, ledger.record(key).period,
          found ? describe_value(*found) : found.error().message,
          describe_value(ledger.value_at(key, acknowledged)), acknowledged,
          describe_value(ledger.value_at(key, intended)), intended, was_seen ? ", which was seen" : "");
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
