#include "crashpoints/walk.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "crashpoints/limit.h"
#include "crashpoints/stepped.h"

namespace radish::crashpoints {
namespace {

constexpr std::uint64_t page_bytes = 4096;

/// The shared memory as it was at the last look, and how it differs now.
class Watch {
 public:
  Watch(const Arena& arena, std::size_t bytes) : now_(arena.base()), last_(now_, now_ + bytes) {}

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
              if (deed.mutation != nullptr) return outcome.reply == places.reply() ? 0 : 1;
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

Walker::Walker(const Plugin& subject, const Oracle& places, const Image& pristine, const Likeness& likeness)
    : plugin_(subject), places_(places), pristine_(pristine), likeness_(likeness) {}

Walk Walker::walk(const Deed& deed, const Image& image) const {
  Performance performance(plugin_, places_, pristine_, deed, image);
  SteppedProcess& process = performance.process();
  Watch watch(performance.arena(), image.size());
  Walk walk{.origin = watch.image()};
  while (process.step()) {
    if (++walk.instructions % 1024 == 0) heed_deadline();
    if (!watch.look(walk.changes)) continue;
    walk.moments.push_back({walk.instructions, process.position(),
                            offset_in_file(process.position_in(&plugin_.subject())), walk.changes.size()});
  }
  walk.answered = process.finish() == 0;
  return walk;
}

Walker::Death Walker::kill_at(const Stroll& stroll, const Deed& deed, const Image& image) const {
  const auto left = [&](const Arena& arena) {
    return Image(arena.base(), arena.base() + stroll.image().size());
  };
  {
    Performance performance(plugin_, places_, pristine_, deed, image);
    while (performance.process().run_to(stroll.moment().next)) {
      heed_deadline();
      Image seen = left(performance.arena());
      if (!likeness_.alike(seen, stroll.image())) continue;
      performance.process().kill();
      return {.seen = std::move(seen), .left = left(performance.arena())};
    }
  }
  Performance performance(plugin_, places_, pristine_, deed, image);
  Watch watch(performance.arena(), image.size());
  std::vector<Change> seen;
  for (std::size_t passed = 0; passed < stroll.passed() && performance.process().step();)
    if (watch.look(seen)) {
      heed_deadline();
      ++passed;
    }
  performance.process().kill();
  return {.seen = watch.image(), .left = left(performance.arena()), .stepped = true};
}

}  // namespace radish::crashpoints
