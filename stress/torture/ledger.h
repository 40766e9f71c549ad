// The ledger: memory outside the segment that all processes of a torture share, and that survives them. It
// says what was acknowledged and what was begun, and by it a process that execs knows what it is.
//
// Invariants
//   G1  A key's states are written by the one strand that owns its range, or, when that is dead, by who
//       settles the range after it.
//   G2  `intended` is stored before the operation that leads to it begins, `acknowledged` after it has
//       answered. They differ only while an operation is in flight, or if its process died in it.
//   G3  `acknowledged` never goes back; `intended` does only to `acknowledged`, when the operation is known
//       not to have happened. So a version seen by a reader lies between the `acknowledged` read before its
//       call and the `intended` read after it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
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
  longest_prefixes,
  all_prefixes,
  pairs,
  scans,
  entries_scanned,
  views,
  full,
  no_space,
  pinned,
  timed_out,
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
  std::array<std::atomic<std::uint64_t>, count_kinds> counts;

  void add(Count kind, std::uint64_t amount = 1) {
    counts[static_cast<std::size_t>(kind)].fetch_add(amount, std::memory_order_relaxed);
  }
};

struct KeyState {
  std::atomic<Version> acknowledged;
  std::atomic<Version> intended;
};

/// What never changes during a torture.
struct Setting {
  std::uint64_t seed;
  std::uint32_t writers;
  std::uint32_t readers;
  std::uint32_t views;
  std::uint32_t iterators;
  std::int32_t twin;
  std::uint64_t recovery_limit_us;

  [[nodiscard]] std::uint32_t seats() const { return writers + readers + views + iterators; }
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

/// From a death to the next acknowledged write of another process.
struct Recovery {
  static constexpr std::size_t samples_max = 1 << 16;
  std::atomic<std::uint64_t> died_ns;  ///< when the kernel reported the lock's holder dead; 0: nobody waits
  std::atomic<std::uint64_t> generation;
  std::atomic<std::uint64_t> count;
  std::array<std::atomic<std::uint32_t>, samples_max> samples_us;
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
  [[nodiscard]] std::uint64_t total(Count kind) const;

  [[nodiscard]] KeyId keys() const;
  [[nodiscard]] const KeyRecord& record(KeyId key) const;
  [[nodiscard]] std::string_view bytes(KeyId key) const;
  [[nodiscard]] KeyState& state(KeyId key) const;
  /// The first key that is not less.
  [[nodiscard]] KeyId lower_bound(std::string_view bytes) const;
  /// Id of a key, or keys() if it is none.
  [[nodiscard]] KeyId find(std::string_view bytes) const;
  /// All keys are as in an empty tree.
  void forget_states() const;

  /// A violation; the first few are kept, all are counted.
  void report(std::string_view text) const;
  [[nodiscard]] std::uint32_t failures() const;
  [[nodiscard]] std::string failure_texts() const;

 private:
  struct Layout;
  Ledger(void* base, std::size_t bytes, int descriptor)
      : base_(base), bytes_(bytes), descriptor_(descriptor) {}
  [[nodiscard]] Layout& layout() const { return *static_cast<Layout*>(base_); }

  void* base_;
  std::size_t bytes_;
  int descriptor_;
};

[[nodiscard]] std::uint64_t now_ns();
/// A key as it can be printed.
[[nodiscard]] std::string printable(std::string_view bytes);

}  // namespace radish::stress::torture
