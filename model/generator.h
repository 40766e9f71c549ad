// Operation sequences from a seed. The same seed and profile give the same sequence with every compiler and
// standard library, so a seed in a log replays anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/operation.h"

namespace radish::model {

/// xoshiro256**, seeded by splitmix64.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();
  /// 0 to bound - 1; bound is not 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// True in so many of 1,000 cases.
  bool chance(std::uint64_t per_mille) { return below(1000) < per_mille; }

 private:
  std::array<std::uint64_t, 4> state_;
};

/// What the keys of a sequence look like.
enum class Profile : std::uint8_t {
  tiny,      ///< three byte values, 0 to 6 bytes: everything is a prefix of everything
  prefixes,  ///< long shared prefixes, hundreds of bytes and now and then thousands; keys that extend others
  wide,      ///< every byte value at one level, filled and drained: buckets and nodes come and go
  integers,  ///< 8 bytes, big-endian, in clusters
  huge,      ///< 0, 1 and up to 65,535 bytes, and 65,536, which must be refused
  churn,     ///< fill, then erase most of it, again and again
};
inline constexpr std::size_t profile_count = 6;

[[nodiscard]] std::string_view profile_name(Profile profile);
[[nodiscard]] std::optional<Profile> profile_named(std::string_view name);

class Generator {
 public:
  Generator(std::uint64_t seed, Profile profile) : random_(seed), profile_(profile) {}
  [[nodiscard]] Operation next();

 private:
  [[nodiscard]] Kind kind();
  [[nodiscard]] Kind weighted(std::span<const std::uint16_t> weights);
  [[nodiscard]] bool draining() const;
  /// A key to store: often one that was used before.
  [[nodiscard]] std::string key();
  /// A key to ask for: a used one, one near it, or any.
  [[nodiscard]] std::string query();
  /// A prefix of a used key.
  [[nodiscard]] std::string prefix();
  [[nodiscard]] std::string fresh_key();
  [[nodiscard]] std::string tiny_key();
  [[nodiscard]] std::string prefixes_key();
  [[nodiscard]] std::string wide_key();
  [[nodiscard]] std::string integer_key();
  [[nodiscard]] std::string huge_key();
  [[nodiscard]] std::string churn_key();
  [[nodiscard]] std::string letters(std::uint64_t bytes);
  [[nodiscard]] const std::string& used() { return used_[random_.below(used_.size())]; }
  [[nodiscard]] std::uint64_t value();
  [[nodiscard]] std::uint32_t steps();
  void remember(const std::string& key);
  /// A used key, which is not used again.
  [[nodiscard]] std::string forget();

  Random random_;
  Profile profile_;
  std::uint64_t step_ = 0;
  std::vector<std::string> used_;
};

/// `length` operations; the setting does not influence them.
[[nodiscard]] Sequence generate(std::uint64_t seed, Profile profile, std::size_t length,
                                const Setting& setting);

}  // namespace radish::model
