#include "torture/plan.h"

#include <iterator>

namespace radish::stress::torture {
namespace {

constexpr std::uint64_t mixed(std::uint64_t sum, std::uint64_t word) {
  sum = (sum ^ word) * 0x9e37'79b9'7f4a'7c15;
  return sum ^ sum >> 29;
}

Storage draw_storage(const Options& options, Random& random) {
  if (!options.file.empty() || options.storage == "file") return Storage::file;
  if (options.storage == "shm") return Storage::shm;
  if (options.storage == "memfd") return Storage::memfd;
  if (options.storage == "anonymous") return Storage::anonymous;
  constexpr Storage drawn[] = {Storage::file, Storage::file,  Storage::shm,
                               Storage::shm,  Storage::memfd, Storage::anonymous};
  return drawn[random.below(std::size(drawn))];
}

Finish draw_finish(Random& random) {
  constexpr Finish drawn[] = {Finish::none,       Finish::none,  Finish::leaves,        Finish::hands_over,
                              Finish::hands_over, Finish::execs, Finish::execs_in_view, Finish::main_ends};
  return drawn[random.below(std::size(drawn))];
}

}  // namespace

Random random_for(std::uint64_t seed, std::string_view use, std::uint64_t a, std::uint64_t b,
                  std::uint64_t c) {
  std::uint64_t sum = seed;
  for (const char byte : use) sum = mixed(sum, static_cast<unsigned char>(byte));
  for (const std::uint64_t word : {a, b, c}) sum = mixed(sum, word + 1);
  return Random(sum);
}

bool in_spell(const Setting& setting, std::string_view use, std::uint64_t per_mille) {
  const std::uint64_t second = (now_ns() - setting.started_ns) / 1'000'000'000;
  return random_for(setting.seed, use, second).chance(per_mille);
}

RoundPlan plan_round(const Options& options, std::uint64_t number) {
  Random random = random_for(options.seed, "round", number);
  RoundPlan plan{};
  plan.number = number;
  plan.storage = draw_storage(options, random);
  plan.small = options.storage == "small" || (options.storage == "mixed" && random.chance(170));
  plan.fresh = number == 0 || plan.small || random.chance(600);
  plan.coordinator_stays = plan.storage == Storage::anonymous || random.chance(600);
  const bool named = plan.storage == Storage::file || plan.storage == Storage::shm;
  plan.raced_for = plan.fresh && named && !plan.coordinator_stays && random.chance(700);
  const std::uint64_t end = random.below(4);
  plan.end = end < 2 ? RoundEnd::stopped : end == 2 ? RoundEnd::massacred_beside : RoundEnd::massacred_alone;
  plan.cleared = random.chance(300);
  return plan;
}

Role role_of(const Setting& setting, std::uint32_t seat) {
  if (seat < setting.writers) return Role::writer;
  if (seat < setting.writers + setting.readers) return Role::reader;
  if (seat < setting.writers + setting.readers + setting.views) return Role::viewer;
  return Role::iterator;
}

std::string_view role_name(Role role) {
  constexpr std::string_view names[] = {"writer", "reader", "stable-view holder", "iterator"};
  return names[static_cast<std::size_t>(role)];
}

Shape plan_shape(const Setting& setting, const Round& round, std::uint32_t seat, std::uint64_t life) {
  Random random = random_for(setting.seed, "shape", round.number, seat, life);
  Shape shape{};
  shape.inherits = round.storage == Storage::anonymous || random.chance(500);
  shape.second_thread = random.chance(300);
  shape.child_beside = random.chance(250);
  shape.raw_fork = !shape.second_thread && random.chance(300);
  shape.finish = draw_finish(random);
  shape.finish_steps = 1 + random.below(random.chance(500) ? 300 : 30'000);
  shape.lock_timeout_ms = random.chance(life == 0 ? 150 : 400) ? 1 + random.below(200) : 0;
  return shape;
}

}  // namespace radish::stress::torture
