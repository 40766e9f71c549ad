// Every byte that processes share, in one place. `docs/format.md` describes the same bytes in prose.
//
// Offsets, never pointers; little-endian; reserved bytes are zero and checked. A segment is, in this order:
//   superblock | lease | slots | record | roots | page map | heap
// and every region starts on a page.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace radish::layout {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

using Offset = std::uint64_t;      ///< bytes from the segment's start
using Reference = std::uint32_t;   ///< a block's offset in units of 8 bytes; 0 is none
using PageNumber = std::uint32_t;  ///< a page's offset in units of 4 KiB; 0 is none

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// --- bounds and tunables -------------------------------------------------------------------------------
inline constexpr std::uint32_t format_version = 0;
inline constexpr std::uint64_t page_bytes = 4096;
inline constexpr std::uint64_t reference_unit_bytes = 8;
inline constexpr std::uint64_t capacity_bytes_max = std::uint64_t{32} << 30;
inline constexpr std::uint64_t capacity_bytes_min = 128 << 10;
inline constexpr std::uint64_t capacity_bytes_default = std::uint64_t{4} << 30;
inline constexpr std::uint32_t reader_slots_max = 65536;
inline constexpr std::uint32_t reader_slots_default = 1024;
/// With its header it fills pages; a larger record makes room for larger batches.
inline constexpr std::uint32_t record_entries_default = 252;
inline constexpr std::uint32_t record_entries_max = 4092;
inline constexpr std::uint32_t view_entries = 64;
inline constexpr std::size_t key_bytes_max = 65535;
inline constexpr std::uint32_t size_classes_max = 48;
inline constexpr std::uint32_t named_roots = 64;
inline constexpr std::size_t root_name_bytes_max = 40;

// --- superblock: never changes after creation, but for sealing --------------------------------------------
inline constexpr std::uint64_t magic_creating =
    0x8b'676e'696b'616d00;  // "making" between bytes that no text has
inline constexpr std::uint64_t magic_ready = 0x3130'6873'6964'6172;  // "radish01"
inline constexpr std::uint64_t sealed_mark = 0x64656c61'65730a01;

struct Geometry {
  std::uint32_t format_version;
  std::uint32_t feature_bits;
  std::uint64_t capacity_bytes;
  std::uint32_t reader_slots;
  std::uint32_t record_entries;
  Offset slots_offset;
  Offset record_offset;
  Offset roots_offset;
  Offset page_map_offset;
  Offset heap_offset;
  std::uint64_t heap_pages;

  [[nodiscard]] constexpr std::uint64_t pages() const { return capacity_bytes / page_bytes; }
  [[nodiscard]] constexpr std::uint64_t first_heap_page() const { return heap_offset / page_bytes; }
  bool operator==(const Geometry&) const = default;
};
static_assert(sizeof(Geometry) == 72);

struct Superblock {
  std::uint64_t magic;
  Geometry geometry;
  std::uint32_t checksum;  ///< CRC32C of magic_ready and geometry
  std::uint32_t reserved0;
  std::uint64_t reserved1[5];
  std::uint64_t sealed;            ///< 0 or sealed_mark; its own cache line
  std::uint64_t content_checksum;  ///< once sealed: CRC32C of roots, page map and heap up to the frontier
  std::uint8_t reserved2[3952];
};
static_assert(sizeof(Superblock) == page_bytes);
static_assert(offsetof(Superblock, checksum) == 80);
static_assert(offsetof(Superblock, sealed) == 128);

// --- lease: who is here; may be made anew without losing data
// ------------------------------------------------
struct LeaseOrigin {
  std::uint8_t boot_id[16];
  std::uint64_t pid_namespace;
  std::uint64_t time_namespace;

  bool operator==(const LeaseOrigin&) const = default;
};

/// An identity word holds the pid in its low 22 bits (see sync/identity.h for the rest).
constexpr std::uint64_t identity_pid(std::uint64_t identity) { return identity & ((1U << 22) - 1); }

