/* The C interface of radish, which every other language binds to. Keys are byte strings of 0 to 65,535 bytes,
 * values any uint64_t. A handle may be used from any number of threads at once and survives fork. Functions
 * that return int answer >= 0 or a negative RADISH_E_* code; radish_last_error() says more about the latter.
 *
 * A C++ file that wants this header beside <radish/tree.hpp> must rename the type, which C++ would take for
 * the namespace: #define radish radish_tree, include this header, #undef radish.
 */
#ifndef RADISH_H
#define RADISH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  RADISH_E_INVALID = -1,         /* argument out of its range */
  RADISH_E_TOO_LONG = -2,        /* key above 65,535 bytes */
  RADISH_E_FULL = -3,            /* the segment's capacity is used up */
  RADISH_E_NO_SPACE = -4,        /* the file system has no room */
  RADISH_E_PINNED = -5,          /* room is held back by a living reader */
  RADISH_E_READERS_FULL = -6,    /* every reader slot belongs to a living process */
  RADISH_E_VIEWS_FULL = -7,      /* every stable-view entry is taken */
  RADISH_E_FROZEN = -8,          /* sealed for ever */
  RADISH_E_NOT_FROZEN = -9,      /* read-only open of what is not sealed */
  RADISH_E_READ_ONLY = -10,      /* mutation through a read-only handle */
  RADISH_E_CORRUPT = -11,        /* the bytes at rest contradict the format */
  RADISH_E_VERSION = -12,        /* another format version */
  RADISH_E_NAMESPACE = -13,      /* attached from another pid or time namespace */
  RADISH_E_IO = -14,             /* a system call failed */
  RADISH_E_TIMED_OUT = -15,      /* the deadline passed; a living process holds the lock */
  RADISH_E_REENTRANT = -16,      /* called from inside an operation of this thread */
  RADISH_E_FORKED = -17,         /* a cursor inherited by a forked child */
  RADISH_E_NOT_RADISH = -18,     /* not a radish segment */
  RADISH_E_FOREIGN_OWNER = -19,  /* an empty file of another user */
  RADISH_E_FILE_SYSTEM = -20,    /* a network file system */
  RADISH_E_NOT_REGULAR = -21,    /* directory, FIFO, device, socket, symbolic link */
  RADISH_E_EXISTS = -22,         /* exclusive creation found a file */
  RADISH_E_NOT_FOUND = -23,      /* there is no such file */
  RADISH_E_VIEW_HELD = -24,      /* mutation by a thread that holds a stable view */
  RADISH_E_DROPPED = -25,        /* the named root is gone */
  RADISH_E_WRONG_KIND = -26,     /* the named root is of another kind */
  RADISH_E_ROOTS_FULL = -27,     /* all 64 named roots are taken */
  RADISH_E_BATCH_TOO_LARGE = -28 /* more stores than the redo record holds */
};

/* radish_open_outcome */
enum { RADISH_CREATED = 1, RADISH_ATTACHED = 2, RADISH_RECOVERED = 3, RADISH_HEALED = 4 };

/* radish_options.flags */
enum {
  RADISH_EXCLUSIVE = 1,  /* refuse an existing file */
  RADISH_MUST_EXIST = 2, /* refuse to create */
  RADISH_HUGE_PAGES = 4  /* ask for pages of 2 MiB, see OpenOptions::huge_pages in radish/tree.hpp */
};

typedef struct radish radish; /* one open tree */

typedef struct radish_options { /* zero = default */
  uint32_t size;                /* sizeof(radish_options) */
  uint32_t mode;                /* of a created file; 0600 */
  uint64_t capacity_bytes;      /* 128 KiB to 32 GiB; 4 GiB, sparse */
  uint32_t reader_slots;        /* reading threads at once; 1,024 */
  uint32_t flags;
  uint32_t lock_timeout_ms;   /* for mutations and views; 0: wait for as long as it takes */
  uint32_t record_entries;    /* stores of the largest batch, 252 to 4,092; 252 */
  uint64_t retired_bytes_max; /* insertions are refused while readers hold back more; 0: no bound */
} radish_options;

typedef struct radish_error {
  int code; /* 0, or < 0: RADISH_E_* */
  char message[256];
} radish_error;

typedef struct radish_stats {
  uint32_t size; /* in: sizeof(radish_stats) */
  uint32_t frozen;
  uint32_t read_only;
  uint32_t reader_slots;
  uint32_t reader_slots_used;
  uint32_t reserved;
  uint64_t keys;
  uint64_t blocks;          /* nodes and leaves in use or waiting for readers */
  uint64_t blocks_retired;  /* of those: waiting for readers */
  uint64_t heap_bytes_used; /* whole pages */
  uint64_t heap_bytes_free;
  uint64_t capacity_bytes; /* size of the mapping */
  uint64_t backed_bytes;   /* promised by the file system */
  uint64_t epoch;
  uint64_t generation;
  uint64_t reads;  /* through this handle */
  uint64_t writes; /* through this handle */
} radish_stats;

