// The toy table behind the explorer's interface.
#include "crashpoints/subject.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "table.h"

namespace radish::toy {
namespace {

using namespace crashpoints;

Table& table_of(Handle* handle) { return *reinterpret_cast<Table*>(handle); }
std::string_view view_of(Bytes bytes) { return {bytes.data, bytes.size}; }
const Shared& shared_of(const std::byte* image) { return *reinterpret_cast<const Shared*>(image); }

int make(std::uint64_t capacity_bytes) {
  if (capacity_bytes < sizeof(Shared)) return -1;
  const int descriptor = memfd_create("toy", MFD_CLOEXEC);
  if (descriptor < 0 || ftruncate(descriptor, sizeof(Shared)) == 0) return descriptor;
  close(descriptor);
  return -1;
}

Handle* attach(int descriptor, std::uint32_t, Attached* attached) {
  void* shared = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (attached != nullptr) *attached = Attached::refused;
  if (shared == MAP_FAILED) return nullptr;
  auto* table = new Table(*static_cast<Shared*>(shared));
  const bool recovered = table->lock();
  table->unlock();
  if (attached != nullptr) *attached = recovered ? Attached::recovered : Attached::plainly;
  return reinterpret_cast<Handle*>(table);
}

void detach(Handle* handle) {
  Table& table = table_of(handle);
  munmap(const_cast<Shared*>(&table.shared()), sizeof(Shared));
  delete &table;
}

Reply answer(Error error, std::uint64_t number) {
  return {.error = static_cast<std::int32_t>(error), .has_value = false, .number = number, .value = 0};
}
Reply answer(Error error, std::uint64_t number, std::optional<Word> before) {
  return {.error = static_cast<std::int32_t>(error),
          .has_value = before.has_value(),
          .number = number,
          .value = before.value_or(0)};
}

/// Inserts the key if it is new and gives it the value otherwise.
Error put(Table& table, std::string_view key, std::optional<Word> before, Word value) {
  if (!before) return table.insert(key, value);
  table.replace(key, value);
  return Error::none;
}

Reply operate_locked(Table& table, const Call& call) {
  const std::string_view key = view_of(call.key);
  const std::optional<Word> before = table.find(key);
  switch (call.act) {
    case Act::insert:
      return answer(put(table, key, before, call.value), !before);
    case Act::insert_new:
      return before ? answer(Error::none, 0) : answer(table.insert(key, call.value), 1);
    case Act::compare_exchange:
      if (before == call.value) table.replace(key, call.second);
      return answer(Error::none, before == call.value, before);
    case Act::fetch_add:
      return answer(put(table, key, before, before.value_or(0) + call.value), 0, before);
    case Act::erase:
      if (before) table.erase(key);
      return answer(Error::none, before.has_value());
    case Act::erase_prefix:
      return answer(Error::none, table.erase_prefix(key));
    case Act::clear:
      (void)table.erase_prefix({});
      return answer(Error::none, 0);
    case Act::freeze:
      break;
  }
  return {.error = -1, .has_value = false, .number = 0, .value = 0};
}

Reply operate(Handle* handle, const Call* call) {
  Table& table = table_of(handle);
  table.lock();
  const Reply reply = operate_locked(table, *call);
  table.unlock();
  return reply;
}

/// There is but one lock, which readers do not take.
bool recover(Handle* handle, bool) {
  table_of(handle).lock();
  table_of(handle).unlock();
  return true;
}

std::int32_t find(Handle* handle, Bytes key, bool* found, std::uint64_t* value) {
  const auto stored = table_of(handle).find(view_of(key));
  *found = stored.has_value();
  *value = stored.value_or(0);
  return 0;
}

std::int32_t dump(Handle* handle, DumpSink sink, void* context) {
  std::vector<const Slot*> entries;
  for (const Slot& slot : table_of(handle).shared().used())
    if (slot.is_live()) entries.push_back(&slot);
  std::ranges::sort(entries, {}, &Slot::text);
  for (const Slot* entry : entries)
    sink(context, {entry->text().data(), entry->text().size()}, load(entry->value));
  return 0;
}

std::int32_t count(Handle* handle, std::uint64_t* keys) {
  *keys = load(table_of(handle).shared().count);
  return 0;
}

bool audit(Handle* handle, char* message, std::size_t message_bytes) {
  const char* complaint = table_of(handle).audit();
  if (complaint == nullptr) return true;
  const std::string_view text = complaint;
  message[text.copy(message, message_bytes - 1)] = '\0';
  return false;
}

std::uint64_t extent(const std::byte*) { return sizeof(Shared); }

Debts debts(const std::byte* image) {
  const Shared& shared = shared_of(image);
  return {.takeovers = shared.takeovers,
          .owed = shared.writer != 0,
          .armed = shared.record.armed != 0,
          .counted = false,  // counted last: who dies after that held the lock once more
          .final = false,
          .alone = false,
          .shared = false,
          .waits = false,
          .reads = false};
}

/// What is erased, and the slots that are not in use, are written anew before they are seen again; but for
/// what an armed record is about to take into use.
std::uint64_t digest(const std::byte* image, std::uint64_t) {
  const Shared& shared = shared_of(image);
  Word hash = shared.count ^ shared.record.armed << 32 ^ Word { shared.writer != 0 } << 48;
  const auto add = [&](Word word) { hash = (hash ^ word) * 0x100000001b3ULL ^ hash >> 29; };
  if (shared.record.armed != 0) {
    for (std::size_t offset = sizeof shared.writer; offset < sizeof shared; offset += sizeof(Word)) {
      Word word = 0;
      std::memcpy(&word, image + offset, sizeof word);
      add(word);
    }
    return hash;
  }
  add(shared.takeovers);
  for (const Slot& slot : shared.used()) {
    add(slot.head);
    if (!slot.is_live()) continue;
    for (const Word word : slot.key) add(word);
    add(slot.value);
  }
  return hash;
}

void noise(const std::byte*, PieceSink sink, void* context) {
  sink(context, {offsetof(Shared, writer), sizeof(Word)});
}

constexpr Subject subject{
    .version = subject_version,
    .name = "toy",
    .build = __VERSION__,
    .acts = (1U << act_count) - 1 - bit_of(Act::freeze),
    .gave_up = 0,
    .look_ms = 0,
    .make = make,
    .attach = attach,
    .detach = detach,
    .operate = operate,
    .recover = recover,
    .find = find,
    .longest_prefix = nullptr,
    .dump = dump,
    .count = count,
    .audit = audit,
    .extent = extent,
    .debts = debts,
    .digest = digest,
    .announce_read = nullptr,
    .damages = 0,
    .damage = nullptr,
    .noise = noise,
};

}  // namespace
}  // namespace radish::toy

const radish::crashpoints::Subject* crashpoints_subject() { return &radish::toy::subject; }
