// The ledger: memory outside the segment that all processes of a torture share, and that survives them. It
// says what was acknowledged and what was begun, and by it a process that execs knows what it is.
//
// Invariants
//   G1  A key's states are written by the one strand that owns its range, or, when that is dead, by who
//       settles the range after it. `seen` is raised by any reader.
//   G2  `intended` is stored before the operation that leads to it begins, `acknowledged` after it has
//       answered. They differ only while an operation is in flight, or if its process died in it.
//   G3  `acknowledged` never goes back; `intended` does only to `acknowledged`, when the operation is known
//       not to have happened. So a version seen by a reader lies between the `acknowledged` read before its
//       call and the `intended` read after it.
//   G4  `seen` is the newest version that an answer has shown for certain: no answer to a later call is older
//       than that, and a version that was seen is not found undone.
//   G5  A shared key is changed by everybody, one step up at a time. What each strand has begun and done is
//       counted, so that the sums say the same of it as the two versions do of any other key.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "torture/heartbeat.h"
#include "torture/key_set.h"
#include "torture/versions.h"

namespace radish::stress::torture {

inline constexpr std::uint32_t seats_max = 64;
inline constexpr std::uint32_t strands_per_seat = 3;
inline constexpr std::uint32_t coordinator_strand = seats_max * strands_per_seat;
inline constexpr std::uint32_t strands_max = coordinator_strand + 1;

/// What strands count.
enum class Count : std::uint32_t {
  inserts,
  inserts_new,
  exchanges,
  additions,
  erasures,
  prefix_erasures,
  unchanging,
  finds,
  strangers,
  longest_prefixes,
  all_prefixes,
  pairs,
  key_counts,
  scans,
  entries_scanned,
  views,
  shared_additions,
  shared_exchanges,
  full,
  pinned,
  timed_out,
  without_slot,
  created,
  attached,
  recovered,
  healed,
  in_flight_before,
  in_flight_after,
  threads,
  forks,
  hand_overs,
  execs,
  ends_of_main,
  deaths_within,
  end
};
inline constexpr std::size_t count_kinds = static_cast<std::size_t>(Count::end);

enum class Storage : std::uint32_t { file, shm, memfd, anonymous };

/// What a strand does right now.
enum class Activity : std::uint32_t {
  none,
  attaching,
  settling,
  writing,
  erasing_prefix,
  reading,
  viewing,
  iterating
};
[[nodiscard]] std::string_view activity_name(Activity activity);

/// One thread of work; it outlives its processes.
struct alignas(64) Strand {
  std::atomic<std::int32_t> pid;
  std::atomic<Activity> activity;
  std::atomic<std::uint64_t> progress;
  std::atomic<std::uint64_t> lives;  ///< how often it was begun anew
  std::atomic<std::uint64_t>
      changes;                  ///< operations on its keys that were begun, or looked for after a death
  std::atomic<KeyId> changing;  ///< the key that it changes, or changed last
  std::array<std::atomic<std::uint64_t>, count_kinds> counts;

  void add(Count kind, std::uint64_t amount = 1) {
    counts[static_cast<std::size_t>(kind)].fetch_add(amount, std::memory_order_relaxed);
  }
};

struct KeyState {
  std::atomic<Version> acknowledged;
  std::atomic<Version> intended;
  std::atomic<Version> seen;
};

/// Steps of one strand at one shared key.
struct SharedSteps {
  std::atomic<std::uint64_t> begun;
  std::atomic<std::uint64_t> done;
};

/// What never changes during a torture.
struct Setting {
  std::uint64_t seed;
  std::uint32_t writers;
  std::uint32_t readers;
  std::uint32_t views;
  std::uint32_t iterators;
  std::int32_t twin;
  std::uint64_t started_ns;
  std::uint64_t recovery_limit_ns;

