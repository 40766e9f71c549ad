// What a mutation does to one key, whatever the tree.
#pragma once

#include <cstdint>
#include <optional>

namespace radish::txn {

using Value = std::optional<std::uint64_t>;

struct Edit {
  enum class Kind : std::uint8_t {
    assign,            ///< the value becomes `operand`
    insert_new,        ///< the same, if the key is not there
    compare_exchange,  ///< the same, if the value is `expected`
    fetch_add,         ///< `operand` is added to the value, or to 0
    erase,             ///< the key goes
  };
  Kind kind = Kind::assign;
  std::uint64_t operand = 0;
  std::uint64_t expected = 0;

  /// What an edit other than an erasure stores, given what is there; nullopt leaves it as it is.
  [[nodiscard]] Value value_after(Value before) const {
    switch (kind) {
      case Kind::assign:
        return operand;
      case Kind::insert_new:
        return before ? std::nullopt : Value(operand);
      case Kind::compare_exchange:
        return before == expected ? Value(operand) : std::nullopt;
      case Kind::fetch_add:
        return before.value_or(0) + operand;
      case Kind::erase:
        break;
    }
    return std::nullopt;
  }
};

/// What an edit found and did.
struct Found {
  bool changed = false;  ///< stored, or erased
  Value before{};        ///< nullopt if the key was absent
  /// The plan only prepares the edit, which is to be planned anew once it has been committed. It changes
  /// nothing that anybody finds.
  bool unfinished = false;
};

}  // namespace radish::txn
