#include "segment/fork_guard.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

namespace radish::segment {

/// Never freed, used again: as many as ever were needed at once.
struct ForkGuard::Entry {
  std::atomic<bool> taken{true};
  std::atomic<int> descriptor{-1};
  std::atomic<void*> base{nullptr};
  std::atomic<std::size_t> bytes{0};
  Entry* next = nullptr;
};

namespace {

std::atomic<ForkGuard::Entry*> first_entry{nullptr};

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

/// F1, in the child: the thread that opened is not here. The stores of its parent's threads are as they were
/// at the fork, so plain order is enough.
void let_go_in_child() {
  for (ForkGuard::Entry* entry = first_entry.load(std::memory_order_acquire); entry != nullptr;
       entry = entry->next) {
    if (void* base = entry->base.exchange(nullptr)) munmap(base, entry->bytes.load());
    if (const int descriptor = entry->descriptor.exchange(-1); descriptor >= 0) close(descriptor);
    entry->taken.store(false);
  }
}

// As the program starts, so that no open can come before it.
[[maybe_unused]] const int at_fork = pthread_atfork(nullptr, nullptr, let_go_in_child);

}  // namespace

ForkGuard::ForkGuard(int descriptor) : entry_(&take_entry()) { entry_->descriptor.store(descriptor); }

void ForkGuard::cover(void* base, std::size_t bytes) {
  entry_->bytes.store(bytes);  // before the base, which says that both hold
  entry_->base.store(base);
}

void ForkGuard::uncover() { entry_->base.store(nullptr); }

void ForkGuard::release() {
  if (entry_ == nullptr) return;
  uncover();
  entry_->descriptor.store(-1);
  std::exchange(entry_, nullptr)->taken.store(false);
}

}  // namespace radish::segment
