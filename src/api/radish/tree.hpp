// The public C++ interface: a byte-string tree in a segment that many processes share.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "radish/code.hpp"

namespace radish {

/// A failure: a code to act on and a sentence that names the path, the pid or the limit.
struct Error {
  Code code;
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;

/// How a segment is created or opened. The stored geometry wins over capacity and slots of an existing one.
struct OpenOptions {
  std::uint64_t capacity_bytes = 0;  ///< 128 KiB to 32 GiB; 0: 4 GiB. The file is sparse and grows into it.
  std::uint32_t reader_slots = 0;    ///< reading threads at once, 1 to 65,536; 0: 1,024
  std::uint32_t record_entries = 0;  ///< stores of the largest batch, 252 to 4,092, rounded up; 0: 252
  mode_t mode = 0;                   ///< of a file that is created; 0: 0600
  bool exclusive = false;            ///< refuse an existing file
  bool must_exist = false;           ///< refuse to create
  /// How long a mutation or a stable view waits for a living lock holder; zero: for as long as it takes.
  std::chrono::milliseconds lock_timeout{0};
  /// An insertion that wants new pages while readers hold back more than this, retired but not yet free, is
  /// answered `pinned`, which names one of them; zero: however much it is. Erasing, overwriting and reading
  /// go on. Of a tree or subtree that was cut off whole only what has been taken apart counts.
  std::uint64_t retired_bytes_max = 0;
  /// Asks the kernel for pages of 2 MiB, by MADV_COLLAPSE, for what the segment has and wherever this process
  /// makes it grow by a whole one. All who have the segment open gain by it: lookups among many million keys
  /// miss fewer translations. Costs a mutation about a millisecond for every 2 MiB, and an open as much for
  /// each that is there. What becomes such a page counts as this process's memory from then on, and a trim
  /// may leave less than 2 MiB of one behind until the next trim. Where the kernel or the file system grants
  /// none, nothing happens.
  bool huge_pages = false;
};

/// A stored key that is a prefix of a query.
struct Match {
  std::uint64_t value;
  std::size_t length;  ///< bytes of the query that the key covers

  bool operator==(const Match&) const = default;
};

/// What a compare-exchange found: `actual` is the value before the call, nullopt if the key was absent.
struct Exchange {
  bool exchanged;
  std::optional<std::uint64_t> actual;

  bool operator==(const Exchange&) const = default;
};

struct Entry {
  std::string_view key;  ///< valid until the cursor is next used
  std::uint64_t value;
};

/// Figures of a segment. Exact while nobody writes; with a writer at work, off by what is in flight.
struct Stats {
  std::uint64_t keys;             ///< of the root that was asked
  std::uint64_t blocks;           ///< nodes and leaves in use, or waiting for readers
  std::uint64_t blocks_retired;   ///< of those: waiting for readers
  std::uint64_t heap_bytes_used;  ///< whole pages in use
  std::uint64_t heap_bytes_free;  ///< capacity that is left, free pages included
  std::uint64_t capacity_bytes;   ///< size of the mapping
  std::uint64_t backed_bytes;     ///< what the file system has promised
  std::uint64_t epoch;
  std::uint64_t generation;
  std::uint32_t reader_slots;
  std::uint32_t reader_slots_used;
  std::uint64_t reads;   ///< lookups, batches and cursor batches through this handle
  std::uint64_t writes;  ///< mutations through this handle
  bool frozen;
  bool read_only;
};

/// A reader slot that a process owns. Racy while others read and write.
struct Reader {
  std::uint32_t slot;
  pid_t pid;
  std::string command;          ///< as the kernel has it; empty if there is no such process any more
  char state;                   ///< the same: R, S, T for stopped, ...; '-' if there is none
  std::uint64_t epoch;          ///< since which it has been reading; 0: it is not reading
  std::uint64_t epochs_behind;  ///< how far the segment's epoch has come since
  std::uint64_t bytes_held;     ///< retired memory that it keeps from being used again
  std::uint64_t in_the_way_ms;  ///< since a writer first met it when memory was held back; 0: none has
};

struct Fault;
class Segment;
namespace detail {
class Handle;
/// Where in a segment the words of a root are, and which root it was (for the library itself).
struct RootWords {
  std::uint64_t node_at;
  std::uint64_t key_count_at;
  std::uint64_t incarnation_at;
  std::uint64_t incarnation;
};
}  // namespace detail

/// Holds the tree unchanging for as long as it lives: writers wait. Belongs to the thread that took it,
/// which must not mutate meanwhile (`view_held`). A nested view on one thread is the same view.
class View {
 public:
  View(View&&) noexcept;
  View& operator=(View&&) noexcept;
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View();

