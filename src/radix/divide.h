// Dividing the keys of a bucket, or of a leaf and a key more, among new nodes.
//
// Invariants
//   V1  Keys that differ in the byte that led to them are divided by it: their parent gets a child more. Keys
//       that share it are divided below a new inner node that has what they share as its prefix; so are those
//       at the root, which has no parent.
//   V2  Both parts are smaller than the whole.
#pragma once

#include "radix/insert.h"
#include "radix/items.h"

namespace radish::radix {

/// Plans that `items` stand in for the leaf or bucket at the place, which has been retired and holds all of
/// them but the last: `there`. If they cannot, `there` alone do (P6).
[[nodiscard]] Expected<Insertion> divide(txn::Transaction& tx, Memory& memory, const Place& place,
                                         const Items& items, ItemSet there);

}  // namespace radish::radix
