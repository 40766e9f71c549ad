// A mutator that knows what an input says: it changes, adds and drops lies, pokes and operations, so that
// nearly every input still gets past the door.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace radish::image {

/// The fuzzer's own way to change bytes in place; answers the new size.
using MutateBytes = std::size_t (*)(std::uint8_t* bytes, std::size_t size, std::size_t size_max);

/// Changes the first `size` bytes in place; answers the new size.
[[nodiscard]] std::size_t mutate(std::span<std::uint8_t> bytes, std::size_t size, std::uint64_t seed,
                                 MutateBytes otherwise);

}  // namespace radish::image
