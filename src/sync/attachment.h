// One attachment of this process to a segment, and what each of its threads holds there.
//
// Invariants
//   A1  A slot is claimed by one compare-and-swap of its owner word from 0, and belongs to one thread of one
//       attachment. Its pin is 0 whenever its owner is.
//   A2  Whatever a thread's state says was true of the process that wrote it: a forked child, whose identity
//       differs, starts from nothing.
//   A3  No slot at or above Lease::slots_high_water was ever claimed (claimers raise it first).
//   A4  A slot's pin is the oldest epoch that its thread still reads in; nested pins leave it alone.
//   A5  Only the owner of the writer word sweeps slots of the dead: it takes the owner word first, so that
//       nobody else has the slot, then clears the pin, then the owner.
//   A6  A thread's states in several attachments to one segment speak of one thread: what it holds
//       through one of them it holds through all. A view that several of them share has one entry, given
//       back by the last.
//   A7  A thread that ends gives its views and slots back.
//   A8  A pin that is entered is left by the thread that entered it, or ends with it: its ticket is the
//       number of that thread's state, which no other state has, in this process or in a child that
//       inherits the ticket.
//   A9  A slot's met_ns speaks of its pin only while that equals met_pin. The owner of the writer word
//       writes both, the time first, and only of a pin older than the epoch: one that is taken later can
//       equal it only if its reader had read the epoch before.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "segment/segment.h"
#include "sync/identity.h"
#include "sync/liveness.h"
#include "sync/words.h"

namespace radish::sync {

/// What one thread holds in one attachment.
struct ThreadState {
  std::uint64_t number = 0;  ///< no two states of a process, or of those it forks, have one
  std::uint64_t attachment_id = 0;
  Identity identity = 0;  ///< of the process that the rest speaks of (A2)
  std::uint32_t slot = 0;
  std::uint32_t pin_depth = 0;
  std::uint32_t view_depth = 0;
  std::uint32_t view_entry = 0;
  bool has_slot = false;
  bool writes = false;
  bool owes_takeover = false;  ///< while it writes: from a dead writer
  bool operator==(const ThreadState&) const = default;
};

/// The state that the thread used last, found without walking a table and without the guard of a thread_local
/// constructor; or null. For attachment.cpp, and `Attachment::last_used`. Each copy of the library in a
/// process has its own, as it has its own numbers of attachments: so it is hidden.
[[gnu::visibility("hidden")]] extern constinit thread_local ThreadState* last_state;

/// The pin that holds back the reuse of memory longest.
struct OldestPin {
  std::uint64_t epoch = UINT64_MAX;  ///< every pin is at least this; UINT64_MAX if nobody reads
  Identity holder = 0;
};

class Attachment : public std::enable_shared_from_this<Attachment> {
 public:
  /// `lock_timeout_ms` 0 waits for as long as it takes.
  Attachment(segment::Segment segment, std::uint64_t lock_timeout_ms);
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  Attachment(Attachment&&) = delete;
  Attachment& operator=(Attachment&&) = delete;
  /// Frees the slots that this process's threads claimed through it.
  ~Attachment();

