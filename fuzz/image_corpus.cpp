#include "fuzz/image_corpus.h"

#include <array>
#include <cstring>

#include "fuzz/image_input.h"
#include "model/bytes.h"

namespace radish::image {
namespace {

using Files = std::map<std::string, std::vector<std::uint8_t>>;
using OperationKind = model::Kind;

/// Something of every kind, on keys of the specimen.
std::vector<std::uint8_t> every_operation() {
  std::vector<model::Operation> operations;
  for (std::size_t index = 0; index < model::kind_count; ++index) {
    model::Operation operation{.kind = static_cast<OperationKind>(index)};
    if (operation.kind == OperationKind::clear) continue;
    const auto& fields = model::fields_of(operation.kind);
    const auto number = static_cast<char>(index * 5);
    if (fields.key) operation.key = {static_cast<char>(index % 2 == 0 ? 0xfe : 0xfd), number};
    if (fields.key && index % 3 == 0) operation.key += "and more";
    if (fields.value) operation.value = index;
    if (fields.count) operation.count = 5;
    operations.push_back(operation);
  }
  operations.push_back({.kind = OperationKind::erase_prefix});
  operations.push_back({.kind = OperationKind::insert, .key = "again"});
  auto bytes = model::encode({.operations = operations});
  bytes.erase(bytes.begin());
  return bytes;
}

/// Stores to every key that the specimen names: whatever a lie leads to is written.
std::vector<std::uint8_t> every_store() {
  std::vector<model::Operation> operations;
  for (int number = 0; number < 256; ++number)
    operations.push_back({.kind = OperationKind::insert,
                          .key = {static_cast<char>(0xfe), static_cast<char>(number)},
                          .value = 1});
  auto bytes = model::encode({.operations = operations});
  bytes.erase(bytes.begin());
  return bytes;
}

std::string numbered(const char* before, std::size_t number) {
  std::string name(before);
  return name.append(std::to_string(number));
}

void add_specimens(Files& files) {
  constexpr std::array<std::pair<const char*, std::uint8_t>, 5> ways{
      {{"true_", 0},
       {"freeze_", Input::freeze_flag},
       {"descriptor_", Input::descriptor_flag | Input::create_flag},
       {"c_", Input::c_flag},
       {"c_freeze_", Input::c_flag | Input::freeze_flag}}};
  for (std::uint8_t start = 0; start < specimen_count; ++start)
    for (const auto& [way, flags] : ways)
      files[way + std::string(name_of(static_cast<Kind>(start)))] =
          encode({.start = start, .flags = flags, .rest = every_operation()});
}

void add_lie(Files& files, Kind kind, const Telling& telling, const std::string& form = {},
             const std::vector<std::uint8_t>& operations = every_operation()) {
  Image image = specimen(kind).image;
  if (tell(specimen(kind), {telling}, image) == 0) return;
  std::string name(lie_name(telling.lie));
  name.append("_in_").append(name_of(kind)).append(form);
  files[name] = encode({.start = static_cast<std::uint8_t>(kind), .lies = {telling}, .rest = operations});
}

/// A form that differs from lie to lie, or its second one; of `doubling` so many levels that keys are too
/// many.
Telling form_of(Lie lie, Kind kind) {
  const auto number = static_cast<std::uint8_t>(lie);
  if (lie == Lie::doubling) return {lie, 0, 14};
  if (kind == Kind::full) return {lie, 2, 1};
  return {lie, number, number % 5U};
}

/// Of each lie a few forms, in the richest specimen and, of some, in the one that is full or frozen.
void add_lies(Files& files) {
  for (std::size_t index = 0; index < lie_count; ++index) {
    const auto lie = static_cast<Lie>(index);
    for (const Kind kind : {Kind::rich, Kind::full, Kind::frozen}) add_lie(files, kind, form_of(lie, kind));
  }
}

/// Forms that matter one by one: at the borders of heap and mapping, at the ends of what a count may be.
void add_borders(Files& files) {
  for (const Lie lie : {Lie::reference_below, Lie::node_beyond})
    for (std::uint32_t what = 0; what < 24; what += 4)
      for (const Kind kind : {Kind::rich, Kind::frozen})
        add_lie(files, kind, {lie, 0, what}, numbered("_", what));
  for (std::uint32_t what = 0; what < 16; what += 4)
    add_lie(files, Kind::rich, {Lie::reference_below, 0, what}, numbered("_stored_", what), every_store());
  for (std::uint32_t what = 0; what < 5; ++what)
    add_lie(files, Kind::full, {Lie::epoch, 1, what}, numbered("_end_", what), every_store());
  for (const Lie lie : {Lie::epoch, Lie::generation})
    for (std::uint32_t what = 0; what < 5; ++what)
      add_lie(files, Kind::rich, {lie, 1, what}, numbered("_end_", what));
}

/// A sound geometry, in which readers have to take turns.
void add_few_slots(Files& files) {
  for (const std::uint32_t slots : {1U, 2U, 3U})
    add_lie(files, Kind::rich, {Lie::reader_slots, 0, 6 * slots + 5}, numbered("_", slots));
}

/// What is worse the more a file claims to hold.
void add_vast_lies(Files& files) {
  for (const Lie lie : {Lie::frontier, Lie::free_page_marked_used, Lie::used_page_marked_free, Lie::summary,
                        Lie::reference_to_free, Lie::node_beyond})
    add_lie(files, Kind::vast, form_of(lie, Kind::vast));
  add_lie(files, Kind::vast, {Lie::cycle, 0, 13});  // an indexed node, by every byte
  add_lie(files, Kind::vast, {Lie::doubling, 0, 30});
}

/// The first bytes of a specimen, with and without the rest of the file behind them.
void add_raw(Files& files) {
  const auto bytes = specimen(Kind::empty).image.bytes();
  for (const std::size_t count : {0U, 7U, 8U, 84U, 144U}) {
    std::vector<std::uint8_t> head(count);
    if (count != 0) std::memcpy(head.data(), bytes.data(), count);
    for (const unsigned pages : {0U, 4U})
      files[numbered("raw_", count) + numbered("_", pages)] =
          encode({.start = Input::raw, .flags = static_cast<std::uint8_t>(pages << 4), .rest = head});
  }
  std::vector<std::uint8_t> making(8);
  std::memcpy(making.data(), &layout::magic_creating, making.size());
  for (const unsigned flags : {0x40U, 0x48U})
    files[numbered("raw_making_", flags)] =
        encode({.start = Input::raw, .flags = static_cast<std::uint8_t>(flags), .rest = making});
}

}  // namespace

std::map<std::string, std::vector<std::uint8_t>> first_inputs() {
  Files files;
  add_specimens(files);
  add_lies(files);
  add_borders(files);
  add_few_slots(files);
  add_vast_lies(files);
  add_raw(files);
  return files;
}

}  // namespace radish::image
