#include "crashpoints/recording.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace radish::crashpoints {
namespace {

constexpr std::size_t room_bytes = std::size_t{256} << 20;  // address space: pages are had when they are used

/// One task's log in the room, followed by its stores.
struct Page {
  Reply reply;
  bool refused;
  bool complete;
  StoreLog log;
  [[nodiscard]] std::size_t bytes() const { return sizeof(Page) + log.count * sizeof(Store); }
};

/// In the process that records.
class Performer {
 public:
  Performer(const Plugin& instrumented, const Oracle& places)
      : plugin_(instrumented), places_(places), attachment_(plugin_.subject(), places.arena().descriptor()) {}

  void perform(const Task& task, Page& page) {
    const bool alone = task.deed.mutation == nullptr && task.deed.way == Way::by_opening;
    const Arena& arena = alone ? places_.solitude() : places_.arena();
    arena.show(*task.image);
    plugin_.recorder()->start(&page.log, arena.descriptor());
    Handle* newcomer = act(task.deed, arena, page);
    plugin_.recorder()->stop();
    page.complete = page.log.lost == 0 && leads_to(*task.image, page.log, arena);
    if (newcomer != nullptr) plugin_.subject().detach(newcomer);
  }

 private:
  Handle* act(const Deed& deed, const Arena& arena, Page& page) const {
    const Subject& subject = plugin_.subject();
    if (deed.mutation != nullptr) {
      const Call call = call_of(*deed.mutation);
      page.reply = subject.operate(attachment_.handle(), &call);
      return nullptr;
    }
    if (deed.way == Way::by_reading_lock || deed.way == Way::by_writing_lock) {
      page.refused = !subject.recover(attachment_.handle(), deed.way == Way::by_writing_lock);
      return nullptr;
    }
    Attached attached = Attached::refused;
    Handle* newcomer = subject.attach(arena.descriptor(), &attached);
    page.refused = attached == Attached::refused;
    return newcomer;
  }

  static bool leads_to(const Image& from, const StoreLog& log, const Arena& arena) {
    Image image = from;
    for (std::uint64_t index = 0; index < log.count; ++index) {
      if (log.stores()[index].offset + log.stores()[index].bytes > image.size()) return false;
      apply(log.stores()[index], image);
    }
    return std::memcmp(image.data(), arena.base(), image.size()) == 0;
  }

  const Plugin& plugin_;
  const Oracle& places_;
  Attachment attachment_;
};

Recording read(const Page& page) {
  return {.stores = {page.log.stores(), page.log.stores() + page.log.count},
          .reply = page.reply,
          .refused = page.refused,
          .complete = page.complete,
          .compiled = page.log.compiled};
}

}  // namespace

RecordingRoom::RecordingRoom() {
  void* base =
      mmap(nullptr, room_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) throw std::runtime_error("no room for recordings");
  base_ = static_cast<std::byte*>(base);
}

RecordingRoom::~RecordingRoom() { munmap(base_, room_bytes); }

std::vector<Recording> RecordingRoom::record(const Plugin& instrumented, const Oracle& places,
                                             const Image& pristine, std::span<const Task> tasks) {
  places.arena().show(pristine);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    Performer performer(instrumented, places);
    std::byte* at = base_;
    for (const Task& task : tasks) {
      Page& page = *new (at) Page{};
      page.log.capacity = (static_cast<std::size_t>(base_ + room_bytes - at) - sizeof(Page)) / sizeof(Store);
      performer.perform(task, page);
      at += page.bytes();
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
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
