// What an instrumented subject calls to report its stores (recorder.cpp).
#pragma once

#include <cstddef>

#include "../store_log.h"

namespace radish::crashpoints {

/// Around every store to shared memory: what the compiler reports in between is this one.
void announce_store(const void* address, std::size_t bytes);
void record_store(Order order);
/// The same of what is copied by some routine, in pieces of its choice.
void record_fill();
/// Before and after every load of what others store.
void meet_load();
/// Before every store that others may load.
void meet_store();
/// Instead of the kernel; false if nobody leads the process, so that it is for the kernel to do.
bool sleep_as_led(const std::uint32_t& word, std::uint32_t expected, std::uint64_t timeout_ns);
bool wake_as_led();
/// All stores before come before all after.
void record_barrier();

/// The subject's own: see Recorder::become.
bool become_variant(const char* twin);

}  // namespace radish::crashpoints