struct Lease {
  LeaseOrigin origin;      ///< written only under the exclusive attach lock
  std::uint32_t checksum;  ///< CRC32C of origin
  std::uint32_t reserved0;
  std::uint64_t opener;  ///< identity of who opens right now, to name a stopped one; under the open lock
  std::uint64_t
      heartbeat;  ///< nanoseconds since 1970 of the last takeover, or open that found nobody attached
  std::uint64_t reserved1;
  std::uint64_t writer;         ///< identity of the writer, or 0
  std::uint32_t wake_sequence;  ///< futex word: bumped at each release
  std::uint32_t waiters;        ///< hint: at least this many wait or, killed, waited
  std::uint64_t turn;           ///< identity of a view that has waited too long, or 0
  std::uint64_t reserved2[5];
  std::uint32_t slots_high_water;  ///< no slot at or above this index was ever claimed
  std::uint32_t reserved3;
  std::uint64_t reserved4[7];
  std::uint64_t views[view_entries];  ///< identities of stable-view holders, or 0
  std::uint8_t reserved5[3392];
};
static_assert(sizeof(Lease) == page_bytes);
static_assert(offsetof(Lease, checksum) == 32);
static_assert(offsetof(Lease, writer) == 64);
static_assert(offsetof(Lease, slots_high_water) == 128);
static_assert(offsetof(Lease, views) == 192);

// --- slots: one cache line for each reading thread
// ------------------------------------------------------------
struct Slot {
  std::uint64_t owner;    ///< identity, or 0
  std::uint64_t pin;      ///< oldest epoch the owner may still read in, or 0
  std::uint64_t met_pin;  ///< the pin that was last found to keep memory from a writer, or 0
  std::uint64_t met_ns;   ///< when that was first so, on the monotonic clock
  std::uint64_t reserved[4];
};
static_assert(sizeof(Slot) == 64);

// --- redo record: belongs to the owner of the writer word
// ----------------------------------------------------------
inline constexpr std::uint64_t armed_mark = 0x64656d7261;  // "armed"

struct RecordEntry {
  std::uint64_t target;  ///< offset * 16 + width, the width 4 or 8
  std::uint64_t value;
};

struct Record {
  std::uint64_t armed;                ///< 0 or armed_mark
  std::uint64_t takeover_generation;  ///< stored into Roots::generation by recovery only
  std::uint32_t entry_count;
  std::uint32_t reserved0;
  std::uint64_t reserved1[5];
  // RecordEntry entries[geometry.record_entries] follow
};
static_assert(sizeof(Record) == 64);
static_assert(sizeof(Record) + record_entries_default * sizeof(RecordEntry) == page_bytes);

// --- roots: change through the redo record only
// -------------------------------------------------------------------
struct Roots {
  // What every reader reads, and few transactions write.
  Reference tree;  ///< root node of the byte-string tree
  std::uint32_t reserved0;
  std::uint64_t frontier;  ///< pages from the segment's start that are in use or in the page map
  std::uint64_t epoch;     ///< from 1; read with each pin, moved on by few mutations
  std::uint64_t reserved1[5];
  // What many transactions write.
  std::uint64_t generation;
  std::uint64_t key_count;
  std::uint64_t clean_mark;   ///< 1 from the start of freezing on
  std::uint64_t incarnation;  ///< of the named root that was made last; none has been made yet at 0
  std::uint64_t reserved2[4];
  // Heap.
  std::uint64_t backed;      ///< pages from the segment's start that the file system has promised
  std::uint64_t free_pages;  ///< pages whose bit in the page map is set
  PageNumber waiting_head;   ///< pages with retired slots, oldest first
  PageNumber waiting_tail;
  std::uint64_t waiting_pages;
  // Inner nodes unlinked whole, threaded through their link words.
  Reference condemned_ready;  ///< out of every reader's reach
  Reference condemned_old;    ///< unlinked in condemned_old_epoch or before
  Reference condemned_young;
  std::uint32_t reserved3;
  std::uint64_t condemned_old_epoch;
  std::uint64_t condemned_young_epoch;
  PageNumber partial_head[size_classes_max];  ///< pages with free slots, by size class
  std::uint8_t reserved4[3712];
};
static_assert(sizeof(Roots) == page_bytes);
static_assert(offsetof(Roots, epoch) == 16);
static_assert(offsetof(Roots, key_count) == 72);
static_assert(offsetof(Roots, backed) == 128);
static_assert(offsetof(Roots, partial_head) == 192);

