// A stable view that two handles of a thread share, where another process holds the first entry of the table.
#include <gtest/gtest.h>

#include "attachments.h"
#include "txn/recovery.h"

namespace radish::tests {
namespace {

TEST(SharedViewTest, LastHandleToLeaveGivesBackTheEntryThatIsTheirsAndNoOther) {
  const Place place;
  const Party one = place.attach(), other = place.attach();
  const Resting first([&] { take(txn::enter_view(*place.attach().attachment)); });
  ASSERT_EQ(place.lease().views[0], first.identity());
  take(txn::enter_view(*one.attachment));
  ASSERT_NE(place.lease().views[1], 0U);
  take(txn::enter_view(*other.attachment));
  txn::leave_view(*one.attachment);
  txn::leave_view(*other.attachment);
  EXPECT_EQ(place.lease().views[0], first.identity());
  EXPECT_EQ(place.lease().views[1], 0U);
}

}  // namespace
}  // namespace radish::tests
