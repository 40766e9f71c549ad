#include "fuzz/image_input.h"

#include <algorithm>
#include <cstring>

#include "model/bytes.h"

namespace radish::image {
namespace {

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::uint32_t number(std::size_t count) {
    std::uint32_t result = 0;
    for (std::size_t index = 0; index < count && index < bytes_.size(); ++index)
      result |= std::uint32_t{bytes_[index]} << (8 * index);
    bytes_ = bytes_.subspan(std::min(count, bytes_.size()));
    return result;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  [[nodiscard]] std::vector<std::uint8_t> rest() const { return {bytes_.begin(), bytes_.end()}; }

 private:
  std::span<const std::uint8_t> bytes_;
};

void put(std::vector<std::uint8_t>& bytes, std::uint32_t value, std::size_t count) {
  for (std::size_t index = 0; index < count; ++index)
    bytes.push_back(static_cast<std::uint8_t>(value >> (8 * index)));
}

void poke(const Poke& poke, Image& image) {
  const std::size_t width = std::size_t{1} << poke.way % 4;
  const std::uint64_t capacity = image.geometry().capacity_bytes;
  const Offset offset = poke.offset % (capacity / width) * width;
  std::uint64_t word = 0, value = poke.value;
  std::memcpy(&word, &image.at<std::byte>(offset), width);
  switch (poke.way / 4 % 4) {
    case 0:
      word = value;
      break;
    case 1:
      word ^= value;
      break;
    case 2:
      word += value;
      break;
    default:
      std::memcpy(&word, &image.at<std::byte>(value % (capacity / width) * width), width);
      break;
  }
  std::memcpy(&image.at<std::byte>(offset), &word, width);
}

/// A key that names one of the specimen's.
void name_known(std::string& key, const std::vector<std::string>& known) {
  if (key.size() < 2 || known.empty()) return;
  const auto form = static_cast<unsigned char>(key[0]);
  if (form != 0xfd && form != 0xfe) return;
  std::string full = known[static_cast<unsigned char>(key[1]) % known.size()];
  if (form == 0xfd && !full.empty()) full.pop_back();
  key = full + key.substr(2);
}

}  // namespace

Input decode(std::span<const std::uint8_t> bytes) {
  Reader reader(bytes);
  Input input;
  input.start = reader.byte();
  input.flags = reader.byte();
  if (!input.is_raw()) {
    const std::uint8_t counts = reader.byte();
    for (int count = counts & 15; count != 0; --count) {
      const auto lie = static_cast<Lie>(reader.byte() % lie_count);
      const std::uint8_t where = reader.byte();
      input.lies.push_back({lie, where, reader.number(3)});
    }
    for (int count = counts >> 4; count != 0; --count) {
      const std::uint32_t offset = reader.number(3);
      const std::uint8_t way = reader.byte();
      input.pokes.push_back({offset, way, reader.number(4)});
    }
  }
  input.rest = reader.rest();
  return input;
}

std::vector<std::uint8_t> encode(const Input& input) {
  std::vector<std::uint8_t> bytes{input.start, input.flags};
  if (!input.is_raw()) {
    const std::size_t lies = std::min(input.lies.size(), Input::lies_max);
    const std::size_t pokes = std::min(input.pokes.size(), Input::pokes_max);
    bytes.push_back(static_cast<std::uint8_t>(lies | pokes << 4));
    for (const Telling& lie : std::span(input.lies).first(lies)) {
      bytes.push_back(static_cast<std::uint8_t>(lie.lie));
      bytes.push_back(lie.where);
      put(bytes, lie.what, 3);
    }
    for (const Poke& poke : std::span(input.pokes).first(pokes)) {
      put(bytes, poke.offset, 3);
      bytes.push_back(poke.way);
      put(bytes, poke.value, 4);
    }
  }
  bytes.insert(bytes.end(), input.rest.begin(), input.rest.end());
  return bytes;
}

void apply(const Input& input, Image& image) {
  const Specimen& truth = specimen(input.kind());
  image = truth.image;
  for (const Poke& one : input.pokes) poke(one, image);
  if ((input.flags & Input::frozen_flag) != 0) {
    image.superblock().sealed = layout::sealed_mark;
    image.roots().clean_mark = 1;
  }
  (void)tell(truth, input.lies, image);
}

std::vector<model::Operation> operations(const Input& input) {
  static const std::vector<std::string> none;
  std::vector<std::uint8_t> bytes{0};  // model's capacity, which is the specimen's here
  if (!input.is_raw()) bytes.insert(bytes.end(), input.rest.begin(), input.rest.end());
  auto operations = model::decode(bytes).operations;
  const auto& known = input.is_raw() ? none : specimen(input.kind()).keys;
  for (model::Operation& operation : operations) {
    name_known(operation.key, known);
    if (operation.bound) name_known(*operation.bound, known);
  }
  return operations;
}

std::string to_text(const Input& input) {
  if (input.is_raw()) return "raw file of " + std::to_string(input.rest.size()) + " bytes\n";
  std::string text =
      "start=" + std::string(name_of(input.kind())) + " flags=" + std::to_string(input.flags) + "\n";
  for (const Telling& lie : input.lies)
    text += "lie " + std::string(lie_name(lie.lie)) + " where=" + std::to_string(lie.where) +
            " what=" + std::to_string(lie.what) + "\n";
  for (const Poke& poke : input.pokes)
    text += "poke offset=" + std::to_string(poke.offset) + " way=" + std::to_string(poke.way) +
            " value=" + std::to_string(poke.value) + "\n";
  for (const model::Operation& operation : operations(input)) text += model::to_text(operation) + "\n";
  return text;
}

}  // namespace radish::image
