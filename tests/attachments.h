// A segment and attachments to it, for tests of the floors below the public interface.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "processes.h"
#include "segment/segment.h"
#include "sync/attachment.h"
#include "sync/identity.h"
#include "sync/lock.h"

namespace radish::tests {

constexpr Code no_fault{};

/// The value, or an exception that fails the test with the fault's words.
template <class T>
T take(Expected<T> result) {
  if (!result)
    throw std::runtime_error(std::string(result.error().what) + ", code " +
                             std::to_string(static_cast<int>(result.error().code)) + ", subject " +
                             std::to_string(result.error().subject));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <class T>
Code refusal(const Expected<T>& result) {
  return result ? no_fault : result.error().code;
}

template <class T>
std::uint64_t subject(const Expected<T>& result) {
  return result ? 0 : result.error().subject;
}

/// A thread of this process or another one in an attachment: what the lock and the slots are called with.
struct Party {
  std::shared_ptr<sync::Attachment> attachment;

  [[nodiscard]] sync::ThreadState& state() const { return *take(attachment->thread_state()); }
  [[nodiscard]] Expected<bool> acquire(std::uint64_t timeout_ms = 0) const {
    return sync::acquire_writer(*attachment, state(), timeout_ms);
  }
  void release() const { sync::release_writer(*attachment, state()); }
  [[nodiscard]] Expected<sync::ViewEntry> enter(std::uint64_t timeout_ms = 0) const {
    return sync::enter_view(*attachment, state(), timeout_ms);
  }
  void leave() const { sync::leave_view(*attachment, state()); }
  [[nodiscard]] const segment::Segment& segment() const { return attachment->segment(); }
  [[nodiscard]] layout::Lease& lease() const { return segment().lease(); }
  [[nodiscard]] layout::Slot& slot(std::uint32_t index = 0) const { return segment().slots()[index]; }
  void sweep() const {
    take(acquire());
    sync::sweep_dead_slots(segment(), attachment->mapping());
    release();
  }
};

/// A memfd segment. Every attachment has states of its own, so several of them make several parties of one
/// thread.
class Place {
 public:
  explicit Place(std::uint32_t reader_slots = 16) {
    request_.capacity_bytes = layout::capacity_bytes_min;
    request_.reader_slots = reader_slots;
    request_.identity = take(sync::own_identity());
    request_.origin = take(sync::own_origin());
    auto opening = take(segment::create_memfd("place", request_));
    first_ = {std::make_shared<sync::Attachment>(take(std::move(opening).finish()), 0)};
  }

  [[nodiscard]] Party& first() { return first_; }
  [[nodiscard]] const Party& first() const { return first_; }
  [[nodiscard]] segment::Opening open() const {
    segment::OpenRequest request = request_;
    request.identity = take(sync::own_identity());
    return take(segment::open_descriptor(first_.segment().descriptor(), request));
  }
  /// One more attachment.
  [[nodiscard]] Party attach(std::uint64_t lock_timeout_ms = 0) const {
    return {std::make_shared<sync::Attachment>(take(open().finish()), lock_timeout_ms)};
  }
  [[nodiscard]] const segment::OpenRequest& request() const { return request_; }
  [[nodiscard]] layout::Lease& lease() const { return first_.lease(); }
  /// Words for a test's own purposes, where the heap would be.
  [[nodiscard]] std::uint64_t* words() const {
    return reinterpret_cast<std::uint64_t*>(first_.segment().at(first_.segment().geometry().heap_offset));
  }

 private:
  segment::OpenRequest request_;
  Party first_;
};

/// A living process: attached by inheritance, and resting until it is killed.
class Resting {
 public:
  /// `act` is done before it rests.
  explicit Resting(const std::function<void()>& act = [] {})
      : child_([this, act] {
          *identity_ = take(sync::own_identity());
          act();
          ready_.ring();
          rest_until_killed();
          return 0;
        }) {
    ready_.wait();
  }
  Child& child() { return child_; }
  [[nodiscard]] sync::Identity identity() const { return *identity_; }
  [[nodiscard]] std::uint64_t pid() const { return static_cast<std::uint64_t>(child_.pid()); }
  void stop() {
    kill(child_.pid(), SIGSTOP);
    ASSERT_TRUE(child_.await_stop());
  }

 private:
  Shared<sync::Identity> identity_;
  Bell ready_;
  Child child_;
};

}  // namespace radish::tests
