#include "sync/attachment.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "sync/lock.h"
#include "sync/words.h"

namespace radish::sync {

constinit thread_local ThreadState* last_state = nullptr;

namespace {

std::atomic<std::uint64_t> next_attachment_id{1};
std::atomic<std::uint64_t> next_state_number{1};

/// The states of one thread.
class ThreadTable {
 public:
  ThreadState& get(Attachment& attachment) {
    if (ThreadState* state = find(attachment.id())) return *state;
    last_state = nullptr;  // its row may go
    std::erase_if(rows_, [](const auto& row) { return row->attachment.expired(); });
    rows_.push_back(std::make_unique<Row>(Row{{}, attachment.weak_from_this()}));
    rows_.back()->state.attachment_id = attachment.id();
    return rows_.back()->state;
  }

  [[nodiscard]] ThreadState* find(std::uint64_t attachment_id) const {
    const auto found = std::ranges::find_if(
        rows_, [&](const auto& row) { return row->state.attachment_id == attachment_id; });
    return found == rows_.end() ? nullptr : &(*found)->state;
  }

  /// A state of the same thread, process and segment as `own`, in another attachment.
  template <class Condition>
  [[nodiscard]] const ThreadState* find_other(const MappingKey& mapping, const ThreadState& own,
                                              Condition condition) const {
    for (const auto& row : rows_) {
      const ThreadState& state = row->state;
      if (state.attachment_id == own.attachment_id || state.identity != own.identity || !condition(state))
        continue;
      const auto attachment = row->attachment.lock();
      if (attachment && attachment->mapping().is_known() && attachment->mapping() == mapping) return &state;
    }
    return nullptr;
  }

  /// A7, in the attachments that still live.
  void let_go();