 private:
  friend class Segment;
  View() = default;
  std::shared_ptr<detail::Handle> handle_;
};

/// What the calling thread reads through one attachment is announced once, for as long as this lives, and not
/// read by read: many reads at a stretch take less time. It is no view: writers go on, and each read answers
/// as of its own moment. But what they replace meanwhile is not used again: a pin that is held for long makes
/// insertions fail (`pinned`). So let go between stretches, by ending it before the next is taken: one that
/// is taken while it lives is nested, and holds on to the same. Belongs to the thread that took it.
class Pin {
 public:
  Pin(Pin&&) noexcept;
  Pin& operator=(Pin&&) noexcept;
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin();

 private:
  friend class Segment;
  Pin() = default;
  std::shared_ptr<detail::Handle> handle_;
  std::uint64_t ticket_ = 0;
};

/// Walks the keys in order of unsigned bytes, shorter first, both ways. It rests between two entries and
/// holds nothing between calls, so it may change threads and its owner may insert while iterating. Entries
/// are fetched in batches: each was there at some moment since the batch was fetched. Not for two threads
/// at once. A cursor that a forked child inherited answers `forked`.
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor();

  /// Moves before the first key that is not less than `bound`. O(1): the walk comes with the next call.
  void seek(std::string_view bound);
  /// Moves behind the last key.
  void seek_end();
  /// The entry after the rest position, which moves behind it; nullopt at the end.
  [[nodiscard]] Result<std::optional<Entry>> next();
  /// The entry before the rest position, which moves before it; nullopt at the beginning.
  [[nodiscard]] Result<std::optional<Entry>> previous();

