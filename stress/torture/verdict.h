// The complete comparison of tree and ledger, when nobody works: what was in flight is settled, every key is
// as acknowledged, the scan shows these and no other, their number is count(), and verify() finds the heap
// whole.
#pragma once

#include "radish/tree.hpp"
#include "torture/ledger.h"

namespace radish::stress::torture {

/// Reports each violation in the ledger.
void compare_completely(const Ledger& ledger, const Tree& tree);

/// When nobody else lives: a segment that is filled up ends as `full`, since nobody is left who could hold
/// memory back, and once that is erased it can be filled again. What it was filled with is erased.
void fill_up(const Ledger& ledger, Tree& tree);

}  // namespace radish::stress::torture
