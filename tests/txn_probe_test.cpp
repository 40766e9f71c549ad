// Floors 1 and 2 behind the probing seam: death before every event, a second death before every event of the
// recovery, another party's step between any two events, and the twins that these checks must catch.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "attachments.h"
#include "processes.h"
#include "seam/deaths.h"
#include "sync/words.h"
#include "txn/recovery.h"
#include "txn/transaction.h"

namespace radish::txn {
namespace {

/// Healing takes any content.
Expected<void> accept(const segment::Segment&) { return {}; }

using probe::dies;
using probe::each_death;
using probe::Impersonation;
using probe::Watch;
using probe::Watched;
using sync::Identity;
using tests::no_fault;
using tests::Party;
using tests::Place;
using tests::refusal;
using tests::take;

constexpr std::uint64_t short_wait_ms = 5;

/// What shared memory says between two deaths, to go back to.
class Image {
 public:
  explicit Image(const segment::Segment& segment)
      : segment_(segment), bytes_(segment.base(), segment.base() + segment.geometry().capacity_bytes) {}
  void restore() const { std::memcpy(segment_.base(), bytes_.data(), bytes_.size()); }

 private:
  const segment::Segment& segment_;
  std::vector<std::byte> bytes_;
};

/// One operation as the floors above make it: fills a block, stores three words, publishes the block.
class Operation {
 public:
  explicit Operation(const Place& place) : place_(place), segment_(place.first().segment()) {
    segment_.roots().frontier += 1;
    for (const std::size_t index : stored) word(index) = index;
    word(published) = old_block;
  }
  void perform() const {
    const Writer writer = take(Writer::acquire(*place_.first().attachment));
    Transaction tx(segment_);
    tx.fill(offset(new_block), content, sizeof content);
    for (const std::size_t index : stored) tx.store64(offset(index), index + 100);
    tx.publish32(offset(published), new_block);
    tx.commit();
  }
  enum class State { before, after, neither };
  [[nodiscard]] State state() const {
    std::size_t changed = 0;
    for (const std::size_t index : stored) {
      if (word(index) == index + 100)
        ++changed;
      else if (word(index) != index)
        return State::neither;
    }
    if (changed == 0 && word(published) == old_block) return State::before;
    return changed == std::size(stored) && word(published) == new_block && block_is_whole() ? State::after
                                                                                            : State::neither;
  }
  /// What a reader of the unrecovered image relies on: what is published is whole.
  [[nodiscard]] bool readable() const {
    return word(published) == old_block || (word(published) == new_block && block_is_whole());
  }
  /// Lives on as a process that finds the dead writer would.
  void recover() const { take(Writer::acquire(*place_.first().attachment)); }

 private:
  static constexpr std::size_t stored[] = {0, 1, 2};
  static constexpr std::size_t published = 3, old_block = 10, new_block = 20;
  static constexpr char content[] = "the block that is published";

  [[nodiscard]] Offset offset(std::size_t index) const { return segment_.geometry().heap_offset + index * 8; }
  [[nodiscard]] std::uint64_t& word(std::size_t index) const { return place_.words()[index]; }
  [[nodiscard]] bool block_is_whole() const {
    return std::memcmp(&word(new_block), content, sizeof content) == 0;
  }

  const Place& place_;
  const segment::Segment& segment_;
};

/// What a run over all deaths of an operation saw.
struct Tally {
  std::uint64_t deaths = 0, before = 0, after = 0, neither = 0, unreadable = 0;

  void count(Operation::State state) {
    ++(state == Operation::State::before ? before : state == Operation::State::after ? after : neither);
  }
};

class DeathTest : public testing::Test {
 protected:
  /// Death before every event of the operation.
  Tally die_everywhere() {
    Tally tally;
    tally.deaths = each_death(
        Watched::events, [&] { operation_.perform(); },
        [&](std::uint64_t nth) {
          SCOPED_TRACE(nth);
          const bool held = place_.lease().writer != 0;
          const std::uint64_t generation = roots().generation;
          tally.unreadable += !operation_.readable();
          operation_.recover();
          tally.count(operation_.state());
          EXPECT_EQ(roots().generation, generation + held) << "one takeover, one generation";
          EXPECT_EQ(record().armed, 0U);
          whole_.restore();
        });
    return tally;
  }
  /// The same, and then death before every event of the recovery.
  Tally die_twice_everywhere() {
    Tally tally;
    each_death(
        Watched::writes, [&] { operation_.perform(); },
        [&](std::uint64_t first) {
          const Image dead(place_.first().segment());
          const std::uint64_t generation = roots().generation;
          tally.deaths += each_death(
              Watched::writes, [&] { operation_.recover(); },
              [&](std::uint64_t second) {
                SCOPED_TRACE(testing::Message() << "death " << first << ", then " << second);
                tally.unreadable += !operation_.readable();
                operation_.recover();
                tally.count(operation_.state());
                EXPECT_GE(roots().generation, generation);
                EXPECT_LE(roots().generation, generation + 2);
                EXPECT_EQ(record().armed, 0U);
                dead.restore();
              });
          whole_.restore();
        });
    return tally;
  }
  [[nodiscard]] layout::Roots& roots() const { return place_.first().segment().roots(); }
  [[nodiscard]] layout::Record& record() const { return place_.first().segment().record(); }

