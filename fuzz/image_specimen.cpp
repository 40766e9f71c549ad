#include "fuzz/image_specimen.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>

#include "fuzz/image_index.h"
#include "radish/tree.hpp"
#include "segment/crc32c.h"
#include "sync/attachment.h"

namespace radish::image {
namespace {

constexpr std::uint32_t reader_slots = 16;
using Keys = std::vector<std::string>;

void must(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("a specimen cannot be built: ") + what);
}

/// A tree in the making, and the reader whose pin keeps what is retired from being given back.
class Studio {
 public:
  explicit Studio(std::uint64_t capacity_bytes) {
    auto tree =
        Tree::create_memfd("specimen", {.capacity_bytes = capacity_bytes, .reader_slots = reader_slots});
    must(tree.has_value(), "create");
    tree_.emplace(std::move(*tree));
  }

  [[nodiscard]] Tree& tree() { return *tree_; }
  void insert(const std::string& key) {
    must(tree_->insert(key, key.size() * 1000 + 7).has_value(), "insert");
    keys_.push_back(key);
  }
  void erase(const std::string& key) { must(tree_->erase(key).value_or(false), "erase"); }
  void erase_prefix(const std::string& prefix) {
    must(tree_->erase_prefix(prefix).value_or(0) > 1, "erase_prefix");
  }
  void pin() {
    segment::OpenRequest request;
    request.identity = sync::own_identity().value_or(0);
    request.origin = sync::own_origin().value_or(layout::LeaseOrigin{});
    auto opening = segment::open_descriptor(tree_->descriptor(), request);
    must(opening.has_value(), "second attachment");
    auto own = std::move(*opening).finish();
    must(own.has_value(), "second attachment");
    reader_ = std::make_shared<sync::Attachment>(std::move(*own), 0);
    auto taken = sync::Pin::take(*reader_);
    must(taken.has_value(), "pin");
    pin_.emplace(std::move(*taken));
  }
  void unpin() {
    pin_.reset();
    reader_.reset();
  }
  /// Closes the tree; what is left is the file.
  [[nodiscard]] Image finish() {
    unpin();
    must(tree_->verify().has_value(), "it is not valid");
    const int file = dup(tree_->descriptor());
    const auto stats = tree_->stats();
    must(stats.has_value(), "figures");
    tree_.reset();
    std::vector<std::byte> bytes(stats->capacity_bytes);
    const bool read = pread(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
    close(file);
    must(read, "read");
    return Image(std::move(bytes));
  }
  [[nodiscard]] Keys& keys() { return keys_; }

 private:
  std::optional<Tree> tree_;
  std::shared_ptr<sync::Attachment> reader_;
  std::optional<sync::Pin> pin_;
  Keys keys_;
};

Specimen complete(Image image, Keys keys) {
  Index index = index_of(image);
  return {std::move(image), std::move(index), std::move(keys)};
}

Specimen make_empty() {
  return complete(Studio(layout::capacity_bytes_min).finish(), {"", "a", std::string(2500, 'e')});
}

Specimen make_single() {
  Studio studio(layout::capacity_bytes_min);
  studio.insert("alone at the root");
  Image image = studio.finish();
  return complete(std::move(image), std::move(studio.keys()));
}

const char* const word_list[] = {"",    "r",      "romane", "romanus",  "romulus",
                                 "rub", "rubens", "ruber",  "rubicon",  "rubicundus",
                                 "s",   "smile",  "t\xff",  "t\xff\x01"};

/// So long that it shares a bucket with no other like it: a few of them make nodes.
std::string tall(std::string key) { return key.append(520, 't'); }

/// A bucket, leaves, and nodes with terminals.
void insert_words(Studio& studio) {
  for (const char* word : word_list) {
    studio.insert(word);
    studio.insert(tall(word));
  }
  for (const char* word : {"romane", "rubicundus", "s"}) studio.insert(tall(tall(word)));
}

Specimen make_words() {
  Studio studio(layout::capacity_bytes_min);
  insert_words(studio);
  studio.erase(tall("smile"));
  Image image = studio.finish();
  return complete(std::move(image), std::move(studio.keys()));
}

/// A subtree of sparse nodes: a root with so many children, each with two leaves.
void insert_family(Studio& studio, const std::string& prefix, int children) {
  for (int child = 0; child < children; ++child)
    for (const char* end : {"left", "right"})
      studio.insert(tall(prefix + static_cast<char>('A' + child) + end));
}

/// A node with so many leaves that it is indexed.
void insert_indexed(Studio& studio) {
  for (int byte = 0; byte < 52; ++byte) studio.insert(tall({'d', static_cast<char>(byte * 4)}));
}

std::string numbered(char letter, int number, std::size_t bytes) {
  std::string key(1, letter);
  key += std::to_string(number);
  return key.append(bytes, letter);
}
/// Seven of them fill a page.
std::string numbered(int number) { return numbered('n', number * 7919, 520); }

void insert_common(Studio& studio) {
  insert_words(studio);
  insert_indexed(studio);
  studio.insert("d");
  studio.insert(std::string{'d', 8, 'x', 'y'});
  studio.insert("long " + std::string(2500, 'k'));
  studio.insert("longer " + std::string(6000, 'k'));
  for (int number = 0; number < 80; ++number) studio.insert(numbered(number));
}

Specimen make_rich() {
  Studio studio(320 << 10);
  insert_common(studio);
  insert_family(studio, "ready ", 24);
  insert_family(studio, "old ", 6);
  insert_family(studio, "young ", 6);
  for (const char* name : {"gone 1 ", "gone 2 "}) studio.insert(name + std::string(9000, 'g'));
  for (int number = 0; number < 80; number += 3) studio.erase(numbered(number));
  studio.pin();
  // Old in the housekeeping behind it, for as long as the pin is there; the next one stays young.
  studio.erase_prefix("ready ");
  studio.erase_prefix("old ");
  for (const int number : {1, 4, 22, 25}) studio.erase(numbered(number));
  studio.unpin();
  studio.erase("gone 1 " + std::string(9000, 'g'));  // and what was old becomes ready, what was young old
  studio.erase("gone 2 " + std::string(9000, 'g'));
  studio.insert("takes a page " + std::string(2500, 'p'));  // and gives the runs' pages back
  studio.pin();
  for (const int number : {7, 10, 40, 43}) studio.erase(numbered(number));
  studio.insert("takes another " + std::string(2500, 'p'));  // and what was retired grows old
  studio.erase_prefix("young ");
  for (const int number : {2, 13, 46, 61}) studio.erase(numbered(number));
  Image image = studio.finish();
  return complete(std::move(image), std::move(studio.keys()));
}

Specimen make_full() {
  Studio studio(layout::capacity_bytes_min);
  insert_family(studio, "cut ", 12);
  studio.insert("long " + std::string(6000, 'k'));
  for (int number = 0; number < 20; ++number) studio.insert(numbered(number));
  for (const std::size_t bytes : {6000U, 2500U, 900U, 300U, 60U, 1U})
    for (int number = 0; studio.tree().insert(numbered('f', number, bytes), 1); ++number)
      studio.keys().push_back(numbered('f', number, bytes));
  studio.pin();
  studio.erase_prefix("cut ");
  for (int number = 0; number < 20; number += 3) studio.erase(numbered(number));
  Image image = studio.finish();
  return complete(std::move(image), std::move(studio.keys()));
}

/// Free pages hold anything: of this image, holes.
Image with_holes(const Image& image) {
  std::vector<std::byte> bytes(image.bytes().begin(), image.bytes().end());
  Image map = image;
  for (std::uint64_t page = 0; page < map.roots().frontier; ++page)
    if ((map.map_word(page / 64) >> page % 64 & 1) != 0)
      std::memset(bytes.data() + page * layout::page_bytes, 0, layout::page_bytes);
  return Image(bytes);
}

Specimen make_vast() {
  constexpr std::uint64_t capacity_bytes = 16 << 20;
  Studio studio(capacity_bytes);
  constexpr int fillers = 262;
  for (int number = 0; number < fillers; ++number)
    must(studio.tree().insert(numbered('v', number, 60000), 1).has_value(), "insert");
  insert_words(studio);
  insert_indexed(studio);
  insert_family(studio, "young ", 6);
  for (int number = 0; number < fillers; ++number) studio.erase(numbered('v', number, 60000));
  for (int number = 0; number < fillers; ++number)
    studio.insert(numbered('w', number, 2500));  // gives pages back
  for (int number = 1; number < fillers; ++number) studio.erase(numbered('w', number, 2500));
  studio.insert("takes a page " + std::string(2500, 'p'));
  studio.pin();
  studio.erase_prefix("young ");
  Image image = with_holes(studio.finish());
  must(image.roots().frontier > 3900 && image.roots().free_pages > 3000, "free pages below the frontier");
  return complete(std::move(image), std::move(studio.keys()));
}

Specimen make_frozen() {
  Studio studio(layout::capacity_bytes_min);
  insert_words(studio);
  must(studio.tree().freeze().has_value(), "freeze");
  Image image = studio.finish();
  return complete(std::move(image), std::move(studio.keys()));
}

/// What differs in roots, page map and heap, as stores.
std::vector<layout::RecordEntry> difference(const Image& before, const Image& after) {
  std::vector<layout::RecordEntry> entries;
  for (Offset offset = before.geometry().roots_offset; offset < before.bytes().size(); offset += 8) {
    std::uint64_t was = 0, is = 0;
    std::memcpy(&was, before.bytes().data() + offset, sizeof was);
    std::memcpy(&is, after.bytes().data() + offset, sizeof is);
    if (was != is) entries.push_back({offset << 4 | 8, is});
  }
  return entries;
}

/// The words before their last erasure, with all that it stores in the record.
Specimen make_armed() {
  Studio studio(layout::capacity_bytes_min);
  insert_words(studio);
  Image after = specimen(Kind::words).image;
  Image before = studio.finish();
  const auto entries = difference(before, after);
  must(!entries.empty() && entries.size() <= before.geometry().record_entries, "a record of that length");
  for (std::uint32_t index = 0; index < entries.size(); ++index) before.entry(index) = entries[index];
  before.record().entry_count = static_cast<std::uint32_t>(entries.size());
  before.record().takeover_generation = before.roots().generation + 1;
  before.record().armed = layout::armed_mark;
  before.lease().writer = 1;  // nobody's identity any more
  return complete(std::move(before), std::move(studio.keys()));
}

Specimen make(Kind kind) {
  switch (kind) {
    case Kind::empty:
      return make_empty();
    case Kind::single:
      return make_single();
    case Kind::words:
      return make_words();
    case Kind::rich:
      return make_rich();
    case Kind::full:
      return make_full();
    case Kind::frozen:
      return make_frozen();
    case Kind::vast:
      return make_vast();
    case Kind::armed:
      break;
  }
  return make_armed();
}

}  // namespace

namespace {

constexpr std::size_t node_bytes_max = 70'000;  // of the largest that a header can claim

}  // namespace

Image::Image(std::span<const std::byte> bytes)
    : file_bytes(bytes.size()), pages_(bytes, node_bytes_max), geometry_{} {
  geometry_ = superblock().geometry;
}

void Image::remake_checksums() {
  layout::Superblock& block = superblock();
  block.checksum = segment::superblock_checksum(block.geometry);
  if (block.sealed != layout::sealed_mark) return;
  const std::uint64_t pages = std::min(roots().frontier, geometry_.capacity_bytes / layout::page_bytes);
  const Offset end = std::max(pages * layout::page_bytes, geometry_.heap_offset);
  block.content_checksum =
      segment::crc32c(0, bytes().data() + geometry_.roots_offset, end - geometry_.roots_offset);
}

const Specimen& specimen(Kind kind) {
  static std::array<std::unique_ptr<const Specimen>, specimen_count> made;
  auto& one = made[static_cast<std::size_t>(kind)];
  if (!one) one = std::make_unique<const Specimen>(make(kind));
  return *one;
}

}  // namespace radish::image
