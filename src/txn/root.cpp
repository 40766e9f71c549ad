#include "txn/root.h"

namespace radish::txn {

Expected<void> count_keys(Transaction& tx, const Root& root, std::uint64_t added, std::uint64_t removed) {
  const std::uint64_t count = tx.load64(root.key_count_at());
  if (removed > count) return corrupt("fewer keys are counted than there are", count);
  tx.store64(root.key_count_at(), count + added - removed);
  return {};
}

}  // namespace radish::txn
