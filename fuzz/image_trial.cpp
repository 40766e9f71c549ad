#include "fuzz/image_trial.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "model/answer.h"
#include "radish/tree.hpp"
#include "sync/attachment.h"
#include "tests/seam/probe_seam.h"

namespace radish::image {
namespace {

using model::Answer;
using model::Model;
using model::Operation;
using OperationKind = model::Kind;

constexpr std::uint64_t capacity_bytes_max = 1 << 20;
/// F1. The most that campaigns saw, of files of 192 KiB, is a thirtieth of it.
constexpr std::uint64_t steps_max = 1'000'000;
/// A scan of a file that lies need not be gone through: keys of 65,535 bytes, each deep down, take their
/// time.
constexpr std::uint64_t lying_scan_steps_max = 60'000;
constexpr std::size_t node_bytes_min = 16;

Totals all;

[[noreturn]] void blame(const std::string& what) {
  std::fprintf(stderr, "the library broke its word: %s\n", what.c_str());
  std::abort();
}

std::string describe(const Error& error) {
  return error.message + " (code " + std::to_string(static_cast<int>(error.code)) + ")";
}

/// A call with its steps counted (F1).
template <class Call>
auto counted(Call call) {
  const probe::Watch watch(probe::Watched::events, steps_max, [] { blame("a call without an end"); });
  struct Note {
    ~Note() {
      all.steps += probe::Watch::seen();
      all.steps_max = std::max(all.steps_max, probe::Watch::seen());
    }
  } const note;
  return call();
}

/// An error must say something, and be one of these.
void expect_code(const Error& error, std::initializer_list<Code> codes) {
  const std::size_t words = error.message.find(": ");
  if (words == std::string::npos) blame("an error without words");
  ++all.refusals[error.message.substr(words + 2, error.message.find(" (") - words - 2)];
  if (std::ranges::find(codes, error.code) == codes.end()) blame("an unfitting error: " + describe(error));
}

/// A second attachment whose pin holds back what is retired.
class Reader {
 public:
  /// Takes the pin, or lets it go.
  void turn(const Tree& tree) {
    if (pin_) return let_go();
    segment::OpenRequest request;
    request.identity = sync::own_identity().value_or(0);
    request.origin = sync::own_origin().value_or(layout::LeaseOrigin{});
    auto opening = segment::open_descriptor(tree.descriptor(), request);
    if (!opening) return;
    auto segment = std::move(*opening).finish();
    if (!segment) return;
    attachment_ = std::make_shared<sync::Attachment>(std::move(*segment), 0);
    auto pin = sync::Pin::take(*attachment_);
    if (pin) pin_.emplace(std::move(*pin));
  }
  void let_go() {
    pin_.reset();
    attachment_.reset();
  }
  [[nodiscard]] bool reads() const { return pin_.has_value(); }

 private:
  std::shared_ptr<sync::Attachment> attachment_;
  std::optional<sync::Pin> pin_;
};

/// One open file, and the model of it if it was found whole.
class Use {
 public:
  explicit Use(Tree tree) : tree_(std::move(tree)) { look(); }

  void perform(const Operation& operation);
  /// F4: the same again, after all that was done.
  void check_again();
  void freeze();
  [[nodiscard]] const std::optional<Model>& model() const { return model_; }
  /// F4 across closing and opening again.
  void expect(const std::optional<Model>& before) const {
    if (before && !model_) blame("what was whole is not after it was opened again");
    if (before && before->map() != model_->map()) blame("other content after it was opened again");
  }

 private:
  void look();
  void read_all();
  [[nodiscard]] Answer single(const Operation& operation) {
    return counted([&] { return model::perform(tree_, operation); });
  }
  void scan(bool forward, Model* into);
  void judge(const Operation& operation, const Answer& got);
  void view(const Operation& operation);
  void rest(const Operation& operation);
  void verify();

