// Lookups, of which each answer must be one that the key may have given at some moment of the call.
#pragma once

#include <vector>

#include "torture/actor.h"

namespace radish::stress::torture {

class Reader {
 public:
  explicit Reader(Actor& actor);
  void step();

 private:
  void find();
  /// A key that nobody stores.
  void find_stranger();
  void find_longest_prefix();
  void find_all_prefixes();
  /// The first of a pair is always changed before the second.
  void find_pair();

  /// A query, and the keys that are prefixes of it, longest first, with the versions they had before.
  struct Query {
    std::string bytes;
    std::vector<KeyId> chain;
    std::vector<Version> low;
  };
  [[nodiscard]] Query draw_query();
  void judge_match(const Query& query, std::size_t place, const Match& match, std::string_view what) const;
  /// Fails if the key at that place of the chain was there throughout.
  void judge_passed_over(const Query& query, std::size_t place, std::string_view what) const;

  Actor& actor_;
  std::vector<KeyId> seconds_;
};

}  // namespace radish::stress::torture
