#include "fuzz/image_trial.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "fuzz/image_guard.h"
#include "fuzz/image_judge.h"
#include "fuzz/image_witness.h"
#include "model/answer.h"
#include "sync/attachment.h"

namespace radish::image {
namespace {

using model::Answer;
using model::Model;
using model::Operation;
using OperationKind = model::Kind;

/// A scan of a file that lies need not be gone through: keys of 65,535 bytes, each deep down, take their
/// time.
constexpr std::uint64_t lying_scan_steps_max = 60'000;
constexpr std::size_t node_bytes_min = 16;

/// A second attachment, open to whatever a Tree can be asked, and a third whose pin holds back what is
/// retired.
class Beside {
 public:
  /// Attaches, or lets go. The tree, if it could be opened.
  [[nodiscard]] Tree* turn(const Tree& first) {
    if (pin_) return let_go(), nullptr;
    ++account().beside;
    auto tree = counted([&] { return Tree::open_descriptor(first.descriptor()); });
    if (!tree) expect_code(tree.error(), {Code::corrupt});
    if (tree) tree_.emplace(std::move(*tree));
    take_pin(first);
    return tree_ ? &*tree_ : nullptr;
  }
  void let_go() {
    pin_.reset();
    attachment_.reset();
    tree_.reset();
  }
  [[nodiscard]] bool reads() const { return pin_.has_value(); }

 private:
  void take_pin(const Tree& first) {
    segment::OpenRequest request;
    request.identity = sync::own_identity().value_or(0);
    request.origin = sync::own_origin().value_or(layout::LeaseOrigin{});
    auto opening = segment::open_descriptor(first.descriptor(), request);
    if (!opening) blame("no attachment beside another");
    auto segment = std::move(*opening).finish();
    if (!segment) blame("no attachment beside another");
    attachment_ = std::make_shared<sync::Attachment>(std::move(*segment), 0);
    auto pin = sync::Pin::take(*attachment_);
    if (pin) pin_.emplace(std::move(*pin));
  }

  std::optional<Tree> tree_;
  std::shared_ptr<sync::Attachment> attachment_;
  std::optional<sync::Pin> pin_;
};

/// One open file, and the model of it if it was found whole.
class Use {
 public:
  Use(const Ground& ground, Tree tree) : tree_(std::move(tree)), witness_(ground) { look(); }

  void perform(const Operation& operation);
  /// F4: the same again, after all that was done.
  void check_again();
  void freeze();
  void sync() {
    if (const auto synced = tree_.sync(); !synced) blame("no sync: " + describe(synced.error()));
  }
  [[nodiscard]] const std::optional<Model>& model() const { return model_; }
  [[nodiscard]] layout::Offset frontier() const { return witness_.frontier(); }
  /// F4 across closing and opening again.
  void expect(const std::optional<Model>& before) const {
    if (before && !model_) blame("what was whole is not after it was opened again");
    if (before && before->map() != model_->map()) blame("other content after it was opened again");
  }

 private:
  void look();
  void read_all();
  void ask_together(const std::vector<std::string_view>& keys);
  [[nodiscard]] Answer single(const Operation& operation) { return single(tree_, operation); }
  [[nodiscard]] static Answer single(Tree& tree, const Operation& operation) {
    return counted([&] { return model::perform(tree, operation); });
  }
  void turn_beside();
  void scan(bool forward, Model* into);
  void judge(const Operation& operation, const Answer& got);
  void view(const Operation& operation);
  void rest(const Operation& operation);
  void replace_all();
  void verify();

