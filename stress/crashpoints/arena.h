// The shared file of a structure under exploration, and images of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crashpoints/plugin.h"

namespace radish::crashpoints {

/// The first bytes of the file: all that is in use, and what an operation may take next.
using Image = std::vector<std::byte>;

class Arena {
 public:
  /// An empty structure, to which nobody is attached. Throws std::runtime_error if there is none to be had.
  Arena(const Subject& subject, std::uint64_t capacity_bytes);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Arena(Arena&&) = delete;
  Arena& operator=(Arena&&) = delete;
  ~Arena();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::byte* base() const { return base_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] Image image() const;
  /// Zeros follow it.
  void show(const Image& image) const;

 private:
  const Subject& subject_;
  int descriptor_;
  std::uint64_t bytes_;
  std::byte* base_;
};

/// An attached handle, detached at the end.
class Attachment {
 public:
  Attachment(const Subject& subject, int descriptor, std::uint32_t patience_ms = 0)
      : subject_(subject), handle_(subject.attach(descriptor, patience_ms, &attached_)) {}
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  Attachment(Attachment&&) = delete;
  Attachment& operator=(Attachment&&) = delete;
  ~Attachment() {
    if (handle_ != nullptr) subject_.detach(handle_);
  }

  [[nodiscard]] Handle* handle() const { return handle_; }
  [[nodiscard]] Attached attached() const { return attached_; }

 private:
  const Subject& subject_;
  Attached attached_ = Attached::refused;
  Handle* handle_;
};

}  // namespace radish::crashpoints
