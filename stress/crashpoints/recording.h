// What a process of its own does to an image, store by store. The process has ended when the recordings are
// there.
#pragma once

#include <span>
#include <vector>

#include "crashpoints/deed.h"
#include "crashpoints/limit.h"

namespace radish::crashpoints {

struct Task {
  const Image* image;
  Deed deed;
  /// Another process, which lives until the deed is done, stands in the midst of this meanwhile, behind so
  /// many loads of shared memory. Whom it holds up gives up after a while.
  const Deed* beside = nullptr;
  std::uint64_t loads = 0;
};

struct Recording {
  std::vector<Store> stores;  ///< with barriers
  Reply reply{};              ///< to the mutation
  bool refused = false;       ///< the recovery
  Image from{};               ///< where the deed began, if not with the task's image
  bool complete = false;      ///< the stores, done on the image, make what the process left
  std::uint64_t compiled = 0;
};

/// Memory in which processes that are forked leave their logs.
class RecordingRoom {
 public:
  /// Address space: pages are had when they are used.
  explicit RecordingRoom(std::size_t bytes = std::size_t{256} << 20);
  RecordingRoom(const RecordingRoom&) = delete;
  RecordingRoom& operator=(const RecordingRoom&) = delete;
  RecordingRoom(RecordingRoom&&) = delete;
  RecordingRoom& operator=(RecordingRoom&&) = delete;
  ~RecordingRoom();

  /// One process does all the tasks, each on its image. Throws SubjectDied or Disturbed if it does not get
  /// through,
  /// std::runtime_error if its stores do not fit into the room.
  [[nodiscard]] std::vector<Recording> record(const Plugin& instrumented, const Oracle& places,
                                              const Image& pristine, std::span<const Task> tasks);

 private:
  /// False if there is no room.
  [[nodiscard]] bool perform_all(const Plugin& instrumented, const Oracle& places, const Image& pristine,
                                 std::span<const Task> tasks) const noexcept;

  std::size_t bytes_;
  std::byte* base_;
};

/// Does one store on an image.
inline void apply(const Store& store, Image& image) {
  for (unsigned byte = 0; byte < store.bytes; ++byte)
    image[store.offset + byte] = static_cast<std::byte>(store.after >> 8 * byte);
}

}  // namespace radish::crashpoints
