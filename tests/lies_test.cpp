// Every kind of lie that a file can tell, one at a time in a valid image: whoever is the first to look at it
// names it. A table, which says in which words.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "among_others.h"
#include "fuzz/image_lies.h"
#include "radish/tree.hpp"
#include "scratch.h"

namespace radish::tests {
namespace {

using image::Image;
using image::Kind;
using image::Lie;
using image::Specimen;
using image::specimen;

/// Who has to name the lie.
enum class By {
  open,      ///< an open, read-write
  readonly,  ///< an open of a frozen file, read-only
  verify,    ///< verify() behind an open that has not
  frozen,    ///< verify() behind a read-only open
  living,    ///< verify() of a handle that was open before: an open would put it right
  use,       ///< reads and mutations, each of which must say so: verify() is not asked
  beside,    ///< an open beside a handle that was open before
  nobody,    ///< an open puts it right and loses nothing; `words` is how it came out
};

struct Row {
  By by;
  Lie lie;
  std::string_view words;
  std::uint8_t where = 0;
  std::uint32_t what = 0;
  std::optional<Kind> start{};
};
void PrintTo(const Row& row, std::ostream* out) {
  *out << lie_name(row.lie) << " " << +row.where << " " << row.what;
}

constexpr Row door_rows[] = {
    {By::open, Lie::magic, "does not begin as a segment does"},
    {By::open, Lie::format_version, "another format version"},
    {By::open, Lie::feature_bits, "unknown feature bits"},
    {By::open, Lie::capacity, "the geometry contradicts itself"},
    {By::open, Lie::consistent_capacity, "the file is truncated"},
    {By::open, Lie::reader_slots, "the geometry contradicts itself", 0, 2},
    {By::open, Lie::record_entries, "the geometry contradicts itself"},
    {By::open, Lie::region_offset, "the geometry contradicts itself", 0},
    {By::open, Lie::region_offset, "the geometry contradicts itself", 1},
    {By::open, Lie::region_offset, "the geometry contradicts itself", 2},
    {By::open, Lie::region_offset, "the geometry contradicts itself", 3},
    {By::open, Lie::region_offset, "the geometry contradicts itself", 4},
    {By::open, Lie::heap_pages, "the geometry contradicts itself"},
    {By::open, Lie::superblock_checksum, "the superblock's checksum is wrong"},
    {By::open, Lie::superblock_reserved, "reserved bytes of the superblock are not zero", 0},
    {By::open, Lie::superblock_reserved, "reserved bytes of the superblock are not zero", 1},
    {By::open, Lie::superblock_reserved, "reserved bytes of the superblock are not zero", 2},
    {By::open, Lie::sealed_word, "the seal is neither there nor not"},
    {By::readonly, Lie::sealed_word, "the seal is neither there nor not"},
    {By::frozen, Lie::content_checksum, "the content is not what was sealed"},
    {By::open, Lie::file_length, "the file is truncated", 0, 0},
    {By::open, Lie::file_length, "the file is longer than its capacity", 0, 1},
    {By::nobody, Lie::lease_checksum, "healed"},
    {By::nobody, Lie::lease_origin, "healed", 0},
    {By::nobody, Lie::lease_origin, "healed", 1},
    {By::nobody, Lie::lease_origin, "healed", 2},
    {By::verify, Lie::lease_reserved, "reserved bytes of the lease are not zero", 0},
    {By::verify, Lie::lease_reserved, "reserved bytes of the lease are not zero", 1},
    {By::verify, Lie::lease_reserved, "reserved bytes of the lease are not zero", 2},
    {By::verify, Lie::lease_reserved, "reserved bytes of the lease are not zero", 3},
    {By::verify, Lie::lease_reserved, "reserved bytes of the lease are not zero", 4},
    {By::verify, Lie::lease_reserved, "reserved bytes of the lease are not zero", 5},
    {By::nobody, Lie::writer_identity, "recovered"},
    {By::nobody, Lie::view_identity, "attached"},
    {By::nobody, Lie::turn_identity, "attached"},
    {By::nobody, Lie::opener_identity, "attached"},
    {By::nobody, Lie::wait_words, "attached", 0},
    {By::nobody, Lie::wait_words, "attached", 1},
    {By::nobody, Lie::slots_high_water, "attached", 0, 3},
    {By::nobody, Lie::slot_owner, "attached"},
    {By::nobody, Lie::slot_pin, "attached"},
    {By::nobody, Lie::slot_reserved, "attached"},
    {By::living, Lie::slot_reserved, "reserved bytes of a slot are not zero"},
    {By::verify, Lie::slots_behind, "bytes behind the last slot are not zero"},
    {By::open, Lie::armed_word, "the redo record's armed word is neither"},
    {By::verify, Lie::record_reserved, "reserved bytes of the record are not zero", 0},
    {By::verify, Lie::record_reserved, "reserved bytes of the record are not zero", 1},
    {By::open, Lie::armed_count, "the redo record counts too many entries"},
    {By::open, Lie::armed_generation, "the redo record's generation is not the next"},
    {By::open, Lie::armed_target, "a redo entry points outside roots and heap", 0},
    {By::open, Lie::armed_target, "a redo entry points outside roots and heap", 1},
    {By::open, Lie::armed_target, "a redo entry points outside roots and heap", 2},
    {By::open, Lie::armed_target, "a redo entry points outside roots and heap", 3},
    {By::open, Lie::armed_target, "a redo entry points outside roots and heap", 4},
    {By::open, Lie::armed_target, "a redo entry points outside roots and heap", 5},
    {By::open, Lie::armed_target, "a redo entry points outside roots and heap", 6},
    {By::open, Lie::armed_target, "a redo entry points outside roots and heap", 7},
    {By::open, Lie::armed_value, "a redo entry points outside roots and heap"},
    {By::open, Lie::armed_frontier, "a redo entry points outside roots and heap", 0},
    {By::open, Lie::armed_frontier, "a redo entry points outside roots and heap", 1},
    {By::verify, Lie::armed_content, "the count of keys is not the number of keys"},
    {By::beside, Lie::lease_checksum, "the lease is unreadable while others are attached"},
    {By::beside, Lie::lease_origin, "another pid or time namespace", 1},
    {By::beside, Lie::armed_target, "a redo entry points outside roots and heap"},
    {By::beside, Lie::armed_count, "the redo record counts too many entries"},
    {By::beside, Lie::armed_word, "the redo record's armed word is neither"},
    {By::open, Lie::sealed_and_armed, "sealed with an armed record"},
    {By::readonly, Lie::sealed_and_armed, "sealed with an armed record"},
};

constexpr Row heap_rows[] = {
    {By::open, Lie::root_reference, "the root lies outside the heap", 0, 3},
    {By::verify, Lie::root_reference, "the count of keys is not the number of keys", 0, 2},
    {By::open, Lie::frontier, "the frontier lies outside the heap", 0, 2},
    {By::open, Lie::frontier, "the frontier lies outside the heap", 0, 3},
    {By::verify, Lie::frontier, "a page in use has no sound header"},
    {By::open, Lie::backed, "the backing ends outside the heap", 0, 2},
    {By::open, Lie::backed, "the backing ends outside the heap", 0, 3},
    {By::open, Lie::epoch, "nodes were condemned in an epoch to come", 0, 2},
    {By::open, Lie::epoch, "the epoch is out of bounds", 0, 3},
    {By::nobody, Lie::epoch, "attached", 1, 2},
    {By::nobody, Lie::epoch, "attached", 1, 3},
    {By::open, Lie::epoch, "the epoch is out of bounds", 1, 4},
    {By::nobody, Lie::generation, "attached", 1, 3},
    {By::open, Lie::generation, "the generation is out of bounds", 1, 4},
    {By::beside, Lie::frontier, "the frontier lies outside the heap", 0, 2},
    {By::beside, Lie::epoch, "the epoch is out of bounds", 0, 3},
    {By::beside, Lie::generation, "the generation is out of bounds", 0, 3},
    {By::open, Lie::generation, "the generation is out of bounds", 0, 2},
    {By::open, Lie::generation, "the generation is out of bounds", 0, 3},
    {By::verify, Lie::key_count, "the count of keys is not the number of keys"},
    {By::open, Lie::key_count, "more keys are counted than the heap can hold", 0, 3},
    {By::frozen, Lie::clean_mark, "sealed without the clean mark", 0, 2},
    {By::open, Lie::clean_mark, "the clean mark is neither there nor not", 0, 3},
    {By::verify, Lie::free_pages, "the number of free pages is wrong"},
    {By::verify, Lie::waiting_head, "a page with retired slots is not on the waiting list", 0, 2},
    {By::verify, Lie::waiting_head, "a page number lies outside the heap", 0, 3},
    {By::verify, Lie::waiting_tail, "the waiting list's tail is not its last page"},
    {By::verify, Lie::waiting_pages, "the number of waiting pages is wrong"},
    {By::verify, Lie::condemned_head, "a block in use is reached from nowhere", 0, 2},
    {By::verify, Lie::condemned_head, "a block in use is reached from nowhere", 1, 2},
    {By::verify, Lie::condemned_head, "a block in use is reached from nowhere", 2, 2},
    {By::verify, Lie::condemned_head, "a reference points outside the heap", 0, 3},
    {By::open, Lie::condemned_epoch, "nodes were condemned in an epoch to come", 0, 3},
    {By::open, Lie::condemned_epoch, "nodes were condemned in an epoch to come", 1, 3},
    {By::verify, Lie::partial_head, "a page with free slots is not on its partial list", 0, 2},
    {By::verify, Lie::partial_head, "a page number lies outside the heap", 0, 3},
    {By::verify, Lie::partial_head_of_no_class, "there is a partial list of no class"},
    {By::verify, Lie::roots_reserved, "reserved bytes of the roots are not zero", 0},
    {By::verify, Lie::roots_reserved, "reserved bytes of the roots are not zero", 1},
    {By::verify, Lie::roots_reserved, "reserved bytes of the roots are not zero", 2},
    {By::verify, Lie::roots_reserved, "reserved bytes of the roots are not zero", 3},
    {By::verify, Lie::roots_reserved, "reserved bytes of the roots are not zero", 4},
    {By::verify, Lie::used_page_marked_free, "a block lies outside every page in use"},
    {By::verify, Lie::used_page_marked_free, "a page of a run is marked free", 0, 3, Kind::full},
    {By::verify, Lie::free_page_marked_used, "a page in use has no sound header", 1},
    {By::verify, Lie::page_beyond_marked_free, "the page map marks pages outside the heap", 0},
    {By::verify, Lie::page_beyond_marked_free, "the page map marks pages outside the heap", 1},
    {By::verify, Lie::page_beyond_marked_free, "the page map marks pages outside the heap", 2},
    {By::verify, Lie::page_beyond_marked_free, "the page map marks pages outside the heap", 2, 1},
    {By::verify, Lie::summary, "the page map's summary is wrong"},
    {By::verify, Lie::behind_the_summary, "the page map's summary is wrong"},
    {By::verify, Lie::page_kind, "a block lies outside every page in use", 0, 2},
    {By::verify, Lie::size_class, "a block lies in a page of another size", 3, 0},
    {By::verify, Lie::run_pages, "a block lies outside every page in use", 0, 0},
    {By::verify, Lie::run_pages, "a block lies in a page of another size", 0, 7, Kind::full},
    {By::verify, Lie::used_slot_marked_free, "a block in use is marked free or retired"},
    {By::verify, Lie::used_slot_marked_young, "a block in use is marked free or retired"},
    {By::verify, Lie::used_slot_marked_old, "a block in use is marked free or retired"},
    {By::verify, Lie::free_slot_marked_used, "a block in use is reached from nowhere"},
    {By::verify, Lie::retired_slot_marked_used, "a block in use is reached from nowhere"},
    {By::verify, Lie::retired_slot_marked_free, "a slot is free and retired, or retired twice"},
    {By::verify, Lie::bit_of_no_slot, "a bitmap names no slot", 0, 0},
    {By::verify, Lie::bit_of_no_slot, "a bitmap names no slot", 0, 2},
    {By::verify, Lie::bit_of_no_slot, "a bitmap names no slot", 0, 4},
    {By::verify, Lie::free_bit_of_no_slot, "a block in use is reached from nowhere"},
    {By::verify, Lie::no_free_slot, "a block in use is reached from nowhere"},
    {By::verify, Lie::free_slots_only, "a page in use has free slots only"},
    {By::verify, Lie::young_epoch, "slots of a page were retired in an epoch to come", 0, 3},
    {By::verify, Lie::old_epoch, "slots of a page were retired in an epoch to come", 0, 3},
    {By::verify, Lie::waiting_next, "a page with retired slots is not on the waiting list", 0, 2},
    {By::verify, Lie::waiting_next, "a page is on the waiting list where it does not belong", 0, 16},
    {By::verify, Lie::waiting_next, "the waiting list goes on behind its last page", 15, 0},
    {By::verify, Lie::partial_next, "a page is on a partial list where it does not belong", 9, 0},
    {By::verify, Lie::partial_next, "a partial list goes on behind its last page", 19, 0},
    {By::verify, Lie::waiting_link_of_another,
     "a page without retired slots is linked into the waiting list"},
    {By::verify, Lie::partial_link_of_another, "a page without free slots is linked into a partial list", 0,
     0},
    {By::verify, Lie::partial_link_of_another, "a page without free slots is linked into a partial list", 0,
     1},
    {By::verify, Lie::partial_next, "a page with free slots is not on its partial list", 0, 2},
    {By::verify, Lie::partial_previous, "names another one as the one before it", 1, 2},
};

constexpr Row tree_rows[] = {
    {By::verify, Lie::node_kind, "a node of no known kind", 0, 11},
    {By::verify, Lie::leaf_length, "a block lies in a page of another size", 0, 68},
    {By::verify, Lie::leaf_length, "a key longer than any key", 0, 6},
    {By::verify, Lie::leaf_padding, "a leaf is not padded with zeros"},
    {By::verify, Lie::separator_count, "a node of no possible shape", 0, 3},
    {By::verify, Lie::prefix_length, "a block lies in a page of another size", 0, 5 + 6 * 900},
    {By::verify, Lie::separator_order, "a node's separators do not ascend"},
    {By::verify, Lie::separator_twice, "a node's separators do not ascend"},
    {By::verify, Lie::foreign_keys, "another child's", 0, 3},
    {By::verify, Lie::node_padding, "a node is not padded with zeros"},
    {By::verify, Lie::terminal_is_inner, "a terminal is no leaf"},
    {By::verify, Lie::terminal_has_rest, "a terminal leaf has a rest", 1},
    {By::verify, Lie::no_entries, "an inner node without an entry"},
    {By::verify, Lie::own_terminal, "a block lies in a page of another size"},
    {By::verify, Lie::reference_outside, "a reference points outside the heap"},
    {By::verify, Lie::reference_outside, "a reference points outside the heap", 0, 4},
    {By::use, Lie::reference_outside, "a reference points outside the heap"},
    {By::verify, Lie::reference_below, "a reference points outside the heap"},
    {By::use, Lie::reference_below, "a reference points outside the heap", 0, 0},   // in the record, a leaf
    {By::use, Lie::reference_below, "a reference points outside the heap", 1, 1},   // a sparse node
    {By::use, Lie::reference_below, "a reference points outside the heap", 0, 2},   // an indexed one
    {By::use, Lie::reference_below, "a reference points outside the heap", 0, 3},   // a bucket
    {By::use, Lie::reference_below, "a reference points outside the heap", 1, 0},   // a terminal
    {By::use, Lie::reference_below, "a reference points outside the heap", 0, 4},   // in the roots
    {By::use, Lie::reference_below, "a reference points outside the heap", 0, 8},   // in the lease
    {By::use, Lie::reference_below, "a reference points outside the heap", 0, 12},  // behind the page map
    {By::verify, Lie::node_beyond, "a leaf reaches beyond the frontier", 0, 0},
    {By::verify, Lie::node_beyond, "a node reaches beyond the frontier", 0, 4},
    {By::verify, Lie::node_beyond, "a bucket reaches beyond the frontier", 0, 8},
    {By::use, Lie::node_beyond, "a leaf reaches beyond the frontier", 0, 0},
    {By::use, Lie::node_beyond, "a node reaches beyond the frontier", 0, 4},
    {By::use, Lie::node_beyond, "a bucket reaches beyond the frontier", 0, 8},
    {By::use, Lie::node_beyond, "a leaf reaches beyond the frontier", 0, 12},
    {By::use, Lie::node_beyond, "a node reaches beyond the frontier", 0, 16},
    {By::use, Lie::node_beyond, "a bucket reaches beyond the frontier", 0, 20},
    {By::use, Lie::terminal_is_inner, "no leaf where one must be"},
    {By::use, Lie::terminal_has_rest, "a terminal leaf has a rest", 1, 1},
    {By::use, Lie::separator_count, "a node of no possible shape", 0, 3},
    {By::use, Lie::node_kind, "a node of no known kind", 0, 11},
    {By::verify, Lie::reference_into_a_block, "a node of no known kind"},
    {By::verify, Lie::reference_to_a_page, "a block does not start at a slot", 3, 1},
    {By::verify, Lie::reference_to_free, "a block in use is marked free or retired"},
    {By::verify, Lie::reference_to_condemned, "a node of the tree is linked as a condemned one"},
    {By::verify, Lie::cycle, "a block is reached twice", 0, 1},
    {By::verify, Lie::cycle, "a block is reached twice", 0, 0},
    {By::verify, Lie::shared_subtree, "a block is reached twice", 5, 1},
    {By::verify, Lie::shared_subtree, "a block is reached twice", 0, 4},
    {By::verify, Lie::doubling, "a block lies in a page of another size", 0, 14},
    {By::verify, Lie::lost_subtree, "the count of keys is not the number of keys"},
    {By::verify, Lie::link_in_the_tree, "a node of the tree is linked as a condemned one"},
    {By::verify, Lie::index_byte, "a node's index does not count its separators"},
    {By::verify, Lie::indexed_header, "a node of no possible shape", 0, 2},
    {By::verify, Lie::node_over_a_header, "a block lies in a page of another size"},
    {By::verify, Lie::bucket_state, "a bucket's state is none of its own", 0, 2},
    {By::verify, Lie::bucket_state, "a bucket's state is none of its own", 0, 3},
    {By::use, Lie::bucket_state, "a bucket's state is none of its own", 0, 3},
    {By::verify, Lie::bucket_capacity, "a bucket of no possible shape", 0, 2},
    {By::use, Lie::bucket_capacity, "a bucket of no possible shape", 0, 3},
    {By::verify, Lie::bucket_prefix, "a bucket of no possible shape", 0, 3},
    {By::verify, Lie::bucket_bytes, "a bucket of no possible shape", 0, 3},
    {By::verify, Lie::bucket_bytes, "a block lies in a page of another size", 0, 5 + 6 * 1800},
    {By::verify, Lie::bucket_reserved, "a bucket's state is none of its own"},
    {By::verify, Lie::bucket_padding, "a bucket is not padded with zeros"},
    {By::verify, Lie::bucket_tag, "an entry's tag is not that of its suffix"},
    {By::verify, Lie::bucket_end, "a suffix reaches beyond its bucket", 0, 3},
    {By::verify, Lie::bucket_lengths, "a bucket does not say how long a suffix is"},
    {By::verify, Lie::bucket_key_twice, "a bucket holds a key twice"},
    {By::verify, Lie::condemned_link, "a reference points outside the heap", 0, 3},
    {By::verify, Lie::condemned_cycle, "a block is reached twice"},
    {By::verify, Lie::condemned_leaf, "no inner node where one must be"},
    {By::verify, Lie::condemned_in_the_tree, "a block is reached twice"},
    {By::verify, Lie::condemned_child, "a block is reached twice"},
};

/// Every kind of lie is in the table.
consteval bool every_lie_has_a_row() {
  bool seen[image::lie_count] = {};
  const auto see = [&](const auto& rows) {
    for (const Row& row : rows) seen[static_cast<std::size_t>(row.lie)] = true;
  };
  see(door_rows);
  see(heap_rows);
  see(tree_rows);
  return std::ranges::all_of(seen, [](bool one) { return one; });
}
static_assert(every_lie_has_a_row());

void write_image(const std::string& path, const Image& image) {
  const auto bytes = image.bytes();
  write_file(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(image.file_bytes)), 0);
}

std::string_view outcome_name(Outcome outcome) {
  constexpr std::string_view names[] = {"?", "created", "attached", "recovered", "healed"};
  return names[static_cast<std::size_t>(outcome)];
}

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "nothing wrong" : result.error().message;
}

