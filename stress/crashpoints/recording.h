// What a process of its own does to an image, store by store. The process has ended when the recordings are
// there.
#pragma once

#include <csignal>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "crashpoints/deed.h"

namespace radish::crashpoints {

struct Task {
  const Image* image;
  Deed deed;
};

struct Recording {
  std::vector<Store> stores;  ///< with barriers
  Reply reply{};              ///< to the mutation
  bool refused = false;       ///< the recovery
  bool complete = false;      ///< the stores, done on the image, make what the process left
  std::uint64_t compiled = 0;
};

/// A process that was recorded was ended by a signal: of itself, or because it found no end.
struct SubjectDied : std::runtime_error {
  explicit SubjectDied(int signal)
      : std::runtime_error("the subject died of signal " + std::to_string(signal) +
                           (signal == SIGPROF ? ": no end was found" : "")) {}
};

/// Memory in which processes that are forked leave their logs.
class RecordingRoom {
 public:
  RecordingRoom();
  RecordingRoom(const RecordingRoom&) = delete;
  RecordingRoom& operator=(const RecordingRoom&) = delete;
  RecordingRoom(RecordingRoom&&) = delete;
  RecordingRoom& operator=(RecordingRoom&&) = delete;
  ~RecordingRoom();

  /// One process does all the tasks, each on its image. Throws SubjectDied if it does not get through.
  [[nodiscard]] std::vector<Recording> record(const Plugin& instrumented, const Oracle& places,
                                              const Image& pristine, std::span<const Task> tasks);

 private:
  void perform_all(const Plugin& instrumented, const Oracle& places, const Image& pristine,
                   std::span<const Task> tasks) const noexcept;

  std::byte* base_;
};

/// Does one store on an image.
inline void apply(const Store& store, Image& image) {
  for (unsigned byte = 0; byte < store.bytes; ++byte)
    image[store.offset + byte] = static_cast<std::byte>(store.after >> 8 * byte);
}

}  // namespace radish::crashpoints
