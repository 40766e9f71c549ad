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

/// Shapes to put a new key into.
std::vector<Case> places_for_a_key() {
  const std::vector<Operation> edge = {insertion("edge/aa1"), insertion("edge/aa2")};
  return {
      {"into an empty tree", {}, insertion("key")},
      {"beside the children of a sparse node", fan("a", 3), insertion("az")},
      {"where a reference is null", fan("a", 6) + std::vector{erasure("a#")}, insertion("a#")},
      {"that makes a sparse node dense", fan("wide/", 48), insertion("wide/z")},
      {"into a dense node", fan("wide/", 60), insertion("wide/~x")},
      {"that splits a leaf", {insertion("leaf/one")}, insertion("leaf/two")},
      {"that splits a leaf into one as large", {insertion("abcd")}, insertion("xy")},
      {"that ends inside a leaf", {insertion("leaf/one")}, insertion("leaf")},
      {"beyond a leaf", {insertion("leaf")}, insertion("leaf/one")},
      {"that splits an edge", edge, insertion("edge/b")},
      {"that ends inside an edge", edge, insertion("edge/")},
      {"that ends at an inner node", edge, insertion("edge/aa")},
      {"while a subtree is dismantled", edge + fan("r/", 3) + std::vector{prefix_erasure("r/")},
       insertion("y")},
      {"that is empty", edge, insertion("")},
      {"that is long", edge, insertion("edge/" + std::string(9000, 'x'))},
  };
}

std::vector<Operation> erasures(const std::vector<Operation>& insertions, std::size_t count) {
  std::vector<Operation> operations;
  for (std::size_t index = 0; index < count; ++index) operations.push_back(erasure(insertions[index].key));
  return operations;
}

/// What an erasure does to the node it takes a reference from.
std::vector<Case> keys_to_erase() {
  const auto dense = fan("d", 60);
  return {
      {"that leaves a null reference", fan("a", 6), erasure("a#")},
      {"that makes a sparse node smaller", fan("a", 6) + std::vector{erasure("a!"), erasure("a\"")},
       erasure("a#")},
      {"that joins a node with its last leaf", fan("m", 2, "rest"), erasure("m!rest")},
      {"that joins a node with its last node", fan("m!", 3) + std::vector{insertion("m2")}, erasure("m2")},
      {"that joins a node with its terminal", {insertion("m"), insertion("m1")}, erasure("m1")},
      {"that makes a dense node sparse", dense + erasures(dense, 35), erasure("dZ")},
      {"from a dense node", dense, erasure("d0")},
      {"that is the last", {insertion("only")}, erasure("only")},
      {"that ends at an inner node", fan("a", 3) + std::vector{insertion("a")}, erasure("a")},
      {"that is empty", fan("a", 3) + std::vector{insertion("")}, erasure("")},
      {"that is long", {insertion(std::string(9000, 'x')), insertion("y")}, erasure(std::string(9000, 'x'))},
      {"that is absent", fan("a", 3), erasure("b")},
  };
}

std::vector<Case> with_mutation(std::vector<Case> cases, Kind kind) {
  for (Case& one : cases) one.mutation.kind = kind;
  return cases;
}

std::vector<Case> subtrees_to_erase() {
  std::vector<Operation> deep = fan("s/", 20, "/1") + fan("s/", 20, "/2") + fan("s/!/", 60);
  deep.push_back(insertion("t"));
  // An earlier subtree is still being dismantled.
  const auto after_another = fan("r/", 60) + deep + std::vector{prefix_erasure("r/")};
  return {
      {"of no key", deep, prefix_erasure("u")},
      {"of one key", deep, prefix_erasure("t")},
      {"of many keys", deep, prefix_erasure("s/")},
      {"inside an edge", deep, prefix_erasure("s")},
      {"inside a leaf", {insertion("leaf/one"), insertion("other")}, prefix_erasure("leaf/o")},
      {"of all keys", deep, prefix_erasure("")},
      {"of all that a dense node holds", deep, prefix_erasure("s/!/")},
      {"of a few children", deep, prefix_erasure("s/\"")},
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
  return {
      {"of a leaf", base, insertion("v\"rest", 70)},
      {"of a terminal", base, insertion("v", 70)},
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
