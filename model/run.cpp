#include "model/run.h"

#include <bit>

#include "model/resting.h"

namespace radish::model {

namespace {

// Refusals come in long runs; comparing everything after each would cost the square of the content.
constexpr std::uint64_t refusals_compared_each = 64;
// Below this much heap, a few half-used pages of other sizes can hold most of it.
constexpr std::uint64_t roomy_heap_bytes_min = std::uint64_t{1} << 20;
// A page of each size, and gaps that are too short for the largest nodes.
constexpr std::uint64_t loading_bytes_max = std::uint64_t{1} << 18;
constexpr std::size_t short_key_bytes_max = 1024;
// More than one group of those that the library walks with at once, and no multiple of it.
constexpr std::size_t keys_together = 40;

std::string code_text(const Error& error) {
  return "refusal " + std::to_string(static_cast<int>(error.code)) + " (" + error.message + ")";
}

/// Without a step and an operation, which the Runner fills in.
Failure failure(std::string expected, std::string got) {
  return {.expected = std::move(expected), .got = std::move(got)};
}

Failure unexpected_refusal(const std::string& what, const Error& error) {
  return failure(what, what + ": " + code_text(error));
}

bool is_want_of_room(Code code, Storage storage) {
  return code == Code::full || (code == Code::no_space && storage == Storage::file);
}

bool makes_key(const Operation& operation, const Model& model) {
  const bool inserts = operation.kind == Kind::insert || operation.kind == Kind::insert_new ||
                       operation.kind == Kind::fetch_add;
  return inserts && !model.contains(operation.key);
}

/// What the content would take without any sharing.
std::uint64_t generous_bytes(const Model& model) {
  std::uint64_t bytes = 0;
  for (const auto& [key, value] : model.map()) bytes += key.size() + 64;
  return bytes;
}

/// The first entry that differs, rather than two lists of thousands.
std::optional<Failure> compare_entries(const Answer& expected, const Answer& got, const std::string& what) {
  if (got == expected) return std::nullopt;
  if (got.refusal) return failure(what + " succeeds", to_text(got));
  for (std::size_t i = 0; i < std::max(expected.entries.size(), got.entries.size()); ++i) {
    const auto text = [i](const std::vector<KeyValue>& entries) {
      return i < entries.size() ? quote_short(entries[i].first) + " = " + std::to_string(entries[i].second)
                                : std::string("the end");
    };
    if (text(expected.entries) == text(got.entries)) continue;
    const std::string place = what + ", entry " + std::to_string(i) + ": ";
    return failure(place + text(expected.entries), place + text(got.entries));
  }
  return failure(what + " as the model", "other keys of the same look");
}

}  // namespace

std::string to_text(const Failure& failure) {
  return "step " + std::to_string(failure.step) + ": " + failure.operation + "\n  expected " +
         failure.expected + "\n  got " + failure.got + "\n";
}

Runner::Runner(const Setting& setting) : source_(setting) {}
Runner::~Runner() = default;

std::optional<Failure> Runner::open() {
  auto tree = source_.create();
  if (!tree) return unexpected_refusal("create", tree.error());
  handles_[0].emplace(std::move(*tree));
  if (handles_[0]->outcome() != Outcome::created) return failure("outcome created", "another outcome");
  generation_ = handles_[0]->generation();
  return std::nullopt;
}

std::optional<Failure> Runner::step(const Operation& operation) {
  auto failed = dispatch(operation);
  if (failed) {
    failed->step = step_;
    failed->operation = to_text(operation);
    if (failed->operation.size() > 400) failed->operation.resize(400);
  }
  ++step_;
  return failed;
}

std::optional<Failure> Runner::dispatch(const Operation& operation) {
  switch (operation.kind) {
    case Kind::cursor_open:
    case Kind::cursor_seek:
    case Kind::cursor_next:
    case Kind::cursor_previous:
      return rest(operation);
    case Kind::view:
      return view(operation);
    case Kind::verify:
      return verify();
    case Kind::stats:
      return stats();
    case Kind::reopen:
      return reopen();
    case Kind::switch_handle:
      return switch_handle();
    case Kind::replace_all:
      return replace_all();
    default:
      return single(operation);
  }
}

std::optional<Failure> Runner::single(const Operation& operation) {
  const Answer got = perform(tree(), operation);
  if (got.refusal && is_want_of_room(*got.refusal, source_.setting().storage) &&
      operation.key.size() <= key_bytes_max && makes_key(operation, model_))
    return refused(operation, got);
  if (resting_ && is_mutation(operation.kind)) resting_->note(model_, operation);
  const Answer expected = perform(model_, operation);
  if (!agrees(operation, expected, got)) return failure(to_text(expected), to_text(got));
  if (operation.kind == Kind::find || operation.kind == Kind::longest_prefix) return ask_later(operation.key);
  return std::nullopt;
}

std::optional<Failure> Runner::ask_later(const std::string& key) {
  asked_.push_back(key);
  return asked_.size() < keys_together ? std::nullopt : ask_together();
}

std::optional<Failure> Runner::ask_together() {
  const std::vector<std::string_view> keys(asked_.begin(), asked_.end());
  std::vector<std::optional<std::uint64_t>> values(keys.size());
  std::vector<std::optional<Match>> matches(keys.size());
  if (const auto found = tree().find_batch(keys, values); !found)
    return unexpected_refusal("find_batch", found.error());
  if (const auto found = tree().longest_prefix_batch(keys, matches); !found)
    return unexpected_refusal("longest_prefix_batch", found.error());
  for (std::size_t index = 0; index < keys.size(); ++index) {
    const auto text = [&](const auto& value, const auto& match) {
      return quote_short(asked_[index]) + " among " + std::to_string(keys.size()) + ": " +
             (value ? std::to_string(*value) : "absent") + ", longest prefix " +
             (match ? std::to_string(match->length) + " bytes, " + std::to_string(match->value) : "none");
    };
    const auto value = model_.find(asked_[index]);
    const auto match = model_.longest_prefix(asked_[index]);
    if (value != values[index] || match != matches[index])
      return failure(text(value, match), text(values[index], matches[index]));
  }
  asked_.clear();
  return std::nullopt;
}

std::optional<Failure> Runner::refused(const Operation& operation, const Answer& answer) {
  ++refusals_;
  if (auto failed = implausible(operation, answer)) return failed;
  if (!std::has_single_bit(refusals_) && refusals_ % refusals_compared_each != 0) return std::nullopt;
  return compare_all();
}

std::optional<Failure> Runner::implausible(const Operation& operation, const Answer& answer) {
  if (operation.key.size() > short_key_bytes_max) return std::nullopt;
  if (model_.count() == 0) return failure("room in an empty tree", to_text(answer));
  const auto stats = tree().stats();
  if (!stats) return unexpected_refusal("stats", stats.error());
  const std::uint64_t heap_bytes = stats->heap_bytes_used + stats->heap_bytes_free;
  if (answer.refusal != Code::full || heap_bytes < roomy_heap_bytes_min) return std::nullopt;
  const std::uint64_t content_bytes = generous_bytes(model_);
  if (stats->heap_bytes_free <= heap_bytes / 2 && content_bytes >= heap_bytes / 16) return std::nullopt;
  return failure("room for a key beside " + std::to_string(content_bytes) + " bytes of content, with " +
                     std::to_string(stats->heap_bytes_free) + " of " + std::to_string(heap_bytes) +
                     " heap bytes free",
                 to_text(answer));
}

void Runner::follow(const Operation& operation) {
  if (!is_mutation(operation.kind)) return;
  if (resting_) resting_->note(model_, operation);
  (void)perform(model_, operation);
}

std::optional<Failure> Runner::rest(const Operation& operation) {
  if (operation.kind == Kind::cursor_open) {
    auto cursor = tree().cursor(operation.key);
    if (!cursor && cursor.error().code == Code::too_long && operation.key.size() > key_bytes_max)
      return std::nullopt;
    if (!cursor) return unexpected_refusal("cursor", cursor.error());
    resting_ = std::make_unique<RestingCursor>(std::move(*cursor), operation.key);
    return std::nullopt;
  }
  if (!resting_) return std::nullopt;
  if (operation.kind == Kind::cursor_seek) {
    resting_->seek(operation.bound);
    return std::nullopt;
  }
  for (std::uint32_t i = 0; i < operation.count; ++i) {
    const auto problem = resting_->advance(model_, operation.kind == Kind::cursor_next);
    if (problem) return failure("what a scan may meet", *problem);
    if (resting_->exhausted()) break;
  }
  return std::nullopt;
}

std::optional<Failure> Runner::view(const Operation& operation) {
  // The refusal of a long key would come first.
  const std::string key = operation.key.substr(0, short_key_bytes_max);
  auto held = tree().view();
  if (!held) return unexpected_refusal("view", held.error());
  {
    auto nested = tree().view();
    if (!nested) return unexpected_refusal("nested view", nested.error());
  }
  return view_answers(key);
}

std::optional<Failure> Runner::view_answers(const std::string& key) {
  for (const Kind kind : {Kind::find, Kind::longest_prefix, Kind::count}) {
    const Operation read{.kind = kind, .key = key};
    const Answer expected = perform(model_, read);
    const Answer got = perform(tree(), read);
    if (got != expected) return failure("below the view " + to_text(expected), to_text(got));
  }
  for (const Kind kind : {Kind::insert, Kind::erase, Kind::clear}) {
    const Answer got = perform(tree(), Operation{.kind = kind, .key = key});
    if (got.refusal != Code::view_held)
      return failure(std::string(fields_of(kind).name) + " refused with view_held", to_text(got));
  }
  return verify();
}

std::optional<Failure> Runner::stats() {
  const auto stats = tree().stats();
  if (!stats) return unexpected_refusal("stats", stats.error());
  if (stats->keys != model_.count())
    return failure("stats.keys " + std::to_string(model_.count()), std::to_string(stats->keys));
  if (stats->heap_bytes_used + stats->heap_bytes_free > stats->capacity_bytes)
    return failure("a heap within the capacity", "more");
  if (stats->blocks_retired > stats->blocks) return failure("blocks_retired among blocks", "more");
  if (stats->frozen || stats->read_only) return failure("neither frozen nor read-only", "one of them");
  return std::nullopt;
}

std::optional<Failure> Runner::verify() {
  const auto verified = tree().verify();
  if (!verified) return unexpected_refusal("verify", verified.error());
  return std::nullopt;
}

std::optional<Failure> Runner::reopen() {
  resting_.reset();
  handles_ = {};
  current_ = 0;
  auto tree = source_.attach();
  if (!tree) {
    // Whatever comes next has no tree to work on.
    return unexpected_refusal("reopen", tree.error());
  }
  handles_[0].emplace(std::move(*tree));
  if (handles_[0]->outcome() != Outcome::attached)
    return failure("outcome attached", std::to_string(static_cast<int>(handles_[0]->outcome())));
  if (handles_[0]->generation() != generation_)
    return failure("generation " + std::to_string(generation_), std::to_string(handles_[0]->generation()));
  return std::nullopt;
}

std::optional<Failure> Runner::switch_handle() {
  const std::size_t other = 1 - current_;
  if (!handles_[other]) {
    auto tree = source_.attach();
    if (!tree) return unexpected_refusal("second handle", tree.error());
    handles_[other].emplace(std::move(*tree));
  }
  current_ = other;
  return std::nullopt;
}

std::optional<Failure> Runner::replace_all() {
  std::vector<std::string_view> keys;
  std::vector<std::uint64_t> values;
  for (const auto& [key, value] : model_.map()) {
    keys.push_back(key);
    values.push_back(value);
  }
  const auto loaded = tree().replace_all(keys, values);
  if (loaded) return compare_all();
  if (!is_want_of_room(loaded.error().code, source_.setting().storage))
    return unexpected_refusal("replace_all", loaded.error());
  const auto stats = tree().stats();
  if (!stats) return unexpected_refusal("stats", stats.error());
  if (stats->heap_bytes_free > 2 * generous_bytes(model_) + loading_bytes_max)
    return failure("room for a load beside what is there",
                   std::to_string(stats->heap_bytes_free) + " bytes free: " + code_text(loaded.error()));
  return compare_all();
}

std::optional<Failure> Runner::compare_all() {
  for (const Kind kind : {Kind::count, Kind::scan_forward, Kind::scan_backward}) {
    // One step more than there are keys, so that a walk without an end is seen too.
    const Operation read{.kind = kind, .count = static_cast<std::uint32_t>(model_.count() + 1)};
    const Answer expected = perform(model_, read);
    const Answer got = perform(tree(), read);
    const std::string what(fields_of(kind).name);
    if (kind == Kind::count && got != expected) return failure(what + " " + to_text(expected), to_text(got));
    if (auto failed = compare_entries(expected, got, what)) return failed;
  }
  return verify();
}

std::optional<Failure> Runner::finish() {
  auto failed = compare_all();
  if (!failed && tree().generation() != generation_)
    failed = failure("generation " + std::to_string(generation_), std::to_string(tree().generation()));
  if (failed) {
    failed->step = step_;
    failed->operation = "the comparison at the end";
  }
  return failed;
}

std::optional<Failure> run(const Sequence& sequence, RunTotals* totals) {
  Runner runner(sequence.setting);
  if (auto failed = runner.open()) {
    failed->operation = "the creation of the segment";
    return failed;
  }
  for (const Operation& operation : sequence.operations)
    if (auto failed = runner.step(operation)) return failed;
  if (totals != nullptr) {
    totals->operations += sequence.operations.size();
    totals->refusals += runner.refusals();
    totals->keys_max = std::max(totals->keys_max, runner.model().count());
  }
  return runner.finish();
}

}  // namespace radish::model
