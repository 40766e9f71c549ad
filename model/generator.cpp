#include "model/generator.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace radish::model {

namespace {

constexpr std::array<std::string_view, 4> wide_stems = {"", "k", "stem",
                                                        "stem/long enough to be compressed/"};

constexpr std::array<std::string_view, profile_count> profile_names = {"tiny",     "prefixes", "wide",
                                                                       "integers", "huge",     "churn"};

// How often each kind is drawn, in the order of Kind.
using Weights = std::array<std::uint16_t, kind_count>;
constexpr Weights mixed_weights = {
    2400, 800, 500, 500, 1700, 60, 2,  // insert to clear
    1500, 400, 700, 400, 100,          // find to count
    150,  150, 60,                     // scans
    40,   30,  90,  50,                // the resting cursor
    20,   6,   20,  4,   30,   8,      // view to replace_all
};
constexpr Weights filling_weights = {
    5000, 1500, 100, 300, 300, 2, 0,  // insert to clear
    900,  200,  400, 200, 30,         // find to count
    60,   60,   20,                   // scans
    20,   10,   40,  20,              // the resting cursor
    6,    3,    6,   2,   10,  3,     // view to replace_all
};
constexpr Weights draining_weights = {
    200, 50,  100, 50,  7000, 30, 2,  // insert to clear
    900, 200, 300, 200, 30,           // find to count
    60,  60,  20,                     // scans
    20,  10,  40,  20,                // the resting cursor
    6,   3,   6,   2,   10,   3,      // view to replace_all
};

constexpr std::uint64_t filling_steps = 700;
constexpr std::uint64_t phase_steps = 1300;

constexpr std::size_t used_keys_max(Profile profile) {
  if (profile == Profile::huge) return 8;
  return profile == Profile::prefixes ? 256 : 1024;
}

constexpr bool has_phases(Profile profile) {
  return profile == Profile::wide || profile == Profile::churn || profile == Profile::integers;
}

std::string_view any_tail(Random& random) {
  constexpr std::array<std::string_view, 6> tails = {"",        "a", "b", "ab", std::string_view("\0", 1),
                                                     "\xff\xff"};
  return tails[random.below(tails.size())];
}

}  // namespace

Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    word = mixed ^ (mixed >> 31);
  }
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::string_view profile_name(Profile profile) { return profile_names[static_cast<std::size_t>(profile)]; }

std::optional<Profile> profile_named(std::string_view name) {
  const auto found = std::ranges::find(profile_names, name);
  if (found == profile_names.end()) return std::nullopt;
  return static_cast<Profile>(found - profile_names.begin());
}

Operation Generator::next() {
  Operation operation{.kind = kind()};
  ++step_;
  const KindFields& fields = fields_of(operation.kind);
  switch (operation.kind) {
    case Kind::insert:
    case Kind::insert_new:
    case Kind::fetch_add:
      operation.key = key();
      break;
    case Kind::erase:
      operation.key = draining() && !used_.empty() ? forget() : query();
      break;
    case Kind::erase_prefix:
    case Kind::scan_forward:
    case Kind::scan_backward:
    case Kind::walk:
    case Kind::cursor_open:
      operation.key = prefix();
      break;
    default:
      if (fields.key) operation.key = query();
  }
  if (fields.bound && random_.chance(600)) operation.bound = query();
  if (fields.value) operation.value = value();
  if (fields.second) operation.second = value();
  if (fields.count) operation.count = steps();
  return operation;
}

bool Generator::draining() const { return has_phases(profile_) && step_ % phase_steps >= filling_steps; }

Kind Generator::kind() {
  if (!has_phases(profile_)) return weighted(mixed_weights);
  return weighted(draining() ? draining_weights : filling_weights);
}

Kind Generator::weighted(std::span<const std::uint16_t> weights) {
  std::uint64_t drawn = random_.below(std::accumulate(weights.begin(), weights.end(), std::uint64_t{0}));
  std::size_t index = 0;
  while (drawn >= weights[index]) drawn -= weights[index++];
  return static_cast<Kind>(index);
}

std::string Generator::key() {
  const std::uint64_t reuse_per_mille = has_phases(profile_) ? 250 : 550;
  if (!used_.empty() && random_.chance(reuse_per_mille)) return used();
  std::string drawn = fresh_key();
  remember(drawn);
  return drawn;
}

std::string Generator::query() {
  if (used_.empty()) return fresh_key();
  if (random_.chance(550)) return used();
  std::string drawn;
  switch (random_.below(3)) {
    case 0:
      drawn = used();
      return drawn += letters(random_.below(4));
    case 1:
      return prefix();
    default:
      return fresh_key();
  }
}