 private:
  friend class Tree;
  class State;
  explicit Cursor(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

/// One open tree: that of a segment's root without a name, or of a named one (`Segment::tree`). Usable from
/// any number of threads at once; survives fork: the child claims its own reader slots. Copies share one
/// attachment, which ends with the last of them, its cursors and views. What speaks of the segment (figures,
/// verify, freeze, ...) speaks of all its roots. The tree of a root that was dropped answers `dropped`.
///
/// Every operation is atomic against the death of its process at any instruction. Reads take no lock that a
/// writer can hold; they cost O(key length). Mutations take turns. Must not be called from a signal handler.
class Tree {
 public:
  /// Attaches to the segment at `path`, or creates it, all or nothing.
  [[nodiscard]] static Result<Tree> open(const std::string& path, const OpenOptions& = {});
  /// Opens a frozen segment, from a read-only file system too: no slot, no lock.
  [[nodiscard]] static Result<Tree> open_readonly(const std::string& path);
  /// A segment without a name, for this process and the children it forks.
  [[nodiscard]] static Result<Tree> create_anonymous(const OpenOptions& = {});
  /// A segment in a memfd, to be handed to other processes by its descriptor.
  [[nodiscard]] static Result<Tree> create_memfd(const std::string& name, const OpenOptions& = {});
  /// Attaches to the segment behind a descriptor, which stays the caller's.
  [[nodiscard]] static Result<Tree> open_descriptor(int descriptor, const OpenOptions& = {});

  /// True if the key is new, false if its value was replaced. Replacing never needs room.
  [[nodiscard]] Result<bool> insert(std::string_view key, std::uint64_t value);
  /// True if the key is new; false if it was there, unchanged.
  [[nodiscard]] Result<bool> insert_new(std::string_view key, std::uint64_t value);
  /// Stores `desired` if the key is there with value `expected`.
  [[nodiscard]] Result<Exchange> compare_exchange(std::string_view key, std::uint64_t expected,
                                                  std::uint64_t desired);
  /// Adds, modulo 2^64; the value before, or nullopt if the key was absent and now holds `delta`.
  [[nodiscard]] Result<std::optional<std::uint64_t>> fetch_add(std::string_view key, std::uint64_t delta);
  /// True if the key was there. Never needs room.
  [[nodiscard]] Result<bool> erase(std::string_view key);
  /// Erases every key that starts with `prefix`, at once; how many. Never needs room. O(keys erased).
  [[nodiscard]] Result<std::uint64_t> erase_prefix(std::string_view prefix);
  /// Erases everything, at once. Never needs room. O(1).
  [[nodiscard]] Result<void> clear();
  /// Bulk load: these keys, which ascend, and their values become all that the tree has, at once; whatever it
  /// had is gone. They are put where nobody looks first, full bucket by full bucket, which takes a small part
  /// of what inserting them takes. Readers go on meanwhile; writers and those who want a view wait for as
  /// long as it takes. `invalid_argument` unless there are as many values and each key is greater than the
  /// one before it; `full`, `no_space` or `pinned` if there is no room beside what is there; `timed_out` if
  /// what was replaced before takes longer to give back than a caller waits for the lock. After a failure
  /// everything is as it was. A reader that is stopped holds back all of what is replaced, which
  /// `retired_bytes_max` does not count. O(bytes of the keys).
  [[nodiscard]] Result<void> replace_all(std::span<const std::string_view> keys,
                                         std::span<const std::uint64_t> values);

  [[nodiscard]] Result<std::optional<std::uint64_t>> find(std::string_view key) const;
  [[nodiscard]] Result<bool> contains(std::string_view key) const;
  /// The longest stored key that is a prefix of `query`.
  [[nodiscard]] Result<std::optional<Match>> longest_prefix(std::string_view query) const;
  /// Many finds, each as of its own moment: `values[i]` becomes what `keys[i]` has, or nullopt. They wait for
  /// memory side by side, so each takes a part of what a find takes. `invalid_argument` if there are more or
  /// fewer values than keys; after another failure some of the values may be set. Of no keys nothing is
  /// asked.
  [[nodiscard]] Result<void> find_batch(std::span<const std::string_view> keys,
                                        std::span<std::optional<std::uint64_t>> values) const;
  /// Many longest prefixes, in the same way.
  [[nodiscard]] Result<void> longest_prefix_batch(std::span<const std::string_view> queries,
                                                  std::span<std::optional<Match>> matches) const;
  /// All stored keys that are prefixes of `query`, shortest first.
  [[nodiscard]] Result<std::vector<Match>> prefixes(std::string_view query) const;
  /// Number of keys; on a live tree it may differ from what finds see by the transaction in flight.
  [[nodiscard]] Result<std::uint64_t> count() const;
  /// A cursor over the keys that start with `prefix`, resting before the first.
  [[nodiscard]] Result<Cursor> cursor(std::string_view prefix = {}) const;
  /// Waits for the writer at work, then keeps writers out.
  [[nodiscard]] Result<View> view() const;

  /// Checks everything under a stable view: structure, order, counts, the heap's partition byte for byte,
  /// and, of a frozen segment, the checksum of its content.
  [[nodiscard]] Result<void> verify() const;
  [[nodiscard]] Result<Stats> stats() const;
  /// Who owns reader slots, and what those who are reading hold back. O(memory in use).
  [[nodiscard]] Result<std::vector<Reader>> readers() const;
  /// Seals the segment for ever: no mutation through any handle from here on.
  [[nodiscard]] Result<void> freeze();
  /// Of the whole segment, as `Segment::trim` does.
  [[nodiscard]] Result<std::uint64_t> trim();
  /// Copies the segment, all of it, as `Segment::compact_to` does.
  [[nodiscard]] Result<void> compact_to(const std::string& to, const OpenOptions& options = {}) const;
  /// msync of the whole segment.
  [[nodiscard]] Result<void> sync() const;
  /// Removes the path; the segment lives on with those attached.
  [[nodiscard]] Result<void> unlink() const;

  /// All of what this tree is part of.
  [[nodiscard]] Segment segment() const;
  [[nodiscard]] Outcome outcome() const;
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] bool frozen() const;
  [[nodiscard]] bool read_only() const;
  [[nodiscard]] int descriptor() const;
  /// Empty for a segment without a path.
  [[nodiscard]] const std::string& path() const;

 private:
  friend class Segment;
  friend class Batch;
  Tree(std::shared_ptr<detail::Handle>, const detail::RootWords&);
  std::shared_ptr<detail::Handle> handle_;
  detail::RootWords root_;
};

}  // namespace radish
