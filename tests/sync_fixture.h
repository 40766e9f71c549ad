// What the tests of floor 1 share.
#pragma once

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "attachments.h"
#include "processes.h"
#include "rights.h"
#include "sync/liveness.h"

namespace radish::sync {

using tests::Bell;
using tests::Child;
using tests::no_fault;
using tests::no_rights;
using tests::Party;
using tests::Place;
using tests::refusal;
using tests::rest_until_killed;
using tests::Resting;
using tests::Shared;
using tests::spin_until;
using tests::subject;
using tests::take;

inline constexpr std::uint64_t short_wait_ms = 20;

inline std::uint64_t own_pid() { return static_cast<std::uint64_t>(getpid()); }

inline Identity with_start(Identity identity, std::uint64_t start) {
  return make_identity(pid_of(identity), start, identity >> (pid_bits + start_bits));
}
inline Identity with_other_tag(Identity identity) {
  return identity ^ Identity { 1 } << 63;
}

/// The identity of a program run that is over, and whose number the kernel has not given away again.
inline Identity dead_identity() {
  Shared<Identity> identity;
  Child child([&] {
    *identity = take(own_identity());
    return 0;
  });
  child.join();
  return *identity;
}

/// A process that has become a program which waits for the bell on its standard input.
class Execed {
 public:
  explicit Execed(const std::function<void()>& act = [] {})
      : child_([this, act] {
          *identity_ = take(own_identity());
          act();
          rest_.become_standard_input();
          execl("/bin/cat", "cat", nullptr);
          return 1;
        }) {
    if (exec_.heard()) throw std::runtime_error("nobody rings this");  // the exec closes the other end
  }
  [[nodiscard]] Identity identity() const { return *identity_; }
  Child& child() { return child_; }

 private:
  Shared<Identity> identity_;
  Bell exec_;
  Bell rest_;
  Child child_;
};

}  // namespace radish::sync