std::string Generator::prefix() {
  if (used_.empty() || random_.chance(20)) return {};
  // All that lies below a node of many children.
  if ((profile_ == Profile::wide || profile_ == Profile::churn) && random_.chance(250))
    return std::string(wide_stems[1 + random_.below(wide_stems.size() - 1)]);
  std::string drawn = used();
  // Mostly a prefix that few keys have.
  const std::uint64_t cut = random_.chance(800) ? random_.below(3) : random_.below(drawn.size() + 1);
  drawn.resize(drawn.size() - std::min<std::uint64_t>(cut, drawn.size()));
  if (drawn.empty() && random_.chance(700)) return used();
  return drawn;
}

std::string Generator::fresh_key() {
  switch (profile_) {
    case Profile::tiny:
      return tiny_key();
    case Profile::prefixes:
      return prefixes_key();
    case Profile::wide:
      return wide_key();
    case Profile::integers:
      return integer_key();
    case Profile::huge:
      return huge_key();
    case Profile::churn:
      return churn_key();
  }
  return {};
}

std::string Generator::letters(std::uint64_t bytes) {
  std::string drawn(bytes, 'a');
  for (char& byte : drawn) byte = static_cast<char>('a' + random_.below(2));
  return drawn;
}

std::string Generator::tiny_key() {
  constexpr std::string_view alphabet("\0a\xff", 3);
  std::string drawn(random_.below(7), 'a');
  for (char& byte : drawn) byte = alphabet[random_.below(alphabet.size())];
  return drawn;
}

std::string Generator::prefixes_key() {
  if (used_.empty() || random_.chance(30)) {
    const std::uint64_t length = random_.below(random_.chance(100) ? 4000 : 300);
    return std::string(length, random_.chance(500) ? 'p' : 'q');
  }
  std::string drawn = used();
  // Another branch from somewhere inside, or an extension.
  if (random_.chance(600)) drawn.resize(random_.below(drawn.size() + 1));
  drawn += letters(random_.chance(50) ? random_.below(200) : random_.below(12));
  if (drawn.size() > 6000) drawn.resize(random_.below(300));
  return drawn;
}

std::string Generator::wide_key() {
  const std::string_view stem = wide_stems[random_.below(wide_stems.size())];
  std::string drawn(stem);
  drawn += static_cast<char>(random_.below(256));
  if (random_.chance(300)) drawn += static_cast<char>(random_.below(256));
  // So long that they share a bucket with no other like them.
  if (stem == wide_stems.back()) return drawn.append(600, 'l');
  drawn += any_tail(random_);
  return drawn;
}

std::string Generator::integer_key() {
  // One draw a statement: the order of operands is the compiler's choice.
  std::uint64_t number = random_.below(1500);
  if (random_.chance(100)) number *= 0x10001;
  number += random_.below(4) * 0x0123'4567'89ab'0000;
  std::string drawn;
  for (int shift = 56; shift >= 0; shift -= 8) drawn += static_cast<char>(number >> shift & 0xff);
  return drawn;
}

std::string Generator::huge_key() {
  constexpr std::array<std::size_t, 12> lengths = {0,    1,    2,     255,           256,           4095,
                                                   4096, 4097, 65534, key_bytes_max, key_bytes_max, 65536};
  const std::uint64_t length =
      random_.chance(500) ? lengths[random_.below(lengths.size())] : random_.below(key_bytes_max + 1);
  std::string drawn(length, random_.chance(800) ? 'h' : 'i');
  if (!drawn.empty() && random_.chance(700))
    drawn[random_.below(drawn.size())] = static_cast<char>(random_.below(256));
  return drawn;
}

std::string Generator::churn_key() {
  switch (random_.below(3)) {
    case 0:
      return wide_key();
    case 1:
      return letters(1 + random_.below(24));
    default: {
      std::string drawn(random_.below(40), 'c');
      for (char& byte : drawn) byte = static_cast<char>(random_.below(256));
      return drawn;
    }
  }
}

std::uint64_t Generator::value() {
  // Few values, so that compare_exchange succeeds now and then; and ones that use every bit.
  return random_.chance(850) ? random_.below(4) : random_.next();
}

std::uint32_t Generator::steps() {
  return static_cast<std::uint32_t>(random_.chance(20) ? random_.below(1000) : random_.below(12));
}

void Generator::remember(const std::string& key) {
  if (used_.size() < used_keys_max(profile_))
    used_.push_back(key);
  else
    used_[random_.below(used_.size())] = key;
}

std::string Generator::forget() {
  std::swap(used_[random_.below(used_.size())], used_.back());
  std::string forgotten = std::move(used_.back());
  used_.pop_back();
  return forgotten;
}

Sequence generate(std::uint64_t seed, Profile profile, std::size_t length, const Setting& setting) {
  Generator generator(seed, profile);
  Sequence sequence{.setting = setting};
  sequence.operations.reserve(length);
  while (sequence.operations.size() < length) sequence.operations.push_back(generator.next());
  return sequence;
}

}  // namespace radish::model
