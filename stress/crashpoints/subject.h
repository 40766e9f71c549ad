// What the explorer of crash points knows of the structure that it explores: a map from byte strings to
// 64-bit numbers in memory that processes share. A subject is a shared object that exports
// `crashpoints_subject`; the explorer loads it with dlopen and includes nothing of it.
//
// What a subject must keep to
//   J1  All that its processes share is in one file, whose descriptor `make` gives; the explorer maps it, and
//       puts images of it in place of one another while handles are attached.
//   J2  A handle remembers nothing of the shared memory but what belongs to the living: what it claims there
//       for itself when it is attached or when it first reads, it claims once.
//   J3  Given the same image and the same operation it does the same stores, but for what `noise` names and
//       for the order in which the C library copies.
//   J4  Calls answer; they do not exit, throw or wait for the dead.
#pragma once

#include <cstddef>
#include <cstdint>

namespace radish::crashpoints {

inline constexpr std::uint32_t subject_version = 3;

struct Bytes {
  const char* data;
  std::size_t size;
};

enum class Act : std::uint32_t {
  insert,            ///< number: 1 if the key is new
  insert_new,        ///< number: 1 if inserted
  compare_exchange,  ///< `value` to `second`; number: 1 if exchanged; value: the one before, if any
  fetch_add,         ///< value: the one before, if any
  erase,             ///< number: 1 if erased
  erase_prefix,      ///< number: keys erased
  clear,
  freeze,  ///< the content stays; no mutation succeeds later
};
inline constexpr std::uint32_t act_count = 8;
constexpr std::uint32_t bit_of(Act act) { return 1U << static_cast<std::uint32_t>(act); }

struct Call {
  Act act;
  Bytes key;
  std::uint64_t value;
  std::uint64_t second;
};

struct Reply {
  std::int32_t error;  ///< 0, or a code of the subject's
  bool has_value;
  std::uint64_t number;
  std::uint64_t value;
  bool operator==(const Reply&) const = default;
};

/// What became of an attach.
enum class Attached : std::uint32_t { refused, plainly, recovered };

/// A piece of the shared file.
struct Piece {
  std::uint64_t offset;
  std::uint64_t bytes;
};

/// What the dead process was to the structure, as an image shows it.
struct Debts {
  std::uint64_t takeovers;  ///< as many as the structure has counted
  bool owed;                ///< the dead held what must be taken over from them
  bool armed;               ///< what they had begun is to be repeated; false if the structure keeps no record
  bool counted;             ///< the takeover that is to be repeated is among those completed already
  bool final;               ///< frozen: nothing is owed, and who attaches to change something is refused
  bool alone;               ///< only who opens it alone can pay
  bool shared;              ///< somebody holds the shared side of the lock
  bool waits;               ///< something that was unlinked waits for those who read
  bool reads;               ///< somebody announces a read, for whom what is unlinked waits until he is missed
};

using Handle = struct OpaqueHandle;
using DumpSink = void (*)(void* context, Bytes key, std::uint64_t value);
using PieceSink = void (*)(void* context, Piece piece);

struct Subject {
  std::uint32_t version;
  const char* name;
  const char* build;      ///< compiler and options
  std::uint32_t acts;     ///< bit_of each that it has
  std::int32_t gave_up;   ///< error of who has waited for the living until his deadline; 0: there are none
  std::uint32_t look_ms;  ///< who waits for the living sleeps so long at most, then looks whether they live

  /// An empty structure in a file without a name; its descriptor, or -1.
  int (*make)(std::uint64_t capacity_bytes);
  /// Null if refused. `attached` may be null.
  /// Who waits for the living through this handle gives up after `patience_ms` if the subject gives up; 0:
  /// never.
  Handle* (*attach)(int descriptor, std::uint32_t patience_ms, Attached* attached);
  void (*detach)(Handle*);
  Reply (*operate)(Handle*, const Call*);
  /// Comes by what the dead have left half done, as whoever takes the shared side of a lock does, or a
  /// mutation that changes nothing. False if that is refused.
  bool (*recover)(Handle*, bool by_writing);

  // Reads, by whatever lookups the structure has. 0, or an error of the subject's.
  std::int32_t (*find)(Handle*, Bytes key, bool* found, std::uint64_t* value);
  /// The longest stored key that is a prefix of the query; null if the structure has no such question.
  std::int32_t (*longest_prefix)(Handle*, Bytes query, bool* found, std::uint64_t* value,
                                 std::size_t* length);
  /// Everything, in order.
  std::int32_t (*dump)(Handle*, DumpSink, void* context);
  std::int32_t (*count)(Handle*, std::uint64_t* count);

  /// Looks at everything that is stored; false and a sentence if anything is out of place or lost.
  bool (*audit)(Handle*, char* message, std::size_t message_bytes);

  // Of an image, which may be a copy at any address.
  /// Bytes from the start that are in use or may be after one operation more.
  std::uint64_t (*extent)(const std::byte* image);
  Debts (*debts)(const std::byte* image);
  /// A hash of all that reads, recovery and later operations can depend on. Of a word of noise it counts
  /// whether it is zero.
  std::uint64_t (*digest)(const std::byte* image, std::uint64_t bytes);
  /// Writes into an image what the calling process, which is attached, announces there while it reads; false
  /// if it is not attached. Null if readers announce nothing.
  bool (*announce_read)(std::byte* image);
  /// What the world does to it while nobody is attached, the machine's restart say, and it promises to mend
  /// when it is opened next: as if a takeover were owed. `damages`: so many kinds; 0: none is promised.
  std::uint32_t damages;
  void (*damage)(std::byte* image, std::uint32_t kind);
  /// Words that name a process or a time: left out when images are compared.
  void (*noise)(const std::byte* image, PieceSink, void* context);
};

}  // namespace radish::crashpoints

extern "C" __attribute__((visibility("default"))) const radish::crashpoints::Subject* crashpoints_subject();