class LiesTest : public ::testing::TestWithParam<Row> {
 protected:
  [[nodiscard]] static const Specimen& truth() {
    const bool frozen = GetParam().by == By::readonly || GetParam().by == By::frozen;
    return specimen(GetParam().start.value_or(frozen ? Kind::frozen : Kind::rich));
  }
  /// The specimen with the lie, and in the file.
  Image told() {
    Image image = truth().image;
    EXPECT_EQ(image::tell(truth(), {{GetParam().lie, GetParam().where, GetParam().what}}, image), 1U)
        << "there is no place for the lie";
    return image;
  }
  Result<Tree> open() { return Tree::open(path_, {.must_exist = true}); }

  void named_by_open(const Result<Tree>& tree) {
    ASSERT_FALSE(tree);
    EXPECT_NE(tree.error().message.find(GetParam().words), std::string::npos) << tree.error().message;
  }
  void named_by_verify(const Result<Tree>& tree) {
    ASSERT_TRUE(tree) << tree.error().message;
    const auto verified = tree->verify();
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, Code::corrupt);
    EXPECT_NE(verified.error().message.find(GetParam().words), std::string::npos) << verified.error().message;
  }
  template <class T>
  [[nodiscard]] static bool names_it(const Result<T>& answer) {
    return !answer && answer.error().code == Code::corrupt &&
           answer.error().message.find(GetParam().words) != std::string::npos;
  }
  /// A key that is there in truth, and that the lie keeps from being found.
  std::string key_that_meets_it(const Tree& tree) {
    for (const std::string& key : truth().keys) {
      const auto found = tree.find(key);
      if (found) continue;
      EXPECT_TRUE(names_it(found)) << found.error().message;
      return key;
    }
    ADD_FAILURE() << "every key is found";
    return {};
  }
  void named_by_use(Result<Tree> tree) {
    ASSERT_TRUE(tree) << tree.error().message;
    const std::string key = key_that_meets_it(*tree);
    EXPECT_TRUE(names_it(tree->longest_prefix(key)));
    EXPECT_TRUE(names_it(find_among_others(*tree, key)));
    EXPECT_TRUE(names_it(longest_prefix_among_others(*tree, key)));
    EXPECT_TRUE(names_it(tree->prefixes(key)));
    EXPECT_TRUE(names_it(tree->insert(key, 1))) << message_of(tree->insert(key, 1));
    EXPECT_TRUE(names_it(tree->fetch_add(key, 1)));
    EXPECT_TRUE(names_it(tree->erase(key)));
    for (const bool forward : {true, false}) {
      auto cursor = tree->cursor();
      if (!forward) cursor->seek_end();
      auto entry = forward ? cursor->next() : cursor->previous();
      while (entry && *entry) entry = forward ? cursor->next() : cursor->previous();
      ASSERT_FALSE(entry);
      EXPECT_EQ(entry.error().code, Code::corrupt) << entry.error().message;
    }
  }
  /// Changes the file under an open handle.
  Result<Tree> open_and_tell() {
    write_image(path_, truth().image);
    auto tree = open();
    const Image lying = told();
    if (!tree) return tree;
    void* base =
        mmap(nullptr, lying.bytes().size(), PROT_READ | PROT_WRITE, MAP_SHARED, tree->descriptor(), 0);
    if (base == MAP_FAILED) throw std::runtime_error("mmap");
    for (std::size_t at = 0; at < lying.bytes().size(); ++at)
      if (lying.bytes()[at] != truth().image.bytes()[at])
        static_cast<std::byte*>(base)[at] = lying.bytes()[at];
    munmap(base, lying.bytes().size());
    return tree;
  }
  void named_beside() {
    const auto living = open_and_tell();
    ASSERT_TRUE(living) << living.error().message;
    named_by_open(open());
    named_by_open(Tree::open_descriptor(living->descriptor()));
  }
  void put_right() {
    const auto tree = open();
    ASSERT_TRUE(tree) << tree.error().message;
    EXPECT_EQ(outcome_name(tree->outcome()), GetParam().words);
    EXPECT_TRUE(tree->verify()) << message_of(tree->verify());
    Image copy = truth().image;
    EXPECT_EQ(tree->count().value_or(0), copy.roots().key_count);
  }

  ScratchDirectory scratch_;
  std::string path_ = scratch_.file("lying");
};

