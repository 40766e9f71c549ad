// Lies: one place of a valid image says something else. One description for the fuzzer's mutator, which tells
// them at random, and for the test that has verify() name each kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "fuzz/image_specimen.h"

namespace radish::image {

enum class Lie : std::uint8_t {
  // superblock
  magic,
  format_version,
  feature_bits,
  capacity,
  consistent_capacity,  ///< a sound geometry of another length
  reader_slots,
  record_entries,
  region_offset,
  heap_pages,
  superblock_checksum,
  superblock_reserved,
  sealed_word,
  content_checksum,
  file_length,
  // lease and slots
  lease_checksum,
  lease_origin,  ///< another boot or namespace, with its checksum
  lease_reserved,
  writer_identity,
  view_identity,
  turn_identity,
  opener_identity,
  wait_words,  ///< wake sequence, waiters
  slots_high_water,
  slot_owner,
  slot_pin,
  slot_reserved,
  slots_behind,  ///< between the last slot and the record
  // record
  armed_word,
  record_reserved,
  armed_count,
  armed_generation,
  armed_target,
  armed_value,
  armed_frontier,
  armed_content,  ///< a sound record of one store that is a lie about the content
  sealed_and_armed,
  // roots
  root_reference,
  frontier,
  backed,
  epoch,
  generation,
  key_count,
  clean_mark,
  free_pages,
  waiting_head,
  waiting_tail,
  waiting_pages,
  condemned_head,
  condemned_epoch,
  partial_head,
  partial_head_of_no_class,
  roots_reserved,
  // page map
  used_page_marked_free,
  free_page_marked_used,
  page_beyond_marked_free,
  summary,
  behind_the_summary,
  // pages
  page_kind,
  size_class,
  run_pages,
  used_slot_marked_free,
  used_slot_marked_young,
  used_slot_marked_old,
  free_slot_marked_used,
  retired_slot_marked_used,
  retired_slot_marked_free,
  bit_of_no_slot,
  free_bit_of_no_slot,  ///< the only one of a page on a partial list
  no_free_slot,         ///< of a page on a partial list
  free_slots_only,      ///< a page in use of which nothing is
  young_epoch,
  old_epoch,
  waiting_next,
  partial_next,
  partial_previous,
  waiting_link_of_another,  ///< of a page that does not wait
  partial_link_of_another,  ///< of a page without free slots
  // nodes
  node_kind,
  leaf_length,
  leaf_padding,
  separator_count,
  prefix_length,
  separator_order,
  separator_twice,
  foreign_keys,  ///< a child begins with a byte that another one has the keys of
  node_padding,
  terminal_is_inner,
  terminal_has_rest,
  no_entries,
  own_terminal,  ///< a node of no bytes that is where its own key ends
  reference_outside,
  reference_below,  ///< to a sound node in bytes before the heap that an open leaves as they are
  node_beyond,      ///< in the last bytes below the frontier, and longer than they
  reference_into_a_block,
  reference_to_a_page,
  reference_to_free,
  reference_to_condemned,
  cycle,
  shared_subtree,
  doubling,  ///< a few nodes below each other, the next below both bytes of each: keys without number
  lost_subtree,
  link_in_the_tree,
  index_byte,
  indexed_header,
  node_over_a_header,
  // buckets
  bucket_state,
  bucket_capacity,
  bucket_prefix,
  bucket_bytes,
  bucket_reserved,
  bucket_padding,
  bucket_tag,
  bucket_end,
  bucket_lengths,
  bucket_key_twice,
  // condemned lists
  condemned_link,
  condemned_cycle,
  condemned_leaf,
  condemned_in_the_tree,
  condemned_child,
};
inline constexpr std::size_t lie_count = static_cast<std::size_t>(Lie::condemned_child) + 1;

/// A lie, where among the places that it can be told in (modulo their number), and which of its forms.
struct Telling {
  Lie lie = Lie::magic;
  std::uint8_t where = 0;
  std::uint32_t what = 0;

  bool operator==(const Telling&) const = default;
};

[[nodiscard]] std::string_view lie_name(Lie lie);

/// Tells the lies to a copy of the specimen's image and makes the checksums again. A lie that finds no place
/// in it is left out; how many were told.
std::size_t tell(const Specimen& specimen, const std::vector<Telling>& tellings, Image& image);

}  // namespace radish::image
