#include "segment/fork_guard.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>

namespace radish::segment {

/// Never freed, used again: as many as ever were needed at once.
struct ForkGuard::Entry {
  std::atomic<bool> taken{true};
  std::atomic<int> descriptor{-1};
  std::atomic<dev_t> device{0};
  std::atomic<ino_t> inode{0};
  std::atomic<void*> base{nullptr};
  std::atomic<std::size_t> bytes{0};
  Entry* next = nullptr;
};

namespace {

std::atomic<ForkGuard::Entry*> first_entry{nullptr};
std::atomic<std::uint64_t> forks_begun{0};
std::atomic<std::uint64_t> forks_ended{0};

ForkGuard::Entry& take_entry() {
  for (ForkGuard::Entry* entry = first_entry.load(std::memory_order_acquire); entry != nullptr;
       entry = entry->next)
    if (!entry->taken.exchange(true)) return *entry;
  auto* entry = new ForkGuard::Entry;
  entry->next = first_entry.load(std::memory_order_relaxed);
  // Pairs with the acquire loads: who finds the entry finds its successor.
  while (!first_entry.compare_exchange_weak(entry->next, entry, std::memory_order_release)) {
  }
  return *entry;
}

/// F2: another thread's table of descriptors, or another library's handler, may have put something else
/// there.
bool is_of_guarded_file(const ForkGuard::Entry& entry, int descriptor) {
  struct stat status{};
  return fstat(descriptor, &status) == 0 && status.st_dev == entry.device.load() &&
         status.st_ino == entry.inode.load();
}

void before_fork() { forks_begun.fetch_add(1); }
void after_fork_in_parent() { forks_ended.fetch_add(1); }
/// F1: the thread that opened is not here. The stores of its parent's threads are as they were at the fork.
void after_fork_in_child() {
  forks_ended.store(forks_begun.load());
  for (ForkGuard::Entry* entry = first_entry.load(std::memory_order_acquire); entry != nullptr;
       entry = entry->next) {
    if (void* base = entry->base.exchange(nullptr)) munmap(base, entry->bytes.load());
    const int descriptor = entry->descriptor.exchange(-1);
    if (descriptor >= 0 && is_of_guarded_file(*entry, descriptor)) close(descriptor);
    entry->taken.store(false);
  }
}

// Before the constructors of static objects, which may open.
[[gnu::constructor(101)]] void watch_forks() {
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

}  // namespace

ForkGuard::ForkGuard(int descriptor) {
  struct stat status{};
  if (descriptor < 0 || fstat(descriptor, &status) != 0) return;
  entry_ = &take_entry();
  entry_->device.store(status.st_dev);
  entry_->inode.store(status.st_ino);
  entry_->descriptor.store(descriptor);  // last: it says that the others hold
}

void ForkGuard::cover(void* base, std::size_t bytes) {
  entry_->bytes.store(bytes);
  entry_->base.store(base);  // last: it says that both hold
}

void ForkGuard::uncover() { entry_->base.store(nullptr); }

void ForkGuard::release() {
  if (entry_ == nullptr) return;
  uncover();
  entry_->descriptor.store(-1);
  std::exchange(entry_, nullptr)->taken.store(false);
}

// Pairs with the counts around a fork: one that begins after `saw_none` finds the guard in its place.
ForkWatch::ForkWatch() : begun_(forks_begun.load()), idle_(forks_ended.load() == begun_) {}
bool ForkWatch::saw_none() const { return idle_ && forks_begun.load() == begun_; }

}  // namespace radish::segment
