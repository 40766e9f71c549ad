// What an image of a segment says, read without the library.
#pragma once

#include "../subject.h"

namespace radish::crashpoints {

/// Bytes that are in use, and as many pages more.
[[nodiscard]] std::uint64_t extent_of(const std::byte* image, std::uint64_t more_pages);
[[nodiscard]] Debts debts_of(const std::byte* image);
[[nodiscard]] std::uint64_t digest_of(const std::byte* image, std::uint64_t bytes);
[[nodiscard]] bool announce_read(std::byte* image);
inline constexpr std::uint32_t damage_kinds = 2;
/// The lease is unreadable; or it is of another boot of the machine.
void damage(std::byte* image, std::uint32_t kind);
void noise_of(const std::byte* image, PieceSink sink, void* context);

}  // namespace radish::crashpoints
