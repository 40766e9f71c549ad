#include "api/catalogue.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "heap/condemned.h"
#include "heap/mutate.h"

namespace radish::detail {
namespace {

using layout::Offset;
using layout::RootEntry;
using layout::RootKind;

/// So far that nobody gets there: a file that claims more is refused.
constexpr std::uint64_t incarnation_max = std::uint64_t{1} << 62;
constexpr std::size_t name_words = layout::root_name_bytes_max / sizeof(std::uint64_t);
constexpr std::size_t make_stores = name_words + 5, drop_stores = name_words + 5 + heap::give_up_stores;
static_assert(make_stores <= txn::planned_stores_max && drop_stores <= txn::planned_stores_max);

/// The words of an entry: incarnation, node and what it is, count of keys, name.
using Words = std::array<std::uint64_t, sizeof(RootEntry) / sizeof(std::uint64_t)>;

/// Torn, unless the incarnation is the same before and after.
RootEntry read_words(const segment::Segment& segment, std::uint32_t index) {
  const auto* at = reinterpret_cast<const std::uint64_t*>(segment.at(segment.entry_offset(index)));
  Words words;
  for (std::size_t word = 0; word < words.size(); ++word)
    words[word] = sync::observe(at[word]);  // pairs with the stores of a making or dropping record
  return std::bit_cast<RootEntry>(words);
}

Expected<void> check_entry(const segment::Segment& segment, const RootEntry& entry, std::uint32_t index) {
  const Offset at = segment.entry_offset(index);
  const std::uint64_t newest = sync::observe(segment.roots().incarnation);
  if (entry.incarnation > newest || newest > incarnation_max)
    return corrupt("the incarnation of a named root is out of bounds", at);
  if (entry.name_bytes == 0 || entry.name_bytes > layout::root_name_bytes_max)
    return corrupt("the name of a named root is out of bounds", at);
  if (!std::all_of(entry.name + entry.name_bytes, std::end(entry.name), [](char byte) { return byte == 0; }))
    return corrupt("the name of a named root is not padded with zeros", at);
  const bool tree = entry.kind == RootKind::tree && entry.depth == 0;
  const bool map =
      entry.kind == RootKind::integer_map && entry.depth >= 1 && entry.depth <= layout::integer_depth_max;
  if ((!tree && !map) || entry.reserved0 != 0) return corrupt("a named root is of no known kind", at);
  return {};
}

/// nullopt if the entry is free.
Expected<std::optional<NamedRoot>> read_entry(const segment::Segment& segment, std::uint32_t index) {
  for (;;) {  // each further turn means that a root was dropped or made here meanwhile
    const RootEntry entry = read_words(segment, index);
    if (sync::observe(segment.entry(index).incarnation) != entry.incarnation) continue;
    if (entry.incarnation == 0) return std::nullopt;
    RADISH_TRY(check_entry(segment, entry, index));
    return NamedRoot{index, entry.incarnation, entry.kind, entry.depth, {entry.name, entry.name_bytes}};
  }
}

Expected<void> check_name(std::string_view name) {
  if (name.empty()) return fault(Code::invalid_argument, "the name of a root is empty");
  if (name.size() > layout::root_name_bytes_max)
    return fault(Code::invalid_argument, "the name of a root is longer than 40 bytes", name.size());
  return {};
}

std::optional<std::uint32_t> free_entry(const segment::Segment& segment) {
  for (std::uint32_t index = 0; index < layout::named_roots; ++index)
    if (sync::glance(segment.entry(index).incarnation) == 0) return index;
  return std::nullopt;
}

/// All words of an entry but the incarnation.
void plan_entry(txn::Transaction& tx, std::uint32_t index, const RootEntry& entry) {
  const Offset at = tx.segment().entry_offset(index);
  const auto words = std::bit_cast<Words>(entry);
  tx.store32(at + offsetof(RootEntry, node), entry.node);
  tx.store32(at + offsetof(RootEntry, kind),
             static_cast<std::uint32_t>(words[offsetof(RootEntry, node) / 8] >> 32));
  for (std::size_t word = offsetof(RootEntry, key_count) / 8; word < words.size(); ++word)
    tx.store64(at + word * 8, words[word]);
}

Expected<MadeRoot> plan_make(txn::Transaction& tx, std::string_view name, RootKind kind,
                             std::uint32_t depth) {
  const segment::Segment& segment = tx.segment();
  const auto found = find_root(segment, name);
  if (!found) return std::unexpected(found.error());
  if (const std::optional<NamedRoot>& there = *found; there) return MadeRoot{*there, false};
  const auto index = free_entry(segment);
  if (!index) return fault(Code::too_many_roots, "all named roots are taken", layout::named_roots);
  const Offset newest_at = txn::roots_word(segment, offsetof(layout::Roots, incarnation));
  const std::uint64_t incarnation = tx.load64(newest_at) + 1;
  if (incarnation > incarnation_max) return corrupt("the incarnation of named roots is out of bounds");
  RootEntry entry{};
  entry.kind = kind;
  entry.depth = static_cast<std::uint8_t>(depth);
  entry.name_bytes = static_cast<std::uint8_t>(name.size());
  std::copy(name.begin(), name.end(), entry.name);
  plan_entry(tx, *index, entry);
  tx.store64(newest_at, incarnation);
  tx.publish64(segment.entry_offset(*index), incarnation);  // B2: after all others
  return MadeRoot{NamedRoot{*index, incarnation, kind, depth, std::string(name)}, true};
}

Expected<bool> plan_drop(txn::Transaction& tx, std::string_view name) {
  const segment::Segment& segment = tx.segment();
  const auto found = find_root(segment, name);
  if (!found) return std::unexpected(found.error());
  const std::optional<NamedRoot>& there = *found;
  if (!there) return false;
  const std::uint32_t index = there->index;
  const layout::Reference node = tx.load32(there->root(segment).node_at());
  if (broken(Twin::root_emptied_first))
    tx.publish64(segment.entry_offset(index), 0);
  else
    tx.store64(segment.entry_offset(index), 0);  // B2: before all others
  plan_entry(tx, index, RootEntry{});
  if (node != 0) RADISH_TRY(heap::give_up(tx, node));
  return true;
}

}  // namespace

Expected<std::vector<NamedRoot>> read_catalogue(const segment::Segment& segment) {
  std::vector<NamedRoot> roots;
  for (std::uint32_t index = 0; index < layout::named_roots; ++index) {
    const auto root = read_entry(segment, index);
    if (!root) return std::unexpected(root.error());
    if (const std::optional<NamedRoot>& there = *root; there) roots.push_back(*there);
  }
  return roots;
}

Expected<std::optional<NamedRoot>> find_root(const segment::Segment& segment, std::string_view name) {
  RADISH_TRY(check_name(name));
  for (std::uint32_t index = 0; index < layout::named_roots; ++index) {
    auto root = read_entry(segment, index);
    if (!root) return std::unexpected(root.error());
    if (const std::optional<NamedRoot>& there = *root; there && there->name == name) return root;
  }
  return std::nullopt;
}

Expected<MadeRoot> make_root(sync::Attachment& attachment, std::string_view name, RootKind kind,
                             std::uint32_t depth) {
  RADISH_TRY(check_name(name));
  return heap::mutate(attachment, [&](txn::Transaction& tx) { return plan_make(tx, name, kind, depth); });
}

Expected<bool> drop_root(sync::Attachment& attachment, std::string_view name) {
  return heap::mutate(attachment,
                      heap::NeedsNoRoom{[&](txn::Transaction& tx) { return plan_drop(tx, name); }});
}

Expected<void> verify_catalogue(const segment::Segment& segment) {
  constexpr RootEntry free{};
  for (std::uint32_t index = 0; index < layout::named_roots; ++index)
    if (const RootEntry entry = read_words(segment, index);
        entry.incarnation == 0 && std::memcmp(&entry, &free, sizeof free) != 0)
      return corrupt("an entry without a root is not zero", segment.entry_offset(index));
  auto roots = read_catalogue(segment);
  if (!roots) return std::unexpected(roots.error());
  std::ranges::sort(*roots, {}, &NamedRoot::name);
  const auto twice = std::ranges::adjacent_find(*roots, {}, &NamedRoot::name);
  return twice == roots->end() ? Expected<void>{}
                               : corrupt("two roots have one name", segment.entry_offset(twice->index));
}

}  // namespace radish::detail
