#include "torture/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace radish::stress::torture {

struct Ledger::Layout {
  Setting setting;
  std::uint64_t key_count;
  std::uint64_t records_offset;
  std::uint64_t states_offset;
  std::uint64_t bytes_offset;
  Round round;
  Recovery recovery;
  std::atomic<bool> stopping;
  Heartbeat heartbeat;
  std::atomic<bool> laid_down;
  std::atomic<std::uint32_t> failures;
  std::atomic<std::uint32_t> troubles;
  std::atomic<std::uint32_t> texts_kept;
  std::array<FailureText, failures_kept> texts;
  std::array<std::atomic<std::int32_t>, seats_max> groups;
  std::array<Strand, strands_max> strands;
  std::array<std::array<SharedSteps, coordinator_strand>, shared_keys> shared;
};

namespace {

constexpr std::uint64_t aligned(std::uint64_t bytes) { return (bytes + 63) / 64 * 64; }

void* map_all(int descriptor, std::size_t bytes, int sharing) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, sharing, descriptor, 0);
  if (base == MAP_FAILED) throw std::runtime_error("cannot map the ledger");
  return base;
}

std::size_t size_of(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) throw std::runtime_error("cannot examine the ledger");
  return static_cast<std::size_t>(status.st_size);
}

std::uint64_t bytes_of(const KeySet& keys) {
  std::uint64_t sum = 0;
  for (const Key& key : keys) sum += key.bytes.size();
  return sum;
}

}  // namespace

Ledger Ledger::create(const Setting& setting, const KeySet& keys) {
  const std::uint64_t records = aligned(sizeof(Layout));
  const std::uint64_t states = aligned(records + keys.size() * sizeof(KeyRecord));
  const std::uint64_t text = aligned(states + keys.size() * sizeof(KeyState));
  const std::size_t bytes = text + bytes_of(keys);
  const int descriptor = memfd_create("ledger", 0);
  if (descriptor < 0 || ftruncate(descriptor, static_cast<off_t>(bytes)) != 0)
    throw std::runtime_error("no memory for the ledger");
  Ledger ledger(map_all(descriptor, bytes, MAP_SHARED), bytes, descriptor);
  Layout& layout = ledger.layout();
  layout.setting = setting;
  layout.key_count = keys.size();
  layout.records_offset = records;
  layout.states_offset = states;
  layout.bytes_offset = text;
  std::uint64_t offset = text;
  for (KeyId id = 0; id < keys.size(); ++id) {
    const Key& key = keys[id];
    std::memcpy(static_cast<char*>(ledger.base_) + offset, key.bytes.data(), key.bytes.size());
    const_cast<KeyRecord&>(ledger.record(id)) = {.offset = offset,
                                                 .bytes = static_cast<std::uint32_t>(key.bytes.size()),
                                                 .range = key.range,
                                                 .period = key.period,
                                                 .sort = key.sort,
                                                 .parent = key.parent,
                                                 .partner = key.partner,
                                                 .group = key.group,
                                                 .reserved = 0};
    offset += key.bytes.size();
  }
  return ledger;
}

Ledger Ledger::inherit(int descriptor) {
  const std::size_t bytes = size_of(descriptor);
  return {map_all(descriptor, bytes, MAP_SHARED), bytes, descriptor};
}

Ledger Ledger::load(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error("cannot open " + path);
  const std::size_t bytes = size_of(descriptor);
  return {map_all(descriptor, bytes, MAP_PRIVATE), bytes, descriptor};
}