  [[nodiscard]] const segment::Segment& segment() const { return segment_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::uint64_t lock_timeout_ms() const { return lock_timeout_ms_; }
  /// What readers may hold back of the room that an insertion wants; 0 for any amount.
  [[nodiscard]] std::uint64_t retired_bytes_max() const { return retired_bytes_max_; }
  /// Only while the attachment is made, before anybody else has it.
  void set_retired_bytes_max(std::uint64_t bytes) { retired_bytes_max_ = bytes; }
  /// Only while it is made, before any other thread has it.
  void use_huge_pages() { segment_.use_huge_pages(); }
  [[nodiscard]] const MappingKey& mapping() const { return mapping_; }

  /// The calling thread's state, for the process as it is now. `foreign_namespace` if this process, a child
  /// by fork, lives in another boot or namespace than the lease says, or cannot tell.
  [[nodiscard]] Expected<ThreadState*> thread_state();
  /// The same, if it is the one that the thread used last; else null.
  [[nodiscard]] ThreadState* last_used() const {
    ThreadState* last = last_state;
    return last != nullptr && last->attachment_id == id_ && last->identity == cached_identity() ? last
                                                                                                : nullptr;
  }

  /// A6: the calling thread's state in another attachment to the same segment through which it writes or
  /// holds a view; null if there is none.
  [[nodiscard]] const ThreadState* held_elsewhere(const ThreadState& state) const;
  /// A6: true if the calling thread reads through another attachment to the same segment.
  [[nodiscard]] bool reads_elsewhere(const ThreadState& state) const;
  /// A6: true if another of the thread's states holds the same view entry.
  [[nodiscard]] bool shares_view(const ThreadState& state) const;

  /// Claims a slot for the thread if it has none. `too_many_readers` if living processes own them all.
  [[nodiscard]] Expected<void> claim_slot(ThreadState& state);
  /// Lets go of the thread's slot.
  void free_slot(ThreadState& state);

  /// Of a thread that has a slot.
  void count_read(const ThreadState& state) {
    auto& reads = local_slots_[state.slot].reads;  // the slot's thread alone writes it
    reads.store(reads.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  /// Of the owner of the writer word, who alone writes it.
  void count_write() { writes_.store(writes() + 1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t reads() const;
  [[nodiscard]] std::uint64_t writes() const { return writes_.load(std::memory_order_relaxed); }

 private:
  friend class Pin;
  /// The calling thread's state, of whatever process, if it has one.
  [[nodiscard]] ThreadState* find_state() const;
  /// What this attachment knows of a slot it may have claimed: by whose identity, and reads through it.
  struct alignas(64) LocalSlot {
    std::atomic<Identity> claimed_by{0};
    std::atomic<std::uint64_t> reads{0};
  };

  [[nodiscard]] bool try_claim(ThreadState& state);
  /// Process that holds the first slot not owned by the dead; 0 if there is none any longer.
  [[nodiscard]] std::uint64_t first_living_owner() const;
  [[nodiscard]] Expected<void> check_namespace(Identity identity);

  segment::Segment segment_;
  std::uint64_t id_;
  std::uint64_t lock_timeout_ms_;
  std::uint64_t retired_bytes_max_ = 0;
  MappingKey mapping_;
  std::atomic<Identity> namespace_checked_{0};
  std::atomic<std::uint64_t> writes_{0};
  std::unique_ptr<LocalSlot[]> local_slots_;
};

/// Holds the calling thread's epoch while it lives; nests. On a frozen segment it costs and does nothing.
class Pin {
 public:
  [[nodiscard, gnu::always_inline]] static inline Expected<Pin> take(Attachment& attachment) {
    ThreadState* state = attachment.last_used();
    if (state != nullptr && state->has_slot) [[likely]]
      return Pin(attachment, *state);
    return take_first(attachment);
  }
  /// Holds the epoch until `leave` is given the ticket (A8), which is 0 of a segment opened read-only.
  [[nodiscard]] static Expected<std::uint64_t> enter(Attachment& attachment);
  /// Nothing happens but in the thread that entered. Allocates nothing.
  static void leave(Attachment& attachment, std::uint64_t ticket);

  Pin(Pin&& other) noexcept : slot_(other.slot_), state_(other.state_) { other.state_ = nullptr; }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  Pin& operator=(Pin&&) = delete;
  ~Pin() {
    // The release keeps the walk's loads before it; pairs with the acquire in oldest_pin.
    if (state_ != nullptr && --state_->pin_depth == 0) publish(slot_->pin, std::uint64_t{0});
  }

 private:
  Pin() = default;  // of a frozen segment
  Pin(Attachment& attachment, ThreadState& state)
      : slot_(&attachment.segment().slots()[state.slot]), state_(&state) {
    if (state.pin_depth++ == 0)
      announce(slot_->pin, observe(attachment.segment().roots().epoch));  // pairs with oldest_pin
    attachment.count_read(state);
  }
  /// The thread's first here, or of a frozen segment.
  [[nodiscard]] static Expected<Pin> take_first(Attachment& attachment);

  layout::Slot* slot_ = nullptr;
  ThreadState* state_ = nullptr;
};

/// For the owner of the writer word: the oldest pin of all slots. Fences first, which pairs with the fence in
/// `Pin::take`: either the pin is seen here, or its reader sees what was unlinked before.
[[nodiscard]] OldestPin oldest_pin(const segment::Segment& segment);
/// For the owner of the writer word, who finds memory held back: notes since when, for observers (A9).
void note_pins_met(const segment::Segment& segment);
/// For the owner of the writer word: frees the slots of dead processes (A5); how many.
std::uint32_t sweep_dead_slots(const segment::Segment& segment, const MappingKey& mapping);
struct OwnedSlot {
  std::uint32_t index;
  Identity owner;
  std::uint64_t pin;     ///< 0: nothing is being read
  std::uint64_t met_ns;  ///< when the pin was first found in a writer's way (A9); 0: never
};
/// Slots with an owner, living or dead, each as it was at some moment.
[[nodiscard]] std::vector<OwnedSlot> owned_slots(const segment::Segment& segment);
/// How many there are.
[[nodiscard]] std::uint32_t count_slots(const segment::Segment& segment);

}  // namespace radish::sync
