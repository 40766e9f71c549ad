#include "radix/lookup.h"

#include "radix/node.h"

namespace radish::radix {
namespace {

/// Whether keys that end before the query does are wanted.
enum class Want { whole, prefixes };

/// Walks along the query; `hit(leaf, bytes)` for each stored key that is wanted, shortest first.
template <Want want, class Hit>
Expected<void> walk(const segment::Segment& segment, std::string_view query, Hit hit) {
  Memory memory(segment);
  const char* at = query.empty() ? "" : query.data();
  std::size_t left = query.size();
  for (Reference reference = memory.root(); reference != 0;) {
    const auto kind = memory.kind(reference);
    if (!kind) [[unlikely]]
      return std::unexpected(kind.error());
    if (*kind == NodeKind::leaf) {
      const auto leaf = memory.leaf(reference);
      if (!leaf) [[unlikely]]
        return std::unexpected(leaf.error());
      const std::size_t rest = leaf->rest.size();
      const bool fits = want == Want::whole ? rest == left : rest <= left;
      if (fits && std::memcmp(leaf->rest.data(), at, rest) == 0) hit(*leaf, query.size() - left + rest);
      return {};
    }
    const auto node = memory.inner(reference);
    if (!node) [[unlikely]]
      return std::unexpected(node.error());
    const std::size_t prefix = node->prefix.size();
    if (prefix > left || std::memcmp(node->prefix.data(), at, prefix) != 0) return {};
    at += prefix;
    left -= prefix;
    if (want == Want::prefixes || left == 0) {
      if (const Reference terminal = node->at(terminal_position); terminal != 0) {
        const auto leaf = memory.terminal(terminal);
        if (!leaf) [[unlikely]]
          return std::unexpected(leaf.error());
        hit(*leaf, query.size() - left);
      }
      if (left == 0) return {};
    }
    const Position position = node->find(static_cast<unsigned char>(*at));
    if (position == no_position) return {};
    reference = node->at(position);
    ++at;
    --left;
  }
  return {};
}

}  // namespace

Expected<std::optional<std::uint64_t>> find(const segment::Segment& segment, std::string_view key) {
  std::optional<std::uint64_t> found;
  RADISH_TRY(walk<Want::whole>(segment, key,
                               [&](const Leaf& leaf, std::size_t) { found = sync::observe(*leaf.value); }));
  return found;
}

Expected<std::optional<PrefixMatch>> longest_prefix(const segment::Segment& segment, std::string_view query) {
  const std::uint64_t* value = nullptr;  // read at the end: one cache miss, not one for each prefix
  std::size_t bytes = 0;
  RADISH_TRY(walk<Want::prefixes>(segment, query, [&](const Leaf& leaf, std::size_t matched) {
    value = leaf.value;
    bytes = matched;
  }));
  if (value == nullptr) return std::nullopt;
  return PrefixMatch{sync::observe(*value), bytes};
}

Expected<void> each_prefix(const segment::Segment& segment, std::string_view query,
                           const std::function<void(PrefixMatch)>& visit) {
  return walk<Want::prefixes>(segment, query, [&](const Leaf& leaf, std::size_t bytes) {
    visit({sync::observe(*leaf.value), bytes});
  });
}

}  // namespace radish::radix
