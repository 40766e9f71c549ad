/* radish.h is C11 that a strict compiler takes without a word, and its structures have the layout that other
 * languages were told. Each function's type is spelt out once more: a change of the interface fails here. */
#include "radish.h"

_Static_assert(sizeof(radish_options) == 40, "radish_options");
_Static_assert(offsetof(radish_options, capacity_bytes) == 8, "radish_options.capacity_bytes");
_Static_assert(offsetof(radish_options, reader_slots) == 16, "radish_options.reader_slots");
_Static_assert(offsetof(radish_options, flags) == 20, "radish_options.flags");
_Static_assert(offsetof(radish_options, lock_timeout_ms) == 24, "radish_options.lock_timeout_ms");
_Static_assert(sizeof(radish_error) == 260, "radish_error");
_Static_assert(sizeof(radish_stats) == 112, "radish_stats");
_Static_assert(offsetof(radish_stats, keys) == 24, "radish_stats.keys");
_Static_assert(sizeof(radish_match) == 16, "radish_match");

struct interface {
  radish* (*open)(const char*, const radish_options*, radish_error*);
  radish* (*open_readonly)(const char*, radish_error*);
  radish* (*create_anonymous)(const radish_options*, radish_error*);
  radish* (*create_memfd)(const char*, const radish_options*, radish_error*);
  radish* (*open_fd)(int, radish_error*);
  void (*close)(radish*);
  int (*fd)(const radish*);
  const char* (*path)(const radish*);
  int (*open_outcome)(const radish*);
  uint64_t (*generation)(const radish*);
  int (*insert)(radish*, const void*, size_t, uint64_t);
  int (*insert_new)(radish*, const void*, size_t, uint64_t);
  int (*compare_exchange)(radish*, const void*, size_t, uint64_t*, uint64_t);
  int (*fetch_add)(radish*, const void*, size_t, uint64_t, uint64_t*);
  int (*find)(radish*, const void*, size_t, uint64_t*);
  int (*longest_prefix)(radish*, const void*, size_t, uint64_t*, size_t*);
  int (*erase)(radish*, const void*, size_t);
  int (*clear)(radish*);
  int64_t (*erase_prefix)(radish*, const void*, size_t);
  int64_t (*count)(radish*);
  int64_t (*prefixes)(radish*, const void*, size_t, radish_match*, size_t);
  int (*freeze)(radish*);
  int (*frozen)(const radish*);
  int (*readonly)(const radish*);
  int (*sync)(radish*);
  int (*compact)(radish*, const char*, const radish_options*, radish_error*);
  int64_t (*trim)(radish*);
  int (*unlink)(radish*);
  int (*stats_get)(radish*, radish_stats*);
  int (*verify)(radish*, radish_error*);
  radish_cursor* (*cursor_open)(radish*, const void*, size_t, radish_error*);
  int (*cursor_seek)(radish_cursor*, const void*, size_t);
  int (*cursor_seek_end)(radish_cursor*);
  int (*cursor_next)(radish_cursor*, const void**, size_t*, uint64_t*);
  int (*cursor_previous)(radish_cursor*, const void**, size_t*, uint64_t*);
  void (*cursor_close)(radish_cursor*);
  radish* (*root)(radish*, const char*, uint32_t, radish_error*);
  int (*root_drop)(radish*, const char*);
  int64_t (*roots)(radish*, radish_root_info*, size_t);
  radish_integer_map* (*integer_map_open)(radish*, const char*, uint32_t, uint32_t, radish_error*);
  void (*integer_map_close)(radish_integer_map*);
  int (*integer_insert)(radish_integer_map*, uint64_t, uint64_t);
  int (*integer_insert_new)(radish_integer_map*, uint64_t, uint64_t);
  int (*integer_compare_exchange)(radish_integer_map*, uint64_t, uint64_t*, uint64_t);
  int (*integer_fetch_add)(radish_integer_map*, uint64_t, uint64_t, uint64_t*);
  int (*integer_find)(radish_integer_map*, uint64_t, uint64_t*);
  int (*integer_erase)(radish_integer_map*, uint64_t);
  int (*integer_lower_bound)(radish_integer_map*, uint64_t, uint64_t*, uint64_t*);
  int (*integer_predecessor)(radish_integer_map*, uint64_t, uint64_t*, uint64_t*);
  int (*integer_clear)(radish_integer_map*);
  int64_t (*integer_count)(radish_integer_map*);
  radish_batch* (*batch_open)(radish_error*);
  void (*batch_close)(radish_batch*);
  void (*batch_clear)(radish_batch*);
  int (*batch_insert)(radish_batch*, radish*, const void*, size_t, uint64_t);
  int (*batch_insert_new)(radish_batch*, radish*, const void*, size_t, uint64_t);
  int (*batch_compare_exchange)(radish_batch*, radish*, const void*, size_t, uint64_t, uint64_t);
  int (*batch_fetch_add)(radish_batch*, radish*, const void*, size_t, uint64_t);
  int (*batch_erase)(radish_batch*, radish*, const void*, size_t);
  int (*batch_integer_insert)(radish_batch*, radish_integer_map*, uint64_t, uint64_t);
  int (*batch_integer_insert_new)(radish_batch*, radish_integer_map*, uint64_t, uint64_t);
  int (*batch_integer_compare_exchange)(radish_batch*, radish_integer_map*, uint64_t, uint64_t, uint64_t);
  int (*batch_integer_fetch_add)(radish_batch*, radish_integer_map*, uint64_t, uint64_t);
  int (*batch_integer_erase)(radish_batch*, radish_integer_map*, uint64_t);
  int (*batch_commit)(radish_batch*, size_t*);
  const char* (*strerror)(int);
  const char* (*last_error)(void);
};

extern const struct interface radish_interface;
const struct interface radish_interface = {
    radish_open,
    radish_open_readonly,
    radish_create_anonymous,
    radish_create_memfd,
    radish_open_fd,
    radish_close,
    radish_fd,
    radish_path,
    radish_open_outcome,
    radish_generation,
    radish_insert,
    radish_insert_new,
    radish_compare_exchange,
    radish_fetch_add,
    radish_find,
    radish_longest_prefix,
    radish_erase,
    radish_clear,
    radish_erase_prefix,
    radish_count,
    radish_prefixes,
    radish_freeze,
    radish_frozen,
    radish_readonly,
    radish_sync,
    radish_compact,
    radish_trim,
    radish_unlink,
    radish_stats_get,
    radish_verify,
    radish_cursor_open,
    radish_cursor_seek,
    radish_cursor_seek_end,
    radish_cursor_next,
    radish_cursor_previous,
    radish_cursor_close,
    radish_root,
    radish_root_drop,
    radish_roots,
    radish_integer_map_open,
    radish_integer_map_close,
    radish_integer_insert,
    radish_integer_insert_new,
    radish_integer_compare_exchange,
    radish_integer_fetch_add,
    radish_integer_find,
    radish_integer_erase,
    radish_integer_lower_bound,
    radish_integer_predecessor,
    radish_integer_clear,
    radish_integer_count,
    radish_batch_open,
    radish_batch_close,
    radish_batch_clear,
    radish_batch_insert,
    radish_batch_insert_new,
    radish_batch_compare_exchange,
    radish_batch_fetch_add,
    radish_batch_erase,
    radish_batch_integer_insert,
    radish_batch_integer_insert_new,
    radish_batch_integer_compare_exchange,
    radish_batch_integer_fetch_add,
    radish_batch_integer_erase,
    radish_batch_commit,
    radish_strerror,
    radish_last_error,
};
