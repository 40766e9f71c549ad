// Taking everything out of a tree, of whatever kind, at once.
#pragma once

#include "heap/condemned.h"
#include "txn/root.h"

namespace radish::heap {

/// Plans that nothing is left. Never needs room. `dropped`, `corrupt`.
[[nodiscard]] Expected<void> plan_clear(txn::Transaction& tx, const txn::Root& root);

/// `dropped`, `corrupt`, or what keeps the caller from becoming the writer.
[[nodiscard]] Expected<void> clear(sync::Attachment& attachment, const txn::Root& root);

}  // namespace radish::heap