TEST_P(LiesTest, IsNamed) {
  if (GetParam().by == By::living) return named_by_verify(open_and_tell());
  if (GetParam().by == By::beside) return named_beside();
  write_image(path_, told());
  switch (GetParam().by) {
    case By::open:
      return named_by_open(open());
    case By::readonly:
      return named_by_open(Tree::open_readonly(path_));
    case By::verify:
      return named_by_verify(open());
    case By::frozen:
      return named_by_verify(Tree::open_readonly(path_));
    case By::nobody:
      return put_right();
    case By::use:
      return named_by_use(open());
    case By::beside:
    case By::living:
      break;
  }
}

std::string row_name(const ::testing::TestParamInfo<Row>& info) {
  std::string name = std::string(lie_name(info.param.lie)) + "_" + std::to_string(info.index);
  return name;
}
INSTANTIATE_TEST_SUITE_P(Door, LiesTest, ::testing::ValuesIn(door_rows), row_name);
INSTANTIATE_TEST_SUITE_P(Heap, LiesTest, ::testing::ValuesIn(heap_rows), row_name);
INSTANTIATE_TEST_SUITE_P(Tree, LiesTest, ::testing::ValuesIn(tree_rows), row_name);

class TruthTest : public ::testing::TestWithParam<Kind> {};

