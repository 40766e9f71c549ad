// A torture that did nothing has shown nothing.
#pragma once

#include "torture/ledger.h"
#include "torture/options.h"
#include "torture/report.h"

namespace radish::stress::torture {

/// Of one that ended well: reports it as trouble if there was nothing of something that there must be, after
/// time enough for all of it.
void report_emptiness(const Options& options, const Ledger& ledger, const Progress& progress);

}  // namespace radish::stress::torture
