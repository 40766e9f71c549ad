// Batches of the C interface.
#include "c/border.h"

namespace {

using radish::Batch;
using radish::Tree;
using radish::c::bytes;
using radish::c::fail;
using radish::c::guarded;
using radish::c::null_argument;

/// add(batch, tree, key) adds a mutation.
template <class Add>
int with_key(radish_batch* batch, radish_tree* handle, const void* key, std::size_t length, Add add) {
  return guarded(nullptr, [&]() -> int {
    const auto view = bytes(key, length);
    if (batch == nullptr || handle == nullptr || !view) return null_argument();
    add(batch->batch, handle->tree, *view);
    return 0;
  });
}

/// add(batch, map) adds a mutation.
template <class Add>
int with_map(radish_batch* batch, radish_integer_map* handle, Add add) {
  return guarded(nullptr, [&]() -> int {
    if (batch == nullptr || handle == nullptr) return null_argument();
    add(batch->batch, handle->map);
    return 0;
  });
}

}  // namespace

extern "C" {

radish_batch* radish_batch_open(radish_error* error) {
  radish_batch* batch = nullptr;
  guarded(error, [&]() -> int {
    batch = new radish_batch{};
    radish::c::tell(error, 0, "");
    return 0;
  });
  return batch;
}

void radish_batch_close(radish_batch* batch) { delete batch; }

void radish_batch_clear(radish_batch* batch) {
  if (batch != nullptr) batch->batch.clear();
}

int radish_batch_insert(radish_batch* batch, radish_tree* handle, const void* key, std::size_t len,
                        std::uint64_t value) {
  return with_key(batch, handle, key, len,
                  [&](Batch& to, const Tree& tree, auto view) { to.insert(tree, view, value); });
}

int radish_batch_insert_new(radish_batch* batch, radish_tree* handle, const void* key, std::size_t len,
                            std::uint64_t value) {
  return with_key(batch, handle, key, len,
                  [&](Batch& to, const Tree& tree, auto view) { to.insert_new(tree, view, value); });
}

int radish_batch_compare_exchange(radish_batch* batch, radish_tree* handle, const void* key, std::size_t len,
                                  std::uint64_t expected, std::uint64_t desired) {
  return with_key(batch, handle, key, len, [&](Batch& to, const Tree& tree, auto view) {
    to.compare_exchange(tree, view, expected, desired);
  });
}

int radish_batch_fetch_add(radish_batch* batch, radish_tree* handle, const void* key, std::size_t len,
                           std::uint64_t delta) {
  return with_key(batch, handle, key, len,
                  [&](Batch& to, const Tree& tree, auto view) { to.fetch_add(tree, view, delta); });
}

int radish_batch_erase(radish_batch* batch, radish_tree* handle, const void* key, std::size_t len) {
  return with_key(batch, handle, key, len,
                  [&](Batch& to, const Tree& tree, auto view) { to.erase(tree, view); });
}

int radish_batch_integer_insert(radish_batch* batch, radish_integer_map* handle, std::uint64_t key,
                                std::uint64_t value) {
  return with_map(batch, handle, [&](Batch& to, const auto& map) { to.insert(map, key, value); });
}

int radish_batch_integer_insert_new(radish_batch* batch, radish_integer_map* handle, std::uint64_t key,
                                    std::uint64_t value) {
  return with_map(batch, handle, [&](Batch& to, const auto& map) { to.insert_new(map, key, value); });
}

int radish_batch_integer_compare_exchange(radish_batch* batch, radish_integer_map* handle, std::uint64_t key,
                                          std::uint64_t expected, std::uint64_t desired) {
  return with_map(batch, handle,
                  [&](Batch& to, const auto& map) { to.compare_exchange(map, key, expected, desired); });
}

int radish_batch_integer_fetch_add(radish_batch* batch, radish_integer_map* handle, std::uint64_t key,
                                   std::uint64_t delta) {
  return with_map(batch, handle, [&](Batch& to, const auto& map) { to.fetch_add(map, key, delta); });
}

int radish_batch_integer_erase(radish_batch* batch, radish_integer_map* handle, std::uint64_t key) {
  return with_map(batch, handle, [&](Batch& to, const auto& map) { to.erase(map, key); });
}

int radish_batch_commit(radish_batch* batch, std::size_t* refused_by) {
  return guarded(nullptr, [&]() -> int {
    if (batch == nullptr) return null_argument();
    const auto outcome = batch->batch.commit();
    if (!outcome) return fail(outcome.error());
    if (!outcome->committed && refused_by != nullptr) *refused_by = outcome->refused_by;
    return outcome->committed;
  });
}

int radish_batch_found(const radish_batch* batch, std::size_t mutation, std::uint64_t* value) {
  return guarded(nullptr, [&]() -> int {
    if (batch == nullptr) return null_argument();
    const auto found = batch->batch.found(mutation);
    if (found && value != nullptr) *value = *found;
    return found.has_value();
  });
}

}  // extern "C"