  [[nodiscard]] std::uint32_t seats() const { return writers + readers + views + iterators; }
  /// Ranges of keys: one for each strand of a writer.
  [[nodiscard]] std::uint32_t ranges() const { return writers * strands_per_seat; }
};

/// What the processes of one round need to know.
struct Round {
  std::uint64_t number;
  std::uint64_t capacity_bytes;
  Storage storage;
  std::int32_t keeper;  ///< descriptor of an unnamed segment, or -1
  bool room_may_end;    ///< a small segment: `full`, `pinned`, `timed_out` are answers too
  bool must_exist;
  char path[512];
};

/// From a death to the next acknowledged write of another process. It is counted from when the coordinator
/// has seen the death, so on a busy machine a takeover may be over by then: the sample is that of the next
/// write of anybody.
struct Recovery {
  static constexpr std::size_t samples_max = 1 << 16;
  std::atomic<std::uint64_t> died_ns;  ///< when the kernel reported the lock's holder dead; 0: nobody waits
  std::atomic<std::uint64_t> generation;
  std::atomic<bool> disturbed;          ///< somebody was stopped meanwhile, so its time says nothing
  std::atomic<std::uint64_t> censored;  ///< those that were, and those that a massacre ended
  std::atomic<std::uint64_t> takeovers;
  std::atomic<std::uint64_t> count;
  std::array<std::atomic<std::uint32_t>, samples_max> samples_us;  ///< 0: none yet

  /// It is over, or nobody is left to end it.
  void censor() {
    if (died_ns.exchange(0) != 0) censored.fetch_add(1);
  }
};

struct FailureText {
  static constexpr std::size_t bytes = 2000;
  std::atomic<bool> written;
  char text[bytes];
};
inline constexpr std::uint32_t failures_kept = 8;

class Ledger {
 public:
  /// In memory of its own that children inherit, by exec too.
  [[nodiscard]] static Ledger create(const Setting& setting, const KeySet& keys);
  [[nodiscard]] static Ledger inherit(int descriptor);
  /// A private copy of what `save` wrote.
  [[nodiscard]] static Ledger load(const std::string& path);
  void save(const std::string& path) const;

  Ledger(Ledger&& other) noexcept;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  Ledger& operator=(Ledger&&) = delete;
  ~Ledger();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const Setting& setting() const;
  [[nodiscard]] Round& round() const;
  [[nodiscard]] Recovery& recovery() const;
  [[nodiscard]] std::atomic<bool>& stopping() const;
  /// The coordinator's.
  [[nodiscard]] Heartbeat& heartbeat() const;
  [[nodiscard]] Strand& strand(std::uint32_t index) const;
  /// Process group of a seat; 0 if it is empty.
  [[nodiscard]] std::atomic<std::int32_t>& group(std::uint32_t seat) const;
  /// It was saved when everybody stood still.
  [[nodiscard]] std::atomic<bool>& laid_down() const;
  [[nodiscard]] std::uint64_t total(Count kind) const;

  [[nodiscard]] KeyId keys() const;
  [[nodiscard]] const KeyRecord& record(KeyId key) const;
  [[nodiscard]] std::string_view bytes(KeyId key) const;
  [[nodiscard]] KeyState& state(KeyId key) const;
  /// Of a strand at a shared key.
  [[nodiscard]] SharedSteps& steps(KeyId key, std::uint32_t strand) const;
  /// The newest version that is known to have been reached.
  [[nodiscard]] Version acknowledged(KeyId key) const;
  /// The newest version that was begun.
  [[nodiscard]] Version intended(KeyId key) const;
  /// The key is at that version, and nobody works on it.
  void settle(KeyId key, Version version) const;
  /// The value at a version; none if it is absent then.
  [[nodiscard]] std::optional<std::uint64_t> value_at(KeyId key, Version version) const;
  /// The first key that is not less.
  [[nodiscard]] KeyId lower_bound(std::string_view bytes) const;
  /// Id of a key, or keys() if it is none.
  [[nodiscard]] KeyId find(std::string_view bytes) const;
  /// All keys are as in an empty tree.
  void forget_states() const;

  /// A violation; the first few are kept, all are counted.
  void report(std::string_view text) const;
  /// What the harness or its surroundings fail in: nothing is known of radish then.
  void report_trouble(std::string_view text) const;
  [[nodiscard]] std::uint32_t failures() const;
  [[nodiscard]] std::uint32_t troubles() const;
  [[nodiscard]] bool all_is_well() const { return failures() == 0 && troubles() == 0; }
  [[nodiscard]] std::string failure_texts() const;

 private:
  struct Layout;
  void keep(std::string_view text) const;
  Ledger(void* base, std::size_t bytes, int descriptor)
      : base_(base), bytes_(bytes), descriptor_(descriptor) {}
  [[nodiscard]] Layout& layout() const { return *static_cast<Layout*>(base_); }

  void* base_;
  std::size_t bytes_;
  int descriptor_;
};

[[nodiscard]] std::uint64_t now_ns();
[[nodiscard]] std::string describe_value(std::optional<std::uint64_t> value);
/// A key as it can be printed.
[[nodiscard]] std::string printable(std::string_view bytes);

}  // namespace radish::stress::torture