/// What hangs on a root.
enum class RootKind : std::uint8_t { none = 0, tree = 1, integer_map = 2 };

/// A named root. One that is free is zero throughout.
struct RootEntry {
  std::uint64_t incarnation;  ///< never that of another root of this segment; 0: free
  Reference node;             ///< 0 while it holds nothing
  RootKind kind;
  std::uint8_t depth;  ///< of an integer map: digits of a key, 1 to 16; else 0
  std::uint8_t name_bytes;
  std::uint8_t reserved0;
  std::uint64_t key_count;
  char name[root_name_bytes_max];  ///< zeros behind its end
};
static_assert(sizeof(RootEntry) == 64);
static_assert(offsetof(RootEntry, node) == 8);
static_assert(offsetof(RootEntry, kind) == 12);
static_assert(offsetof(RootEntry, key_count) == 16);
static_assert(offsetof(RootEntry, name) == 24);

/// Follows the roots, in the same region. The root without a name is `Roots::tree`.
struct Catalogue {
  RootEntry entries[named_roots];
};
static_assert(sizeof(Catalogue) == page_bytes);

// --- page map: a bit a page of the segment, set when the page lies below the frontier and is free ----------
// words[ceil(pages / 64)], then lower[ceil(words / 64)] with a bit a word that is not zero, and, if these are
// more than 64, upper[ceil(lower / 64)] with a bit for each of them that is not zero. The heap's pages alone
// ever have their bit set.
inline constexpr std::uint64_t bits_per_word = 64;

// --- heap pages
// ---------------------------------------------------------------------------------------------
enum class PageKind : std::uint8_t { slab = 1, run = 2 };

inline constexpr std::uint32_t bitmap_words = 4;
inline constexpr std::uint32_t run_pages_max = 17;

struct PageHeader {
  PageKind kind;
  std::uint8_t size_class;  ///< of a slab; 0 for a run
  std::uint16_t run_pages;  ///< of a run; 1 for a slab
  PageNumber waiting_next;
  PageNumber partial_next;
  PageNumber partial_previous;
  std::uint64_t young_epoch;
  std::uint64_t old_epoch;
  std::uint64_t free[bitmap_words];   ///< slots that may be taken
  std::uint64_t young[bitmap_words];  ///< slots retired in young_epoch or before
  std::uint64_t old[bitmap_words];    ///< slots retired in old_epoch or before
};
static_assert(sizeof(PageHeader) == 128);
static_assert(offsetof(PageHeader, free) == 32);

// --- nodes
// ----------------------------------------------------------------------------
/// The first byte of every block.
enum class NodeKind : std::uint8_t {
  leaf = 1,
  bucket = 2,
  sparse = 3,
  indexed = 4,
  integer_leaf = 5,
  integer_inner = 6,
};

/// First 8 bytes of an inner node. A leaf of the byte-string tree has the kind only, then rest_bytes (2,
/// unaligned) and the rest.
struct InnerHeader {
  NodeKind kind;
  std::uint8_t separators;     ///< of a node of the byte-string tree; of an integer node: its level
  std::uint16_t prefix_bytes;  ///< of a node of the byte-string tree; of an integer leaf: a bit a value; or 0
  Reference link;              ///< next on a condemned list; readers never read it
};
static_assert(sizeof(InnerHeader) == 8);

/// leaf:    kind (1) | rest_bytes (2) | rest | zero to a multiple of 8 | value (8)
/// sparse:  InnerHeader | separators, ascending | prefix | zero to a multiple of 4 | terminal (4) |
///          children (4 each, one more than separators)
/// indexed: InnerHeader | for each byte, how many separators are not greater (256) | prefix |
///          the rest as above
/// bucket:  BucketHeader | tags (1 each) | zero to a multiple of 2 | ends (2 each) |
///          zero to a multiple of 8 | values (8 each) | prefix | suffixes, one behind the other | room
///
inline constexpr std::uint32_t sparse_separators_max = 47;
inline constexpr std::uint32_t index_bytes = 256;