 private:
  struct Row {
    ThreadState state;
    std::weak_ptr<Attachment> attachment;
  };
  std::vector<std::unique_ptr<Row>> rows_;
};

// A plain pointer: static destructors may use a tree when the main thread's thread_local objects are gone.
constinit thread_local ThreadTable* thread_table = nullptr;
constinit thread_local bool thread_ends = false;

struct ThreadEnd {
  ThreadEnd() = default;
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ThreadEnd(ThreadEnd&&) = delete;
  ThreadEnd& operator=(ThreadEnd&&) = delete;
  ~ThreadEnd() {
    thread_ends = true;
    last_state = nullptr;
    thread_table->let_go();
    delete std::exchange(thread_table, nullptr);
  }
};

/// A table that is made after the thread's end stays: what is claimed then is freed as the handle closes.
ThreadTable& own_table() {
  if (thread_table == nullptr) {
    thread_table = new ThreadTable;
    if (!thread_ends) thread_local const ThreadEnd end;
  }
  return *thread_table;
}

void ThreadTable::let_go() {
  for (auto& row : rows_) {
    // The lock keeps a closing handle from unmapping under our feet.
    const auto attachment = row->attachment.lock();
    if (!attachment || row->state.identity != cached_identity()) continue;
    attachment->free_slot(row->state);
    if (row->state.view_depth == 0) continue;
    row->state.view_depth = 1;
    leave_view(*attachment, row->state);
  }
}

void raise_high_water(layout::Lease& lease, std::uint32_t slots) {
  for (std::uint32_t seen = observe(lease.slots_high_water); seen < slots;
       seen = observe(lease.slots_high_water))
    if (Seam::compare_exchange(lease.slots_high_water, seen, slots)) return;
}

/// Slots that may ever have been claimed; the lease is not trusted further than the geometry.
std::uint32_t slots_in_use(const segment::Segment& segment) {
  // Pairs with the compare-and-swap in raise_high_water (A3).
  return std::min(observe(segment.lease().slots_high_water), segment.geometry().reader_slots);
}

}  // namespace

Attachment::Attachment(segment::Segment segment, std::uint64_t lock_timeout_ms)
    : segment_(std::move(segment)),
      id_(next_attachment_id.fetch_add(1, std::memory_order_relaxed)),
      lock_timeout_ms_(lock_timeout_ms),
      mapping_(mapping_key(segment_.base())),
      local_slots_(std::make_unique<LocalSlot[]>(segment_.geometry().reader_slots)) {}

Attachment::~Attachment() {
  const Identity own = cached_identity();
  if (segment_.base() == nullptr || segment_.read_only() || own == 0) return;
  for (std::uint32_t index = 0; index < segment_.geometry().reader_slots; ++index) {
    if (local_slots_[index].claimed_by.load(std::memory_order_relaxed) != own) continue;
    publish(segment_.slots()[index].pin, std::uint64_t{0});
    publish(segment_.slots()[index].owner, std::uint64_t{0});  // pairs with the claim's compare-and-swap
  }
}

Expected<void> Attachment::check_namespace(Identity identity) {
  if (segment_.read_only() || namespace_checked_.load(std::memory_order_relaxed) == identity) return {};
  const auto read = own_origin();
  if (!read) return std::unexpected(read.error());
  const layout::LeaseOrigin& origin = *read;
  const layout::LeaseOrigin& lease = segment_.lease().origin;
  if (origin.pid_namespace != lease.pid_namespace || origin.time_namespace != lease.time_namespace)
    return fault(Code::foreign_namespace,
                 "this process lives in another pid or time namespace than those attached, or /proc does not "
                 "show in which");
  if (origin != lease)
    return fault(Code::foreign_namespace,
                 "this process lives in another boot than those attached, or /proc does not show in which");
  namespace_checked_.store(identity, std::memory_order_relaxed);
  return {};
}

Expected<ThreadState*> Attachment::thread_state() {
  if (ThreadState* last = last_used()) return last;
  const auto identity = own_identity();
  if (!identity) return std::unexpected(identity.error());
  RADISH_TRY(check_namespace(*identity));
  ThreadState& state = own_table().get(*this);
  if (state.identity != *identity)  // A2
    state = {.number = next_state_number.fetch_add(1, std::memory_order_relaxed),
             .attachment_id = id_,
             .identity = *identity};
  last_state = &state;
  return &state;
}

const ThreadState* Attachment::held_elsewhere(const ThreadState& state) const {
  return own_table().find_other(
      mapping_, state, [](const ThreadState& other) { return other.writes || other.view_depth != 0; });
}

bool Attachment::reads_elsewhere(const ThreadState& state) const {
  return own_table().find_other(mapping_, state,
                                [](const ThreadState& other) { return other.pin_depth != 0; }) != nullptr;
}

ThreadState* Attachment::find_state() const {
  return thread_table == nullptr ? nullptr : thread_table->find(id_);
}

bool Attachment::shares_view(const ThreadState& state) const {
  return own_table().find_other(mapping_, state, [&](const ThreadState& other) {
    return other.view_depth != 0 && other.view_entry == state.view_entry;
  }) != nullptr;
}

bool Attachment::try_claim(ThreadState& state) {
  layout::Slot* slots = segment_.slots();
  for (std::uint32_t index = 0; index < segment_.geometry().reader_slots; ++index) {
    if (observe(slots[index].owner) != 0) continue;
    raise_high_water(segment_.lease(), index + 1);  // A3: before the claim
    if (!Seam::compare_exchange(slots[index].owner, Identity{0}, state.identity)) continue;
    if (!broken(Twin::pin_of_the_dead_inherited)) note(slots[index].pin, std::uint64_t{0});
    local_slots_[index].claimed_by.store(state.identity, std::memory_order_relaxed);
    state.slot = index;
    state.has_slot = true;
    return true;
  }
  return false;
}

Expected<void> Attachment::claim_slot(ThreadState& state) {
  if (state.has_slot || try_claim(state)) return {};
  // Only the owner of the writer word may sweep (A5). A bounded wait: a stopped writer must not hold a
  // reader.
  constexpr std::uint64_t sweep_wait_ms = 100;
  if (!state.writes) {
    if (const auto taken = acquire_writer_word(*this, state, sweep_wait_ms); !taken)
      return fault(Code::too_many_readers, "every reader slot has an owner, and the writer's lock is held",
                   first_living_owner());
    sweep_dead_slots(segment_, mapping_);
    hand_back_writer(*this, state);
    if (try_claim(state)) return {};
  }
  return fault(Code::too_many_readers, "every reader slot belongs to a living process", first_living_owner());
}

std::uint64_t Attachment::first_living_owner() const {
  for (std::uint32_t index = 0; index < segment_.geometry().reader_slots; ++index) {
    const Identity owner = observe(segment_.slots()[index].owner);
    if (owner != 0 && !Seam::certainly_dead(owner, mapping_)) return pid_of(owner);
  }
  return 0;
}

void Attachment::free_slot(ThreadState& state) {
  if (!state.has_slot) return;
  layout::Slot& slot = segment_.slots()[state.slot];
  local_slots_[state.slot].claimed_by.store(0, std::memory_order_relaxed);
  publish(slot.pin, std::uint64_t{0});
  publish(slot.owner, std::uint64_t{0});  // pairs with the claim's compare-and-swap
  state.has_slot = false;
}

std::uint64_t Attachment::reads() const {
  std::uint64_t sum = 0;
  for (std::uint32_t index = 0; index < segment_.geometry().reader_slots; ++index)
    sum += local_slots_[index].reads.load(std::memory_order_relaxed);
  return sum;
}

Expected<Pin> Pin::take_first(Attachment& attachment) {
  if (attachment.segment().read_only()) return Pin();
  const auto state = attachment.thread_state();
  if (!state) return std::unexpected(state.error());
  RADISH_TRY(attachment.claim_slot(**state));
  return Pin(attachment, **state);
}

Expected<std::uint64_t> Pin::enter(Attachment& attachment) {
  auto pin = take(attachment);
  if (!pin) return std::unexpected(pin.error());
  const ThreadState* state = std::exchange(pin->state_, nullptr);
  return state == nullptr ? 0 : state->number;
}

void Pin::leave(Attachment& attachment, std::uint64_t ticket) {
  ThreadState* state = attachment.find_state();
  if (ticket == 0 || state == nullptr || state->number != ticket || state->identity != cached_identity())
    return;
  Pin entered;
  entered.slot_ = &attachment.segment().slots()[state->slot];
  entered.state_ = state;
}

OldestPin oldest_pin(const segment::Segment& segment) {
  OldestPin oldest;
  if (broken(Twin::reuse_before_readers_left)) return oldest;
  Seam::fence();
  const std::uint32_t count = slots_in_use(segment);
  for (std::uint32_t index = 0; index < count; ++index) {
    const std::uint64_t pin = observe(segment.slots()[index].pin);
    if (pin != 0 && pin < oldest.epoch) oldest = {pin, observe(segment.slots()[index].owner)};
  }
  return oldest;
}

void note_pins_met(const segment::Segment& segment) {
  const std::uint64_t epoch = glance(segment.roots().epoch);  // the writer's own
  const std::uint32_t count = slots_in_use(segment);
  for (std::uint32_t index = 0; index < count; ++index) {
    layout::Slot& slot = segment.slots()[index];
    const std::uint64_t pin = observe(slot.pin);
    if (pin == 0 || pin >= epoch || pin == glance(slot.met_pin)) continue;
    note(slot.met_ns, Seam::now_ns());
    publish(slot.met_pin, pin);  // pairs with the observe in owned_slots
  }
}

std::uint32_t sweep_dead_slots(const segment::Segment& segment, const MappingKey& mapping) {
  std::uint32_t freed = 0;
  const std::uint32_t count = slots_in_use(segment);
  Heir heir(segment, mapping);
  for (std::uint32_t index = 0; index < count; ++index) {
    layout::Slot& slot = segment.slots()[index];
    const Identity owner = observe(slot.owner);
    if (owner == 0) continue;
    if (!broken(Twin::slot_freed_whoever_owns_it) &&
        (!heir.finds_dead(owner) || !heir.take(slot.owner, owner)))
      continue;
    if (!broken(Twin::pin_of_the_dead_inherited)) publish(slot.pin, std::uint64_t{0});
    publish(slot.owner, Identity{0});  // pairs with the claim's compare-and-swap
    ++freed;
  }
  return freed;
}

std::vector<OwnedSlot> owned_slots(const segment::Segment& segment) {
  std::vector<OwnedSlot> owned;
  const std::uint32_t count = slots_in_use(segment);
  for (std::uint32_t index = 0; index < count; ++index) {
    const layout::Slot& slot = segment.slots()[index];
    const std::uint64_t pin = observe(slot.pin);
    const bool met = pin != 0 && observe(slot.met_pin) == pin;
    const std::uint64_t met_ns = met ? glance(slot.met_ns) : 0;
    if (const Identity owner = observe(slot.owner); owner != 0) owned.push_back({index, owner, pin, met_ns});
  }
  return owned;
}

std::uint32_t count_slots(const segment::Segment& segment) {
  std::uint32_t used = 0;
  const std::uint32_t count = slots_in_use(segment);
  for (std::uint32_t index = 0; index < count; ++index) used += observe(segment.slots()[index].owner) != 0;
  return used;
}

}  // namespace radish::sync
