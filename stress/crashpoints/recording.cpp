#include "crashpoints/recording.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace radish::crashpoints {
namespace {

constexpr int exit_without_room = 4;

/// One task's log in the room, followed by its stores.
struct Page {
  Outcome outcome;
  bool complete;
  StoreLog log;
  [[nodiscard]] std::size_t bytes() const { return sizeof(Page) + log.count * sizeof(Store); }
};

bool leads_to(Image image, const StoreLog& log, const Arena& arena) {
  for (std::uint64_t index = 0; index < log.count; ++index) {
    if (log.stores()[index].offset + log.stores()[index].bytes > image.size()) return false;
    apply(log.stores()[index], image);
  }
  return std::memcmp(image.data(), arena.base(), image.size()) == 0;
}

/// In the process that records.
class Performer {
 public:
  Performer(const Plugin& instrumented, const Oracle& places, const Image& pristine)
      : plugin_(instrumented), places_(places), pristine_(pristine) {}

  void perform(const Task& task, Page& page) {
    const Arena& arena = place_of(task.deed, places_);
    if (!doer_ || task.deed.visit != Visit::none) {
      places_.arena().show(pristine_);
      doer_.emplace(plugin_.subject(), places_);
    }
    arena.show(*task.image);
    doer_->prepare(task.deed);
    Image from = arena.image();
    plugin_.recorder()->start(&page.log, arena.descriptor());
    page.outcome = doer_->act(task.deed);
    plugin_.recorder()->stop();
    page.complete = leads_to(std::move(from), page.log, arena);
    doer_->leave_again();
    if (task.deed.visit != Visit::none) doer_.reset();
  }

 private:
  const Plugin& plugin_;
  const Oracle& places_;
  const Image& pristine_;
  std::optional<Doer> doer_;  ///< each visitor's own: it remembers what it has claimed
};

Recording read(const Page& page) {
  return {.stores = {page.log.stores(), page.log.stores() + page.log.count},
          .reply = page.outcome.reply,
          .refused = page.outcome.refused,
          .complete = page.complete,
          .compiled = page.log.compiled};
}

}  // namespace

RecordingRoom::RecordingRoom(std::size_t bytes) : bytes_(bytes) {
  void* base =
      mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) throw std::runtime_error("no room for recordings");
  base_ = static_cast<std::byte*>(base);
}

RecordingRoom::~RecordingRoom() { munmap(base_, bytes_); }

/// In a process of its own: an exception ends it here.
bool RecordingRoom::perform_all(const Plugin& instrumented, const Oracle& places, const Image& pristine,
                                std::span<const Task> tasks) const noexcept {
  Performer performer(instrumented, places, pristine);
  std::byte* at = base_;
  for (const Task& task : tasks) {
    const auto left = static_cast<std::size_t>(base_ + bytes_ - at);
    if (left < sizeof(Page)) return false;
    Page& page = *new (at) Page{};
    page.log.capacity = (left - sizeof(Page)) / sizeof(Store);
    performer.perform(task, page);
    if (page.log.lost != 0) return false;
    at += page.bytes();
  }
  return true;
}

std::vector<Recording> RecordingRoom::record(const Plugin& instrumented, const Oracle& places,
                                             const Image& pristine, std::span<const Task> tasks) {
  const pid_t child = fork_bounded();
  if (child == 0) {
    const bool fits = perform_all(instrumented, places, pristine, tasks);
    _exit(fits ? 0 : exit_without_room);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) throw SubjectDied(WTERMSIG(status));
  if (WEXITSTATUS(status) == exit_without_room)
    throw std::runtime_error("the room for recordings is too small for all stores");
  if (status != 0)
    throw std::runtime_error(fmt::format("the process that is recorded ended with {}", status));
  std::vector<Recording> recordings;
  const std::byte* at = base_;
  for (std::size_t index = 0; index < tasks.size(); ++index) {
    const Page& page = *reinterpret_cast<const Page*>(at);
    recordings.push_back(read(page));
    at += page.bytes();
  }
  return recordings;
}

}  // namespace radish::crashpoints
