#include "sync/lock.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "sync/words.h"

namespace radish::sync {
namespace {

constexpr std::uint64_t ns_per_ms = 1'000'000;
constexpr std::uint64_t look_interval_ns = 2 * ns_per_ms;
constexpr std::uint64_t first_look_ns = ns_per_ms / 4;  // twice as long each time, up to the interval
constexpr std::uint64_t turn_wait_ns = 50 * ns_per_ms;
constexpr std::uint64_t full_table_wait_ns = 100 * ns_per_ms;
constexpr int spins_before_sleep = 64;

/// How long one caller has waited, and how it waits.
class Waiter {
 public:
  Waiter(layout::Lease& lease, std::uint64_t timeout_ms)
      : lease_(lease),
        timeout_ns_(timeout_ms < UINT64_MAX / ns_per_ms ? timeout_ms * ns_per_ms : UINT64_MAX) {}

  /// Waits a little while `blocked` holds: first on the processor, then, after a look, asleep, a quarter of a
  /// millisecond at first (who arrives behind the dead is not to wait for long), 2 ms at most.
  template <class Blocked>
  void pause(Blocked blocked) {
    if (spins_ < spins_before_sleep) {
      look_due_ = ++spins_ == spins_before_sleep;
      Seam::spin_pause();
      return;
    }
    if (start_ns_ == 0) start_ns_ = Seam::now_ns();
    // Sequentially consistent, as is the bump of the sequence in `wake`: either the sequence read here is
    // stale by the time of the futex call, or whoever bumps it sees this waiter (K4).
    Seam::fetch_add(lease_.waiters, 1U);
    const std::uint32_t sequence = Seam::load(lease_.wake_sequence, std::memory_order_seq_cst);
    const bool sleeps = blocked();
    if (sleeps) {
      Seam::futex_wait(lease_.wake_sequence, sequence, sleep_ns_);
      sleep_ns_ = std::min(sleep_ns_ * 2, look_interval_ns);
      slept_ = true;
    }
    Seam::fetch_add(lease_.waiters, ~0U);
    look_due_ = sleeps && blocked();  // who came since is looked at after a sleep of its own
  }
  /// True once before the first sleep and after each: time to look at the holder's liveness.
  bool time_to_look() { return std::exchange(look_due_, false); }
  /// Each look asks the kernel. The holder's mappings, of which there may be very many, are read at the looks
  /// 1, 2, 4, ... after the first sleep and every 32nd.
  bool looks_dead(Identity holder, const MappingKey& mapping) {
    constexpr std::uint32_t looks_between = 32;
    if (!slept_) return Seam::has_ended(holder);
    looks_ = std::exchange(looked_at_, holder) == holder ? looks_ + 1 : 1;
    if (Seam::has_ended(holder)) return true;
    if (!std::has_single_bit(looks_) && looks_ % looks_between != 0) return false;
    return Seam::certainly_dead(holder, mapping);
  }
  [[nodiscard]] bool has_slept() const { return slept_; }
  /// Goes on to wait for something else, on the same time.
  void begin_another() {
    spins_ = 0;
    sleep_ns_ = first_look_ns;
    look_due_ = slept_ = false;
  }
  [[nodiscard]] std::uint64_t waited_ns() const { return start_ns_ == 0 ? 0 : Seam::now_ns() - start_ns_; }
  [[nodiscard]] bool expired() const { return timeout_ns_ != 0 && waited_ns() > timeout_ns_; }

