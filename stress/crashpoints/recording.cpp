#include "crashpoints/recording.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <stdexcept>

namespace radish::crashpoints {
namespace {

constexpr int exit_without_room = 4;
constexpr std::uint32_t patience_ms = 60;  // a view that has waited for 50 asks for its turn

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

/// A process that stops in the midst of a deed and lives on there.
class Bystander {
 public:
  /// To be made where the structure is empty; it waits there.
  Bystander(const Plugin& plugin, const Oracle& places, const Task& task) : pid_(fork_bounded()) {
    if (pid_ == 0) live(plugin, places, task);
    await_stop();
  }
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;
  Bystander(Bystander&&) = delete;
  Bystander& operator=(Bystander&&) = delete;
  ~Bystander() {
    kill(pid_, SIGKILL);
    if (!ended_) waitpid(pid_, nullptr, 0);
  }
  /// To where it stops, or to the end of the deed.
  void go() {
    kill(pid_, SIGCONT);
    await_stop();
  }

 private:
  [[noreturn]] static void live(const Plugin& plugin, const Oracle& places, const Task& task) {
    Doer doer(plugin.subject(), places);
    std::uint64_t left = task.loads;
    raise(SIGSTOP);
    plugin.recorder()->at_loads(
        [](void* context) {
          if (--*static_cast<std::uint64_t*>(context) == 0) raise(SIGSTOP);
        },
        &left);
    (void)doer.act(*task.beside);
    raise(SIGSTOP);
    _exit(0);
  }
  void await_stop() {
    int status = 0;
    waitpid(pid_, &status, WUNTRACED);
    ended_ = !WIFSTOPPED(status);
  }

  pid_t pid_;
  bool ended_ = false;
};

/// In the process that records.
class Performer {
 public:
  Performer(const Plugin& instrumented, const Oracle& places, const Image& pristine)
      : plugin_(instrumented), places_(places), pristine_(pristine) {}

  void perform(const Task& task, Page& page) {
    const Arena& arena = place_of(task.deed, places_);
    const bool anew = !doer_ || task.deed.visit != Visit::none || task.beside != nullptr;
    if (anew) {
      places_.arena().show(pristine_);
      doer_.emplace(plugin_.subject(), places_, task.beside != nullptr ? patience_ms : 0);
    }
    std::optional<Bystander> bystander;
    if (task.beside != nullptr) bystander.emplace(plugin_, places_, task);
    arena.show(*task.image);
    if (bystander) bystander->go();
    doer_->prepare(task.deed);
    Image from = arena.image();
    plugin_.recorder()->start(&page.log, arena.descriptor());
    page.outcome = doer_->act(task.deed);
    plugin_.recorder()->stop();
    page.complete = leads_to(std::move(from), page.log, arena);
    doer_->leave_again();
    if (task.deed.visit != Visit::none || bystander) doer_.reset();
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

/// What it was before these stores were done.
Image undone(const std::vector<Store>& stores, const Arena& arena) {
  Image image = arena.image();
  for (std::size_t index = stores.size(); index-- > 0;) {
    Store back = stores[index];
    back.after = back.before;
    crashpoints::apply(back, image);
  }
  return image;
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
    if (tasks[index].beside != nullptr)
      recordings.back().from = undone(recordings.back().stores, places.arena());
    at += page.bytes();
  }
  return recordings;
}

}  // namespace radish::crashpoints
