#include "radix/mutation.h"

#include "heap/mutate.h"
#include "radix/erase.h"
#include "radix/insert.h"

namespace radish::radix {
namespace {

using txn::Edit;
using txn::Found;
using txn::Root;

Expected<Found> plan_store(txn::Transaction& tx, const Root& root, std::string_view key, const Edit& edit) {
  for (;;) {
    const auto place = locate(tx, root, key);
    if (!place) return std::unexpected(place.error());
    if (place->stop == Place::Stop::found) {
      const std::uint64_t before = tx.load64(place->value_at);
      const txn::Value value = edit.value_after(before);
      if (value) tx.store64(place->value_at, *value);
      return Found{.changed = value.has_value(), .before = before};
    }
    const txn::Value value = edit.value_after(std::nullopt);
    if (!value) return Found{};
    const auto planned = plan_insert(tx, root, *place, key, *value);
    if (!planned) return std::unexpected(planned.error());
    const bool divided = *planned == Insertion::divided;  // P6
    if (!divided || !tx.holds_several() || tx.is_too_large())
      return Found{.changed = true, .unfinished = divided};
  }
}

/// Unlinks what the query reaches, and says how many keys went.
Expected<std::uint64_t> plan_cut(txn::Transaction& tx, const Root& root, std::string_view query,
                                 Reach reach) {
  RADISH_TRY(root.check(tx.segment()));
  const auto cut = locate_cut(tx, root, query, reach);
  if (!cut) return std::unexpected(cut.error());
  if (cut->reference == 0) return std::uint64_t{0};
  const auto keys = count_keys_of(tx, root, *cut);
  if (!keys) return keys;
  RADISH_TRY(plan_erase(tx, root, *cut, *keys));
  return keys;
}

Expected<Found> plan_erase_key(txn::Transaction& tx, const Root& root, std::string_view key) {
  const auto keys = plan_cut(tx, root, key, Reach::key);
  if (!keys) return std::unexpected(keys.error());
  return Found{.changed = *keys != 0};
}

}  // namespace

Expected<txn::Value> look_up(const txn::Transaction& tx, const Root& root, std::string_view key) {
  RADISH_TRY(root.check(tx.segment()));
  const auto place = locate(tx, root, key);
  if (!place) return std::unexpected(place.error());
  if (place->stop != Place::Stop::found) return std::nullopt;
  return tx.load64(place->value_at);
}

Expected<void> check_key(std::string_view key) {
  if (key.size() <= layout::key_bytes_max) return {};
  return fault(Code::too_long, "a key is longer than 65,535 bytes", key.size());
}

Expected<Found> plan_edit(txn::Transaction& tx, const Root& root, std::string_view key, const Edit& edit) {
  RADISH_TRY(root.check(tx.segment()));
  if (edit.kind == Edit::Kind::erase) return plan_erase_key(tx, root, key);
  // A key that is too long is absent.
  if (edit.kind != Edit::Kind::compare_exchange) RADISH_TRY(check_key(key));
  return plan_store(tx, root, key, edit);
}

Expected<Found> edit(sync::Attachment& attachment, const Root& root, std::string_view key, const Edit& edit) {
  const auto plan = [&](txn::Transaction& tx) { return plan_edit(tx, root, key, edit); };
  if (edit.kind == Edit::Kind::erase) return heap::mutate(attachment, heap::NeedsNoRoom{plan});
  return heap::mutate(attachment, plan);
}

Expected<std::uint64_t> erase_prefix(sync::Attachment& attachment, const Root& root,
                                     std::string_view prefix) {
  return heap::mutate(attachment, heap::NeedsNoRoom{[&](txn::Transaction& tx) {
                        return plan_cut(tx, root, prefix, Reach::prefix);
                      }});
}

}  // namespace radish::radix