/* A NULL options or error pointer is allowed everywhere. */
radish* radish_open(const char* path, const radish_options*, radish_error*); /* create or attach */
radish* radish_open_readonly(const char* path, radish_error*);               /* frozen files only */
radish* radish_create_anonymous(const radish_options*, radish_error*);
radish* radish_create_memfd(const char* name, const radish_options*, radish_error*);
radish* radish_open_fd(int fd, radish_error*); /* fd stays the caller's */
void radish_close(radish*);                    /* NULL is allowed */
int radish_fd(const radish*);                  /* backing descriptor or -1 */
const char* radish_path(const radish*);        /* or NULL */
int radish_open_outcome(const radish*);        /* RADISH_CREATED, _ATTACHED, _RECOVERED, _HEALED */
uint64_t radish_generation(const radish*);

int radish_insert(radish*, const void* key, size_t len, uint64_t value);     /* 1 new, 0 updated */
int radish_insert_new(radish*, const void* key, size_t len, uint64_t value); /* 1 inserted, 0 was there */
/* 1 exchanged; 0 not: *expected is then the value found; RADISH_ABSENT if there is no such key. */
enum { RADISH_ABSENT = 2 };
int radish_compare_exchange(radish*, const void* key, size_t len, uint64_t* expected, uint64_t desired);
/* 1 was there, *previous its value; 0 was absent and now holds delta. */
int radish_fetch_add(radish*, const void* key, size_t len, uint64_t delta, uint64_t* previous);
int radish_find(radish*, const void* key, size_t len, uint64_t* value); /* 1 found, 0 not */
int radish_longest_prefix(radish*, const void* query, size_t len, uint64_t* value,
                          size_t* matched);                           /* 1 found, 0 not */
int radish_erase(radish*, const void* key, size_t len);               /* 1 erased, 0 absent */
int radish_clear(radish*);                                            /* 0 */
int64_t radish_erase_prefix(radish*, const void* prefix, size_t len); /* keys erased */
int64_t radish_count(radish*);

/* All stored prefixes of a query, shortest first: the first `capacity` of them are stored, and the answer
 * is how many there are. */
typedef struct radish_match {
  uint64_t value;
  size_t matched;
} radish_match;
int64_t radish_prefixes(radish*, const void* query, size_t len, radish_match* matches, size_t capacity);

/* Many of them at once, each as of its own moment: they wait for memory side by side. found[i] becomes 1, and
 * values[i] or matches[i] what was found, or 0. How many were found, or < 0: then some of it may be set. */
typedef struct radish_key {
  const void* data;
  size_t len;
} radish_key;
int64_t radish_find_batch(radish*, const radish_key* keys, size_t count, uint64_t* values,
                          unsigned char* found);
int64_t radish_longest_prefix_batch(radish*, const radish_key* queries, size_t count, radish_match* matches,
                                    unsigned char* found);

/* Bulk load: these keys, which ascend, and their values become all that there is, at once; what was there is
 * gone. A small part of what inserting them takes. 0; after a failure everything is as it was. */
int radish_replace_all(radish*, const radish_key* keys, const uint64_t* values, size_t count);

int radish_freeze(radish*);
int radish_frozen(const radish*);   /* 1 or 0 */
int radish_readonly(const radish*); /* 1 or 0 */
int radish_sync(radish*);
/* Copies everything into a fresh segment at `to`, a path that is free: it appears when all is copied, or
 * never. Capacity, slots and mode are those of the source unless the options say otherwise. */
int radish_compact(radish*, const char* to, const radish_options*, radish_error*);
/* Gives what is free at the heap's end back to the file system: bytes that the file takes less. */
int64_t radish_trim(radish*);
int radish_unlink(radish*);
int radish_stats_get(radish*, radish_stats*);
int radish_verify(radish*, radish_error*); /* 0 whole; < 0 and what is wrong */

/* Ordered by unsigned byte comparison, shorter first. Holds nothing between calls. A key's bytes are valid
 * until the cursor is next used. */
typedef struct radish_cursor radish_cursor;
radish_cursor* radish_cursor_open(radish*, const void* prefix, size_t len,
                                  radish_error*);                    /* prefix scan; len 0 = all */
int radish_cursor_seek(radish_cursor*, const void* key, size_t len); /* to the first key >= key */
int radish_cursor_seek_end(radish_cursor*);
int radish_cursor_next(radish_cursor*, const void** key, size_t* len, uint64_t* value); /* 1, 0 at end */
int radish_cursor_previous(radish_cursor*, const void** key, size_t* len,
                           uint64_t* value); /* 1, 0 at the beginning */
void radish_cursor_close(radish_cursor*);

/* Many reads at a stretch by this thread: they are announced once, until the same thread releases the pin,
 * and take less time. No view: writers go on, but can't use again what they replace meanwhile, so let go
 * between stretches. NULL: RADISH_E_READERS_FULL. */
typedef struct radish_pin radish_pin;
radish_pin* radish_pin_take(radish*, radish_error*);
void radish_pin_release(radish_pin*);