 private:
  layout::Lease& lease_;
  std::uint64_t timeout_ns_;
  std::uint64_t start_ns_ = 0;
  std::uint64_t sleep_ns_ = first_look_ns;
  int spins_ = 0;
  bool look_due_ = false;
  bool slept_ = false;
  Identity looked_at_ = 0;
  std::uint32_t looks_ = 0;
};

/// After every release of one's own. Bumps before it looks at the waiters; pairs with Waiter::pause.
void wake(layout::Lease& lease) {
  if (broken(Twin::release_forgets_to_wake)) return;
  Seam::fetch_add(lease.wake_sequence, 1U);
  if (Seam::load(lease.waiters, std::memory_order_seq_cst) != 0) Seam::futex_wake_all(lease.wake_sequence);
}

/// K3: lets a view that has waited long go first. Called where the word could be taken, so that the view can.
void yield_turn(layout::Lease& lease, Waiter& waiter) {
  const Identity turn = observe(lease.turn);
  if (turn == 0) return;
  const std::uint64_t start = Seam::now_ns();
  while (observe(lease.turn) == turn && Seam::now_ns() - start < look_interval_ns)
    waiter.pause([&] { return observe(lease.turn) == turn; });
  Seam::compare_exchange(lease.turn, turn, Identity{0});
}

/// True if the word was taken from a dead process.
Expected<bool> take_writer_word(Attachment& attachment, ThreadState& state, Waiter& waiter) {
  if (state.writes) return fault(Code::reentrant, "this thread is inside a mutation of this segment already");
  layout::Lease& lease = attachment.segment().lease();
  for (;;) {
    const Identity holder = observe(lease.writer);
    const bool from_dead =
        holder != 0 && waiter.time_to_look() && waiter.looks_dead(holder, attachment.mapping());
    if (holder == 0 || from_dead) {
      yield_turn(lease, waiter);
      state.writes = from_dead ? Heir(attachment.segment(), attachment.mapping()).take(lease.writer, holder)
                               : Seam::compare_exchange(lease.writer, holder, state.identity);
      if (!state.writes) continue;
      state.owes_takeover = from_dead;
      return from_dead;
    }
    if (waiter.expired())
      return fault(Code::timed_out, "the writer's lock is held by process", pid_of(holder));
    waiter.pause([&] { return observe(lease.writer) == holder; });
  }
}

void free_dead_views(Attachment& attachment) {
  Heir heir(attachment.segment(), attachment.mapping());
  for (std::uint64_t& entry : attachment.segment().lease().views) {
    const Identity holder = observe(entry);
    if (holder != 0 && heir.finds_dead(holder) && heir.take(entry, holder)) publish(entry, Identity{0});
  }
}

/// Whether any view is announced: one look at each entry, and few branches. The fence before it pairs with
/// the one in try_view_entry.
bool is_any_announced(const layout::Lease& lease) {
  static_assert(layout::view_entries % 4 == 0);
  Identity any = 0;
  for (const std::uint64_t* entry = lease.views; entry != std::end(lease.views); entry += 4)
    any |= observe(entry[0]) | observe(entry[1]) | observe(entry[2]) | observe(entry[3]);
  return any != 0;
}

/// K2: the writer's half, after the writer word.
Expected<void> wait_for_views(Attachment& attachment, Waiter& waiter) {
  layout::Lease& lease = attachment.segment().lease();
  waiter.begin_another();
  Seam::fence();  // pairs with the fence in try_view_entry
  if (!is_any_announced(lease)) return {};
  for (std::uint64_t& entry : lease.views) {
    for (Identity holder = observe(entry); holder != 0; holder = observe(entry)) {
      if (waiter.time_to_look() && waiter.looks_dead(holder, attachment.mapping())) {
        free_dead_views(attachment);  // all at once: the dead together cost one wait
        continue;
      }
      if (waiter.expired()) return fault(Code::timed_out, "a stable view is held by process", pid_of(holder));
      waiter.pause([&] { return observe(entry) == holder; });
    }
  }
  return {};
}

/// K2: the view's half. True if the view is held.
bool try_view_entry(layout::Lease& lease, ThreadState& state, bool& table_full) {
  table_full = true;
  for (std::uint32_t index = 0; index < layout::view_entries; ++index) {
    if (observe(lease.views[index]) != 0) continue;
    if (!Seam::compare_exchange(lease.views[index], Identity{0}, state.identity)) continue;
    table_full = false;
    Seam::fence();  // pairs with the fence in wait_for_views
    if (observe(lease.writer) == 0 || broken(Twin::view_without_second_look)) {
      state.view_entry = index;
      return true;
    }
    publish(lease.views[index], Identity{0});  // pairs with the writer's observe
    wake(lease);
    return false;
  }
  return false;
}

std::unexpected<Fault> table_is_full(const layout::Lease& lease) {
  Identity holder = 0;  // any: some may have left since the table was found full
  for (const std::uint64_t& entry : lease.views)
    if (holder = observe(entry); holder != 0) break;
  return fault(Code::too_many_views, "all stable views are taken, one of them by process", pid_of(holder));
}

/// The wait of enter_view. `turn_posted`: the turn word may name this process.
Expected<ViewEntry> wait_for_view(Attachment& attachment, ThreadState& state, std::uint64_t timeout_ms,
                                  bool& turn_posted) {
  layout::Lease& lease = attachment.segment().lease();
  Waiter waiter(lease, timeout_ms);
  std::uint64_t full_since_ns = UINT64_MAX;
  for (;;) {
    const Identity writer = observe(lease.writer);
    bool table_full = false;
    if (writer == 0 && try_view_entry(lease, state, table_full)) return ViewEntry::entered;
    if ((writer != 0 || table_full) && waiter.time_to_look()) {
      if (writer != 0 && waiter.looks_dead(writer, attachment.mapping())) return ViewEntry::writer_died;
      if (table_full && waiter.has_slept()) free_dead_views(attachment);  // 64 looks: not for who just came
    }
    // Only a table that stays full of the living ends the wait of a caller without a deadline.
    full_since_ns = table_full ? std::min(full_since_ns, Seam::now_ns()) : UINT64_MAX;
    if (table_full && (waiter.expired() || Seam::now_ns() - full_since_ns > full_table_wait_ns))
      return table_is_full(lease);
    if (waiter.expired())
      return fault(Code::timed_out, "the writer's lock is held by process", pid_of(writer));
    if (waiter.waited_ns() > turn_wait_ns && writer != 0)
      turn_posted |= Seam::compare_exchange(lease.turn, Identity{0}, state.identity);
    waiter.pause([&] { return table_full || observe(lease.writer) != 0; });
  }
}

}  // namespace

bool Heir::finds_dead(Identity identity) {
  if (identity == alive_) return false;
  if (identity == ended_) return true;
  if (Seam::has_ended(identity)) {
    ended_ = identity;
    return true;
  }
  if (Seam::certainly_dead(identity, mapping_)) return true;
  alive_ = identity;
  return false;
}

bool Heir::take(Identity& word, Identity dead) {
  const Identity own = cached_identity();
  if (dead == ended_ || Seam::has_ended(dead)) return Seam::compare_exchange(word, dead, own);
  // K5: it does not map the segment, and while the door is shut it cannot do so again.
  if (!door_) door_.emplace(segment::ShutDoor::shut(segment_, own));
  if (*door_) return Seam::certainly_dead(dead, mapping_) && Seam::compare_exchange(word, dead, own);
  // The door cannot be shut: look again after the swap, and give back.
  if (!Seam::compare_exchange(word, dead, own)) return false;
  if (Seam::certainly_dead(dead, mapping_)) return observe(word) == own;
  Seam::compare_exchange(word, own, dead);
  return false;
}

Expected<bool> acquire_writer_word(Attachment& attachment, ThreadState& state, std::uint64_t timeout_ms) {
  Waiter waiter(attachment.segment().lease(), timeout_ms);
  return take_writer_word(attachment, state, waiter);
}

Expected<bool> acquire_writer(Attachment& attachment, ThreadState& state, std::uint64_t timeout_ms) {
  if (state.view_depth != 0) return fault(Code::view_held, "this thread holds a stable view of the segment");
  Waiter waiter(attachment.segment().lease(), timeout_ms);
  const auto from_dead = take_writer_word(attachment, state, waiter);
  if (!from_dead) return from_dead;
  if (const auto alone = wait_for_views(attachment, waiter); !alone) {
    hand_back_writer(attachment, state);
    return std::unexpected(alone.error());
  }
  return from_dead;
}

void release_writer(Attachment& attachment, ThreadState& state) {
  state.owes_takeover = false;
  hand_back_writer(attachment, state);
}

void hand_back_writer(Attachment& attachment, ThreadState& state) {
  layout::Lease& lease = attachment.segment().lease();
  Seam::compiler_fence();
  // Pairs with the compare-and-swap in take_writer_word.
  publish(lease.writer, state.owes_takeover ? owed_takeover : Identity{0});
  Seam::compiler_fence();
  state.owes_takeover = false;
  state.writes = false;
  wake(lease);
}

Expected<ViewEntry> enter_view(Attachment& attachment, ThreadState& state, std::uint64_t timeout_ms) {
  if (state.view_depth != 0) {
    ++state.view_depth;
    return ViewEntry::entered;
  }
  if (state.writes) return fault(Code::reentrant, "this thread is inside a mutation of this segment");
  bool turn_posted = false;
  const auto entry = wait_for_view(attachment, state, timeout_ms, turn_posted);
  if (turn_posted) Seam::compare_exchange(attachment.segment().lease().turn, state.identity, Identity{0});
  if (entry && *entry == ViewEntry::entered) state.view_depth = 1;
  return entry;
}

void leave_view(Attachment& attachment, ThreadState& state) {
  if (--state.view_depth != 0 || attachment.shares_view(state)) return;
  layout::Lease& lease = attachment.segment().lease();
  publish(lease.views[state.view_entry], Identity{0});  // pairs with the observe in wait_for_views
  wake(lease);
}

}  // namespace radish::sync
