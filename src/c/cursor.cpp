// Cursors and pins of the C interface.
#include <utility>

#include "c/border.h"

namespace {

using radish::Result;
using radish::c::bytes;
using radish::c::fail;
using radish::c::guarded;
using radish::c::null_argument;
using radish::c::tell;

template <class Move>
int step(radish_cursor* cursor, const void** key, std::size_t* length, std::uint64_t* value, Move move) {
  return guarded(nullptr, [&]() -> int {
    if (cursor == nullptr || key == nullptr || length == nullptr || value == nullptr) return null_argument();
    const Result<std::optional<radish::Entry>> entry = move(cursor->cursor);
    if (!entry) return fail(entry.error());
    if (!*entry) return 0;
    *key = (*entry)->key.data();
    *length = (*entry)->key.size();
    *value = (*entry)->value;
    return 1;
  });
}

}  // namespace

extern "C" {

radish_cursor* radish_cursor_open(radish_tree* handle, const void* prefix, std::size_t len,
                                  radish_error* error) {
  radish_cursor* cursor = nullptr;
  guarded(error, [&]() -> int {
    const auto view = bytes(prefix, len);
    if (handle == nullptr || !view) return null_argument(error);
    auto opened = handle->tree.cursor(*view);
    if (!opened) return fail(opened.error(), error);
    cursor = new radish_cursor{*std::move(opened)};
    tell(error, 0, "");
    return 0;
  });
  return cursor;
}

int radish_cursor_seek(radish_cursor* cursor, const void* key, std::size_t len) {
  return guarded(nullptr, [&]() -> int {
    const auto view = bytes(key, len);
    if (cursor == nullptr || !view) return null_argument();
    cursor->cursor.seek(*view);
    return 0;
  });
}

int radish_cursor_seek_end(radish_cursor* cursor) {
  return guarded(nullptr, [&]() -> int {
    if (cursor == nullptr) return null_argument();
    cursor->cursor.seek_end();
    return 0;
  });
}

int radish_cursor_next(radish_cursor* cursor, const void** key, std::size_t* len, std::uint64_t* value) {
  return step(cursor, key, len, value, [](radish::Cursor& at) { return at.next(); });
}

int radish_cursor_previous(radish_cursor* cursor, const void** key, std::size_t* len, std::uint64_t* value) {
  return step(cursor, key, len, value, [](radish::Cursor& at) { return at.previous(); });
}

void radish_cursor_close(radish_cursor* cursor) { delete cursor; }

radish_pin* radish_pin_take(radish_tree* handle, radish_error* error) {
  radish_pin* pin = nullptr;
  guarded(error, [&]() -> int {
    if (handle == nullptr) return null_argument(error);
    auto taken = handle->tree.segment().pin();
    if (!taken) return fail(taken.error(), error);
    pin = new radish_pin{*std::move(taken)};
    tell(error, 0, "");
    return 0;
  });
  return pin;
}

void radish_pin_release(radish_pin* pin) { delete pin; }

}  // extern "C"
