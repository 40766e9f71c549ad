#include "table.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

namespace radish::toy {
namespace {

constexpr unsigned time_bits = 40;

/// Of a process that lives; 0 of any other.
Word identity_of(pid_t process) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", process);
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return 0;
  char text[1024];
  const std::size_t bytes = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  text[bytes] = '\0';
  const char* behind_name = std::strrchr(text, ')');
  char state = 'X';
  unsigned long long started = 0;
  // The state is the third field, the time of the start the 22nd.
  constexpr const char* fields =
      ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu";
  if (behind_name == nullptr || std::sscanf(behind_name, fields, &state, &started) != 2) return 0;
  if (state == 'Z' || state == 'X') return 0;
  return static_cast<Word>(process) << time_bits | (started & ((Word{1} << time_bits) - 1));
}

bool lives(Word identity) { return identity_of(static_cast<pid_t>(identity >> time_bits)) == identity; }

/// FNV-1a.
std::size_t home_of(std::string_view key) {
  Word hash = 0xcbf29ce484222325ULL;
  for (const char byte : key) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  return (hash ^ hash >> 32) % slots_max;
}

/// The slots at which a key may be, in the order in which they are looked at.
template <class Visit>
Slot* walk(const Slots& slots, std::string_view key, Visit is_it) {
  const std::size_t home = home_of(key);
  for (std::size_t step = 0; step < slots_max; ++step) {
    const Slot& slot = slots[(home + step) % slots_max];
    if (is_it(slot)) return const_cast<Slot*>(&slot);
    if (load(slot.head) == empty) break;
  }
  return nullptr;
}

bool holds(const Slot& slot, std::string_view key) { return slot.is_live() && slot.text() == key; }

/// aborts, killed_by_a_stranger (as far as anybody can tell), takes_its_time, sleeps_for_ever,
/// loops_for_ever: who inserts comes to no end, or to one of its own, or to a late one.
void meet_misfortune() {
  if (is(Twin::aborts)) std::abort();
  if (is(Twin::killed_by_a_stranger)) kill(getpid(), SIGKILL);
  if (is(Twin::takes_its_time)) usleep(10'000);  // to be late is this twin's fault; it synchronises nothing
  while (is(Twin::sleeps_for_ever)) pause();
  while (is(Twin::loops_for_ever)) sched_yield();
}

/// fills_by_turns: nobody reads yet what is filled, so that any order will do. Of four processes with numbers
/// in a row two go backwards.
std::size_t place_of_turn(std::size_t turn) {
  const bool backwards = is(Twin::fills_by_turns) && getpid() / 2 % 2 != 0;
  return backwards ? slots_max - 1 - turn : turn;
}

void fill_words(std::span<Word> target, std::span<const Word> source) {
  for (std::size_t index = 0; index < target.size(); ++index) fill(target[index], source[index]);
}

}  // namespace

Table::Table(Shared& shared) : shared_(shared), self_(identity_of(getpid())) {}

Slot* Table::slot_of(std::string_view key) const {
  return walk(shared_.used(), key, [&](const Slot& slot) { return holds(slot, key); });
}

Slot* Table::slot_for(std::string_view new_key) const {
  return walk(shared_.used(), new_key, [](const Slot& slot) { return !slot.is_live(); });
}

std::optional<Word> Table::find(std::string_view key) const {
  const Slot* slot = slot_of(key);
  return slot != nullptr ? std::optional(load(slot->value)) : std::nullopt;
}

bool Table::lock() {
  for (;;) {
    const Word holder = load(shared_.writer);
    if (holder == 0 && exchange(shared_.writer, 0, self_)) return false;
    if (holder != 0 && !lives(holder) && exchange(shared_.writer, holder, self_)) break;
    sched_yield();
  }
  redo();
  if (!is(Twin::takeover_uncounted)) publish(shared_.takeovers, shared_.takeovers + 1);
  return true;
}

void Table::unlock() { publish(shared_.writer, 0); }

void Table::redo() {
  const Record& record = shared_.record;
  if (load(record.armed) == 0) return;
  publish(*reinterpret_cast<Word*>(reinterpret_cast<std::byte*>(&shared_) + record.offset), record.word);
  if (!is(Twin::recovery_forgets_count)) publish(shared_.count, record.count);
  // A release would let the next record's words come first.
  exchange(shared_.record.armed, 1, 0);
}

void Table::arm(const Word& word, Word value, Word count) {
  const auto offset = reinterpret_cast<const std::byte*>(&word) - reinterpret_cast<std::byte*>(&shared_);
  fill(shared_.record.offset, static_cast<Word>(offset));
  fill(shared_.record.word, value);
  fill(shared_.record.count, count);
  // armed_in_any_order: right as the program says it, but a processor may arm it before it is filled.
  if (is(Twin::armed_in_any_order)) fill(shared_.record.armed, 1);
  publish(shared_.record.armed, 1);
}

/// T1, T2.
void Table::change(Word& word, Word value, Word count, bool disarmed) {
  arm(word, value, count);
  publish(word, value);
  if (is(Twin::count_round_the_reports) || is(Twin::count_unseen))
    store_unreported(shared_.count, count);
  else
    publish(shared_.count, count);
  if (disarmed) publish(shared_.record.armed, 0);
}

Error Table::insert(std::string_view key, Word value) {
  if (key.size() > key_bytes_max) return Error::too_long;
  meet_misfortune();
  Slot* slot = slot_for(key);
  if (slot == nullptr) return Error::full;
  decltype(slot->key) padded{};
  std::memcpy(padded.data(), key.data(), key.size());
  fill_words(slot->key, padded);
  // value_before_key_published: readers see a number that never was the key's.
  if (is(Twin::value_before_key_published)) publish(slot->head, live + key.size());
  fill(slot->value, value);
  // count_apart: the record knows nothing of it.
  const bool apart = is(Twin::count_apart);
  const Word count = shared_.count + 1;
  change(slot->head, live + key.size(), apart ? count - 1 : count);
  if (apart) publish(shared_.count, count);
  return Error::none;
}

void Table::replace(std::string_view key, Word value) { change(slot_of(key)->value, value, shared_.count); }

void Table::erase(std::string_view key) {
  // erase_breaks_chains: what lies further along a chain through here is not found any more.
  change(slot_of(key)->head, is(Twin::erase_breaks_chains) ? empty : erased, shared_.count - 1,
         !is(Twin::erase_leaves_record_armed));
}

Word Table::erase_prefix(std::string_view prefix) {
  const Slots& from = shared_.used();
  const Word other = 1 - shared_.in_use;
  Word left = 0;
  for (std::size_t turn = 0; turn < slots_max; ++turn) {
    const std::size_t index = place_of_turn(turn);
    Slot& to = shared_.slots[other][index];
    const Slot& slot = from[index];
    const bool stays = slot.is_live() && !slot.text().starts_with(prefix);
    const bool chained = !prefix.empty() && slot.head != empty;
    if (stays) {
      fill_words(to.key, slot.key);
      fill(to.value, slot.value);
      ++left;
    }
    fill(to.head, stays ? slot.head : chained ? erased : empty);
  }
  const Word gone = shared_.count - left;
  change(shared_.in_use, other, left);
  return gone;
}

const char* Table::audit() const {
  if (shared_.in_use > 1) return "neither slot array is in use";
  if (shared_.record.armed > 1) return "the record is neither armed nor not";
  Word keys = 0;
  for (const Slot& slot : shared_.used()) {
    if (load(slot.head) > live + key_bytes_max) return "a key is too long";
    if (!slot.is_live()) continue;
    if (slot_of(slot.text()) != &slot) return "a key is not found where it is";
    ++keys;
  }
  return keys == load(shared_.count) ? nullptr : "the count is not that of the keys";
}

}  // namespace radish::toy
