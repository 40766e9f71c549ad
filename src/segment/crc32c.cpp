#include "segment/crc32c.h"

#include <array>
#include <cstring>

namespace radish::segment {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;
constexpr std::size_t stride = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, stride>;

/// tables[n][b]: the effect of byte b followed by n zero bytes.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
    tables[0][byte] = value;
  }
  for (std::size_t n = 1; n < stride; ++n)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[n - 1][byte];
      tables[n][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  return tables;
}

constexpr Tables tables = make_tables();

}  // namespace

std::uint32_t crc32c(std::uint32_t seed, const void* data, std::size_t bytes) {
  const auto* byte = static_cast<const std::uint8_t*>(data);
  std::uint32_t state = ~seed;
  for (; bytes >= stride; bytes -= stride, byte += stride) {
    std::uint64_t word;
    std::memcpy(&word, byte, stride);
    word ^= state;
    state = 0;
    for (std::size_t n = 0; n < stride; ++n) state ^= tables[stride - 1 - n][(word >> (8 * n)) & 0xff];
  }
  for (; bytes != 0; --bytes, ++byte) state = (state >> 8) ^ tables[0][(state ^ *byte) & 0xff];
  return ~state;
}

}  // namespace radish::segment
