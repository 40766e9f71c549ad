// What a child that is forked while this process opens a segment must not keep.
//
// An open holds exclusive locks on a file description. A child forked meanwhile by another thread shares that
// description, through the descriptor and through the mapping: if the opener died then, its locks would live
// on in a child that knows nothing of them, and every later open would wait for the child's end.
//
// Invariants
//   F1  From before the first lock until after the last exclusive one is given back, descriptor and mapping
//   of
//       an open are guarded: a child of fork() closes and unmaps them before it does anything else.
//   F2  What is not mapped, or not open, any longer is not guarded: a child would close what took its place.
//   F3  No lock is held here, so a child can use it whatever its parent's threads were about.
// Children of _Fork() and of raw clone() run no handlers: they keep the description until they exec or exit.
#pragma once

#include <cstddef>
#include <utility>

namespace radish::segment {

class ForkGuard {
 public:
  struct Entry;

  ForkGuard() = default;
  explicit ForkGuard(int descriptor);
  ForkGuard(ForkGuard&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  ForkGuard& operator=(ForkGuard&& other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;
  ~ForkGuard() { release(); }

  /// Guards addresses too; before anything of the file is mapped there.
  void cover(void* base, std::size_t bytes);
  void uncover();
  void release();

 private:
  Entry* entry_ = nullptr;
};

}  // namespace radish::segment