  Tree tree_;
  Witness witness_;
  std::uint64_t capacity_bytes_ = 0;
  std::uint32_t reader_slots_ = 0;
  std::optional<Model> model_;
  std::optional<Cursor> cursor_;
  Beside beside_;
};

/// F6
void Use::look() {
  const Shut shut(witness_.frontier());
  const auto stats = counted([&] { return tree_.stats(); });
  if (!stats) blame("no figures: " + describe(stats.error()));
  capacity_bytes_ = stats->capacity_bytes;
  reader_slots_ = stats->reader_slots;
  const auto verified = counted([&] { return tree_.verify(); });
  if (!verified) expect_code(verified.error(), {Code::corrupt});
  if (verified) model_.emplace();
  account().whole += verified ? 1U : 0U;
  scan(true, model_ ? &*model_ : nullptr);
  scan(false, nullptr);
  read_all();
  if (!witness_.nothing_changed()) blame("reading changed the file");
}

/// F3
void Use::scan(bool forward, Model* into) {
  auto cursor = tree_.cursor();
  if (!cursor) blame("no cursor: " + describe(cursor.error()));
  if (!forward) cursor->seek_end();
  std::string last;
  const std::uint64_t keys_max = capacity_bytes_ / node_bytes_min, before = account().steps;
  for (std::uint64_t met = 0; model_ || account().steps - before < lying_scan_steps_max; ++met) {
    const auto entry = counted([&] { return forward ? cursor->next() : cursor->previous(); });
    if (!entry) {
      expect_code(entry.error(), {Code::corrupt});
      if (model_) blame("a scan of what is whole: " + describe(entry.error()));
      return;
    }
    if (!*entry) break;
    if (met > keys_max) blame("a scan without an end");
    const std::string_view key = (*entry)->key;
    if (met != 0 && (forward ? key <= last : key >= last)) blame("a scan out of order");
    last = key;
    if (into != nullptr) into->insert(key, (*entry)->value);
  }
  if (model_ && !forward && !model_->map().empty() && last != model_->map().begin()->first)
    blame("a scan backward that ends early");
}

/// Reads of what is there, beside the input's own.
void Use::read_all() {
  std::vector<std::string> queries{"", "rubicundus and more", "d\x08xyz"};
  if (model_ && !model_->map().empty()) queries.push_back(std::prev(model_->map().end())->first + "s");
  for (const std::string& query : queries)
    for (const OperationKind kind : {OperationKind::find, OperationKind::longest_prefix,
                                     OperationKind::prefixes, OperationKind::contains, OperationKind::count})
      perform({.kind = kind, .key = query});
  ask_together({queries.begin(), queries.end()});
}

/// What a batch answers is what each of its keys is answered alone; it is refused if one of them is.
void Use::ask_together(const std::vector<std::string_view>& keys) {
  std::vector<std::optional<std::uint64_t>> values(keys.size()), alone;
  std::vector<std::optional<Match>> matches(keys.size()), matches_alone;
  for (const std::string_view key : keys) {
    const auto value = counted([&] { return tree_.find(key); });
    if (value) alone.push_back(*value);
    const auto match = counted([&] { return tree_.longest_prefix(key); });
    if (match) matches_alone.push_back(*match);
  }
  const auto judge_batch = [&](const Result<void>& asked, bool agrees, bool none_refused) {
    if (!asked) expect_code(asked.error(), {Code::corrupt});
    if (asked.has_value() != none_refused || (asked && !agrees)) blame("a batch answers otherwise");
  };
  const auto found = counted([&] { return tree_.find_batch(keys, values); });
  judge_batch(found, values == alone, alone.size() == keys.size());
  const auto matched = counted([&] { return tree_.longest_prefix_batch(keys, matches); });
  judge_batch(matched, matches == matches_alone, matches_alone.size() == keys.size());
}

void Use::perform(const Operation& operation) {
  ++account().operations;
  switch (operation.kind) {
    case OperationKind::cursor_open:
    case OperationKind::cursor_seek:
    case OperationKind::cursor_next:
    case OperationKind::cursor_previous:
      return rest(operation);
    case OperationKind::view:
      return view(operation);
    case OperationKind::verify:
      return verify();
    case OperationKind::stats:
      return (void)counted([&] { return tree_.stats(); });
    case OperationKind::switch_handle:
      if (!tree_.read_only() && !tree_.frozen()) turn_beside();
      return;
    case OperationKind::replace_all:
      return replace_all();
    case OperationKind::reopen:
      return;  // done once, at the end
    default:
      judge(operation, single(operation));
  }
}

/// What is asked of the second attachment is what the first one would be.
void Use::turn_beside() {
  constexpr std::uint32_t attachments = 3;
  if (reader_slots_ < attachments) return;  // a file may say so, and the third would be refused
  Tree* const other = beside_.turn(tree_);
  if (other == nullptr) return;
  for (const Operation& operation :
       {Operation{.kind = OperationKind::find, .key = "r"},
        Operation{.kind = OperationKind::insert, .key = "from beside", .value = 1}})
    judge(operation, single(*other, operation));
  const auto verified = counted([&] { return other->verify(); });
  if (!verified) expect_code(verified.error(), {Code::corrupt});
  if (!verified && model_) blame("what is whole is not from beside: " + describe(verified.error()));
}

bool makes_key(const Operation& operation) {
  return operation.kind == OperationKind::insert || operation.kind == OperationKind::insert_new ||
         operation.kind == OperationKind::fetch_add;
}

void Use::judge(const Operation& operation, const Answer& got) {
  if (got.refusal) {
    const Error error{*got.refusal, got.message};
    account().corrupt += error.code == Code::corrupt ? 1U : 0U;
    if (tree_.read_only() && model::is_mutation(operation.kind)) {
      if (error.code != Code::too_long) expect_code(error, {Code::read_only});
      return;
    }
    if (tree_.frozen() && model::is_mutation(operation.kind)) {
      if (error.code != Code::too_long) expect_code(error, {Code::frozen});
      return;
    }
    expect_code(error, {Code::corrupt, Code::full, Code::pinned, Code::too_long});
    if (error.code == Code::pinned && !beside_.reads()) blame("pinned by nobody: " + error.message);
    const bool wants_room = error.code == Code::full || error.code == Code::pinned;
    if (wants_room && model_ && (!makes_key(operation) || model_->contains(operation.key)))
      blame("want of room for " + model::to_text(operation));
    if (wants_room) return;
  }
  if (!model_) return;
  const Answer expected = model::perform(*model_, operation);
  if (!model::agrees(operation, expected, got))
    blame(model::to_text(operation) + "\n expected " + model::to_text(expected) + "\n got " +
          model::to_text(got));
}

/// By what is there, if that is known.
void Use::replace_all() {
  Model keys;
  if (model_) keys = *model_;
  for (int number = 0; !model_ && number < 300; ++number) keys.insert(std::to_string(number * number), 1);
  std::vector<std::string_view> views;
  std::vector<std::uint64_t> values;
  for (const auto& [key, value] : keys.map()) {
    views.push_back(key);
    values.push_back(value);
  }
  const auto loaded = counted([&] { return tree_.replace_all(views, values); });
  if (loaded) return;
  account().corrupt += loaded.error().code == Code::corrupt ? 1U : 0U;
  if (tree_.read_only()) return expect_code(loaded.error(), {Code::read_only});
  if (tree_.frozen()) return expect_code(loaded.error(), {Code::frozen});
  expect_code(loaded.error(), {Code::corrupt, Code::full, Code::pinned});
  if (loaded.error().code == Code::corrupt && model_)
    blame("a load into what is whole: " + describe(loaded.error()));
}

void Use::view(const Operation& operation) {
  const auto view = counted([&] { return tree_.view(); });
  if (!view) blame("no view: " + describe(view.error()));
  judge({.kind = OperationKind::find, .key = operation.key},
        single({.kind = OperationKind::find, .key = operation.key}));
  if (tree_.read_only()) return;
  const auto refused = counted([&] { return tree_.insert("below a view", 1); });
  if (refused) blame("an insertion below a view");
  expect_code(refused.error(), {Code::view_held});
}

/// A cursor that rests while other operations run.
void Use::rest(const Operation& operation) {
  if (operation.kind == OperationKind::cursor_open) {
    auto cursor = tree_.cursor(operation.key);
    if (cursor) cursor_.emplace(std::move(*cursor));
    return;
  }
  if (!cursor_) return;
  if (operation.kind == OperationKind::cursor_seek)
    return operation.bound ? cursor_->seek(*operation.bound) : cursor_->seek_end();
  for (std::uint32_t step = 0; step < operation.count; ++step) {
    const auto entry = counted(
        [&] { return operation.kind == OperationKind::cursor_next ? cursor_->next() : cursor_->previous(); });
    if (!entry) expect_code(entry.error(), {Code::corrupt});
    if (!entry && model_) blame("a resting cursor over what is whole: " + describe(entry.error()));
    if (!entry || !*entry) return;
  }
}

void Use::verify() {
  const auto verified = counted([&] { return tree_.verify(); });
  if (verified) return;
  expect_code(verified.error(), {Code::corrupt});
  if (model_) blame("what was whole is not any more: " + describe(verified.error()));
}

void Use::check_again() {
  beside_.let_go();
  verify();
  if (!witness_.reserved_unchanged()) blame("reserved bytes changed");
  if (!model_) return;
  Model again;
  scan(true, &again);
  if (again.map() != model_->map()) blame("other content than the model's");
  judge({.kind = OperationKind::count}, single({.kind = OperationKind::count}));
}

void Use::freeze() {
  const auto frozen = counted([&] { return tree_.freeze(); });
  if (!frozen) blame("it cannot be frozen: " + describe(frozen.error()));
  const auto refused = counted([&] { return tree_.erase(""); });
  if (refused) blame("a frozen segment was changed");
  expect_code(refused.error(), {Code::frozen});
}

/// The same file by a descriptor, which stays the caller's.
Result<Tree> open_descriptor(const Ground& ground) {
  const int descriptor = ::open(ground.path().c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) blame("no descriptor of the file to try");
  auto tree = counted([&] { return Tree::open_descriptor(descriptor, {.must_exist = true}); });
  close(descriptor);
  return tree;
}

const std::initializer_list<Code> refusals{Code::corrupt, Code::version, Code::not_radish, Code::not_found};

Result<Tree> open(const Ground& ground, const Plan& plan) {
  if (plan.create) {
    const auto refused = counted([&] { return Tree::open(ground.path(), {.exclusive = true}); });
    if (refused) blame("a file was taken for a new one");
    expect_code(refused.error(), {Code::exists});
  }
  auto tree = plan.by_descriptor ? open_descriptor(ground) : counted([&] {
    return Tree::open(
        ground.path(),
        {.capacity_bytes = layout::capacity_bytes_min, .reader_slots = 16, .must_exist = !plan.create});
  });
  if (!tree && tree.error().code != Code::frozen) expect_code(tree.error(), refusals);
  return tree;
}

bool is_reopening(const Operation& operation) { return operation.kind == OperationKind::reopen; }

/// What it held, if it was frozen and whole.
std::optional<Model> try_readonly(const Ground& ground, const Plan& plan) {
  auto tree = counted([&] { return Tree::open_readonly(ground.path()); });
  if (!tree) {
    if (tree.error().code != Code::not_frozen) expect_code(tree.error(), refusals);
    return std::nullopt;
  }
  ++account().opened_readonly;
  Use use(ground, std::move(*tree));
  const Shut shut(use.frontier());
  for (const Operation& operation : plan.operations) use.perform(operation);
  use.check_again();
  return use.model();
}

std::optional<Model> try_writable(const Ground& ground, const Plan& plan) {
  auto tree = open(ground, plan);
  if (!tree) return std::nullopt;
  ++account().opened;
  Use use(ground, std::move(*tree));
  for (const Operation& operation : plan.operations) use.perform(operation);
  use.check_again();
  use.sync();
  if (!plan.freeze) return use.model();
  use.freeze();
  for (const Operation& operation : plan.operations) use.perform(operation);
  use.check_again();
  return use.model();
}

}  // namespace

const Totals& totals() { return account(); }

void try_file(const Ground& ground, const Plan& plan) {
  ++account().trials;
  account().file_bytes = ground.file_bytes();
  (void)try_readonly(ground, plan);
  if (plan.through_c) return try_through_c(ground, plan);
  const auto content = try_writable(ground, plan);
  if (plan.freeze) {
    const auto frozen = try_readonly(ground, {});
    if (content && (!frozen || frozen->map() != content->map())) blame("other content after freezing");
  } else if (std::ranges::any_of(plan.operations, is_reopening)) {
    auto tree = open(ground, plan);
    if (!tree && content) blame("what was whole is refused: " + describe(tree.error()));
    if (tree) Use(ground, std::move(*tree)).expect(content);
  }
}

}  // namespace radish::image