  Place place_;
  Operation operation_{place_};
  Image whole_{place_.first().segment()};
};

TEST_F(DeathTest, OperationIsThereWhollyOrNotAtAll) {
  const Tally tally = die_everywhere();
  EXPECT_GT(tally.deaths, 30U);
  EXPECT_GT(tally.before, 10U);
  EXPECT_GT(tally.after, 5U);
  EXPECT_EQ(tally.neither, 0U);
  EXPECT_EQ(tally.unreadable, 0U);
}

TEST_F(DeathTest, SecondDeathInTheRecoveryChangesNothing) {
  const Tally tally = die_twice_everywhere();
  EXPECT_GT(tally.deaths, 150U);
  EXPECT_GT(tally.before, 50U);
  EXPECT_GT(tally.after, 50U);
  EXPECT_EQ(tally.neither, 0U);
  EXPECT_EQ(tally.unreadable, 0U);
}

TEST_F(DeathTest, TwinThatDisarmsBeforeItAppliesIsCaught) {
  const Impersonation twin(sync::Twin::disarm_before_apply);
  EXPECT_GT(die_everywhere().neither, 0U);
}

TEST_F(DeathTest, TwinThatPublishesBeforeItFillsIsCaught) {
  const Impersonation twin(sync::Twin::publish_before_fill);
  EXPECT_GT(die_everywhere().unreadable, 0U);
}

// --- settling --------------------------------------------------------------------------------------------

class SettleDeathTest : public DeathTest {
 protected:
  /// Dies before every event of settling what `prepare` leaves; then settles.
  void die_everywhere_settling(const std::function<void()>& prepare) {
    prepare();
    const Image before(place_.first().segment());
    const std::uint64_t generation = roots().generation;
    const auto settle = [&] {
      return take(settle_alone(place_.first().segment(), take(sync::own_identity()), take(sync::own_origin()),
                               accept));
    };
    const std::uint64_t deaths = each_death(
        Watched::events, [&] { (void)settle(); },
        [&](std::uint64_t nth) {
          SCOPED_TRACE(nth);
          EXPECT_TRUE(operation_.readable());
          (void)settle();
          EXPECT_EQ(operation_.state(), Operation::State::after);
          EXPECT_GT(roots().generation, generation);
          EXPECT_LE(roots().generation, generation + 2);
          EXPECT_EQ(settle(), Outcome::attached);
          EXPECT_EQ(place_.lease().origin, take(sync::own_origin()));
          before.restore();
        });
    EXPECT_GT(deaths, 20U);
  }
  /// A child dies between two stores of its operation.
  void leave_a_half_applied_record() {
    for (std::uint64_t nth = 1; operation_.state() != Operation::State::neither; ++nth) {
      whole_.restore();
      ASSERT_TRUE(dies(Watched::writes, nth, [&] { operation_.perform(); }));
    }
    ASSERT_NE(record().armed, 0U);
  }
};

TEST_F(SettleDeathTest, ReplayOfARecordSurvivesDeath) {
  die_everywhere_settling([&] { leave_a_half_applied_record(); });
}

TEST_F(SettleDeathTest, HealingSurvivesDeathAndReplaysFirst) {
  die_everywhere_settling([&] {
    leave_a_half_applied_record();
    place_.lease().origin.boot_id[0] ^= 1;
    place_.lease().checksum = segment::lease_checksum(place_.lease().origin);
  });
}

// --- lock, views, slots ----------------------------------------------------------------------------------

class LeftOverTest : public testing::Test {
 protected:
  /// Dies before every event of `act`; then a writer passes, and nothing may be left.
  std::uint64_t die_everywhere(const std::function<void()>& act, Watched watched = Watched::events) {
    const Image before(party_.segment());
    return each_death(watched, act, [&](std::uint64_t nth) {
      SCOPED_TRACE(nth);
      party_.sweep();
      expect_nothing_left();
      before.restore();
    });
  }
  void expect_nothing_left() {
    EXPECT_EQ(party_.lease().writer, 0U);
    EXPECT_EQ(party_.lease().turn, 0U);
    for (const std::uint64_t view : party_.lease().views) EXPECT_EQ(view, 0U);
    for (std::uint32_t index = 0; index < party_.segment().geometry().reader_slots; ++index) {
      EXPECT_EQ(party_.slot(index).owner, 0U);
      EXPECT_EQ(party_.slot(index).pin, 0U);
    }
    EXPECT_EQ(take(party_.enter()), sync::ViewEntry::entered);
    party_.leave();
    EXPECT_FALSE(take(party_.acquire()));
    party_.release();
    EXPECT_EQ(sync::oldest_pin(party_.segment()).epoch, UINT64_MAX);
  }
  [[nodiscard]] Identity dead_identity() {
    tests::Shared<Identity> identity;
    tests::Child([&] {
      *identity = take(sync::own_identity());
      return 0;
    }).join();
    return *identity;
  }