constexpr std::uint64_t prefix_at(NodeKind kind, std::uint64_t separators) {
  return sizeof(InnerHeader) + (kind == NodeKind::indexed ? index_bytes : separators);
}
constexpr std::uint64_t slots_at(NodeKind kind, std::uint64_t separators, std::uint64_t prefix_bytes) {
  return round_up(prefix_at(kind, separators) + prefix_bytes, sizeof(Reference));
}
constexpr std::uint64_t inner_bytes(NodeKind kind, std::uint64_t separators, std::uint64_t prefix_bytes) {
  return slots_at(kind, separators, prefix_bytes) + sizeof(Reference) * (separators + 2);
}

/// First 16 bytes of a bucket.
struct BucketHeader {
  NodeKind kind;
  std::uint8_t capacity;       ///< entries that it has words for
  std::uint16_t prefix_bytes;  ///< what its keys have in common
  std::uint16_t bytes;         ///< of the whole bucket, a multiple of 8
  std::uint16_t reserved;
  /// Published. Bits 0 to 47: entries that are there; 48 to 53: entries that ever were; 54 to 62: a suffix of
  /// 0 to 8 bytes was ever there; 63: a longer one. Where these say one length, of 1 to 8 bytes, readers rely
  /// on each entry's end being a multiple of it.
  std::uint64_t state;
};
static_assert(sizeof(BucketHeader) == 16);
static_assert(offsetof(BucketHeader, state) == 8);

inline constexpr std::uint32_t bucket_entries_max = 48;
inline constexpr std::uint64_t bucket_bytes_max = 1984;

constexpr std::uint64_t bucket_ends_at(std::uint64_t capacity) {
  return round_up(sizeof(BucketHeader) + capacity, sizeof(std::uint16_t));
}
constexpr std::uint64_t bucket_values_at(std::uint64_t capacity) {
  return round_up(bucket_ends_at(capacity) + sizeof(std::uint16_t) * capacity, sizeof(std::uint64_t));
}
constexpr std::uint64_t bucket_prefix_at(std::uint64_t capacity) {
  return bucket_values_at(capacity) + sizeof(std::uint64_t) * capacity;
}

// --- nodes of the radix-16 integer tree
// ----------------------------------------------------------------------------
inline constexpr std::uint32_t integer_slots = 16;
inline constexpr std::uint32_t integer_depth_max = 16;

/// The last digit of sixteen keys.
struct IntegerLeaf {
  NodeKind kind;
  std::uint8_t level;   ///< 0
  std::uint16_t taken;  ///< a bit a value that is there, so that zero is a value; changes with kind and level
  Reference link;       ///< 0
  std::uint64_t prefix;  ///< what its keys have in common, the last digit 0
  std::uint64_t values[integer_slots];
};
static_assert(sizeof(IntegerLeaf) == 144);

/// Two children or more, told apart by one digit; digits above it that they share are skipped.
struct IntegerInner {
  NodeKind kind;
  std::uint8_t level;  ///< the digit, from the last, which is 0: 1 to 15
  std::uint16_t reserved;
  Reference link;        ///< next on a condemned list; readers never read it
  std::uint64_t prefix;  ///< what its keys have in common, that digit and those below it 0
  Reference children[integer_slots];
};
static_assert(sizeof(IntegerInner) == 80);

// --- inner nodes of all kinds
// ----------------------------------------------------------------------------
/// Where the references of an inner node lie in it.
struct InnerShape {
  std::uint64_t references_at;
  std::uint32_t references;
  std::uint64_t bytes;
};
/// None if no inner node starts like this.
constexpr std::optional<InnerShape> inner_shape(const InnerHeader& header) {
  switch (header.kind) {
    case NodeKind::sparse:
    case NodeKind::indexed:
      if ((header.separators <= sparse_separators_max) != (header.kind == NodeKind::sparse))
        return std::nullopt;
      return InnerShape{slots_at(header.kind, header.separators, header.prefix_bytes), header.separators + 2U,
                        inner_bytes(header.kind, header.separators, header.prefix_bytes)};
    case NodeKind::integer_inner:
      return InnerShape{offsetof(IntegerInner, children), integer_slots, sizeof(IntegerInner)};
    default:
      return std::nullopt;
  }
}
/// Kinds that hold values alone, so that they are given back at once.
constexpr bool is_leaf(NodeKind kind) {
  return kind == NodeKind::leaf || kind == NodeKind::bucket || kind == NodeKind::integer_leaf;
}

}  // namespace radish::layout
