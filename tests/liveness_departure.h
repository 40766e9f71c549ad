// A holder's end, each way it can go, and one who comes for what it held.
#pragma once

#include <linux/sched.h>
#include <sys/syscall.h>

#include <atomic>
#include <ctime>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "liveness_verdicts.h"

namespace radish::tests {

enum class Going {
  killed,
  zombie,
  recycled_for_a_stranger,
  recycled_for_one_that_maps_the_segment,
  killed_without_main_thread,
  replaced_by_a_siblings_exec,
  killed_beside_a_forked_child,
};

inline std::string name_of(Going going) {
  constexpr const char* names[] = {"KilledAndReaped",
                                   "ZombieUnreaped",
                                   "PidRecycledForAStranger",
                                   "PidRecycledForOneThatMapsTheSegment",
                                   "KilledAfterItsMainThreadExited",
                                   "ReplacedByASiblingsExec",
                                   "KilledBesideAForkedChild"};
  return names[static_cast<int>(going)];
}

/// A new process under the number of one that has been reaped. Killed when it goes out of scope.
class Namesake {
 public:
  Namesake(pid_t number, const std::function<void()>& body) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    arguments.set_tid = reinterpret_cast<std::uintptr_t>(&number);
    arguments.set_tid_size = 1;
    pid_ = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
    if (pid_ < 0) throw std::runtime_error("the number is not to be had");
    if (pid_ == 0) body();
  }
  Namesake(const Namesake&) = delete;
  Namesake& operator=(const Namesake&) = delete;
  ~Namesake() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    join();
  }
  int join() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_;
};

/// Until a process that starts now has another start time than `identity`.
inline void await_another_tick(sync::Identity identity) {
  spin_until([&] {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    const std::uint64_t ticks =
        static_cast<std::uint64_t>(now.tv_sec) * 100 + static_cast<std::uint64_t>(now.tv_nsec) / 10'000'000;
    return (ticks & ((1U << sync::start_bits) - 1)) != sync::start_of(identity);
  });
}

/// One holder and its end.
class Departure {
 public:
  Departure(
      Held held, Going going, Forked forked = Forked::by_fork, std::function<void()> before_open = [] {})
      : going_(going), forked_(forked), scene_(held, conduct(before_open)) {}
  Departure(const Departure&) = delete;
  Departure& operator=(const Departure&) = delete;
  ~Departure() { enough_.ring(); }

  [[nodiscard]] LivenessScene& scene() { return scene_; }

  void go() {
    switch (going_) {
      case Going::zombie:
        kill_holder();
        return;
      case Going::killed_without_main_thread:
        spin_until([&] { return main_thread_has_exited(scene_.holder().pid()); });
        [[fallthrough]];
      case Going::killed:
        kill_holder();
        scene_.holder().join();
        return;
      case Going::recycled_for_a_stranger:
      case Going::recycled_for_one_that_maps_the_segment:
        return recycle();
      case Going::replaced_by_a_siblings_exec:
        exec_.ring();
        return await_program(scene_.holder().pid(), "cat");
      case Going::killed_beside_a_forked_child:
        spin_until([&] { return forked_one_->load(); });
        kill_holder();
        scene_.holder().join();
        return;
    }
  }

 private:
  Conduct conduct(const std::function<void()>& before_open) {
    Conduct conduct{.before_open = before_open};
    if (going_ == Going::killed_without_main_thread)
      conduct.beside = [](const LivenessScene&, Handles&) { exit_this_thread_alone(); };
    if (going_ == Going::replaced_by_a_siblings_exec)
      conduct.beside = [this](const LivenessScene&, Handles&) {
        std::thread([this] {
          exec_.wait();
          rest_.become_standard_input();
          execl("/bin/cat", "cat", nullptr);
        }).join();
      };
    if (going_ == Going::killed_beside_a_forked_child)
      (forked_ == Forked::by_the_holding_thread ? conduct.at_hold
                                                : conduct.beside) = [this](const LivenessScene&, Handles&) {
        if (fork_by(forked_) == 0) {
          (void)enough_.heard();
          _exit(0);
        }
        *forked_one_ = true;
      };
    return conduct;
  }

  /// Sleepers die in their sleep.
  void kill_holder() {
    if (sleeps(scene_.legacy().held)) scene_.stop_holder();
    scene_.holder().send_kill();
    scene_.holder().await_end();
  }

  void recycle() {
    const pid_t number = scene_.holder().pid();
    kill_holder();
    await_another_tick(scene_.legacy().holder);
    scene_.holder().join();
    namesake_.emplace(number, [this] {
      if (going_ == Going::recycled_for_one_that_maps_the_segment) rest_until_killed();  // by inheritance
      rest_.become_standard_input();
      execl("/bin/cat", "cat", nullptr);
      _exit(1);
    });
    if (going_ == Going::recycled_for_a_stranger) await_program(number, "cat");
  }

  Going going_;
  Forked forked_;
  Bell exec_, rest_, enough_;
  Shared<std::atomic<bool>> forked_one_;
  LivenessScene scene_;
  std::optional<Namesake> namesake_;
};

enum class Arrival { before_the_death, after_the_death };

/// One death and one who comes for what was held. The complaint.
inline std::string inherit(Departure& departure, Wish wish, Arrival arrival, const Rights& rights = {}) {
  LivenessScene& scene = departure.scene();
  const Legacy legacy = scene.legacy();
  Comer comer(
      scene, patience, [&](Tree& tree) { return has_what_the_dead_held(tree, scene, wish, legacy); }, rights);
  if (arrival == Arrival::before_the_death) comer.come_to_sleep(scene);
  departure.go();
  scene.release();
  if (arrival == Arrival::after_the_death) comer.come();
  const std::string complaint = comer.answer();
  return complaint.empty() ? scene.afterwards(legacy.held == Held::armed_record) : complaint;
}

}  // namespace radish::tests
