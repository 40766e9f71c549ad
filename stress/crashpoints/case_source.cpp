#include "crashpoints/case_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "model/generator.h"

namespace radish::crashpoints {
namespace {

using model::erasure;
using model::fan;
using model::insertion;
using model::Kind;
using model::prefix_erasure;

std::vector<Operation> with_erased(std::vector<Operation> base, std::size_t from, std::size_t to) {
  for (std::size_t index = from; index < to; ++index) base.push_back(erasure(base[index].key));
  return base;
}

/// Every kind of mutation of keys that are one another's prefixes: splits, terminals, merges, the last key.
std::vector<Operation> small_alphabet() {
  std::vector<Operation> alphabet;
  for (const char* key : {"", "a", "ab", "ac", "b"}) {
    alphabet.push_back(insertion(key, 1));
    alphabet.push_back(erasure(key));
  }
  for (const char* prefix : {"", "a", "ab"}) alphabet.push_back(prefix_erasure(prefix));
  alphabet.push_back({.kind = Kind::clear});
  alphabet.push_back({.kind = Kind::insert_new, .key = "ab", .value = 2});
  alphabet.push_back({.kind = Kind::fetch_add, .key = "a", .value = 3});
  alphabet.push_back({.kind = Kind::compare_exchange, .key = "ab", .value = 1, .second = 9});
  return alphabet;
}

/// Around a bucket that is about to be divided, or joined with another one.
std::vector<Operation> wide_alphabet() {
  return {insertion("w~1"),     insertion("w~2/long enough"),
          insertion("w"),       insertion("x"),
          erasure("w!"),        erasure("w\""),
          erasure("w~1"),       erasure("w"),
          prefix_erasure("w~"), prefix_erasure("w"),
          {.kind = Kind::clear}};
}

std::vector<Ground> all_grounds() {
  const auto two = fan("w", 60);
  const auto leaves = fan("w", 20, std::string(600, 'w'));
  return {
      {"over an empty tree", {}, small_alphabet(), 3},
      {"over a bucket that is full", fan("w", 48), wide_alphabet(), 3},
      {"over two buckets about to be joined", with_erased(two, 8, 48), wide_alphabet(), 3},
      {"over a node with many leaves", leaves, wide_alphabet(), 2},
      {"over two keys of many bytes",
       {insertion("a" + std::string(3000, 'k')), insertion("ab" + std::string(3000, 'k'))},
       small_alphabet(),
       2},
  };
}

/// In a heap in which not even the shortest key finds room.
std::vector<Case> in_a_full_heap() {
  std::vector<Case> cases;
  for (Case made : {Case{"an insert that is refused", {}, insertion("refused" + std::string(500, 'r'))},
                    Case{"an insert that must copy a leaf", {insertion("split")}, insertion("splat")},
                    Case{"an insert into a bucket's room", fan("w", 3), insertion("x")},
                    Case{"an overwrite", {insertion("there")}, insertion("there", 8)},
                    Case{"an erase", {insertion("there")}, erasure("there")},
                    Case{"an erase of many", fan("w", 60), prefix_erasure("w")},
                    Case{"an erase from a bucket", {insertion("ab"), insertion("ac")}, erasure("ac")},
                    Case{"an erase that would join two buckets", with_erased(fan("w", 60), 0, 40),
                         erasure(fan("w", 60)[40].key)},
                    Case{"all given up", fan("w", 60), {.kind = Kind::clear}}}) {
    made.name += " in a full heap";
    made.heap_is_full = true;
    cases.push_back(std::move(made));
  }
  return cases;
}

}  // namespace

std::uint64_t Ground::sequences() const {
  std::uint64_t all = 0, of_length = 1;
  for (std::size_t length = 1; length <= length_max; ++length) all += of_length *= alphabet.size();
  return all;
}

Case Ground::at(std::uint64_t index) const {
  std::uint64_t of_length = alphabet.size();
  std::size_t length = 1;
  for (; index >= of_length; ++length) {
    index -= of_length;
    of_length *= alphabet.size();
  }
  Case made{.name = name, .base = base};
  for (std::size_t place = 0; place < length; ++place, index /= alphabet.size())
    made.base.push_back(alphabet[index % alphabet.size()]);
  made.mutation = std::move(made.base.back());
  made.base.pop_back();
  return made;
}

CaseSource::CaseSource(std::uint64_t seed) : seed_(seed), grounds_(all_grounds()) {
  add_shapes();
  for (const Ground& ground : grounds_) sequences_ += ground.sequences();
  stride_ = 1 + model::Random(seed).below(sequences_);
  while (std::gcd(stride_, sequences_) != 1) ++stride_;
}

/// The kinds take turns, so that a short campaign meets all of them.
void CaseSource::add_shapes() {
  std::vector<std::vector<Case>> kinds{in_a_full_heap()};
  for (const Kind kind : model::mutations) kinds.push_back(model::cases_of(kind));
  for (std::size_t place = 0; !kinds.empty(); ++place) {
    std::erase_if(kinds, [&](const auto& cases) { return place >= cases.size(); });
    for (auto& cases : kinds) shapes_.push_back(std::move(cases[place]));
  }
}

std::uint64_t CaseSource::finite() const { return shapes_.size() + 2 * sequences_; }

std::uint64_t CaseSource::wanted(const Options& options) const {
  if (options.cases != 0) return options.cases;
  return options.seconds == 0 ? finite() : UINT64_MAX;
}

Case CaseSource::at(std::uint64_t number) const {
  if (number < shapes_.size()) return shapes_[number];
  const std::uint64_t turn = number - shapes_.size();
  if (turn % 2 == 0 && turn / 2 < sequences_) return sequence(turn / 2 * stride_ % sequences_);
  return random(turn);
}

Case CaseSource::sequence(std::uint64_t index) const {
  const Ground* ground = grounds_.data();
  for (; index >= ground->sequences(); ++ground) index -= ground->sequences();
  return ground->at(index);
}

Case CaseSource::random(std::uint64_t index) const {
  constexpr std::size_t base_operations_max = 80;
  const std::uint64_t seed = model::Random(model::Random(seed_).next() + index).next();
  const Kind kind = model::mutations[seed % model::mutations.size()];
  return model::random_case(kind, seed, seed / 64 % base_operations_max);
}

}  // namespace radish::crashpoints
