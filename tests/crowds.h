// Crowds of processes that hold something each.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "processes.h"

namespace radish::tests {

/// Processes, some of several threads, each thread of which has done something and rests until it is killed.
class Crowd {
 public:
  using Act = std::function<bool()>;

  /// `act` is done by every thread, and what it holds stays held. It answers whether it went well.
  void add(std::size_t processes, std::size_t threads, const Act& act) {
    for (std::size_t count = 0; count < processes; ++count)
      children_.emplace_back([this, threads, &act] { return live(threads, act); });
    threads_ += processes * threads;
  }
  /// Once all have been added: until each thread has acted.
  void await_all() {
    for (std::size_t count = 0; count < threads_; ++count) acted_.wait();
    if (*failures_ != 0) throw std::runtime_error("not all of the crowd could act");
  }
  /// Kills every other process.
  void kill_half() {
    std::deque<Child> living;
    for (std::size_t index = 0; !children_.empty(); ++index) {
      if (index % 2 == 0)
        children_.front().kill_and_reap();
      else
        living.push_back(std::move(children_.front()));
      children_.pop_front();
    }
    children_.swap(living);
  }
  void kill_all() {
    for (Child& child : children_) child.send_kill();
    children_.clear();
  }
  [[nodiscard]] bool has(pid_t pid) const {
    return std::ranges::any_of(children_, [pid](const Child& child) { return child.pid() == pid; });
  }
  [[nodiscard]] std::size_t processes() const { return children_.size(); }

 private:
  int live(std::size_t threads, const Act& act) {
    const auto act_and_rest = [&] {
      if (!act()) ++*failures_;
      acted_.ring();
      rest_until_killed();
    };
    std::vector<std::jthread> others;
    while (others.size() + 1 < threads) others.emplace_back(act_and_rest);
    act_and_rest();
    return 0;
  }

  Bell acted_;
  Shared<std::atomic<std::size_t>> failures_;
  std::deque<Child> children_;
  std::size_t threads_ = 0;
};

}  // namespace radish::tests
