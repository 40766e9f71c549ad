// Where an ordered walk begins and which way it goes, whatever the tree.
#pragma once

#include <cstdint>

namespace radish::txn {

enum class Direction : std::uint8_t { forward, backward };

/// A place between two keys: before a key, behind it, or behind all.
template <class Key>
struct Bound {
  enum class Side : std::uint8_t { before, behind, end };
  Side side = Side::before;
  Key key{};
};

}  // namespace radish::txn
