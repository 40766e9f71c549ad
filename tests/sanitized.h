// Whether a sanitizer's instructions are among those of the library.
#pragma once

namespace radish::tests {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
inline constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

#if defined(__SANITIZE_THREAD__)
inline constexpr bool watched_by_thread_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool watched_by_thread_sanitizer = __has_feature(thread_sanitizer);
#else
inline constexpr bool watched_by_thread_sanitizer = false;
#endif

}  // namespace radish::tests
