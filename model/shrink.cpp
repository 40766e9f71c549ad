#include "model/shrink.h"

#include <algorithm>
#include <utility>

namespace radish::model {

namespace {

class Shrinker {
 public:
  Shrinker(Sequence sequence, const FailingPredicate& failing, std::size_t attempts_max)
      : best_(std::move(sequence)), failing_(failing), attempts_left_(attempts_max) {}

  Sequence run() {
    bool better = true;
    while (better && attempts_left_ > 0) {
      better = remove_operations();
      better |= cut_all_keys();
      for (std::size_t i = 0; i < best_.operations.size(); ++i) better |= simplify(i);
    }
    return std::move(best_);
  }

 private:
  bool attempt(Sequence candidate) {
    if (attempts_left_ == 0 || candidate == best_) return false;
    --attempts_left_;
    if (!failing_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  /// Runs of operations, long ones first, from the back.
  bool remove_operations() {
    bool better = false;
    for (std::size_t length = best_.operations.size(); length > 0; length /= 2) {
      std::size_t end = best_.operations.size();
      while (end > 0) {
        const std::size_t begin = end - std::min(end, length);
        better |= attempt(without(begin, end));
        end = std::min(begin, best_.operations.size());
      }
    }
    return better;
  }

  [[nodiscard]] Sequence without(std::size_t begin, std::size_t end) const {
    Sequence candidate{.setting = best_.setting};
    for (std::size_t i = 0; i < best_.operations.size(); ++i)
      if (i < begin || i >= end) candidate.operations.push_back(best_.operations[i]);
    return candidate;
  }

  /// The same bytes out of every key, so that keys stay each other's prefixes.
  bool cut_all_keys() {
    std::size_t longest = 0;
    for (const Operation& operation : best_.operations) longest = std::max(longest, operation.key.size());
    bool better = false;
    for (std::size_t length = longest; length > 0; length /= 2) {
      for (std::size_t begin = 0; begin + length <= longest && attempts_left_ > 0;) {
        if (attempt(without_bytes(begin, length)))
          better = true, longest -= length;
        else
          begin += length;
      }
    }
    return better;
  }

  [[nodiscard]] Sequence without_bytes(std::size_t begin, std::size_t length) const {
    Sequence candidate = best_;
    const auto cut = [&](std::string& key) {
      if (begin < key.size()) key.erase(begin, length);
    };
    for (Operation& operation : candidate.operations) {
      cut(operation.key);
      if (operation.bound) cut(*operation.bound);
    }
    return candidate;
  }

  bool simplify(std::size_t index) {
    bool better = shorten(index, [](Operation& operation) { return &operation.key; });
    better |=
        shorten(index, [](Operation& operation) { return operation.bound ? &*operation.bound : nullptr; });
    better |= change(index, [](Operation& operation) { operation.bound.reset(); });
    better |= change(index, [](Operation& operation) { operation.value = 0; });
    better |= change(index, [](Operation& operation) { operation.second = 0; });
    better |= change(index, [](Operation& operation) { operation.count = std::min(operation.count, 1U); });
    better |= change(index, [](Operation& operation) { operation.count /= 2; });
    return better;
  }

  template <class Choose>
  bool shorten(std::size_t index, Choose choose) {
    bool better = false;
    const std::string* start = choose(best_.operations[index]);
    for (std::size_t length = start == nullptr ? 0 : start->size(); length > 0; length /= 2)
      better |= change(index, [&](Operation& operation) {
        std::string& key = *choose(operation);
        key.resize(key.size() - std::min(key.size(), length));
      });
    return better;
  }

  template <class Change>
  bool change(std::size_t index, Change change) {
    Sequence candidate = best_;
    change(candidate.operations[index]);
    return attempt(std::move(candidate));
  }

  Sequence best_;
  const FailingPredicate& failing_;
  std::size_t attempts_left_;
};

}  // namespace

Sequence shrink(Sequence sequence, const FailingPredicate& failing, std::size_t attempts_max) {
  return Shrinker(std::move(sequence), failing, attempts_max).run();
}

}  // namespace radish::model
