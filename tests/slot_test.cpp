// Floor 1: reader slots and pins.
#include <gtest/gtest.h>

#include "sync_fixture.h"

namespace radish::sync {
namespace {

// --- slots and pins --------------------------------------------------------------------------------------

TEST(SlotTest, FirstPinClaimsASlotForTheThread) {
  Place place;
  const Party& party = place.first();
  EXPECT_EQ(count_slots(party.segment()), 0U);
  {
    const Pin pin = take(Pin::take(*party.attachment));
    EXPECT_EQ(party.slot().owner, take(own_identity()));
    EXPECT_EQ(party.slot().pin, 1U) << "the first epoch";
  }
  EXPECT_EQ(party.slot().pin, 0U);
  EXPECT_EQ(party.slot().owner, take(own_identity())) << "kept for the next";
  EXPECT_EQ(count_slots(party.segment()), 1U);
  EXPECT_GE(party.lease().slots_high_water, 1U);
}

TEST(SlotTest, NestedPinsKeepTheOldestEpoch) {
  Place place;
  const Party& party = place.first();
  layout::Roots& roots = party.segment().roots();
  roots.epoch = 5;
  {
    const Pin outer = take(Pin::take(*party.attachment));
    roots.epoch = 9;
    {
      const Pin inner = take(Pin::take(*party.attachment));
      EXPECT_EQ(party.slot().pin, 5U);
    }
    EXPECT_EQ(party.slot().pin, 5U);
  }
  EXPECT_EQ(party.slot().pin, 0U);
  const Pin later = take(Pin::take(*party.attachment));
  EXPECT_EQ(party.slot().pin, 9U);
}

TEST(SlotTest, PinThatIsInAWritersWayIsNotedOnce) {
  Place place;
  const Party& party = place.first();
  layout::Roots& roots = party.segment().roots();
  roots.epoch = 5;
  std::optional<Pin> pin = take(Pin::take(*party.attachment));
  const auto met_ns = [&] { return owned_slots(party.segment()).at(0).met_ns; };
  note_pins_met(party.segment());
  EXPECT_EQ(met_ns(), 0U) << "one that is taken later may be equal";
  roots.epoch = 6;
  const std::uint64_t before_ns = Seam::now_ns();
  note_pins_met(party.segment());
  const std::uint64_t first_ns = met_ns();
  EXPECT_GE(first_ns, before_ns);
  EXPECT_LE(first_ns, Seam::now_ns());
  roots.epoch = 7;
  note_pins_met(party.segment());
  EXPECT_EQ(met_ns(), first_ns);
  pin.reset();
  EXPECT_EQ(met_ns(), 0U);
  pin.emplace(take(Pin::take(*party.attachment)));
  EXPECT_EQ(met_ns(), 0U) << "what was noted speaks of another pin";
}

TEST(SlotTest, EachThreadHasItsOwnAndGivesItBackAtItsExit) {
  Place place;
  const Party& party = place.first();
  const Pin pin = take(Pin::take(*party.attachment));
  std::thread([&] {
    const Pin other = take(Pin::take(*party.attachment));
    EXPECT_EQ(count_slots(party.segment()), 2U);
    EXPECT_EQ(party.slot(1).owner, take(own_identity()));
  }).join();
  EXPECT_EQ(count_slots(party.segment()), 1U);
  EXPECT_EQ(party.slot(1).owner, 0U);
  EXPECT_NE(party.slot(0).pin, 0U);
}

TEST(SlotTest, EachAttachmentHasItsOwn) {
  Place place;
  const Party second = place.attach();
  const Pin one = take(Pin::take(*place.first().attachment));
  const Pin two = take(Pin::take(*second.attachment));
  EXPECT_EQ(count_slots(second.segment()), 2U);
}

TEST(SlotTest, ClosingFreesTheSlotsOfAllThreads) {
  Place place;
  Party party = place.attach();
  const std::weak_ptr<Attachment> closed = party.attachment;
  std::thread thread([&] {
    {
      const Pin pin = take(Pin::take(*party.attachment));
    }
    party.attachment.reset();
    EXPECT_EQ(count_slots(place.first().segment()), 0U);
  });
  thread.join();
  EXPECT_TRUE(closed.expired());

  party = place.attach();
  take(party.attachment->claim_slot(party.state()));
  std::atomic<bool> claimed = false, close = false;
  std::thread keeper([&, attachment = party.attachment.get()] {
    take(attachment->claim_slot(*take(attachment->thread_state())));
    claimed = true;
    spin_until([&] { return close.load(); });
  });
  spin_until([&] { return claimed.load(); });
  EXPECT_EQ(count_slots(place.first().segment()), 2U);
  party.attachment.reset();
  EXPECT_EQ(count_slots(place.first().segment()), 0U);
  close = true;
  keeper.join();
  EXPECT_EQ(count_slots(place.first().segment()), 0U);
}

TEST(SlotTest, ForkedChildClaimsItsOwn) {
  Place place;
  const Party& party = place.first();
  const Pin pin = take(Pin::take(*party.attachment));
  for (const bool raw : {false, true}) {
    const auto body = [&] {
      const Pin own = take(Pin::take(*party.attachment));
      if (count_slots(party.segment()) != 2) return 1;
      return party.slot(1).owner == take(own_identity()) && party.slot(1).pin != 0 ? 0 : 2;
    };
    EXPECT_EQ((raw ? Child::raw(body) : Child(body)).join(), 0);
    EXPECT_EQ(count_slots(party.segment()), 2U) << "a child that ended without closing leaves its slot";
    party.sweep();
    EXPECT_EQ(count_slots(party.segment()), 1U);
    EXPECT_EQ(party.slot(1).pin, 0U);
  }
  EXPECT_EQ(party.slot(0).owner, take(own_identity()));
  EXPECT_NE(party.slot(0).pin, 0U);
}

TEST(SlotTest, ChildThatClosesFreesItsOwnAlone) {
  Place place;
  Party& party = place.first();
  const Pin pin = take(Pin::take(*party.attachment));
  const std::uint64_t* const owners[] = {&party.slot(0).owner, &party.slot(1).owner};
  EXPECT_EQ(Child([&] {
              const Party other = place.attach();  // to look on after the close
              {
                const Pin own = take(Pin::take(*party.attachment));
              }
              if (other.slot(1).owner != take(own_identity())) return 1;
              party.attachment.reset();
              return other.slot(1).owner == 0 && other.slot(0).owner != 0 ? 0 : 2;
            }).join(),
            0);
  EXPECT_EQ(*owners[0], take(own_identity()));
  EXPECT_EQ(*owners[1], 0U);
}

TEST(SlotTest, LivingOwnersOfAllSlotsAreNamed) {
  Place place(1);
  const Party& party = place.first();
  Resting resting([&] { take(party.attachment->claim_slot(party.state())); });
  const auto refused = Pin::take(*party.attachment);
  EXPECT_EQ(refusal(refused), Code::too_many_readers);
  EXPECT_EQ(subject(refused), resting.pid());
  EXPECT_EQ(party.lease().writer, 0U);
}

TEST(SlotTest, LivingOwnerBehindADeadOneIsNamed) {
  Place place(2);
  const Party& party = place.first();
  const auto claim = [&] { take(party.attachment->claim_slot(party.state())); };
  Resting dead(claim), living(claim);
  dead.child().kill_and_reap();
  Resting writer([&] { take(party.acquire()); });  // so that nobody can sweep
  const auto refused = Pin::take(*party.attachment);
  EXPECT_EQ(refusal(refused), Code::too_many_readers);
  EXPECT_EQ(subject(refused), living.pid());
}

TEST(SlotTest, SlotOfADeadOwnerIsSweptAndReused) {
  Place place(1);
  const Party& party = place.first();
  Resting resting([&] {
    take(party.attachment->claim_slot(party.state()));
    party.slot().pin = 1;
  });
  resting.child().kill_and_reap();
  EXPECT_EQ(party.slot().owner, resting.identity());
  const Pin pin = take(Pin::take(*party.attachment));
  EXPECT_EQ(party.slot().owner, take(own_identity()));
  EXPECT_EQ(party.lease().writer, 0U);
}

TEST(SlotTest, SlotOfTheDeadIsHadWhileAViewIsHeld) {
  Place place(1);
  const Party& party = place.first();
  Resting dead([&] { take(party.attachment->claim_slot(party.state())); });
  dead.child().kill_and_reap();
  Resting viewer([&] { ASSERT_EQ(take(party.enter()), ViewEntry::entered); });
  EXPECT_EQ(refusal(Pin::take(*party.attachment)), no_fault);
}

TEST(SlotTest, StoppedWriterHoldsNobodyUpWhoWantsASlot) {
  Place place(1);
  const Party& party = place.first();
  Resting dead([&] { take(party.attachment->claim_slot(party.state())); });
  dead.child().kill_and_reap();
  Resting writer([&] { take(party.acquire()); });
  writer.stop();
  EXPECT_EQ(refusal(Pin::take(*party.attachment)), Code::too_many_readers);
}

TEST(SlotTest, OldestPinIsFoundAndItsHolderNamed) {
  Place place;
  const Party& party = place.first();
  EXPECT_EQ(oldest_pin(party.segment()).epoch, UINT64_MAX);
  EXPECT_EQ(oldest_pin(party.segment()).holder, 0U);
  layout::Roots& roots = party.segment().roots();
  roots.epoch = 8;
  const Pin younger = take(Pin::take(*party.attachment));
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 8U);
  EXPECT_EQ(oldest_pin(party.segment()).holder, take(own_identity()));
  roots.epoch = 4;
  Resting older([&] { new Pin(take(Pin::take(*party.attachment))); });
  roots.epoch = 9;
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 4U);
  EXPECT_EQ(oldest_pin(party.segment()).holder, older.identity());
  older.child().kill_and_reap();
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 4U) << "until it is swept";
  party.sweep();
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 8U);
}

TEST(SlotTest, HighWaterMarkIsNotTrustedBeyondTheSlots) {
  Place place(3);
  const Party& party = place.first();
  party.lease().slots_high_water = UINT32_MAX;
  const Pin pin = take(Pin::take(*party.attachment));
  EXPECT_EQ(count_slots(party.segment()), 1U);
  EXPECT_EQ(oldest_pin(party.segment()).epoch, 1U);
  EXPECT_EQ(sweep_dead_slots(party.segment(), party.attachment->mapping()), 0U);
}

TEST(SlotTest, ReadsAreCountedPerAttachment) {
  Place place;
  const Party& party = place.first();
  const Party second = place.attach();
  for (int read = 0; read < 3; ++read) take(Pin::take(*party.attachment));
  std::thread([&] { take(Pin::take(*party.attachment)); }).join();
  take(Pin::take(*second.attachment));
  EXPECT_EQ(party.attachment->reads(), 4U);
  EXPECT_EQ(second.attachment->reads(), 1U);
}

}  // namespace
}  // namespace radish::sync
