// What a death in the middle of a mutation may leave, and the mutations that are tried. One body for every
// way to die: the probing seam's kills and the single steps of a debugger.
//
// What a dead writer's image is held to
//   D1  Before anybody recovers, readers whose handle is older than the death find exactly the map of
//       before or exactly that of after.
//   D2  Recovery leaves one of the two; that of after, if readers had seen it already.
//   D3  The count is exact then, verify() finds every block where it belongs, and the tree goes on as
//       the model does.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/answer.h"
#include "model/cases.h"
#include "model/generator.h"
#include "model/model.h"
#include "radish/tree.hpp"
#include "segment_image.h"
#include "support.h"

namespace radish::tests {

using model::Case;
using model::cases_of;
using model::erasure;
using model::insertion;
using model::Kind;
using model::Model;
using model::mutations;
using model::Operation;
using model::random_case;

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The seed of the current test, and the command that runs it again.
inline void print_seed() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::printf("RADISH_TEST_SEED=%llu RADISH_TEST_SCALE=%llu %s --gtest_filter=%s.%s\n",
              static_cast<unsigned long long>(seed()), static_cast<unsigned long long>(scale()),
              program_invocation_short_name, test->test_suite_name(), test->name());
}

inline std::string name_of(Kind kind) { return std::string(model::fields_of(kind).name); }
inline std::string name_of_case(const testing::TestParamInfo<Kind>& parameter) {
  return name_of(parameter.param);
}

// --- the oracle ------------------------------------------------------------------------------------------

/// Which of two maps a tree shows.
struct Shown {
  bool before = true;
  bool after = true;
  [[nodiscard]] bool neither() const { return !before && !after; }
};

/// The tree of a case in a segment of its own, its image before the mutation, and the maps of before and
/// after.
class Scene {
 public:
  explicit Scene(Case shown)
      : case_(std::move(shown)), tree_(value_of(Tree::create_memfd("scene", options()))) {
    for (const Operation& operation : case_.base) {
      const model::Answer answer = model::perform(tree_, operation);
      if (answer != model::perform(before_, operation))
        throw std::runtime_error("the base of '" + case_.name + "' differs from the model's");
    }
    after_ = before_;
    answer_ = model::perform(after_, case_.mutation);
    (void)look();  // claims this thread's slot
    image_.emplace(tree_.descriptor(), capacity_bytes, mutation_pages_max);
  }

  [[nodiscard]] const std::string& name() const { return case_.name; }
  [[nodiscard]] Tree& tree() { return tree_; }
  [[nodiscard]] Tree attach() const { return value_of(Tree::open_descriptor(tree_.descriptor())); }
  [[nodiscard]] const Operation& mutation() const { return case_.mutation; }
  [[nodiscard]] const Model& before() const { return before_; }
  [[nodiscard]] const Model& after() const { return after_; }
  [[nodiscard]] const model::Answer& answer() const { return answer_; }
  /// The redo record of the segment.
  [[nodiscard]] bool armed() const { return image_->armed(); }

  using Image = SegmentImage::Bytes;
  /// What the segment holds now, as far as the mutation may change it.
  [[nodiscard]] Image image() const { return image_->now(); }
  /// True if it could not have changed more than that.
  [[nodiscard]] bool image_holds_all() const { return image_->holds_all(); }
  [[nodiscard]] bool shows(const Image& image) const { return image_->shows(image); }
  void show(const Image& image) const { image_->show(image); }
  /// Everything as it was before the mutation.
  void restore() const { image_->restore(); }

  /// Asks for everything, through a handle that may be as old as the tree.
  [[nodiscard]] Shown look() const { return look(tree_); }
  [[nodiscard]] Shown look(const Tree& tree) const {
    Shown shown;
    compare_scan(tree, shown);
    compare_finds(tree, shown);
    return shown;
  }

