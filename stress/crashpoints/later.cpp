#include "crashpoints/later.h"

#include <array>

#include "model/generator.h"

namespace radish::crashpoints {
namespace {

/// FNV-1a of all that the case does.
std::uint64_t hash_of(const Case& explored) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&](std::uint64_t byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  const auto add_operation = [&](const Operation& operation) {
    add(static_cast<std::uint64_t>(operation.kind));
    for (const char byte : operation.key) add(static_cast<unsigned char>(byte));
    add(operation.value);
  };
  for (const Operation& operation : explored.base) add_operation(operation);
  add_operation(explored.mutation);
  return hash;
}

/// What stores and what erases one key are most of it, so that the structure is neither emptied nor only
/// filled.
model::Kind draw_kind(model::Random& random) {
  using model::Kind;
  constexpr std::array drawn{Kind::insert, Kind::insert, Kind::insert,           Kind::insert_new,
                             Kind::erase,  Kind::erase,  Kind::compare_exchange, Kind::fetch_add};
  if (random.chance(20)) return Kind::clear;
  if (random.chance(50)) return Kind::erase_prefix;
  return drawn[random.below(drawn.size())];
}

/// Of a key that the case knows, or one byte more.
Operation of_its_keys(const Case& explored, model::Random& random) {
  const std::uint64_t place = random.below(explored.base.size() + 1);
  Operation operation{.kind = draw_kind(random),
                      .key = place == 0 ? explored.mutation.key : explored.base[place - 1].key,
                      .value = random.below(3),
                      .second = random.below(3)};
  if (random.chance(250)) operation.key += static_cast<char>(random.below(256));
  if (operation.key.size() > model::key_bytes_max) operation.key.pop_back();
  const model::KindFields& fields = model::fields_of(operation.kind);
  if (!fields.key) operation.key.clear();
  if (!fields.value) operation.value = 0;
  if (!fields.second) operation.second = 0;
  return operation;
}

}  // namespace

std::vector<Operation> later_operations(const Case& explored, std::uint32_t acts) {
  const std::uint64_t seed = hash_of(explored);
  model::Random random(seed);
  model::Generator generator(seed, model::Profile::tiny);
  std::vector<Operation> later;
  const std::size_t wanted = explored.heap_is_full ? 20 : 200;
  while (later.size() < wanted) {
    Operation operation = random.chance(500) ? of_its_keys(explored, random) : generator.next();
    if (model::is_mutation(operation.kind) && (acts & bit_of(static_cast<Act>(operation.kind))) != 0)
      later.push_back(std::move(operation));
  }
  return later;
}

}  // namespace radish::crashpoints
