#include "radish/batch.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "api/error.h"
#include "api/handle.h"
#include "heap/mutate.h"
#include "integer/mutation.h"
#include "radix/mutation.h"

namespace radish {

using detail::to_error;
using txn::Edit;

/// What a batch comes to, key by key.
///
/// Invariants
///   J1  A key is changed once, from what it was to what the last of its mutations leaves, however many there
///       are: no reader finds what it is in between. Where the two are equal nothing is stored.
///   J2  Mutations are judged in their order, each on what the earlier ones leave, before anything is
///       planned.
class Batch::Changes {
 public:
  explicit Changes(const std::vector<Mutation>& mutations);
  /// J2: the first mutation whose condition does not hold. May be asked again, of another plan.
  [[nodiscard]] Expected<std::optional<std::size_t>> judge(const txn::Transaction& tx);
  /// What each mutation found, up to the first whose condition does not hold.
  [[nodiscard]] const std::vector<txn::Value>& found() const { return found_; }
  /// True if no key is made (W6).
  [[nodiscard]] bool need_no_room() const {
    return std::ranges::none_of(changes_,
                                [](const Change& change) { return !change.before && change.after; });
  }
  /// J1.
  [[nodiscard]] Expected<void> plan(txn::Transaction& tx) const;

 private:
  struct Change {
    const Mutation* first;  ///< that names the key
    txn::Value before{};
    txn::Value after{};
  };
  const std::vector<Mutation>& mutations_;
  std::vector<Change> changes_;         ///< in the order in which their keys are named first
  std::vector<std::size_t> change_of_;  ///< of each mutation
  std::vector<txn::Value> found_;
};

/// Judges, then plans.
struct Batch::Planner {
  Changes& changes;

  Expected<BatchOutcome> operator()(txn::Transaction& tx) const {
    const auto refused_by = changes.judge(tx);
    if (!refused_by) return std::unexpected(refused_by.error());
    const std::optional<std::size_t>& refusing = *refused_by;
    if (refusing) return BatchOutcome{.committed = false, .refused_by = *refusing};
    RADISH_TRY(changes.plan(tx));
    return BatchOutcome{.committed = true, .refused_by = 0};
  }
  [[nodiscard]] bool needs_no_room() const { return changes.need_no_room(); }
};

Batch::Changes::Changes(const std::vector<Mutation>& mutations) : mutations_(mutations) {
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::string_view, std::uint64_t>, std::size_t> known;
  for (const Mutation& mutation : mutations) {
    const auto [at, is_new] = known.try_emplace(
        {mutation.root.node_at, mutation.root.incarnation, mutation.key, mutation.number}, changes_.size());
    if (is_new) changes_.push_back({&mutation});
    change_of_.push_back(at->second);
  }
}

Expected<std::optional<std::size_t>> Batch::Changes::judge(const txn::Transaction& tx) {
  found_.clear();
  std::size_t looked_up = 0;
  for (std::size_t index = 0; index < mutations_.size(); ++index) {
    const Mutation& mutation = mutations_[index];
    Change& change = changes_[change_of_[index]];
    if (change_of_[index] == looked_up) {
      const txn::Root root = detail::root_of(mutation.root);
      const auto there = mutation.depth == 0 ? radix::look_up(tx, root, mutation.key)
                                             : integer::look_up(tx, root, mutation.depth, mutation.number);
      if (!there) return std::unexpected(there.error());
      change.before = change.after = *there;
      ++looked_up;
    }
    const Edit edit{static_cast<Edit::Kind>(mutation.kind), mutation.operand, mutation.expected};
    found_.push_back(change.after);
    change.after = edit.value_after(change.after);
    if (!change.after && edit.kind != Edit::Kind::erase) return index;
    if (change.after && mutation.depth == 0) RADISH_TRY(radix::check_key(mutation.key));
  }
  return std::nullopt;
}

Expected<void> Batch::Changes::plan(txn::Transaction& tx) const {
  for (const auto& [first, before, after] : changes_) {
    if (before == after) continue;
    const txn::Root root = detail::root_of(first->root);
    const Edit edit = after ? Edit{.operand = *after} : Edit{.kind = Edit::Kind::erase};
    const auto planned = first->depth == 0 ? radix::plan_edit(tx, root, first->key, edit)
                                           : integer::plan_edit(tx, root, first->depth, first->number, edit);
    if (tx.is_too_large())
      return fault(Code::batch_too_large, "the batch needs more stores at once than the redo record holds",
                   tx.segment().geometry().record_entries);
    if (!planned) return std::unexpected(planned.error());
    if (broken(Twin::batch_in_pieces)) tx.commit();
  }
  return {};
}

Batch& Batch::insert(const Tree& root, std::string_view key, std::uint64_t value) {
  return add(root, key, Kind::assign, value);
}
Batch& Batch::fetch_add(const Tree& root, std::string_view key, std::uint64_t delta) {
  return add(root, key, Kind::fetch_add, delta);
}
Batch& Batch::erase(const Tree& root, std::string_view key) { return add(root, key, Kind::erase); }
Batch& Batch::insert_new(const Tree& root, std::string_view key, std::uint64_t value) {
  return add(root, key, Kind::insert_new, value);
}
Batch& Batch::compare_exchange(const Tree& root, std::string_view key, std::uint64_t expected,
                               std::uint64_t desired) {
  return add(root, key, Kind::compare_exchange, desired, expected);
}

Batch& Batch::insert(const IntegerMap& root, std::uint64_t key, std::uint64_t value) {
  return add(root, key, Kind::assign, value);
}
Batch& Batch::fetch_add(const IntegerMap& root, std::uint64_t key, std::uint64_t delta) {
  return add(root, key, Kind::fetch_add, delta);
}
Batch& Batch::erase(const IntegerMap& root, std::uint64_t key) { return add(root, key, Kind::erase); }
Batch& Batch::insert_new(const IntegerMap& root, std::uint64_t key, std::uint64_t value) {
  return add(root, key, Kind::insert_new, value);
}
Batch& Batch::compare_exchange(const IntegerMap& root, std::uint64_t key, std::uint64_t expected,
                               std::uint64_t desired) {
  return add(root, key, Kind::compare_exchange, desired, expected);
}

void Batch::join(const std::shared_ptr<detail::Handle>& handle) {
  if (!handle_) handle_ = handle;
  mixed_ |= handle_ != handle;
}

Batch& Batch::add(const Tree& tree, std::string_view key, Kind kind, std::uint64_t operand,
                  std::uint64_t expected) {
  join(tree.handle_);
  mutations_.push_back({kind, operand, expected, tree.root_, 0, std::string(key), 0});
  return *this;
}

Batch& Batch::add(const IntegerMap& map, std::uint64_t key, Kind kind, std::uint64_t operand,
                  std::uint64_t expected) {
  join(map.handle_);
  mutations_.push_back({kind, operand, expected, map.root_, map.depth_, {}, key});
  return *this;
}

void Batch::clear() {
  mutations_.clear();
  found_.clear();
  handle_.reset();
  mixed_ = false;
}

Result<BatchOutcome> Batch::commit() {
  found_.clear();
  if (mutations_.empty()) return BatchOutcome{.committed = true, .refused_by = 0};
  if (mixed_)
    return std::unexpected(to_error(
        {Code::invalid_argument, "the batch speaks of several segments, or handles"}, handle_->path()));
  Changes changes(mutations_);
  auto outcome = detail::to_result(heap::mutate(*handle_, Planner{changes}, txn::Transaction::WholeRecord{}),
                                   handle_->path());
  if (outcome) found_ = changes.found();
  return outcome;
}

}  // namespace radish
