// What an image of a segment says, read without the library.
#pragma once

#include "../subject.h"

namespace radish::crashpoints {

[[nodiscard]] std::uint64_t extent_of(const std::byte* image);
[[nodiscard]] Debts debts_of(const std::byte* image);
[[nodiscard]] std::uint64_t digest_of(const std::byte* image);
void noise_of(const std::byte* image, PieceSink sink, void* context);

}  // namespace radish::crashpoints
