// An index and its mirror, which batches change together: short keys are in an integer map, long ones in a
// named tree, and all of them in the tree without a name too. Readers ask the index; the mirror must be the
// same whenever nobody is at work.
#include <algorithm>
#include <iterator>
#include <vector>

#include "face.h"
#include "radish/batch.hpp"

namespace radish::crashpoints {
namespace {

using Entries = std::vector<std::pair<std::string, std::uint64_t>>;

constexpr std::size_t short_bytes_max = 7;
bool is_short(std::string_view key) { return key.size() <= short_bytes_max; }

/// Its bytes, then their number: as the keys are ordered, so are the numbers.
std::uint64_t number_of(std::string_view key) {
  std::uint64_t number = 0;
  for (std::size_t place = 0; place < short_bytes_max; ++place)
    number = number << 8 | (place < key.size() ? static_cast<unsigned char>(key[place]) : 0U);
  return number << 8 | key.size();
}
std::string key_of(std::uint64_t number) {
  std::string key(number & 0xff, '\0');
  for (std::size_t place = 0; place < key.size(); ++place)
    key[place] = static_cast<char>(number >> 8 * (short_bytes_max - place));
  return key;
}

/// A mutation of one root. What stores puts a key away first, which nobody may see.
template <class Map, class Key>
void add(Batch& batch, const Map& map, const Key& key, const Call& call) {
  switch (call.act) {
    case Act::insert:
      batch.erase(map, key).insert(map, key, call.value + 1).insert(map, key, call.value);
      break;
    case Act::insert_new:
      batch.insert_new(map, key, call.value);
      break;
    case Act::compare_exchange:
      batch.compare_exchange(map, key, call.value, call.second);
      break;
    case Act::fetch_add:
      batch.fetch_add(map, key, call.value);
      break;
    default:
      batch.erase(map, key);
  }
}

struct BatchStore {
  static constexpr const char* name = "radish, batches of several roots";
  static constexpr std::uint32_t acts = all_acts & ~(bit_of(Act::erase_prefix) | bit_of(Act::clear));
  static constexpr std::uint64_t pages_per_operation_max = 40;  // two runs and a few slabs
  static constexpr bool has_longest_prefix = false;

  static bool lay_out(Segment& segment) {
    return segment.tree("long keys").has_value() && segment.integer_map("short keys").has_value();
  }
  static Result<BatchStore> of(Segment segment) {
    auto names = segment.tree("long keys", {.must_exist = true});
    if (!names) return std::unexpected(names.error());
    auto numbers = segment.integer_map("short keys", {.must_exist = true});
    if (!numbers) return std::unexpected(numbers.error());
    Tree mirror = segment.tree();
    return BatchStore{std::move(segment), std::move(*names), std::move(*numbers), std::move(mirror)};
  }

  Reply operate(const Call& call) {
    const std::string_view key = view_of(call.key);
    Batch batch;
    if (is_short(key))
      add(batch, numbers, number_of(key), call);
    else
      add(batch, names, key, call);
    add(batch, mirror, key, call);
    const auto made = batch.commit();
    if (!made) return reply(Result<void>(std::unexpected(made.error())));
    return answer(call.act, batch.found(0), made->committed);
  }
  static Reply answer(Act act, std::optional<std::uint64_t> before, bool committed) {
    switch (act) {
      case Act::insert:
        return reply(Result<bool>(!before));
      case Act::compare_exchange:
        return reply(Result<Exchange>(Exchange{.exchanged = committed, .actual = before}));
      case Act::fetch_add:
        return reply(Found(before));
      case Act::erase:
        return reply(Result<bool>(before.has_value()));
      default:
        return reply(Result<bool>(committed));
    }
  }
  Result<bool> change_nothing() { return mirror.erase(absent_key); }

  [[nodiscard]] Found find(std::string_view key) const {
    return is_short(key) ? numbers.find(number_of(key)) : names.find(key);
  }
  [[nodiscard]] static Result<std::optional<Match>> longest_prefix(std::string_view) { return std::nullopt; }

  [[nodiscard]] Result<Entries> index() const {
    Entries of_numbers, of_names, entries;
    auto cursor = numbers.cursor();
    if (!cursor) return std::unexpected(cursor.error());
    for (;;) {
      const auto entry = cursor->next();
      if (!entry) return std::unexpected(entry.error());
      if (!*entry) break;
      of_numbers.emplace_back(key_of((*entry)->key), (*entry)->value);
    }
    const auto dumped = dump_tree(
        names, [&](std::string_view key, std::uint64_t value) { of_names.emplace_back(key, value); });
    if (!dumped) return std::unexpected(dumped.error());
    std::ranges::merge(of_numbers, of_names, std::back_inserter(entries));  // each in its own order
    return entries;
  }
  [[nodiscard]] Result<void> dump(const Sink& sink) const {
    const auto entries = index();
    if (!entries) return std::unexpected(entries.error());
    for (const auto& [key, value] : *entries) sink(key, value);
    return {};
  }
  [[nodiscard]] Result<std::uint64_t> count() const {
    const auto of_names = names.count(), of_numbers = numbers.count();
    if (!of_names) return of_names;
    if (!of_numbers) return of_numbers;
    return *of_names + *of_numbers;
  }
  [[nodiscard]] std::string complaint() const {
    const auto entries = index();
    Entries mirrored;
    const auto dumped = dump_tree(
        mirror, [&](std::string_view key, std::uint64_t value) { mirrored.emplace_back(key, value); });
    if (!entries || !dumped) return "the index or its mirror cannot be read";
    return *entries == mirrored ? "" : "the index and its mirror differ";
  }

  Segment segment;
  Tree names;
  IntegerMap numbers;
  Tree mirror;
};

constexpr Subject subject = Face<BatchStore>::subject();

}  // namespace
}  // namespace radish::crashpoints

const radish::crashpoints::Subject* crashpoints_subject() { return &radish::crashpoints::subject; }
