#include "fuzz/image_mutator.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "fuzz/image_input.h"
#include "model/bytes.h"
#include "model/generator.h"

namespace radish::image {
namespace {

using model::Random;

constexpr std::size_t operations_bytes_max = 200;

Telling random_lie(Random& random) {
  const auto lie = static_cast<Lie>(random.below(lie_count));
  // Small numbers name the forms of a lie; large ones are there for what is a number itself.
  const std::uint64_t what = random.chance(800) ? random.below(64) : random.below(1 << 24);
  return {lie, static_cast<std::uint8_t>(random.below(256)), static_cast<std::uint32_t>(what)};
}

Poke random_poke(Random& random) {
  const auto way = static_cast<std::uint8_t>(random.below(16));
  const std::uint64_t value = random.chance(700) ? random.below(256) : random.below(std::uint64_t{1} << 32);
  return {static_cast<std::uint32_t>(random.below(1 << 18)), way, static_cast<std::uint32_t>(value)};
}

/// An operation that speaks of a key of the specimen, or of one near it.
std::vector<std::uint8_t> random_operation(Random& random) {
  model::Operation operation{.kind = static_cast<model::Kind>(random.below(model::kind_count))};
  if (random.chance(300)) operation.kind = random.chance(600) ? model::Kind::insert : model::Kind::erase;
  const model::KindFields& fields = model::fields_of(operation.kind);
  const auto known = [&] {
    std::string key{static_cast<char>(random.chance(700) ? 0xfe : 0xfd),
                    static_cast<char>(random.below(256))};
    // Far enough apart to ask for blocks of many classes, and for runs.
    constexpr std::array<std::size_t, 8> lengths{1, 2, 20, 60, 150, 500, 1800, 9000};
    if (random.chance(400)) key.append(lengths[random.below(lengths.size())], 'a');
    return key;
  };
  if (fields.key) operation.key = random.chance(850) ? known() : std::string(random.below(3), 'r');
  if (fields.bound && random.chance(500)) operation.bound = known();
  if (fields.value) operation.value = random.chance(500) ? random.below(16) : random.next();
  if (fields.second) operation.second = random.below(16);
  if (fields.count) operation.count = static_cast<std::uint32_t>(1 + random.below(40));
  auto bytes = model::encode({.operations = {operation}});
  bytes.erase(bytes.begin());  // the capacity
  return bytes;
}

template <class T>
void drop_one(std::vector<T>& from, Random& random) {
  if (!from.empty()) from.erase(from.begin() + static_cast<std::ptrdiff_t>(random.below(from.size())));
}

void change_lie(Input& input, Random& random) {
  if (input.lies.empty()) return input.lies.push_back(random_lie(random));
  Telling& lie = input.lies[random.below(input.lies.size())];
  switch (random.below(4)) {
    case 0:
      lie = random_lie(random);
      break;
    case 1:
      lie.where = static_cast<std::uint8_t>(random.below(256));
      break;
    case 2:
      lie.what = random_lie(random).what;
      break;
    default:
      lie.what += static_cast<std::uint32_t>(random.below(3)) - 1;
      break;
  }
}

void change_poke(Input& input, Random& random) {
  if (input.pokes.empty()) return input.pokes.push_back(random_poke(random));
  Poke& poke = input.pokes[random.below(input.pokes.size())];
  if (random.chance(300)) poke = random_poke(random);
  if (random.chance(500)) poke.offset += static_cast<std::uint32_t>(random.below(33)) - 16;
  if (random.chance(500)) poke.value = random_poke(random).value;
}

void mutate_operations(Input& input, Random& random, MutateBytes otherwise) {
  if (random.chance(600)) {
    const auto operation = random_operation(random);
    input.rest.insert(input.rest.end(), operation.begin(), operation.end());
  } else {
    const std::size_t size = input.rest.size();
    input.rest.resize(operations_bytes_max);
    input.rest.resize(
        otherwise(input.rest.data(), std::min(size, operations_bytes_max), operations_bytes_max));
  }
  // The oldest go first: a long sequence says nothing about the lie any more.
  if (input.rest.size() > operations_bytes_max) input.rest.resize(operations_bytes_max / 2);
}

constexpr auto vast = static_cast<std::uint8_t>(Kind::vast);
static_assert(vast == specimen_count - 1);

/// The large one takes ten times as long as the others do, and a hundred times where its checksum is made.
std::uint8_t random_start(Random& random) {
  return random.chance(20) ? vast : static_cast<std::uint8_t>(random.below(vast));
}
void spare_time(Input& input, Random& random) {
  if (input.start != vast) return;
  if (random.chance(980))
    input.flags &= static_cast<std::uint8_t>(~(Input::frozen_flag | Input::freeze_flag));
  if (random.chance(700)) input.start = random_start(random);
}

void mutate_once(Input& input, Random& random, MutateBytes otherwise) {
  switch (random.below(12)) {
    case 0:
      input.start = random_start(random);
      break;
    case 1:
      input.flags ^= static_cast<std::uint8_t>(1U << random.below(6));
      break;
    case 2:
      // One lie is the rule.
      if (input.lies.empty() || random.chance(200)) input.lies.push_back(random_lie(random));
      break;
    case 3:
      drop_one(input.lies, random);
      break;
    case 4:
    case 5:
      change_lie(input, random);
      break;
    case 6:
      if (input.pokes.size() < 2) input.pokes.push_back(random_poke(random));
      break;
    case 7:
      drop_one(input.pokes, random);
      break;
    case 8:
      change_poke(input, random);
      break;
    default:
      mutate_operations(input, random, otherwise);
      break;
  }
}

}  // namespace

std::size_t mutate(std::span<std::uint8_t> bytes, std::size_t size, std::uint64_t seed,
                   MutateBytes otherwise) {
  Random random(seed);
  Input input = decode(bytes.first(size));
  if (input.is_raw() ? random.chance(900) : random.chance(50))
    return otherwise(bytes.data(), size, bytes.size());
  if (input.is_raw()) input = {};
  for (std::uint64_t count = 1 + random.below(3); count != 0; --count) mutate_once(input, random, otherwise);
  spare_time(input, random);
  const auto encoded = encode(input);
  const std::size_t taken = std::min(encoded.size(), bytes.size());
  std::memcpy(bytes.data(), encoded.data(), taken);
  return taken;
}

}  // namespace radish::image