  /// D1 to D3 on what a death has left; what is wrong. `variation` chooses how recovery comes about and what
  /// happens later.
  [[nodiscard]] std::optional<std::string> judge(std::uint64_t variation) {
    const Shown dead = look();
    if (dead.neither()) return "D1: readers of the unrecovered image find neither map";
    const std::uint64_t count = value_of(tree_.count());
    if (count != before_.count() && count != after_.count()) return "D1: the count is of neither map";
    if (auto wrong = recover(variation)) return wrong;
    const Shown recovered = look();
    if (recovered.neither()) return "D2: recovery left neither map";
    if (!dead.before && !recovered.after) return "D2: what readers had seen is gone again";
    Model model = recovered.after ? after_ : before_;
    if (value_of(tree_.count()) != model.count()) return "D3: the count is wrong";
    return live_on(model, variation);
  }

 private:
  static constexpr std::uint64_t capacity_bytes = 1 << 20;
  static constexpr std::uint64_t mutation_pages_max = 8;  // no case's mutation takes more new ones
  static constexpr int later_operations = 100;

  static OpenOptions options() {
    OpenOptions options;
    options.capacity_bytes = capacity_bytes;
    options.reader_slots = 16;
    return options;
  }

  void compare_scan(const Tree& tree, Shown& shown) const {
    auto cursor = tree.cursor();
    if (!cursor) throw std::runtime_error(cursor.error().message);
    auto before = before_.map().begin(), after = after_.map().begin();
    const auto follow = [](auto& at, auto end, const Entry& entry) {
      const bool same = at != end && at->first == entry.key && at->second == entry.value;
      if (at != end) ++at;
      return same;
    };
    for (;;) {
      const auto entry = cursor->next();
      if (!entry) shown = {.before = false, .after = false};
      if (!entry || !*entry) break;
      shown.before &= follow(before, before_.map().end(), **entry);
      shown.after &= follow(after, after_.map().end(), **entry);
      if (shown.neither()) return;
    }
    shown.before &= before == before_.map().end();
    shown.after &= after == after_.map().end();
  }

  void compare_finds(const Tree& tree, Shown& shown) const {
    const auto compare = [&](const std::string& key) {
      for (const Operation& question : {Operation{.kind = Kind::find, .key = key},
                                        Operation{.kind = Kind::longest_prefix, .key = key + "x"}}) {
        const model::Answer answer = model::perform(const_cast<Tree&>(tree), question);
        shown.before &= answer == model::perform(const_cast<Model&>(before_), question);
        shown.after &= answer == model::perform(const_cast<Model&>(after_), question);
      }
    };
    compare(case_.mutation.key);
    for (const auto& [key, value] : before_.map()) compare(key);
  }

  /// By a view or by a mutation that finds nothing to do.
  std::optional<std::string> recover(std::uint64_t variation) {
    if (variation % 2 == 0) return verified();
    const auto erased = tree_.erase("\x7f no such key");
    if (!erased) return "D2: " + erased.error().message;
    return std::nullopt;
  }

  std::optional<std::string> verified() const {
    const auto whole = tree_.verify();
    if (whole) return std::nullopt;
    return "D3: verify: " + whole.error().message;
  }

  std::optional<std::string> live_on(Model& model, std::uint64_t variation) {
    if (auto wrong = verified()) return wrong;
    model::Generator generator(variation, model::Profile::tiny);
    for (int step = 0; step < later_operations;) {
      const Operation operation = generator.next();
      if (!model::is_single(operation.kind)) continue;
      ++step;
      const model::Answer expected = model::perform(model, operation);
      const model::Answer got = model::perform(tree_, operation);
      if (!model::agrees(operation, expected, got))
        return "D3: later, " + model::to_text(operation) + " answered " + model::to_text(got) + ", not " +
               model::to_text(expected);
    }
    return verified();
  }

  Case case_;
  Tree tree_;
  Model before_, after_;
  model::Answer answer_;
  std::optional<SegmentImage> image_;
};

}  // namespace radish::tests