  Tree tree_;
  std::uint64_t capacity_bytes_ = 0;
  std::optional<Model> model_;
  std::optional<Cursor> cursor_;
  Reader reader_;
};

void Use::look() {
  const auto stats = counted([&] { return tree_.stats(); });
  if (!stats) blame("no figures: " + describe(stats.error()));
  capacity_bytes_ = stats->capacity_bytes;
  const auto verified = counted([&] { return tree_.verify(); });
  if (!verified) expect_code(verified.error(), {Code::corrupt});
  if (verified) model_.emplace();
  all.whole += verified ? 1U : 0U;
  scan(true, model_ ? &*model_ : nullptr);
  scan(false, nullptr);
  read_all();
}

/// F3
void Use::scan(bool forward, Model* into) {
  auto cursor = tree_.cursor();
  if (!cursor) blame("no cursor: " + describe(cursor.error()));
  if (!forward) cursor->seek_end();
  std::string last;
  const std::uint64_t keys_max = capacity_bytes_ / node_bytes_min, before = all.steps;
  for (std::uint64_t met = 0; model_ || all.steps - before < lying_scan_steps_max; ++met) {
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
}

void Use::perform(const Operation& operation) {
  ++all.operations;
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
      if (!tree_.read_only() && !tree_.frozen()) reader_.turn(tree_);
      return;
    case OperationKind::reopen:
      return;  // done once, at the end
    default:
      judge(operation, single(operation));
  }
}

bool makes_key(const Operation& operation) {
  return operation.kind == OperationKind::insert || operation.kind == OperationKind::insert_new ||
         operation.kind == OperationKind::fetch_add;
}

void Use::judge(const Operation& operation, const Answer& got) {
  if (got.refusal) {
    const Error error{*got.refusal, got.message};
    all.corrupt += error.code == Code::corrupt ? 1U : 0U;
    if (tree_.read_only() && model::is_mutation(operation.kind)) {
      if (error.code != Code::too_long) expect_code(error, {Code::read_only});
      return;
    }
    expect_code(error, {Code::corrupt, Code::full, Code::pinned, Code::too_long});
    if (error.code == Code::pinned && !reader_.reads()) blame("pinned by nobody: " + error.message);
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
  reader_.let_go();
  verify();
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

const std::initializer_list<Code> refusals{Code::corrupt, Code::version, Code::not_radish, Code::not_found};

Result<Tree> open(const Ground& ground, const Plan& plan) {
  auto tree = counted([&] {
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
  ++all.opened_readonly;
  Use use(std::move(*tree));
  for (const Operation& operation : plan.operations) use.perform(operation);
  use.check_again();
  return use.model();
}

std::optional<Model> try_writable(const Ground& ground, const Plan& plan) {
  auto tree = open(ground, plan);
  if (!tree) return std::nullopt;
  ++all.opened;
  Use use(std::move(*tree));
  for (const Operation& operation : plan.operations) use.perform(operation);
  use.check_again();
  if (plan.freeze) use.freeze();
  return use.model();
}

}  // namespace

Ground::Ground() {
  std::string name = "/dev/shm/radish-image-XXXXXX";
  descriptor_ = mkostemp(name.data(), O_CLOEXEC);
  path_ = name;
  void* base = mmap(nullptr, capacity_bytes_max, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (descriptor_ < 0 || base == MAP_FAILED) blame("no file in memory to try");
  base_ = static_cast<std::byte*>(base);
}

Ground::~Ground() {
  munmap(base_, capacity_bytes_max);
  close(descriptor_);
  remove();
}

void Ground::remove() const { ::unlink(path_.c_str()); }

void Ground::write(std::span<const std::byte> bytes, std::uint64_t file_bytes) {
  file_bytes_ = std::min(file_bytes, capacity_bytes_max);
  if (ftruncate(descriptor_, static_cast<off_t>(file_bytes_)) != 0) blame("no length for the file to try");
  const std::uint64_t count = std::min<std::uint64_t>(bytes.size(), file_bytes_);
  std::copy_n(bytes.begin(), count, base_);
  std::memset(base_ + count, 0, file_bytes_ - count);
}

const Totals& totals() { return all; }

void try_file(const Ground& ground, const Plan& plan) {
  ++all.trials;
  (void)try_readonly(ground, plan);
  const auto content = try_writable(ground, plan);
  if (plan.freeze) {
    const auto frozen = try_readonly(ground, {});
    if (content && (!frozen || frozen->map() != content->map())) blame("other content after freezing");
  } else if (std::ranges::any_of(plan.operations, is_reopening)) {
    auto tree = open(ground, plan);
    if (!tree && content) blame("what was whole is refused: " + describe(tree.error()));
    if (tree) Use(std::move(*tree)).expect(content);
  }
}

}  // namespace radish::image
