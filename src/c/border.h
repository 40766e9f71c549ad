// Where the C interface meets C++: arguments are checked, failures become codes and a message, and no
// exception gets across.
#pragma once

#include <exception>
#include <new>
#include <optional>
#include <string_view>

#include "radish/batch.hpp"

#define radish radish_tree
#include "radish.h"
#undef radish

struct radish_tree {
  radish::Tree tree;
};

struct radish_cursor {
  radish::Cursor cursor;
};

struct radish_pin {
  radish::Pin pin;
};

struct radish_integer_map {
  radish::IntegerMap map;
};

struct radish_batch {
  radish::Batch batch;
};

namespace radish::c {

/// What the caller's structure is told; nothing if it gave none.
void tell(radish_error* error, int code, std::string_view message);
/// The code, after it and the message were noted for this thread and told to the caller.
int fail(Code code, std::string_view message, radish_error* error = nullptr);
int fail(const Error& failure, radish_error* error = nullptr);
int null_argument(radish_error* error = nullptr);
/// 1, 0, or the code.
inline int answer(const Result<bool>& result) { return result ? int{*result} : fail(result.error()); }

// Runs `body`, which answers a number, and keeps exceptions on this side.
template <class Body>
auto guarded(radish_error* error, Body body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(Code::io, "the process is out of memory", error);
  } catch (const std::exception& exception) {
    return fail(Code::io, exception.what(), error);
  }
}

// A NULL key is the empty one, or a mistake.
inline std::optional<std::string_view> bytes(const void* key, std::size_t length) {
  if (key == nullptr) return length == 0 ? std::optional(std::string_view()) : std::nullopt;
  return std::string_view(static_cast<const char*>(key), length);
}

// The frame of every operation on one key: body(tree, key) answers a number.
template <class Answer = int, class Body>
Answer with_key(radish_tree* handle, const void* key, std::size_t length, Body body) {
  return guarded(nullptr, [&]() -> Answer {
    const auto view = bytes(key, length);
    if (handle == nullptr || !view) return null_argument();
    return body(handle->tree, *view);
  });
}

template <class Body>
int with_tree(radish_tree* handle, radish_error* error, Body body) {
  return guarded(error, [&]() -> int {
    if (handle == nullptr) return null_argument(error);
    const Result<void> result = body(handle->tree);
    if (!result) return fail(result.error(), error);
    tell(error, 0, "");
    return 0;
  });
}

// A getter: it can't fail, but for a NULL handle.
template <class Answer, class Body>
Answer look(const radish_tree* handle, Answer without_handle, Body body) noexcept {
  if (handle != nullptr) return body(handle->tree);
  null_argument();
  return without_handle;
}

}  // namespace radish::c
