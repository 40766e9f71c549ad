#include "model/cases.h"

#include <utility>

#include "model/answer.h"
#include "model/generator.h"

namespace radish::model {

Operation insertion(std::string key, std::uint64_t value) {
  return {.kind = Kind::insert, .key = std::move(key), .value = value};
}

Operation erasure(std::string key) { return {.kind = Kind::erase, .key = std::move(key)}; }

Operation prefix_erasure(std::string prefix) {
  return {.kind = Kind::erase_prefix, .key = std::move(prefix)};
}

std::vector<Operation> fan(const std::string& prefix, unsigned children, std::string_view rest) {
  std::vector<Operation> operations;
  for (unsigned child = 0; child < children; ++child)
    operations.push_back(insertion(prefix + static_cast<char>(child + 33) + std::string(rest), child));
  return operations;
}

namespace {

std::vector<Operation> operator+(std::vector<Operation> operations, const std::vector<Operation>& more) {
  operations.insert(operations.end(), more.begin(), more.end());
  return operations;
}

/// So long that it shares a bucket with no other like it, so that few keys make nodes.
std::string tall(std::string key) { return key.append(600, 'l'); }
/// A node with the prefix "edge/a", and a leaf for each of two keys.
std::vector<Operation> edge() { return {insertion(tall("edge/a1")), insertion(tall("edge/a5"))}; }

/// Shapes to put a new key into.
std::vector<Case> places_for_a_key() {
  const auto leaves = fan("a", 6, std::string(600, 'a'));
  return {
      {"into an empty tree", {}, insertion("key")},
      {"into a bucket with room", fan("a", 3), insertion("az")},
      {"where a reference is null", leaves + std::vector{erasure(leaves[2].key)}, leaves[2]},
      {"that divides the bucket at the root", fan("wide/", 48), insertion("wide/z")},
      {"into one of two buckets", fan("wide/", 60), insertion("wide/~x")},
      {"that joins a leaf", {insertion("leaf/one")}, insertion("leaf/two")},
      {"that joins a leaf it shares nothing with", {insertion("abcd")}, insertion("xy")},
      {"that ends inside a leaf", {insertion("leaf/one")}, insertion("leaf")},
      {"beyond a leaf", {insertion("leaf")}, insertion("leaf/one")},
      {"that parts from a long leaf", {insertion(tall("leaf/one"))}, insertion(tall("leaf/two"))},
      {"that ends inside a long leaf", {insertion(tall(tall("leaf")))}, insertion(tall("leaf"))},
      {"where the room of a bucket ends", fan("a", 16), insertion("az")},
      {"that shares less than the bucket's keys do", fan("wide/", 5), insertion("wild")},
      {"that divides a bucket below a node", fan("wide/", 96), insertion("wide/\x7fx")},
      {"that divides keys which share a byte", fan("w", 20) + fan("x", 20) + fan("xx", 20), insertion("xxz")},
      {"that does not fit where its bucket is divided",
       fan("n", 3, std::string(200, 'n')) + std::vector{insertion("o")},
       insertion("n!" + std::string(1500, 'n'))},
      {"that splits an edge", edge(), insertion("edge/b")},
      {"that ends inside an edge", edge(), insertion("edge/")},
      {"that ends at an inner node", edge(), insertion("edge/a")},
      {"before a node's first byte", edge() + fan("edge/a5", 60), insertion("edge/a3")},
      {"behind a node's first byte", edge() + fan("edge/a5", 60), insertion("edge/a6")},
      {"that makes a node indexed", fan("i", 60, std::string(600, 'i')), insertion("i\x7f")},
      {"while a subtree is dismantled",
       edge() + fan("r/", 3, std::string(600, 'r')) + std::vector{prefix_erasure("r/")}, insertion("y")},
      {"that is empty", edge(), insertion("")},
      {"that is empty and joins others", fan("a", 3), insertion("")},
      {"that is long", edge(), insertion("edge/" + std::string(9000, 'x'))},
  };
}

std::vector<Operation> erasures(const std::vector<Operation>& insertions, std::size_t from, std::size_t to) {
  std::vector<Operation> operations;
  for (std::size_t index = from; index < to; ++index) operations.push_back(erasure(insertions[index].key));
  return operations;
}

/// What an erasure does to the bucket or node that it takes a key from.
std::vector<Case> keys_to_erase() {
  const auto many = fan("d", 60), more = fan("d", 106);  // 48 are a full bucket
  const auto leaves = fan("a", 6, std::string(600, 'a'));
  const auto key_of = [&](std::size_t leaf) { return leaves[leaf].key; };
  return {
      {"that leaves others in a bucket", fan("a", 6), erasure("a#")},
      {"that makes a bucket smaller", fan("a", 12) + erasures(fan("a", 12), 0, 7), erasure("a(")},
      {"that leaves a leaf of a bucket", fan("m", 2, "rest"), erasure("m!rest")},
      {"that leaves a null reference", leaves, erasure(key_of(2))},
      {"that makes a node smaller", leaves + erasures(leaves, 0, 3), erasure(key_of(3))},
      {"that joins a node with its last leaf", edge(), erasure(tall("edge/a1"))},
      {"that joins a node with its last node", edge() + std::vector{insertion(tall("edge"))},
       erasure(tall("edge"))},
      {"that joins a node with its last bucket", fan("wide/", 60) + erasures(fan("wide/", 60), 0, 47),
       erasure(fan("wide/", 60)[47].key)},
      {"that joins a node with its terminal",
       {insertion(tall("m")), insertion(tall(tall("m")))},
       erasure(tall(tall("m")))},
      {"that joins a bucket with its neighbour", many + erasures(many, 0, 40), erasure(many[40].key)},
      {"that joins two buckets among several", more + erasures(more, 48, 88), erasure(more[88].key)},
      {"from one of two buckets", many, erasure("d0")},
      {"that is the last", {insertion("only")}, erasure("only")},
      {"that ends at an inner node", edge() + std::vector{insertion("edge/a")}, erasure("edge/a")},
      {"that is empty", fan("a", 3) + std::vector{insertion("")}, erasure("")},
      {"that is empty at an inner node", edge() + std::vector{insertion("x"), insertion("")}, erasure("")},
      {"that is long", {insertion(std::string(9000, 'x')), insertion("y")}, erasure(std::string(9000, 'x'))},
      {"that is absent", fan("a", 3), erasure("b")},
  };
}

std::vector<Case> with_mutation(std::vector<Case> cases, Kind kind) {
  for (Case& one : cases) one.mutation.kind = kind;
  return cases;
}

std::vector<Case> subtrees_to_erase() {
  std::vector<Operation> deep = fan("s/", 20, "/1") + fan("s/", 20, "/2") + fan("s/!/", 60) + edge();
  deep.push_back(insertion("t"));
  const std::string stem = tall("s").substr(0, 300);
  // An earlier subtree is still being dismantled.
  const auto after_another = fan("r/", 60) + deep + std::vector{prefix_erasure("r/")};
  return {
      {"of no key", deep, prefix_erasure("u")},
      {"of one key", deep, prefix_erasure("t")},
      {"of many keys", deep, prefix_erasure("s/")},
      {"inside an edge", deep, prefix_erasure("s")},
      {"inside a leaf", {insertion("leaf/one"), insertion("other")}, prefix_erasure("leaf/o")},
      {"of all keys", deep, prefix_erasure("")},
      {"of all that a node holds", deep, prefix_erasure("s/!/")},
      {"of a few keys of a bucket", deep, prefix_erasure("s/\"")},
      {"of all but a few of them", fan("a", 12) + std::vector{insertion("b")}, prefix_erasure("a")},
      {"of a bucket at the root", fan("a", 12), prefix_erasure("a")},
      {"inside what a bucket's keys share", fan("shared/", 12), prefix_erasure("shared")},
      {"of a node's only child",
       std::vector{insertion(stem)} + fan(stem + "q", 40, "12345678") +
           std::vector{insertion("t"), erasure(stem)},
       prefix_erasure(stem + "q")},
      {"of a node below an edge", deep, prefix_erasure("edge/a")},
      {"while another is dismantled", after_another, prefix_erasure("s/")},
  };
}

std::vector<Case> trees_to_clear() {
  const Operation clear{.kind = Kind::clear};
  return {
      {"of nothing", {}, clear},
      {"of one key", {insertion("one")}, clear},
      {"of many keys", fan("s/", 20, "/1") + fan("s/", 60), clear},
      {"after another", fan("s/", 60) + std::vector{clear} + fan("t/", 60), clear},
  };
}

std::vector<Case> values_to_change() {
  const auto base = fan("v", 6, "rest") + std::vector{insertion("v"), insertion("v!re", 5)};
  const auto nodes = edge() + std::vector{insertion("edge/a")};
  return {
      {"in a bucket", base, insertion("v\"rest", 70)},
      {"of a leaf", nodes, insertion(tall("edge/a1"), 70)},
      {"of a terminal", nodes, insertion("edge/a", 70)},
      {"of the only key", {insertion("one", 5)}, insertion("one", 70)},
  };
}

std::vector<Case> exchanges() {
  std::vector<Case> cases = values_to_change();
  for (Case& one : cases) {
    one.mutation.kind = Kind::compare_exchange;
    one.mutation.second = 99;
    for (const Operation& operation : one.base)
      if (operation.key == one.mutation.key) one.mutation.value = operation.value;
  }
  Case mismatch = cases.front();
  mismatch.name = "of another value";
  ++mismatch.mutation.value;
  cases.push_back(mismatch);
  Case absent = cases.front();
  absent.name = "of an absent key";
  absent.mutation.key = "w";
  cases.push_back(absent);
  return cases;
}

}  // namespace

std::vector<Case> cases_of(Kind kind) {
  switch (kind) {
    case Kind::erase:
      return keys_to_erase();
    case Kind::erase_prefix:
      return subtrees_to_erase();
    case Kind::clear:
      return trees_to_clear();
    case Kind::compare_exchange:
      return exchanges();
    default:
      break;
  }
  std::vector<Case> cases = with_mutation(places_for_a_key(), kind);
  // They make keys as insert does, in the same places.
  if (kind != Kind::insert) cases.erase(cases.begin() + 6, cases.end());
  for (Case& one : with_mutation(values_to_change(), kind)) cases.push_back(std::move(one));
  return cases;
}

Case random_case(Kind kind, std::uint64_t seed, std::size_t base_operations) {
  constexpr std::array profiles = {Profile::tiny, Profile::prefixes, Profile::wide, Profile::integers,
                                   Profile::churn};
  const Profile profile = profiles[seed % profiles.size()];
  Generator generator(seed, profile);
  Case made{.name = "random " + std::to_string(seed), .base = {}, .mutation = {}};
  while (made.base.size() < base_operations)
    if (Operation next = generator.next(); is_mutation(next.kind)) made.base.push_back(std::move(next));
  while (made.mutation.kind != kind) made.mutation = generator.next();
  return made;
}

}  // namespace radish::model
