#include "crashpoints/walk.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>

#include "crashpoints/stepped.h"

namespace radish::crashpoints {
namespace {

constexpr std::uint64_t page_bytes = 4096;

/// The shared memory as it was at the last look, and how it differs now.
class Watch {
 public:
  explicit Watch(const Arena& arena) : now_(arena.base()), last_(arena.image()) {}

  [[nodiscard]] const Image& image() const { return last_; }
  /// True if something has changed; what it is goes behind the changes.
  bool look(std::vector<Change>& changes) {
    const std::size_t known = changes.size();
    for (std::uint64_t first = 0; first < last_.size(); first += page_bytes) {
      const std::uint64_t bytes = std::min(page_bytes, last_.size() - first);
      if (std::memcmp(now_ + first, last_.data() + first, bytes) != 0) note(first / 8, bytes / 8, changes);
    }
    return changes.size() != known;
  }

 private:
  void note(std::uint64_t first, std::uint64_t words, std::vector<Change>& changes) {
    for (std::uint64_t index = first; index < first + words; ++index) {
      std::uint64_t word = 0;
      std::memcpy(&word, now_ + index * 8, 8);
      if (word == word_of(last_, index)) continue;
      changes.push_back({index, word});
      std::memcpy(last_.data() + index * 8, &word, 8);
    }
  }

  const std::byte* now_;
  Image last_;
};

/// A process that stands before its deed.
class Performance {
 public:
  Performance(const Plugin& plugin, const Oracle& places, const Image& pristine, const Deed& deed,
              const Image& image)
      : arena_(place_of(deed, places)),
        process_(
            [&] {
              places.arena().show(pristine);
              doer_.emplace(plugin.subject(), places);
              arena_.show(image);
              doer_->prepare(deed);
            },
            [&] {
              const Outcome outcome = doer_->act(deed);
              if (deed.mutation != nullptr) return agrees(outcome.reply, places.truth().answer) ? 0 : 1;
              return outcome.refused ? 1 : 0;
            }) {}
  [[nodiscard]] const Arena& arena() const { return arena_; }
  [[nodiscard]] SteppedProcess& process() { return process_; }

 private:
  const Arena& arena_;
  std::optional<Doer> doer_;  // the child's
  SteppedProcess process_;
};

std::uint64_t offset_in_file(std::uintptr_t address) {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(address), &info) == 0) return address;
  return address - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
}

}  // namespace

Walker::Walker(const Plugin& subject, const Oracle& places, const Image& pristine)
    : plugin_(subject), places_(places), pristine_(pristine) {}

Walk Walker::walk(const Deed& deed, const Image& image) const {
  Performance performance(plugin_, places_, pristine_, deed, image);
  SteppedProcess& process = performance.process();
  Watch watch(performance.arena());
  Walk walk{.origin = watch.image()};
  while (process.step()) {
    ++walk.instructions;
    if (watch.look(walk.changes))
      walk.moments.push_back(
          {walk.instructions, offset_in_file(process.position(&plugin_.subject())), walk.changes.size()});
  }
  walk.answered = process.finish() == 0;
  return walk;
}

Walker::Death Walker::kill_after(std::size_t moments, const Deed& deed, const Image& image) const {
  Performance performance(plugin_, places_, pristine_, deed, image);
  Watch watch(performance.arena());
  Death death;
  std::vector<Change> seen;
  for (std::size_t passed = 0; passed < moments && performance.process().step(); ++death.instructions)
    if (watch.look(seen)) ++passed;
  performance.process().kill();
  death.left = {performance.arena().base(), performance.arena().base() + watch.image().size()};
  return death;
}

}  // namespace radish::crashpoints
