// The same files through the C interface: each call ends with an answer, or with a code and words.
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/image_judge.h"
#include "model/answer.h"

#define radish radish_tree
#include "radish.h"
#undef radish

namespace radish::image {
namespace {

using model::Operation;
using OperationKind = model::Kind;

Error last_error(std::int64_t code) { return {static_cast<Code>(code), radish_last_error()}; }

/// One handle of the C interface.
class Use {
 public:
  explicit Use(radish_tree* tree) : tree_(tree) { whole_ = verify(); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() { radish_close(tree_); }

  void perform(const Operation& operation) {
    ++account().operations;
    const std::int64_t answer = counted([&] { return call(operation); });
    if (answer >= 0) return;
    const Error error = last_error(answer);
    if (model::is_mutation(operation.kind) || operation.kind == OperationKind::replace_all)
      expect_code(error, {Code::corrupt, Code::full, Code::too_long, Code::frozen});
    else
      expect_code(error, {Code::corrupt});
    if (error.code == Code::corrupt && whole_) blame("corrupt through C, and whole: " + describe(error));
  }
  void scan(bool forward) {
    radish_cursor* cursor = radish_cursor_open(tree_, nullptr, 0, nullptr);
    if (cursor == nullptr) blame(std::string("no cursor through C: ") + radish_last_error());
    if (!forward) radish_cursor_seek_end(cursor);
    const auto step = forward ? radish_cursor_next : radish_cursor_previous;
    const void* key = nullptr;
    std::size_t length = 0;
    std::uint64_t value = 0;
    std::optional<std::string> last;
    int answer = 1;
    for (int met = 0; met < entries_max; ++met) {
      answer = counted([&] { return step(cursor, &key, &length, &value); });
      if (answer != 1) break;
      const std::string_view bytes(static_cast<const char*>(key), length);
      if (last && (forward ? bytes <= *last : bytes >= *last)) blame("a scan through C out of order");
      last = bytes;
    }
    if (answer < 0) expect_code(last_error(answer), {Code::corrupt});
    if (answer < 0 && whole_) blame("a scan through C of what is whole");
    radish_cursor_close(cursor);
  }
  void check_again(bool freeze) {
    scan(true);
    scan(false);
    radish_stats stats{};
    stats.size = sizeof stats;
    if (counted([&] { return radish_stats_get(tree_, &stats); }) != 0) blame("no figures through C");
    if (verify() != whole_ && whole_) blame("what was whole is not any more, through C");
    if (radish_sync(tree_) != 0) blame("no sync through C");
    if (freeze && (counted([&] { return radish_freeze(tree_); }) != 0 || radish_frozen(tree_) != 1))
      blame("it cannot be frozen through C");
  }

 private:
  static constexpr int entries_max = 200;

  bool verify() {
    radish_error error{};
    const int answer = counted([&] { return radish_verify(tree_, &error); });
    if (answer != 0) expect_code({static_cast<Code>(error.code), error.message}, {Code::corrupt});
    return answer == 0;
  }
  std::int64_t call(const Operation& operation);
  int load(std::uint32_t count);

  radish_tree* tree_;
  bool whole_ = false;
};

int Use::load(std::uint32_t count) {
  std::vector<std::array<char, 2>> bytes;
  std::vector<radish_key> keys;
  for (std::uint32_t number = 0; number < count; ++number)
    bytes.push_back({static_cast<char>(number / 256), static_cast<char>(number)});
  for (const auto& key : bytes) keys.push_back({key.data(), key.size()});
  return radish_replace_all(tree_, keys.data(), std::vector<std::uint64_t>(count).data(), count);
}

std::int64_t Use::call(const Operation& operation) {
  const void* key = operation.key.data();
  const std::size_t length = operation.key.size();
  std::uint64_t value = operation.value;
  std::size_t matched = 0;
  radish_match matches[4];
  switch (operation.kind) {
    case OperationKind::insert:
      return radish_insert(tree_, key, length, value);
    case OperationKind::insert_new:
      return radish_insert_new(tree_, key, length, value);
    case OperationKind::compare_exchange:
      return radish_compare_exchange(tree_, key, length, &value, operation.second);
    case OperationKind::fetch_add:
      return radish_fetch_add(tree_, key, length, value, &value);
    case OperationKind::erase:
      return radish_erase(tree_, key, length);
    case OperationKind::erase_prefix:
      return radish_erase_prefix(tree_, key, length);
    case OperationKind::clear:
      return radish_clear(tree_);
    case OperationKind::replace_all:
      return load(2 * entries_max);
    case OperationKind::longest_prefix:
      return radish_longest_prefix(tree_, key, length, &value, &matched);
    case OperationKind::prefixes:
      return radish_prefixes(tree_, key, length, matches, std::size(matches));
    case OperationKind::count:
      return radish_count(tree_);
    default:
      return radish_find(tree_, key, length, &value);
  }
}

}  // namespace

void try_through_c(const Ground& ground, const Plan& plan) {
  radish_options options{};
  options.size = sizeof options;
  options.capacity_bytes = layout::capacity_bytes_min;
  options.reader_slots = 16;
  options.flags = plan.create ? 0 : RADISH_MUST_EXIST;
  radish_error error{};
  radish_tree* const tree = counted([&] { return radish_open(ground.path().c_str(), &options, &error); });
  if (tree == nullptr)
    return expect_code({static_cast<Code>(error.code), error.message},
                       {Code::corrupt, Code::version, Code::not_radish, Code::not_found, Code::frozen});
  ++account().opened;
  Use use(tree);
  use.scan(true);
  for (const Operation& operation : plan.operations) use.perform(operation);
  use.check_again(plan.freeze);
}

}  // namespace radish::image