void Ledger::save(const std::string& path) const {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(static_cast<const char*>(base_), static_cast<std::streamsize>(bytes_));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

Ledger::Ledger(Ledger&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      bytes_(other.bytes_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

Ledger::~Ledger() {
  if (base_ != nullptr) munmap(base_, bytes_);
  if (descriptor_ >= 0) close(descriptor_);
}

const Setting& Ledger::setting() const { return layout().setting; }
Round& Ledger::round() const { return layout().round; }
Recovery& Ledger::recovery() const { return layout().recovery; }
std::atomic<bool>& Ledger::stopping() const { return layout().stopping; }
Heartbeat& Ledger::heartbeat() const { return layout().heartbeat; }
Strand& Ledger::strand(std::uint32_t index) const { return layout().strands[index]; }
std::atomic<std::int32_t>& Ledger::group(std::uint32_t seat) const { return layout().groups[seat]; }
std::atomic<bool>& Ledger::laid_down() const { return layout().laid_down; }

std::uint64_t Ledger::total(Count kind) const {
  std::uint64_t sum = 0;
  for (const Strand& strand : layout().strands)
    sum += strand.counts[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
  return sum;
}

KeyId Ledger::keys() const { return static_cast<KeyId>(layout().key_count); }

const KeyRecord& Ledger::record(KeyId key) const {
  const auto* records =
      reinterpret_cast<const KeyRecord*>(static_cast<const char*>(base_) + layout().records_offset);
  return records[key];
}

std::string_view Ledger::bytes(KeyId key) const {
  return {static_cast<const char*>(base_) + record(key).offset, record(key).bytes};
}

KeyState& Ledger::state(KeyId key) const {
  return reinterpret_cast<KeyState*>(static_cast<char*>(base_) + layout().states_offset)[key];
}

SharedSteps& Ledger::steps(KeyId key, std::uint32_t strand) const {
  return layout().shared[record(key).group][strand];
}

Version Ledger::acknowledged(KeyId key) const {
  Version version = state(key).acknowledged.load(std::memory_order_acquire);
  if (record(key).sort != Sort::shared) return version;
  for (std::uint32_t strand = 0; strand < setting().ranges(); ++strand)
    version += steps(key, strand).done.load(std::memory_order_acquire);
  return version;
}

Version Ledger::intended(KeyId key) const {
  Version version = state(key).intended.load(std::memory_order_acquire);
  if (record(key).sort != Sort::shared) return version;
  for (std::uint32_t strand = 0; strand < setting().ranges(); ++strand)
    version += steps(key, strand).begun.load(std::memory_order_acquire);
  return version;
}

void Ledger::settle(KeyId key, Version version) const {
  state(key).acknowledged.store(version);
  state(key).intended.store(version);
  if (record(key).sort != Sort::shared) return;
  for (SharedSteps& steps : layout().shared[record(key).group]) {
    steps.begun.store(0);
    steps.done.store(0);
  }
}

std::optional<std::uint64_t> Ledger::value_at(KeyId key, Version version) const {
  if (!is_present(record(key).period, version)) return std::nullopt;
  return value_of(key, version);
}

KeyId Ledger::lower_bound(std::string_view wanted) const {
  KeyId first = 0;
  for (KeyId count = keys(); count > 0;) {
    const KeyId half = count / 2;
    if (bytes(first + half) < wanted) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

KeyId Ledger::find(std::string_view wanted) const {
  const KeyId place = lower_bound(wanted);
  return place < keys() && bytes(place) == wanted ? place : keys();
}

void Ledger::forget_states() const {
  for (KeyId key = 0; key < keys(); ++key) {
    settle(key, 0);
    state(key).seen.store(0);
  }
}

void Ledger::report(std::string_view text) const {
  keep(text);
  layout().failures.fetch_add(1);
}

void Ledger::report_trouble(std::string_view text) const {
  keep(text);
  layout().troubles.fetch_add(1);
}

void Ledger::keep(std::string_view text) const {
  const std::uint32_t place = layout().texts_kept.fetch_add(1);
  if (place >= failures_kept) return;
  FailureText& kept = layout().texts[place];
  std::memcpy(kept.text, text.data(), std::min(text.size(), FailureText::bytes));
  kept.written.store(true, std::memory_order_release);
}

std::uint32_t Ledger::failures() const { return layout().failures.load(std::memory_order_acquire); }

std::uint32_t Ledger::troubles() const { return layout().troubles.load(std::memory_order_acquire); }

std::string Ledger::failure_texts() const {
  std::string all;
  for (const FailureText& kept : layout().texts)
    if (kept.written.load(std::memory_order_acquire))
      all += std::string(kept.text, strnlen(kept.text, FailureText::bytes)) + '\n';
  if (const std::uint32_t kept = layout().texts_kept.load(); kept > failures_kept)
    all += fmt::format("and {} more\n", kept - failures_kept);
  return all;
}

std::string_view activity_name(Activity activity) {
  constexpr std::string_view names[] = {"nothing",          "attaching", "settling", "writing",
                                        "erasing a prefix", "reading",   "viewing",  "iterating"};
  return names[static_cast<std::size_t>(activity)];
}

std::uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

std::string describe_value(std::optional<std::uint64_t> value) {
  if (!value) return "absent";
  return fmt::format("value {:#x} (version {} of key {})", *value, version_of(*value), key_of(*value));
}

std::string printable(std::string_view bytes) {
  constexpr std::size_t shown_bytes = 80;
  std::string text;
  for (const char byte : bytes.substr(0, shown_bytes)) {
    if (byte >= ' ' && byte <= '~')
      text += byte;
    else
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  return fmt::format("\"{}\"{} ({} bytes)", text, bytes.size() > shown_bytes ? "..." : "", bytes.size());
}

}  // namespace radish::stress::torture
