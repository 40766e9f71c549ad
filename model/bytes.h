// A dense byte form of a sequence, for fuzzers: every byte string is some sequence, and a small change to the
// bytes is a small change to the sequence.
//
//   first byte      capacity
//   operation       kind | key | bound | value | second | count, of these what the kind has
//   key             chunks until one whose high bit is clear; the low seven bits say which:
//     0 to 63         so many bytes follow
//     64 to 95        an earlier key, counted from the latest
//     96 to 103       16-bit number follows: cut what there is, modulo its length + 1
//     104 to 119      a byte and a 16-bit number follow: repeat it, one more time if the chunk is odd
//     120 to 127      16-bit number and a byte follow: replace the byte at that place
//   bound           a key; for a chunk 255 in its place: none
//   value, second   up to 239: itself; else the low three bits + 1 bytes follow
//   count           one byte
// What the bytes run out of reads as zero; after 1,024 operations or 8 MiB of keys the rest is ignored.
// Numbers are little-endian.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/operation.h"

namespace radish::model {

[[nodiscard]] Sequence decode(std::span<const std::uint8_t> bytes);

/// Bytes that decode to these operations. Counts above 255, keys above 65,600 bytes and what lies beyond the
/// decoder's bounds are cut; a setting that the bytes can't say becomes the smallest.
[[nodiscard]] std::vector<std::uint8_t> encode(const Sequence& sequence);

}  // namespace radish::model