  Place place_{4};
  Party& party_ = place_.first();
};

TEST_F(LeftOverTest, NothingByAWriter) {
  EXPECT_GT(die_everywhere([&] {
              take(party_.acquire());
              party_.release();
            }),
            60U);
}

TEST_F(LeftOverTest, NothingByAWriterThatClearedUpAfterTheDead) {
  const Identity dead = dead_identity();
  party_.lease().writer = party_.lease().turn = party_.lease().views[3] = dead;
  party_.lease().slots_high_water = 2;
  party_.slot(1) = {.owner = dead, .pin = 1, .met_pin = 0, .met_ns = 0, .reserved = {}};
  EXPECT_GT(die_everywhere([&] { party_.sweep(); }, Watched::writes), 8U);
}

TEST_F(LeftOverTest, NothingByAViewHolder) {
  EXPECT_GT(die_everywhere([&] {
              take(party_.enter());
              take(party_.enter());
              party_.leave();
              party_.leave();
            }),
            6U);
}

TEST_F(LeftOverTest, NothingByAViewThatClearedATableOfTheDead) {
  const Identity dead = dead_identity();
  for (std::uint64_t& view : party_.lease().views) view = dead;
  EXPECT_GT(die_everywhere([&] { take(party_.enter()); }, Watched::writes), 64U);
}

TEST_F(LeftOverTest, NothingByAReader) {
  EXPECT_GT(die_everywhere([&] {
              const sync::Pin outer = take(sync::Pin::take(*party_.attachment));
              const sync::Pin inner = take(sync::Pin::take(*party_.attachment));
            }),
            6U);
}

TEST_F(LeftOverTest, NothingByAReaderThatGivesItsSlotBack) {
  EXPECT_GT(die_everywhere([&] {
              {
                const sync::Pin pin = take(sync::Pin::take(*party_.attachment));
              }
              party_.attachment->free_slot(party_.state());
            }),
            8U);
}

TEST_F(LeftOverTest, NothingByAReaderThatSweptASlotForItself) {
  const Identity dead = dead_identity();
  party_.lease().slots_high_water = 4;
  for (std::uint32_t index = 0; index < 4; ++index)
    party_.slot(index) = {.owner = dead, .pin = 1, .met_pin = 0, .met_ns = 0, .reserved = {}};
  EXPECT_GT(die_everywhere([&] { take(sync::Pin::take(*party_.attachment)); }), 20U);
}

TEST_F(LeftOverTest, NothingByAWriterThatWaited) {
  const Party holder = place_.attach();
  take(holder.acquire());
  const std::uint64_t deaths = each_death(
      Watched::writes, [&] { (void)party_.acquire(short_wait_ms); },
      [&](std::uint64_t nth) {
        SCOPED_TRACE(nth);
        EXPECT_EQ(party_.lease().writer, take(sync::own_identity()));
        holder.release();
        expect_nothing_left();
        take(holder.acquire());
      });
  EXPECT_GT(deaths, 1U);
  holder.release();
}

TEST_F(LeftOverTest, NothingByAViewThatWaited) {
  const Party holder = place_.attach();
  take(holder.acquire());
  const std::uint64_t deaths = each_death(
      Watched::writes, [&] { (void)party_.enter(short_wait_ms); },
      [&](std::uint64_t nth) {
        SCOPED_TRACE(nth);
        holder.release();
        expect_nothing_left();
        take(holder.acquire());
      });
  EXPECT_GT(deaths, 1U);
  holder.release();
}

/// A wait is two writes, one on going to sleep and one on waking up; an entry of the dead is two as well, for
/// it is made the writer's own before it is freed.
TEST_F(LeftOverTest, ViewsOfTheDeadTogetherCostAWriterOneWait) {
  const Identity dead = dead_identity();
  for (std::uint64_t& view : party_.lease().views) view = dead;
  const Watch watch(Watched::writes);
  take(party_.acquire());
  EXPECT_GE(Watch::seen(), 2 * layout::view_entries);
  EXPECT_LT(Watch::seen(), 2 * layout::view_entries + 20);
}

// --- another party's step between two events -------------------------------------------------------------

class StepTest : public testing::Test {
 protected:
  /// Calls `step` once, before the nth event of `act`, n = 1, 2, ...; then `judge`. How many events there
  /// were.
  static std::uint64_t step_everywhere(const std::function<void()>& act, const std::function<void()>& step,
                                       const std::function<void()>& judge) {
    for (std::uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(nth);
      bool stepped = false;
      {
        const Watch watch(Watched::events, nth, [&] {
          stepped = true;
          step();
        });
        act();
      }
      if (!stepped) return nth - 1;
      judge();
    }
  }