TEST_P(TruthTest, IsWhole) {
  const ScratchDirectory scratch;
  Image image = specimen(GetParam()).image;
  write_image(scratch.file("true"), image);
  const bool frozen = image.superblock().sealed != 0;
  const auto tree = frozen ? Tree::open_readonly(scratch.file("true")) : Tree::open(scratch.file("true"));
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_TRUE(tree->verify()) << message_of(tree->verify());
  EXPECT_EQ(outcome_name(tree->outcome()), GetParam() == Kind::armed ? "recovered" : "attached");
}

std::string kind_name(const ::testing::TestParamInfo<Kind>& info) { return std::string(name_of(info.param)); }
INSTANTIATE_TEST_SUITE_P(Specimens, TruthTest,
                         ::testing::Values(Kind::empty, Kind::single, Kind::words, Kind::rich, Kind::full,
                                           Kind::frozen, Kind::armed, Kind::vast),
                         kind_name);

/// Else some lies would find no place.
TEST(SpecimenTest, RichOneHasSomethingOfEverything) {
  const image::Index& index = specimen(Kind::rich).index;
  Image image = specimen(Kind::rich).image;
  EXPECT_GE(index.leaves.size(), 4U);
  EXPECT_GE(index.buckets.size(), 4U);
  EXPECT_GE(index.indexed.size(), 1U);
  EXPECT_GE(index.sparse.size(), 4U);
  EXPECT_GE(index.terminals.size(), 4U);
  EXPECT_GE(index.runs.size(), 2U);
  EXPECT_GE(index.free_pages.size(), 2U);
  EXPECT_GE(index.partial.size(), 2U);
  EXPECT_GE(index.waiting.size(), 2U);
  EXPECT_NE(image.roots().condemned_ready, 0U);
  EXPECT_NE(image.roots().condemned_old, 0U);
  EXPECT_NE(image.roots().condemned_young, 0U);
  bool young_and_old = false;
  for (const std::uint64_t page : index.waiting)
    young_and_old |= (image.page(page).young[0] | image.page(page).young[1]) != 0 &&
                     (image.page(page).old[0] | image.page(page).old[1]) != 0;
  EXPECT_TRUE(young_and_old);
}

}  // namespace
}  // namespace radish::tests
