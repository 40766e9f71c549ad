// The lists that pages are on, threaded through their headers: partial pages by class (H2), waiting pages
// (H3). The links of a page that is not on a list are 0, and whoever joins relies on that.
#pragma once

#include "heap/page.h"

namespace radish::heap {

[[nodiscard]] Offset partial_head_at(const txn::Transaction& tx, std::uint32_t size_class);
[[nodiscard]] Expected<void> join_partial_list(txn::Transaction& tx, Page& page);
[[nodiscard]] Expected<void> leave_partial_list(txn::Transaction& tx, Page& page);

[[nodiscard]] Expected<void> join_waiting_list(txn::Transaction& tx, Page& page);
/// The page at the head leaves; 0 if there is none.
[[nodiscard]] Expected<PageNumber> leave_waiting_list(txn::Transaction& tx);

/// After bits were set in a page's free bitmap: H2 and H4. `listed` says whether it had free slots before.
[[nodiscard]] Expected<void> settle_page(txn::Transaction& tx, Page& page, bool listed);

}  // namespace radish::heap
