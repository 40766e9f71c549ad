// Codes, their sentences, and the message of the last failure.
#include "c/border.h"

#include <algorithm>

namespace radish::c {
namespace {

constexpr bool same(int number, Code code) { return number == static_cast<int>(code); }
static_assert(same(RADISH_E_INVALID, Code::invalid_argument) && same(RADISH_E_TOO_LONG, Code::too_long));
static_assert(same(RADISH_E_FULL, Code::full) && same(RADISH_E_NO_SPACE, Code::no_space));
static_assert(same(RADISH_E_PINNED, Code::pinned) && same(RADISH_E_READERS_FULL, Code::too_many_readers));
static_assert(same(RADISH_E_VIEWS_FULL, Code::too_many_views) && same(RADISH_E_FROZEN, Code::frozen));
static_assert(same(RADISH_E_NOT_FROZEN, Code::not_frozen) && same(RADISH_E_READ_ONLY, Code::read_only));
static_assert(same(RADISH_E_CORRUPT, Code::corrupt) && same(RADISH_E_VERSION, Code::version));
static_assert(same(RADISH_E_NAMESPACE, Code::foreign_namespace) && same(RADISH_E_IO, Code::io));
static_assert(same(RADISH_E_TIMED_OUT, Code::timed_out) && same(RADISH_E_REENTRANT, Code::reentrant));
static_assert(same(RADISH_E_FORKED, Code::forked) && same(RADISH_E_NOT_RADISH, Code::not_radish));
static_assert(same(RADISH_E_FOREIGN_OWNER, Code::foreign_owner) &&
              same(RADISH_E_FILE_SYSTEM, Code::unsupported_file_system));
static_assert(same(RADISH_E_NOT_REGULAR, Code::not_regular_file) && same(RADISH_E_EXISTS, Code::exists));
static_assert(same(RADISH_E_NOT_FOUND, Code::not_found) && same(RADISH_E_VIEW_HELD, Code::view_held));
static_assert(same(RADISH_E_DROPPED, Code::dropped) && same(RADISH_E_WRONG_KIND, Code::wrong_kind));
static_assert(same(RADISH_E_ROOTS_FULL, Code::too_many_roots) &&
              same(RADISH_E_BATCH_TOO_LARGE, Code::batch_too_large));
static_assert(RADISH_CREATED == static_cast<int>(Outcome::created));
static_assert(RADISH_ATTACHED == static_cast<int>(Outcome::attached));
static_assert(RADISH_RECOVERED == static_cast<int>(Outcome::recovered));
static_assert(RADISH_HEALED == static_cast<int>(Outcome::healed));

// Long enough for the longest path and a sentence about it.
constexpr std::size_t message_bytes_max = 4608;
thread_local char last_message[message_bytes_max];

void copy_message(char* to, std::size_t capacity, std::string_view message) {
  const std::size_t length = std::min(message.size(), capacity - 1);
  std::copy_n(message.data(), length, to);
  to[length] = '\0';
}

const char* sentence(Code code) {
  switch (code) {
    case Code::invalid_argument:
      return "an argument is out of its range";
    case Code::too_long:
      return "the key is longer than 65,535 bytes";
    case Code::full:
      return "the segment's capacity is used up";
    case Code::no_space:
      return "the file system has no room for the segment to grow into";
    case Code::pinned:
      return "a living reader holds back the room that is needed";
    case Code::too_many_readers:
      return "every reader slot belongs to a living process";
    case Code::too_many_views:
      return "every stable-view entry is taken";
    case Code::frozen:
      return "the segment is frozen";
    case Code::not_frozen:
      return "only a frozen segment can be opened read-only";
    case Code::read_only:
      return "the handle is read-only";
    case Code::corrupt:
      return "the segment's bytes contradict the format";
    case Code::version:
      return "the segment has another format version";
    case Code::foreign_namespace:
      return "attached processes live in another pid or time namespace";
    case Code::io:
      return "a system call failed";
    case Code::timed_out:
      return "the deadline passed while a living process held the lock";
    case Code::reentrant:
      return "radish was called from inside an operation of the same thread";
    case Code::forked:
      return "a forked child can't use what its parent opened";
    case Code::not_radish:
      return "the file is not a radish segment";
    case Code::foreign_owner:
      return "the empty file belongs to another user";
    case Code::unsupported_file_system:
      return "network file systems can't hold a segment";
    case Code::not_regular_file:
      return "a segment must be a regular file";
    case Code::exists:
      return "the file exists";
    case Code::not_found:
      return "there is no such file";
    case Code::view_held:
      return "a thread that holds a stable view can't change the tree";
    case Code::dropped:
      return "the named root has been dropped";
    case Code::wrong_kind:
      return "the named root is of another kind";
    case Code::too_many_roots:
      return "all 64 named roots are taken";
    case Code::batch_too_large:
      return "the batch needs more stores than the segment's redo record holds";
  }
  return code == Code{} ? "success" : "unknown error code";
}

}  // namespace

void tell(radish_error* error, int code, std::string_view message) {
  if (error == nullptr) return;
  error->code = code;
  copy_message(error->message, sizeof error->message, message);
}

int fail(Code code, std::string_view message, radish_error* error) {
  copy_message(last_message, sizeof last_message, message);
  tell(error, static_cast<int>(code), message);
  return static_cast<int>(code);
}

int fail(const Error& failure, radish_error* error) { return fail(failure.code, failure.message, error); }

int null_argument(radish_error* error) {
  return fail(Code::invalid_argument, "an argument that must point to something is NULL", error);
}

}  // namespace radish::c

extern "C" {

const char* radish_strerror(int code) { return radish::c::sentence(static_cast<radish::Code>(code)); }

const char* radish_last_error(void) { return radish::c::last_message; }

}  // extern "C"
