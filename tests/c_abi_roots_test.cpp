// Named roots, integer maps and batches of the C interface.
#include <gtest/gtest.h>

#include "c_abi_fixture.h"

namespace radish::tests {
namespace {

class CRoots : public testing::Test {
 protected:
  CRoots() : segment_(radish_create_anonymous(nullptr, nullptr)) {}
  ~CRoots() override { radish_close(segment_); }
  radish_tree* segment_;
};

TEST_F(CRoots, RootIsATreeOfItsOwn) {
  radish_error error;
  radish_tree* routes = radish_root(segment_, "routes", 0, &error);
  ASSERT_NE(routes, nullptr) << error.message;
  EXPECT_EQ(error.code, 0);
  EXPECT_EQ(radish_insert(routes, "a", 1, 7), 1);
  std::uint64_t value = 0;
  EXPECT_EQ(radish_find(routes, "a", 1, &value), 1);
  EXPECT_EQ(value, 7U);
  EXPECT_EQ(radish_find(segment_, "a", 1, &value), 0);
  EXPECT_EQ(radish_root(segment_, "routes", RADISH_EXCLUSIVE, &error), nullptr);
  EXPECT_EQ(error.code, RADISH_E_EXISTS);
  EXPECT_EQ(radish_root(segment_, "none", RADISH_MUST_EXIST, &error), nullptr);
  EXPECT_EQ(error.code, RADISH_E_NOT_FOUND);
  EXPECT_EQ(radish_root(segment_, "none", 4, &error), nullptr);
  EXPECT_EQ(error.code, RADISH_E_INVALID);
  EXPECT_EQ(radish_root_drop(segment_, "routes"), 1);
  EXPECT_EQ(radish_root_drop(segment_, "routes"), 0);
  EXPECT_EQ(radish_find(routes, "a", 1, &value), RADISH_E_DROPPED);
  radish_close(routes);
}

TEST_F(CRoots, AreListedByName) {
  radish_close(radish_root(segment_, "trees", 0, nullptr));
  radish_integer_map* map = radish_integer_map_open(segment_, "ids", 8, 0, nullptr);
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(radish_integer_insert(map, 5, 6), 1);
  radish_root_info roots[2];
  EXPECT_EQ(radish_roots(segment_, roots, 1), 2);
  EXPECT_EQ(radish_roots(segment_, nullptr, 0), 2);
  ASSERT_EQ(radish_roots(segment_, roots, 2), 2);
  EXPECT_STREQ(roots[0].name, "ids");
  EXPECT_EQ(roots[0].name_size, 3U);
  EXPECT_EQ(roots[0].kind, std::uint32_t{RADISH_INTEGER_MAP});
  EXPECT_EQ(roots[0].depth, 8U);
  EXPECT_EQ(roots[0].keys, 1U);
  EXPECT_EQ(roots[1].kind, std::uint32_t{RADISH_TREE});
  radish_integer_map_close(map);
}

TEST_F(CRoots, IntegerMapAnswers) {
  radish_integer_map* map = radish_integer_map_open(segment_, "ids", 0, 0, nullptr);
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(radish_integer_insert(map, 10, 1), 1);
  EXPECT_EQ(radish_integer_insert(map, 10, 0), 0);
  EXPECT_EQ(radish_integer_insert_new(map, 10, 5), 0);
  std::uint64_t key = 0, value = 9;
  EXPECT_EQ(radish_integer_find(map, 10, &value), 1);
  EXPECT_EQ(value, 0U);
  EXPECT_EQ(radish_integer_find(map, 11, &value), 0);
  EXPECT_EQ(radish_integer_fetch_add(map, 20, 3, &value), 0);
  EXPECT_EQ(radish_integer_fetch_add(map, 20, 3, &value), 1);
  EXPECT_EQ(value, 3U);
  value = 5;
  EXPECT_EQ(radish_integer_compare_exchange(map, 20, &value, 8), 0);
  EXPECT_EQ(value, 6U);
  EXPECT_EQ(radish_integer_compare_exchange(map, 20, &value, 8), 1);
  EXPECT_EQ(radish_integer_compare_exchange(map, 21, &value, 8), RADISH_ABSENT);
  EXPECT_EQ(radish_integer_lower_bound(map, 11, &key, &value), 1);
  EXPECT_EQ(key, 20U);
  EXPECT_EQ(value, 8U);
  EXPECT_EQ(radish_integer_lower_bound(map, 21, &key, &value), 0);
  EXPECT_EQ(radish_integer_predecessor(map, 19, &key, &value), 1);
  EXPECT_EQ(key, 10U);
  EXPECT_EQ(radish_integer_count(map), 2);
  EXPECT_EQ(radish_integer_erase(map, 10), 1);
  EXPECT_EQ(radish_integer_erase(map, 10), 0);
  EXPECT_EQ(radish_integer_clear(map), 0);
  EXPECT_EQ(radish_integer_count(map), 0);
  EXPECT_EQ(radish_integer_find(map, 1, nullptr), RADISH_E_INVALID);
  EXPECT_EQ(radish_integer_find(nullptr, 1, &value), RADISH_E_INVALID);
  radish_error error;
  EXPECT_EQ(radish_root(segment_, "ids", 0, &error), nullptr);
  EXPECT_EQ(error.code, RADISH_E_WRONG_KIND);
  radish_integer_map_close(map);
  radish_integer_map_close(nullptr);
}

TEST_F(CRoots, BatchIsMadeOrNot) {
  radish_integer_map* map = radish_integer_map_open(segment_, "ids", 16, 0, nullptr);
  radish_batch* batch = radish_batch_open(nullptr);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(radish_batch_insert(batch, segment_, "name", 4, 77), 0);
  EXPECT_EQ(radish_batch_integer_insert(batch, map, 77, 1), 0);
  EXPECT_EQ(radish_batch_commit(batch, nullptr), 1);
  EXPECT_EQ(radish_count(segment_), 1);
  EXPECT_EQ(radish_integer_count(map), 1);
  radish_batch_clear(batch);
  EXPECT_EQ(radish_batch_erase(batch, segment_, "name", 4), 0);
  EXPECT_EQ(radish_batch_integer_erase(batch, map, 77), 0);
  EXPECT_EQ(radish_batch_fetch_add(batch, segment_, "n", 1, 4), 0);
  EXPECT_EQ(radish_batch_integer_fetch_add(batch, map, 1, 4), 0);
  EXPECT_EQ(radish_batch_compare_exchange(batch, segment_, "n", 1, 4, 5), 0);
  EXPECT_EQ(radish_batch_integer_compare_exchange(batch, map, 1, 4, 5), 0);
  EXPECT_EQ(radish_batch_insert_new(batch, segment_, "m", 1, 4), 0);
  EXPECT_EQ(radish_batch_integer_insert_new(batch, map, 1, 4), 0);
  std::size_t refused_by = 0;
  EXPECT_EQ(radish_batch_commit(batch, &refused_by), 0);
  EXPECT_EQ(refused_by, 7U);
  EXPECT_EQ(radish_integer_count(map), 1);
  uint64_t found = 0;
  EXPECT_EQ(radish_batch_found(batch, 0, &found), 1);
  EXPECT_EQ(found, 77U);
  EXPECT_EQ(radish_batch_found(batch, 2, &found), 0);
  EXPECT_EQ(radish_batch_found(nullptr, 2, &found), RADISH_E_INVALID);
  EXPECT_EQ(radish_batch_insert(nullptr, segment_, "m", 1, 4), RADISH_E_INVALID);
  EXPECT_EQ(radish_batch_insert(batch, nullptr, "m", 1, 4), RADISH_E_INVALID);
  EXPECT_EQ(radish_batch_integer_insert(batch, nullptr, 1, 4), RADISH_E_INVALID);
  EXPECT_EQ(radish_batch_commit(nullptr, nullptr), RADISH_E_INVALID);
  radish_batch_close(batch);
  radish_batch_close(nullptr);
  radish_integer_map_close(map);
}

}  // namespace
}  // namespace radish::tests
