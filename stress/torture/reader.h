// Lookups, of which each answer must be one that the key may have given at some moment of the call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torture/actor.h"

namespace radish::stress::torture {

class Reader {
 public:
  explicit Reader(Actor& actor);
  void step();

 private:
  void find();
  /// The answer; none if the key is absent, or the find was refused as it may be.
  std::optional<std::uint64_t> find_one(KeyId key, Version low);
  /// A key that nobody stores.
  void find_stranger();
  void find_longest_prefix();
  void find_all_prefixes();
  /// The first of a pair is always changed before the second.
  void find_pair();
  /// As many keys as there may have been at some moment of the call.
  void count_keys();

  /// A query, and the keys that are prefixes of it, longest first, with the versions they had before.
  struct Query {
    std::string bytes;
    std::vector<KeyId> chain;
    std::vector<Version> low;
  };
  [[nodiscard]] Query draw_query();
  /// Ends within a key, or leaves it midway.
  [[nodiscard]] std::string spoil(std::string_view bytes);
  /// The longest key that is a prefix of it.
  [[nodiscard]] KeyId longest_key_in(std::string_view query) const;
  void judge_match(const Query& query, std::size_t place, const Match& match, std::string_view what) const;
  /// Fails if the key at that place of the chain was there throughout.
  void judge_passed_over(const Query& query, std::size_t place, std::string_view what) const;

  Actor& actor_;
  std::vector<KeyId> seconds_;
};

}  // namespace radish::stress::torture
