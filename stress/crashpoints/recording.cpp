#include "crashpoints/recording.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace radish::crashpoints {
namespace {

constexpr int exit_without_room = 4;
constexpr std::uint32_t patience_ms = 60;  // a view that has waited for 50 asks for its turn

/// One task's log in the room, followed by its stores, and by the image with which it began if that is not
/// the task's.
struct Page {
  Outcome outcome;
  bool complete;
  std::size_t from_bytes;
  StoreLog log;
  [[nodiscard]] std::byte* from() {
    return reinterpret_cast<std::byte*>(this) + sizeof(Page) + log.count * sizeof(Store);
  }
  [[nodiscard]] const std::byte* from() const { return const_cast<Page*>(this)->from(); }
  [[nodiscard]] std::size_t bytes() const {
    return sizeof(Page) + log.count * sizeof(Store) + (from_bytes + 7) / 8 * 8;
  }
  /// False if there is no room.
  [[nodiscard]] bool keep(const Image& image) {
    const std::size_t room = (log.capacity - log.count) * sizeof(Store);
    if (image.size() + 8 > room) return false;
    from_bytes = image.size();
    std::memcpy(from(), image.data(), image.size());
    return true;
  }
};

bool leads_to(Image image, const StoreLog& log, const Arena& arena) {
  for (std::uint64_t index = 0; index < log.count; ++index) {
    if (log.stores()[index].offset + log.stores()[index].bytes > image.size()) return false;
    apply(log.stores()[index], image);
  }
  return std::memcmp(image.data(), arena.base(), image.size()) == 0;
}

/// A process that stands in the midst of a deed and lives on there.
class Bystander {
 public:
  /// To be made where the structure is empty; it waits there.
  Bystander(const Plugin& plugin, const Oracle& places, const Task& task) {
    if (pipe2(go_, O_CLOEXEC) != 0 || pipe2(stands_, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe for a bystander");
    pid_ = fork_bounded();
    if (pid_ == 0) live(plugin, places, task);
    close(go_[0]);
    close(stands_[1]);
    await();
  }
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;
  Bystander(Bystander&&) = delete;
  Bystander& operator=(Bystander&&) = delete;
  ~Bystander() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(go_[1]);
    close(stands_[0]);
  }
  /// To where it stands, or to the end of the deed.
  void go() {
    if (write(go_[1], "", 1) == 1) await();
  }

 private:
  [[noreturn]] void live(const Plugin& plugin, const Oracle& places, const Task& task) {
    Doer doer(plugin.subject(), places);
    left_ = task.loads;
    stand();
    plugin.recorder()->at_loads(
        [](void* self) {
          if (--static_cast<Bystander*>(self)->left_ == 0) static_cast<Bystander*>(self)->stand();
        },
        this);
    (void)doer.act(*task.beside);
    stand();
    _exit(0);
  }
  void stand() const {
    char told = 0;
    if (write(stands_[1], "", 1) != 1 || read(go_[0], &told, 1) != 1) _exit(0);
  }
  /// If it has ended, so does who waits for it, by the same signal: that is told as the subject's death.
  void await() const {
    char told = 0;
    if (read(stands_[0], &told, 1) == 1) return;
    int status = 0;
    waitpid(pid_, &status, 0);
    if (WIFSIGNALED(status)) raise(WTERMSIG(status));
    std::abort();
  }

  int go_[2]{}, stands_[2]{};
  pid_t pid_ = -1;
  std::uint64_t left_ = 0;
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
    const Image from = arena.image();
    plugin_.recorder()->start(&page.log, arena.descriptor());
    page.outcome = doer_->act(task.deed);
    plugin_.recorder()->stop();
    page.complete = leads_to(from, page.log, arena);
    if (from != *task.image && !page.keep(from)) page.log.lost = 1;
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
          .from = {page.from(), page.from() + page.from_bytes},
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
  if (WIFSIGNALED(status)) throw_death(WTERMSIG(status));
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
