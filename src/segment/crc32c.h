// CRC32C (Castagnoli polynomial, reflected), in software.
#pragma once

#include <cstddef>
#include <cstdint>

namespace radish::segment {

/// Checksum of the bytes that gave `seed`, followed by these; 0 starts anew.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t seed, const void* data, std::size_t bytes);

}  // namespace radish::segment
