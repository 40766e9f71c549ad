// Defects that floor 1 once had and that need another process's step between two events to show.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "attachments.h"
#include "processes.h"
#include "rights.h"
#include "seam/probe_seam.h"

namespace radish::sync {
namespace {

using probe::Watch;
using probe::Watched;
using tests::Bell;
using tests::Child;
using tests::no_fault;
using tests::Party;
using tests::Place;
using tests::refusal;
using tests::Shared;
using tests::take;

constexpr std::uint64_t short_wait_ms = 20;

/// Takes away the right to reopen the segment's file, by its mode and root's power to pass over it.
class WithoutReopening {
 public:
  explicit WithoutReopening(const Party& party) {
    if (fchmod(party.segment().descriptor(), 0) != 0) throw std::runtime_error("fchmod");
    syscall(SYS_capget, &header_, before_.data());
    auto less = before_;
    less[0].effective &= ~(1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH);
    if (syscall(SYS_capset, &header_, less.data()) != 0) throw std::runtime_error("capset");
  }
  WithoutReopening(const WithoutReopening&) = delete;
  WithoutReopening& operator=(const WithoutReopening&) = delete;
  ~WithoutReopening() { syscall(SYS_capset, &header_, before_.data()); }

 private:
  __user_cap_header_struct header_{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> before_{};
};

Identity dead_identity() {
  Shared<Identity> identity;
  Child([&] {
    *identity = take(own_identity());
    return 0;
  }).join();
  return *identity;
}

/// A process that attaches and takes hold of something, lets go and detaches, and attaches and takes hold
/// again, as it is told to. It is the same process, with the same name, throughout.
class Guest {
 public:
  using Act = std::function<void(const Party&)>;
  /// Of a place that nobody else of this process is attached to: what is mapped at the fork stays mapped.
  Guest(Place& place, const Act& hold, const Act& let_go)
      : child_([this, &place, hold, let_go] { return live(place, hold, let_go); }) {
    answer_.wait();
  }
  void detach() { tell(); }
  void come_back() { tell(); }
  /// True if the guest found its name in `word` still.
  [[nodiscard]] bool still_holds() {
    call_.ring();
    return child_.join() == 0;
  }
  [[nodiscard]] Identity identity() const { return *identity_; }

 private:
  int live(Place& place, const Act& hold, const Act& let_go) {
    const int descriptor = fcntl(place.first().segment().descriptor(), F_DUPFD_CLOEXEC, 3);
    segment::OpenRequest request = place.request();
    request.identity = *identity_ = take(own_identity());
    place.first().attachment.reset();
    const auto attach = [&] {
      return Party{std::make_shared<Attachment>(
          take(take(segment::open_descriptor(descriptor, request)).finish()), 0)};
    };
    {
      const Party party = attach();
      hold(party);
      wait_to_be_told();
      let_go(party);
    }
    wait_to_be_told();
    const Party party = attach();
    hold(party);
    wait_to_be_told();
    return party.lease().writer == *identity_ || party.slot().owner == *identity_ ? 0 : 1;
  }
  void tell() {
    call_.ring();
    answer_.wait();
  }
  void wait_to_be_told() {
    answer_.ring();
    call_.wait();
  }

