// The fuzzer's input: which valid image to start from, what to lie about, what to do with the file then.
// Every byte string is some input, and a small change to the bytes is a small change to it.
//
//   first byte    a specimen, modulo their number; 255: the bytes themselves are the file
//   second byte   flags
//   third byte    number of lies (low four bits), number of pokes (high four bits)
//   lie           kind (1) | where (1) | what (3)
//   poke          offset (3) | width and way (1) | value (4)
//   rest          operations, as model/bytes.h decodes them without its first byte
// Numbers are little-endian; what the bytes run out of reads as zero. In the keys of operations the byte fd,
// then a number, stands for a key of the specimen without its last byte, and fe and a number for all of the
// key; what follows is appended.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fuzz/image_lies.h"
#include "model/operation.h"

namespace radish::image {

/// Something stored anywhere.
struct Poke {
  std::uint32_t offset = 0;  ///< modulo the image's length
  std::uint8_t way =
      0;  ///< low two bits: width 1, 2, 4, 8; next two: set, exchange bits, add, copy from `value`
  std::uint32_t value = 0;

  bool operator==(const Poke&) const = default;
};

struct Input {
  static constexpr std::uint8_t raw = 255;
  static constexpr std::uint8_t frozen_flag = 1;  ///< sealed, with its checksum
  static constexpr std::uint8_t freeze_flag = 2;  ///< freeze it at the end
  static constexpr std::uint8_t magic_flag = 4;  ///< raw bytes get the magic, and the checksum that they need
  static constexpr std::uint8_t create_flag = 8;       ///< opened so that it may be created
  static constexpr std::uint8_t descriptor_flag = 16;  ///< opened by a descriptor; not of raw bytes
  static constexpr std::uint8_t c_flag = 32;           ///< used through radish.h; not of raw bytes
  static constexpr std::size_t lies_max = 15;
  static constexpr std::size_t pokes_max = 15;

  std::uint8_t start = 0;
  std::uint8_t flags = 0;
  std::vector<Telling> lies{};
  std::vector<Poke> pokes{};
  std::vector<std::uint8_t> rest{};  ///< operations, or the raw file

  [[nodiscard]] bool is_raw() const { return start == raw; }
  [[nodiscard]] Kind kind() const { return static_cast<Kind>(start % specimen_count); }
};

[[nodiscard]] Input decode(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::vector<std::uint8_t> encode(const Input& input);

/// The specimen as the input has it lie. Not for raw inputs. `image` is overwritten.
void apply(const Input& input, Image& image);
/// What is done with the file; the specimen's keys stand where the bytes name them.
[[nodiscard]] std::vector<model::Operation> operations(const Input& input);

/// Text of an input, for a log: the lies by their names.
[[nodiscard]] std::string to_text(const Input& input);

}  // namespace radish::image
