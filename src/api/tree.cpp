#include "radish/tree.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "api/error.h"
#include "api/handle.h"
#include "api/read.h"
#include "heap/clear.h"
#include "heap/figures.h"
#include "radish/segment.hpp"
#include "radix/load.h"
#include "radix/lookup.h"
#include "radix/mutation.h"
#include "sync/words.h"

namespace radish {

using detail::Handle;
using detail::root_of;
using detail::to_error;
using detail::to_result;
using txn::Edit;

Tree::Tree(std::shared_ptr<Handle> handle, const detail::RootWords& root)
    : handle_(std::move(handle)), root_(root) {}

// --- mutations -----------------------------------------------------------------------------------------

Result<bool> Tree::insert(std::string_view key, std::uint64_t value) {
  const auto found = radix::edit(*handle_, root_of(root_), key, {Edit::Kind::assign, value});
  if (!found) return std::unexpected(to_error(found.error(), path()));
  return !found->before.has_value();
}

Result<bool> Tree::insert_new(std::string_view key, std::uint64_t value) {
  const auto found = radix::edit(*handle_, root_of(root_), key, {Edit::Kind::insert_new, value});
  if (!found) return std::unexpected(to_error(found.error(), path()));
  return found->changed;
}

Result<Exchange> Tree::compare_exchange(std::string_view key, std::uint64_t expected, std::uint64_t desired) {
  const auto found =
      radix::edit(*handle_, root_of(root_), key, {Edit::Kind::compare_exchange, desired, expected});
  if (!found) return std::unexpected(to_error(found.error(), path()));
  return Exchange{found->changed, found->before};
}

Result<std::optional<std::uint64_t>> Tree::fetch_add(std::string_view key, std::uint64_t delta) {
  const auto found = radix::edit(*handle_, root_of(root_), key, {Edit::Kind::fetch_add, delta});
  if (!found) return std::unexpected(to_error(found.error(), path()));
  return found->before;
}

Result<bool> Tree::erase(std::string_view key) {
  const auto found = radix::edit(*handle_, root_of(root_), key, {Edit::Kind::erase});
  if (!found) return std::unexpected(to_error(found.error(), path()));
  return found->changed;
}

Result<std::uint64_t> Tree::erase_prefix(std::string_view prefix) {
  return to_result(radix::erase_prefix(*handle_, root_of(root_), prefix), path());
}

Result<void> Tree::clear() { return to_result(heap::clear(*handle_, root_of(root_)), path()); }

Result<void> Tree::replace_all(std::span<const std::string_view> keys,
                               std::span<const std::uint64_t> values) {
  return to_result(radix::replace_all(*handle_, root_of(root_), keys, values), path());
}

// --- reads ---------------------------------------------------------------------------------------------

namespace {

std::optional<std::uint64_t> to_public(std::optional<std::uint64_t> value) { return value; }
std::optional<Match> to_public(const std::optional<radix::PrefixMatch>& match) {
  if (!match) return std::nullopt;
  return Match{match->value, match->bytes};
}

}  // namespace

Result<std::optional<std::uint64_t>> Tree::find(std::string_view key) const {
  return detail::read(handle_, root_, [&](const segment::Segment& segment, const txn::Root& root) {
    return radix::find(segment, root, key);
  });
}

Result<bool> Tree::contains(std::string_view key) const {
  const auto found = find(key);
  if (!found) return std::unexpected(found.error());
  return found->has_value();
}

Result<std::optional<Match>> Tree::longest_prefix(std::string_view query) const {
  const auto found =
      detail::read(handle_, root_, [&](const segment::Segment& segment, const txn::Root& root) {
        return radix::longest_prefix(segment, root, query);
      });
  if (!found) return std::unexpected(found.error());
  return to_public(*found);
}

namespace {

/// Of what the next group asks: a key's bytes may lie anywhere.
void foresee(std::span<const std::string_view> queries) {
  for (const std::string_view query : queries) {
    __builtin_prefetch(query.data());
    __builtin_prefetch(query.data() + query.size());
  }
}

/// `ask(segment, root, queries, answers)` of a group at a time: a pin is held no longer than that takes.
template <class T, class Ask, class Stored>
Result<void> read_at_once(const std::shared_ptr<Handle>& handle, const detail::RootWords& words,
                          std::span<const std::string_view> queries, Ask ask,
                          std::span<std::optional<Stored>> found) {
  if (queries.size() != found.size())
    return std::unexpected(Error{Code::invalid_argument, "a batch with room for " +
                                                             std::to_string(found.size()) + " answers to " +
                                                             std::to_string(queries.size()) + " keys"});
  std::array<txn::Answer<T>, radix::lookups_at_once_max> answers;
  for (std::size_t from = 0; from < queries.size(); from += answers.size()) {
    const auto group = queries.subspan(from, std::min(answers.size(), queries.size() - from));
    const auto behind = queries.subspan(from + group.size());
    foresee(behind.first(std::min(answers.size(), behind.size())));
    const auto asked =
        detail::read(handle, words, [&](const segment::Segment& segment, const txn::Root& root) {
          return ask(segment, root, group, answers), Expected<void>{};
        });
    if (!asked) return asked;
    for (std::size_t index = 0; index < group.size(); ++index) {
      auto answer = to_result(answers[index], handle->path());
      if (!answer) [[unlikely]]
        return std::unexpected(std::move(answer.error()));
      found[from + index] = to_public(*answer);
    }
  }
  return {};
}

}  // namespace

Result<void> Tree::find_batch(std::span<const std::string_view> keys,
                              std::span<std::optional<std::uint64_t>> values) const {
  return read_at_once<std::uint64_t>(handle_, root_, keys, radix::find_at_once, values);
}

Result<void> Tree::longest_prefix_batch(std::span<const std::string_view> queries,
                                        std::span<std::optional<Match>> matches) const {
  return read_at_once<radix::PrefixMatch>(handle_, root_, queries, radix::longest_prefix_at_once, matches);
}

Result<std::vector<Match>> Tree::prefixes(std::string_view query) const {
  std::vector<Match> matches;
  const auto walked =
      detail::read(handle_, root_, [&](const segment::Segment& segment, const txn::Root& root) {
        return radix::each_prefix(segment, root, query, [&](radix::PrefixMatch match) {
          matches.push_back({match.value, match.bytes});
        });
      });
  if (!walked) return std::unexpected(walked.error());
  return matches;
}

Result<std::uint64_t> Tree::count() const { return detail::count(handle_, root_); }

// --- the segment ---------------------------------------------------------------------------------------

Result<Stats> Tree::stats() const {
  const segment::Segment& segment = handle_->segment();
  const layout::Roots& roots = segment.roots();
  const auto keys = count();
  if (!keys) return std::unexpected(keys.error());
  const heap::Figures heap = heap::count_figures(segment);
  return Stats{.keys = *keys,
               .blocks = heap.blocks,
               .blocks_retired = heap.blocks_retired,
               .heap_bytes_used = heap.pages_used * layout::page_bytes,
               .heap_bytes_free = heap.pages_free * layout::page_bytes,
               .capacity_bytes = segment.geometry().capacity_bytes,
               .backed_bytes = sync::observe(roots.backed) * layout::page_bytes,
               .epoch = sync::observe(roots.epoch),
               .generation = generation(),
               .reader_slots = segment.geometry().reader_slots,
               .reader_slots_used = sync::count_slots(segment),
               .reads = handle_->reads(),
               .writes = handle_->writes(),
               .frozen = frozen(),
               .read_only = read_only()};
}

Segment Tree::segment() const { return Segment(handle_); }
Result<View> Tree::view() const { return segment().view(); }
Result<void> Tree::verify() const { return segment().verify(); }
Result<void> Tree::freeze() { return segment().freeze(); }
Result<std::uint64_t> Tree::trim() { return segment().trim(); }

Result<void> Tree::sync() const { return segment().sync(); }
Result<void> Tree::unlink() const { return segment().unlink(); }
Outcome Tree::outcome() const { return handle_->outcome(); }
std::uint64_t Tree::generation() const { return segment().generation(); }
bool Tree::frozen() const { return segment().frozen(); }
bool Tree::read_only() const { return handle_->segment().read_only(); }
int Tree::descriptor() const { return handle_->segment().descriptor(); }
const std::string& Tree::path() const { return handle_->path(); }

}  // namespace radish
