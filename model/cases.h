// Trees, and mutations of them, made to meet every shape that a mutation of the byte-string tree can meet:
// what harnesses that let processes die in a mutation try.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/operation.h"

namespace radish::model {

/// A tree that is there, and the mutation during which a process is to die.
struct Case {
  std::string name{};
  std::vector<Operation> base{};
  Operation mutation{};
  bool heap_is_full = false;  ///< further keys were stored until one was refused
  bool operator==(const Case&) const = default;
};

inline constexpr std::array mutations = {Kind::insert,    Kind::insert_new, Kind::compare_exchange,
                                         Kind::fetch_add, Kind::erase,      Kind::erase_prefix,
                                         Kind::clear};

[[nodiscard]] Operation insertion(std::string key, std::uint64_t value = 7);
[[nodiscard]] Operation erasure(std::string key);
[[nodiscard]] Operation prefix_erasure(std::string prefix);
/// Keys that share a prefix and go on with one byte each, and more than a leaf's rest behind it.
[[nodiscard]] std::vector<Operation> fan(const std::string& prefix, unsigned children,
                                         std::string_view rest = "");

/// Every shape that a kind of mutation meets.
[[nodiscard]] std::vector<Case> cases_of(Kind kind);
/// A tree that so many operations made, and a mutation of the kind that a generator would make next.
[[nodiscard]] Case random_case(Kind kind, std::uint64_t seed, std::size_t base_operations = 120);

}  // namespace radish::model