  Shared<Identity> identity_;
  Bell call_, answer_;
  Child child_;
};

// --- what is taken from the dead -------------------------------------------------------------------------

TEST(SweepRegression, PinOfAReaderThatClaimedTheSlotMeanwhileIsKept) {
  const Identity dead = dead_identity();
  std::uint64_t events = 0;
  for (bool stepped = true; stepped; ++events) {
    SCOPED_TRACE(events + 1);
    Place place;
    const Party& me = place.first();
    const Party reader = place.attach();
    me.slot().owner = dead;
    me.lease().slots_high_water = 1;
    take(me.acquire());
    std::optional<Pin> pin;
    stepped = false;
    {
      const Watch watch(Watched::events, events + 1, [&] {
        stepped = true;
        if (me.slot().owner == dead) me.slot().owner = 0;  // its owner was at its end, and freed it
        pin.emplace(take(Pin::take(*reader.attachment)));
      });
      (void)sweep_dead_slots(me.segment(), me.attachment->mapping());
    }
    me.release();
    if (!stepped) continue;
    EXPECT_EQ(reader.slot(reader.state().slot).owner, take(own_identity()));
    EXPECT_EQ(oldest_pin(me.segment()).epoch, 1U) << "the reader is pinned still";
  }
  EXPECT_GT(events, 5U);
}

TEST(SweepRegression, SlotOfAProcessThatCameBackIsKept) {
  RADISH_SKIP_UNLESS_ROOT();
  Place place;
  Guest guest(
      place,
      [](const Party& party) {
        take(party.attachment->claim_slot(party.state()));
        party.slot().pin = 1;
      },
      [](const Party&) {});
  const Party& me = place.first();
  take(me.acquire());
  constexpr std::uint64_t look = 3, swap = 6;  // after the high-water mark and the owner
  std::uint64_t event = 0;
  std::uint32_t freed = 0;
  bool taken = false;
  {
    const WithoutReopening without(me);
    const Watch watch(Watched::events, 0, [&] {
      ++event;
      if (event == look) guest.detach();
      if (event == swap) guest.come_back();
      taken |= me.slot().owner == me.state().identity;
    });
    freed = sweep_dead_slots(me.segment(), me.attachment->mapping());
  }
  EXPECT_TRUE(taken) << "for a moment";
  EXPECT_EQ(freed, 0U);
  EXPECT_EQ(me.slot().owner, guest.identity());
  EXPECT_EQ(me.slot().pin, 1U);
  me.release();
  EXPECT_TRUE(guest.still_holds());
}

/// Which event of taking the word from a holder that has left is the swap. The look at its mappings comes
/// three before it.
std::uint64_t event_of_the_swap() {
  Place place;
  Guest guest(place, [](const Party& party) { take(party.acquire()); }, [](const Party&) {});
  guest.detach();
  const Party& me = place.first();
  const Identity own = me.state().identity;
  std::uint64_t events = 0, swap = 0;
  const WithoutReopening without(me);
  const Watch watch(Watched::events, 0, [&] {
    if (swap == 0 && place.lease().writer == own) swap = events;
    ++events;
  });
  EXPECT_TRUE(take(me.acquire()));
  return swap;
}

TEST(LockRegression, WordOfAProcessThatDetachedAndCameBackIsGivenBack) {
  RADISH_SKIP_UNLESS_ROOT();
  const std::uint64_t swap = event_of_the_swap();
  Place place;
  Guest guest(
      place, [](const Party& party) { take(party.acquire()); }, [](const Party& party) { party.release(); });
  const Party& me = place.first();
  std::uint64_t event = 0;
  Code code = no_fault;
  bool taken = false;
  {
    const WithoutReopening without(me);
    const Watch watch(Watched::events, 0, [&] {
      ++event;
      if (event + 3 == swap) guest.detach();
      if (event == swap) guest.come_back();
      taken |= me.lease().writer == me.state().identity;
    });
    code = refusal(me.acquire(short_wait_ms));
  }
  EXPECT_TRUE(taken) << "for a moment";
  EXPECT_EQ(code, Code::timed_out);
  EXPECT_EQ(place.lease().writer, guest.identity());
  EXPECT_TRUE(guest.still_holds());
}

TEST(LockRegression, NobodyIsLetInWhileAWordIsTakenFromAProcessThatLeft) {
  Place place;
  Guest guest(place, [](const Party& party) { take(party.acquire()); }, [](const Party&) {});
  guest.detach();  // as if it had exec'ed: the word names it still
  const Party& me = place.first();
  segment::OpenRequest request = place.request();
  request.open_timeout_ms = 0;
  const auto open_now = [&] { return refusal(segment::open_descriptor(me.segment().descriptor(), request)); };
  Code before_the_swap = no_fault;
  {
    const Watch watch(Watched::events, 0, [&] {
      if (me.lease().writer == guest.identity()) before_the_swap = open_now();
    });
    EXPECT_TRUE(take(me.acquire()));
  }
  EXPECT_EQ(before_the_swap, Code::timed_out);
  EXPECT_EQ(open_now(), no_fault);
  me.release();
  guest.come_back();
  EXPECT_TRUE(guest.still_holds());
}

/// A stopped opener, say: the door cannot be shut for long, and nobody is kept waiting by that.
TEST(LockRegression, WordIsTakenFromAProcessThatLeftThoughAnOpenDoesNotEnd) {
  Place place;
  Guest guest(place, [](const Party& party) { take(party.acquire()); }, [](const Party&) {});
  guest.detach();
  const segment::Opening opening = place.open();
  EXPECT_TRUE(take(place.first().acquire()));
  place.first().release();
}

TEST(LockRegression, WordThatWasLetGoWhileItWasTakenIsNotHad) {
  RADISH_SKIP_UNLESS_ROOT();
  const std::uint64_t swap = event_of_the_swap();
  Place place;
  Guest guest(place, [](const Party& party) { take(party.acquire()); }, [](const Party&) {});
  guest.detach();
  const Party& me = place.first();
  std::uint64_t event = 0;
  std::optional<bool> from_dead;
  {
    const WithoutReopening without(me);
    const Watch watch(Watched::events, 0, [&] {
      // Whoever was back lets go by storing 0, over whatever is there, and leaves again.
      if (++event == swap + 2) me.lease().writer = 0;
    });
    from_dead = take(me.acquire());
  }
  EXPECT_EQ(from_dead, false) << "it was taken from nobody in the end";
  EXPECT_EQ(place.lease().writer, take(own_identity()));
  me.release();
}

// --- waits -----------------------------------------------------------------------------------------------

TEST(LockRegression, TimeoutTooLongForNanosecondsIsNoShortOne) {
  constexpr std::uint64_t wraps_to_half_a_ms = 18'446'744'073'710;
  Place place;
  const Party& me = place.first();
  const Party holder = place.attach();
  take(holder.acquire());
  constexpr std::uint64_t after_many_sleeps = 500;
  const Watch watch(Watched::events, after_many_sleeps, [&] { holder.release(); });
  EXPECT_EQ(refusal(me.acquire(wraps_to_half_a_ms)), no_fault);
}

TEST(ViewRegression, TableThatIsFullForAMomentRefusesNobodyWhoWaitedLong) {
  Place place;
  const Party& me = place.first();
  const Party writer = place.attach();
  take(writer.acquire());
  const Identity own = me.state().identity;
  constexpr std::uint64_t asleep = 300, looked_at_the_full_table = 800, longest_wait_ns = 110'000'000;
  std::uint64_t event = 0;
  Code code = no_fault;
  {
    const Watch watch(Watched::events, 0, [&] {
      ++event;
      if (event == asleep) {
        const std::uint64_t start = Seam::now_ns();
        tests::spin_until([&] { return Seam::now_ns() - start > longest_wait_ns; });
        for (std::uint64_t& view : me.lease().views) view = own;
        writer.release();
      }
      if (event == looked_at_the_full_table) me.lease().views[40] = 0;
    });
    code = refusal(me.enter());
  }
  EXPECT_EQ(code, no_fault);
  EXPECT_GT(event, looked_at_the_full_table);
}

}  // namespace
}  // namespace radish::sync
