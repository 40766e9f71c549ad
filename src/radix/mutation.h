// Mutations of the byte-string tree. What holds of the mutations of all trees is said in heap/mutate.h.
#pragma once

#include <string_view>

#include "txn/edit.h"
#include "txn/root.h"
#include "txn/transaction.h"

namespace radish::radix {

/// What is there, in the tree as the plan leaves it. `dropped`, `corrupt`. O(length of the key).
[[nodiscard]] Expected<txn::Value> look_up(const txn::Transaction& tx, const txn::Root& root,
                                           std::string_view key);
/// `too_long` if no tree can hold the key.
[[nodiscard]] Expected<void> check_key(std::string_view key);

/// Plans an edit. The plan may hold other mutations, of the same tree too: the tree is read through it.
/// `dropped`, `corrupt`; of an edit that makes a key: `too_long`, `full`, `no_space`.
[[nodiscard]] Expected<txn::Found> plan_edit(txn::Transaction& tx, const txn::Root& root,
                                             std::string_view key, const txn::Edit& edit);

/// Any of these may fail with what keeps it from becoming the writer: `timed_out`, `frozen`, `read_only`,
/// `view_held`, `reentrant`, `corrupt`; and with `dropped`. What may make a key: with `too_long`, `full`,
/// `no_space`, `pinned`.
[[nodiscard]] Expected<txn::Found> edit(sync::Attachment& attachment, const txn::Root& root,
                                        std::string_view key, const txn::Edit& edit);
/// How many keys were erased.
[[nodiscard]] Expected<std::uint64_t> erase_prefix(sync::Attachment& attachment, const txn::Root& root,
                                                   std::string_view prefix);

}  // namespace radish::radix
