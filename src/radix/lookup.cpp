#include "radix/lookup.h"

#include "radix/node.h"

namespace radish::radix {
namespace {

/// Whether keys that end before the query does are wanted.
enum class Want { whole, prefixes };

/// Most stretches are a few bytes: a call would cost more than the comparison.
bool same_bytes(const char* a, const char* b, std::size_t count) {
  if (count > 8) return std::memcmp(a, b, count) == 0;
  for (std::size_t index = 0; index < count; ++index)
    if (a[index] != b[index]) return false;
  return true;
}

/// Walks along the query; `hit(leaf, bytes)` for each stored key that is wanted, shortest first.
template <Want want, class Hit>
Expected<void> walk(const segment::Segment& segment, const txn::Root& root, std::string_view query, Hit hit) {
  Memory memory(segment);
  const char* at = query.empty() ? "" : query.data();
  std::size_t left = query.size();
  Node node;
  for (Reference reference = root.node(segment); reference != 0;) {
    if (const char* wrong = memory.read(reference, node)) [[unlikely]]
      return corrupt(wrong, offset_of(reference));
    if (node.is_leaf) {
      const std::size_t rest = node.leaf.rest.size();
      const bool fits = want == Want::whole ? rest == left : rest <= left;
      if (fits && same_bytes(node.leaf.rest.data(), at, rest)) hit(node.leaf, query.size() - left + rest);
      return {};
    }
    const std::size_t prefix = node.inner.prefix.size();
    if (prefix > left || !same_bytes(node.inner.prefix.data(), at, prefix)) return {};
    at += prefix;
    left -= prefix;
    if (want == Want::prefixes || left == 0) {
      if (const Reference terminal = node.inner.at(terminal_position); terminal != 0) {
        const auto leaf = memory.terminal(terminal);
        if (!leaf) [[unlikely]]
          return std::unexpected(leaf.error());
        hit(*leaf, query.size() - left);
      }
      if (left == 0) return {};
    }
    const Position position = node.inner.find(static_cast<unsigned char>(*at));
    if (position == no_position) return {};
    reference = node.inner.at(position);
    ++at;
    --left;
  }
  return {};
}

}  // namespace

Expected<std::optional<std::uint64_t>> find(const segment::Segment& segment, const txn::Root& root,
                                            std::string_view key) {
  std::optional<std::uint64_t> found;
  RADISH_TRY(walk<Want::whole>(segment, root, key,
                               [&](const Leaf& leaf, std::size_t) { found = sync::observe(*leaf.value); }));
  return found;
}

Expected<std::optional<PrefixMatch>> longest_prefix(const segment::Segment& segment, const txn::Root& root,
                                                    std::string_view query) {
  const std::uint64_t* value = nullptr;  // read at the end: one cache miss, not one for each prefix
  std::size_t bytes = 0;
  RADISH_TRY(walk<Want::prefixes>(segment, root, query, [&](const Leaf& leaf, std::size_t matched) {
    value = leaf.value;
    bytes = matched;
  }));
  if (value == nullptr) return std::nullopt;
  return PrefixMatch{sync::observe(*value), bytes};
}

Expected<void> each_prefix(const segment::Segment& segment, const txn::Root& root, std::string_view query,
                           const std::function<void(PrefixMatch)>& visit) {
  return walk<Want::prefixes>(segment, root, query, [&](const Leaf& leaf, std::size_t bytes) {
    visit({sync::observe(*leaf.value), bytes});
  });
}

}  // namespace radish::radix