/* Named roots: up to 64 byte-string trees and integer maps share one segment. What is opened of them is a
 * handle of its own, to be closed before or after the one that it came from. Flags: RADISH_EXCLUSIVE,
 * RADISH_MUST_EXIST. A name has 1 to 40 bytes. */
enum { RADISH_TREE = 1, RADISH_INTEGER_MAP = 2 };
radish* radish_root(radish*, const char* name, uint32_t flags,
                    radish_error*);              /* a tree; made if it is absent */
int radish_root_drop(radish*, const char* name); /* 1 dropped with all its keys, at once; 0 there is none */
typedef struct radish_root_info {
  char name[48];      /* ends with a zero */
  uint32_t name_size; /* without it */
  uint32_t kind;      /* RADISH_TREE, RADISH_INTEGER_MAP */
  uint32_t depth;     /* of an integer map: digits of a key, of 4 bits */
  uint32_t reserved;
  uint64_t keys;
} radish_root_info;
/* In order of their names: the first `capacity` of them are stored, and the answer is how many there are. */
int64_t radish_roots(radish*, radish_root_info* roots, size_t capacity);

/* Ordered maps from numbers to numbers, each a named root. `depth`: digits of a key, 1 to 16; 0: what the map
 * has, and 16 for one that is made. */
typedef struct radish_integer_map radish_integer_map;
radish_integer_map* radish_integer_map_open(radish*, const char* name, uint32_t depth, uint32_t flags,
                                            radish_error*);
void radish_integer_map_close(radish_integer_map*);                           /* NULL is allowed */
int radish_integer_insert(radish_integer_map*, uint64_t key, uint64_t value); /* 1 new, 0 updated */
int radish_integer_insert_new(radish_integer_map*, uint64_t key,
                              uint64_t value); /* 1 inserted, 0 was there */
int radish_integer_compare_exchange(radish_integer_map*, uint64_t key, uint64_t* expected,
                                    uint64_t desired); /* as radish_compare_exchange */
int radish_integer_fetch_add(radish_integer_map*, uint64_t key, uint64_t delta,
                             uint64_t* previous);                            /* as radish_fetch_add */
int radish_integer_find(radish_integer_map*, uint64_t key, uint64_t* value); /* 1 found, 0 not */
int radish_integer_erase(radish_integer_map*, uint64_t key);                 /* 1 erased, 0 absent */
/* The least key >= bound, the greatest key <= bound: 1 found, 0 there is none. */
int radish_integer_lower_bound(radish_integer_map*, uint64_t bound, uint64_t* key, uint64_t* value);
int radish_integer_predecessor(radish_integer_map*, uint64_t bound, uint64_t* key, uint64_t* value);
int radish_integer_clear(radish_integer_map*);
int64_t radish_integer_count(radish_integer_map*);

/* Mutations of trees and maps of one segment, which came from one handle, made all or not at all, in their
 * order. Adding answers 0 or < 0. Bounded by `record_entries` of the segment: RADISH_E_BATCH_TOO_LARGE. */
typedef struct radish_batch radish_batch;
radish_batch* radish_batch_open(radish_error*);
void radish_batch_close(radish_batch*); /* NULL is allowed */
void radish_batch_clear(radish_batch*);
int radish_batch_insert(radish_batch*, radish*, const void* key, size_t len, uint64_t value);
int radish_batch_insert_new(radish_batch*, radish*, const void* key, size_t len, uint64_t value);
int radish_batch_compare_exchange(radish_batch*, radish*, const void* key, size_t len, uint64_t expected,
                                  uint64_t desired);
int radish_batch_fetch_add(radish_batch*, radish*, const void* key, size_t len, uint64_t delta);
int radish_batch_erase(radish_batch*, radish*, const void* key, size_t len);
int radish_batch_integer_insert(radish_batch*, radish_integer_map*, uint64_t key, uint64_t value);
int radish_batch_integer_insert_new(radish_batch*, radish_integer_map*, uint64_t key, uint64_t value);
int radish_batch_integer_compare_exchange(radish_batch*, radish_integer_map*, uint64_t key, uint64_t expected,
                                          uint64_t desired);
int radish_batch_integer_fetch_add(radish_batch*, radish_integer_map*, uint64_t key, uint64_t delta);
int radish_batch_integer_erase(radish_batch*, radish_integer_map*, uint64_t key);
/* 1 made; 0 not, because the condition of mutation *refused_by (from 0; may be NULL) did not hold. */
int radish_batch_commit(radish_batch*, size_t* refused_by);
/* 1 and the value that a mutation, counted from 0, found at the last commit; 0 if its key was absent, if it
   comes after the one that refused the batch, or if the commit failed. value may be NULL. */
int radish_batch_found(const radish_batch*, size_t mutation, uint64_t* value);

const char* radish_strerror(int code); /* a static sentence, for any code */
const char* radish_last_error(void);   /* of this thread's last failed call */

#ifdef __cplusplus
}
#endif

#endif