  Place place_;
  const Party& one_ = place_.first();
  const Party other_ = place_.attach();
};

TEST_F(StepTest, ViewAndWriterNeverMeetWhereverTheViewBegins) {
  Code writer = no_fault, view = no_fault;
  const std::uint64_t events = step_everywhere([&] { writer = refusal(one_.acquire(short_wait_ms)); },
                                               [&] { view = refusal(other_.enter(1)); },
                                               [&] {
                                                 EXPECT_NE(writer == no_fault, view == no_fault);
                                                 if (writer == no_fault) one_.release();
                                                 if (view == no_fault) other_.leave();
                                               });
  EXPECT_GT(events, 60U);
}

TEST_F(StepTest, ViewAndWriterNeverMeetWhereverTheWriterBegins) {
  Code writer = no_fault, view = no_fault;
  const std::uint64_t events = step_everywhere([&] { view = refusal(one_.enter(short_wait_ms)); },
                                               [&] { writer = refusal(other_.acquire(1)); },
                                               [&] {
                                                 EXPECT_NE(writer == no_fault, view == no_fault);
                                                 if (writer == no_fault) other_.release();
                                                 if (view == no_fault) one_.leave();
                                               });
  EXPECT_GT(events, 3U);
}

TEST_F(StepTest, TwinViewWithoutASecondLookMeetsTheWriter) {
  const Impersonation twin(Twin::view_without_second_look);
  Code writer = no_fault, view = no_fault;
  std::uint64_t meetings = 0;
  step_everywhere([&] { view = refusal(one_.enter(short_wait_ms)); },
                  [&] { writer = refusal(other_.acquire(1)); },
                  [&] {
                    meetings += writer == no_fault && view == no_fault;
                    if (writer == no_fault) other_.release();
                    if (view == no_fault) one_.leave();
                  });
  EXPECT_GT(meetings, 0U);
}

/// A writer unlinks something, advances the epoch and asks whether it may reuse it, while a reader pins. How
/// often it was allowed to though the reader may still see it.
class ReuseTest : public StepTest {
 protected:
  std::uint64_t reuses_in_use(const Party& reader) {
    std::uint64_t wrong = 0;
    bool reused = false, seen = false;
    const auto unlink = [&] {
      layout::Roots& roots = other_.segment().roots();
      const std::uint64_t unlinked_in = roots.epoch;
      sync::publish(roots.tree, 0U);
      sync::publish(roots.epoch, unlinked_in + 1);
      reused = sync::oldest_pin(other_.segment()).epoch > unlinked_in;
    };
    const auto read = [&] {
      other_.segment().roots().tree = 1;
      const sync::Pin pin = take(sync::Pin::take(*reader.attachment));
      seen = sync::observe(reader.segment().roots().tree) == 1;
      (void)sync::observe(reader.segment().roots().epoch);  // one more event, with the pin held
    };
    EXPECT_GT(step_everywhere(read, unlink, [&] { wrong += reused && seen; }), 5U);
    return wrong;
  }
};

TEST_F(ReuseTest, NothingIsReusedThatAReaderMaySee) { EXPECT_EQ(reuses_in_use(one_), 0U); }

TEST_F(ReuseTest, TwinThatReusesBeforeReadersLeftIsCaught) {
  const Impersonation twin(sync::Twin::reuse_before_readers_left);
  EXPECT_GT(reuses_in_use(one_), 0U);
}

TEST_F(ReuseTest, TwinForgetsAPinThatIsHeld) {
  const sync::Pin pin = take(sync::Pin::take(*one_.attachment));
  EXPECT_EQ(sync::oldest_pin(one_.segment()).epoch, 1U);
  const Impersonation twin(sync::Twin::reuse_before_readers_left);
  EXPECT_EQ(sync::oldest_pin(one_.segment()).epoch, UINT64_MAX);
}

}  // namespace
}  // namespace radish::txn
