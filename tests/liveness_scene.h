// The processes of a liveness test: a holder that is about to go, a bystander that stays attached, and others
// that come for what is held. Only the words of the segment are shared with the test itself, which is never
// attached. What a process has to complain of is text; none is good.
#pragma once

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "liveness_cases.h"
#include "processes.h"
#include "scratch.h"
#include "seam/probe_seam.h"
#include "sync/words.h"
#include "trees.h"

namespace radish::tests {

using std::chrono::milliseconds;

/// Waits of those who are to be refused, and of those who are to get it: who waits so long is stuck.
inline constexpr milliseconds brisk{30};
inline milliseconds patience{20'000};

inline constexpr uid_t nobody = 65534;
constexpr mode_t for_everybody = 0666;

/// The segment's words, seen through a mapping of the file that is no attachment.
class Window {
 public:
  explicit Window(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status{};
    if (file < 0 || fstat(file, &status) != 0) throw std::runtime_error("no file to look into");
    bytes_ = static_cast<std::size_t>(status.st_size);
    void* base = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (base == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<const std::byte*>(base);
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window() { munmap(const_cast<std::byte*>(base_), bytes_); }

  [[nodiscard]] const layout::Lease& lease() const {
    return *reinterpret_cast<const layout::Lease*>(base_ + layout::page_bytes);
  }
  [[nodiscard]] const layout::Slot& slot() const {
    return *reinterpret_cast<const layout::Slot*>(base_ + superblock().geometry.slots_offset);
  }
  [[nodiscard]] sync::Identity writer() const { return sync::observe(lease().writer); }
  [[nodiscard]] sync::Identity turn() const { return sync::observe(lease().turn); }
  [[nodiscard]] std::uint32_t waiters() const { return sync::observe(lease().waiters); }
  [[nodiscard]] bool armed() const {
    return sync::observe(
               *reinterpret_cast<const std::uint64_t*>(base_ + superblock().geometry.record_offset)) != 0;
  }
  [[nodiscard]] std::uint64_t generation() const {
    const auto* roots = reinterpret_cast<const layout::Roots*>(base_ + superblock().geometry.roots_offset);
    return sync::observe(roots->generation);
  }
  [[nodiscard]] long views_of(sync::Identity identity) const {
    return std::ranges::count_if(lease().views,
                                 [&](const std::uint64_t& view) { return sync::observe(view) == identity; });
  }
  [[nodiscard]] bool nobody_holds_a_lock() const {
    return writer() == 0 && views_of(0) == layout::view_entries && turn() == 0 && !armed();
  }
  /// Whether the words say that the holder has what it is to have.
  [[nodiscard]] bool shows(Held held, sync::Identity holder) const {
    switch (held) {
      case Held::word:
        return writer() == holder && !armed();
      case Held::armed_record:
        return writer() == holder && armed();
      case Held::awaited_views:
        return writer() == holder && waiters() != 0;
      case Held::place_in_line:
        return waiters() != 0;
      case Held::posted_turn:
        return turn() == holder && waiters() != 0;
      case Held::view:
        return views_of(holder) == 1;
      case Held::pin:
        return sync::observe(slot().owner) == holder && sync::observe(slot().pin) != 0;
    }
    return false;
  }

 private:
  [[nodiscard]] const layout::Superblock& superblock() const {
    return *reinterpret_cast<const layout::Superblock*>(base_);
  }
  const std::byte* base_;
  std::size_t bytes_;
};

inline Result<Tree> attach(const std::string& path, milliseconds lock_timeout) {
  return Tree::open(path, {.must_exist = true, .lock_timeout = lock_timeout});
}

inline bool has_ended(const Child& child) {
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid != 0;
}

/// A forked process that answers with its complaints.
class Witness {
 public:
  explicit Witness(const std::function<std::string()>& body)
      : child_([this, body] {
          const std::string complaint = body();
          complaint.copy(text_->text, sizeof text_->text - 1);
          return 0;
        }) {}
  [[nodiscard]] const Child& child() const { return child_; }
  [[nodiscard]] std::string answer() {
    const int end = child_.join();
    return end == 0 ? text_->text : "the process ended with " + std::to_string(end);
  }

 private:
  struct Text {
    char text[1000];
  };
  Shared<Text> text_;
  Child child_;
};

/// clone(SIGCHLD), past the C library.
inline pid_t raw_clone() { return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }

inline pid_t fork_by(Forked forked) {
  if (forked == Forked::by_underscore_fork) return _Fork();
  if (forked == Forked::by_clone) return raw_clone();
  return fork();
}

/// Once it has become that program, it maps nothing of what it mapped.
inline void await_program(pid_t pid, const std::string& name) {
  spin_until([&] { return read_file("/proc/" + std::to_string(pid) + "/comm") == name + "\n"; });
}

/// Takes what is to be held, calls `at_hold` with it in hand, and lets go of it in the end. The complaint.
inline std::string hold(Tree& tree, Held held, const Window& window, const std::function<void()>& at_hold,
                        const std::string& key) {
  const sync::Identity own = take(sync::own_identity());
  bool holds = false;
  const auto look = [&] {
    if (!holds && (holds = window.shows(held, own))) at_hold();
  };
  if (held == Held::view || held == Held::posted_turn) {
    const View view = take(tree.view());
    const auto before = take(tree.count());
    if (held == Held::view) at_hold();
    return take(tree.count()) == before ? "" : "the tree changed under a view";
  }
  if (held == Held::pin) {
    const probe::Watch watch(probe::Watched::events, 0, look);
    return take(tree.find("resident")) == 1U ? "" : "the lookup went wrong";
  }
  std::optional<probe::Watch> watch;
  if (!sleeps(held)) watch.emplace(probe::Watched::events, 0, look);
  return take(tree.insert(key, 7)) ? "" : "somebody else had inserted the holder's key";
}

/// The handles of a holder: for what it holds, and for what is to be refused at once.
struct Handles {
  std::optional<Tree> patient, impatient;
};

class LivenessScene;

/// A test that is killed leaves nobody behind.
inline void die_with_the_test() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

/// What a holder's process does beside holding, and with what rights.
struct Conduct {
  std::function<void()> before_open = [] {};
  /// The main thread's while another one holds; without it the main thread holds.
  std::function<void(const LivenessScene&, Handles&)> beside = nullptr;
  /// The holding thread's own, once it holds; a sleeper does not get to it.
  std::function<void(const LivenessScene&, Handles&)> at_hold = [](const LivenessScene&, Handles&) {};
  /// Of the segment: more than one where several come who live at the same time.
  std::uint32_t reader_slots = 1;
};

/// A segment, with one reader slot mostly, a bystander that is attached to it, and a holder that holds. The
/// bystander is what sleepers wait for.
class LivenessScene {
 public:
  explicit LivenessScene(Held held, const Conduct& conduct = {}) : held_(held) {
    chmod(scratch_.file("").c_str(), 0755);
    auto tree = take(Tree::open(
        path_, {.capacity_bytes = 256 << 10, .reader_slots = conduct.reader_slots, .mode = for_everybody}));
    take(tree.insert("resident", 1));
    window_.emplace(path_);
    bystander_.emplace([this] { return stand_by(); });
    stands_by_.wait();
    generation_ = window_->generation();
    holder_.emplace([this, conduct] { return be_holder(conduct); });
    await_hold();
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Window& window() const { return *window_; }
  [[nodiscard]] Child& holder() { return *holder_; }
  [[nodiscard]] Child& bystander() { return *bystander_; }
  [[nodiscard]] Legacy legacy() const { return {held_, generation_, board_->holder}; }
  [[nodiscard]] bool holds() const {
    return board_->holder != 0 && (sleeps(held_) || board_->holds) && window_->shows(held_, board_->holder);
  }

  /// The bystander does not keep the sleepers waiting any longer.
  void release() {
    if (sleeps(held_)) release_.ring();
  }
  /// Of the sleepers, once they are counted as such.
  void stop_holder() {
    for (;;) {
      kill(holder_->pid(), SIGSTOP);
      if (!holder_->await_stop()) throw std::runtime_error("the holder has ended");
      if (holds()) return;
      if (owns_word(held_) && window_->writer() != board_->holder)
        throw std::runtime_error("robbed of the word");
      if (held_ == Held::posted_turn && window_->turn() != board_->holder)
        throw std::runtime_error("robbed of the turn");
      holder_->resume();
    }
  }
  /// Lets the holder do what it was about. Its complaint.
  [[nodiscard]] std::string finish() {
    holder_->resume();
    if (!sleeps(held_)) go_on_.ring();
    const int end = holder_->join();
    return end == 0 ? "" : "the holder ended with " + std::to_string(end);
  }
  /// What is wrong with the tree in the end, for one who writes to it.
  [[nodiscard]] std::string afterwards(bool holders_key) {
    return Witness([&]() -> std::string {
             Tree tree = take(attach(path_, patience));
             take(tree.insert("last", 9));
             if (take(tree.contains("holder")) != holders_key) return "the holder's key";
             if (take(tree.find("resident")) != 1U) return "the resident key";
             take(tree.verify());
             return window_->nobody_holds_a_lock() ? "" : "somebody holds a lock in the end";
           })
        .answer();
  }

 private:
  struct Board {
    std::atomic<sync::Identity> holder;
    std::atomic<bool> holds;
  };

  int stand_by() {
    die_with_the_test();
    const Tree tree = take(attach(path_, patience));
    const auto rest = [this] {
      stands_by_.ring();
      release_.wait();
    };
    Tree same = tree;
    if (owns_nothing(held_) && !hold(same, Held::word, *window_, rest, "bystander").empty()) return 1;
    if (held_ == Held::awaited_views) {
      const View view = take(tree.view());
      rest();
    }
    if (!sleeps(held_)) stands_by_.ring();
    rest_until_killed();
  }

  int be_holder(const Conduct& conduct) {
    conduct.before_open();
    die_with_the_test();
    Handles handles{take(attach(path_, patience)), take(attach(path_, brisk))};
    const auto work = [&] {
      board_->holder = take(sync::own_identity());
      const auto at_hold = [&] {
        board_->holds = true;
        conduct.at_hold(*this, handles);
        go_on_.wait();
      };
      const std::string complaint = hold(*handles.patient, held_, *window_, at_hold, "holder");
      if (!complaint.empty()) std::fprintf(stderr, "%s\n", complaint.c_str());
      return complaint.empty() ? 0 : 1;
    };
    if (!conduct.beside) return work();
    std::thread([&] { _exit(work()); }).detach();
    spin_until([&] { return has_held(); });
    conduct.beside(*this, handles);
    rest_until_killed();
  }

  /// Whatever others may have done to it since.
  [[nodiscard]] bool has_held() const { return sleeps(held_) ? holds() : board_->holds.load(); }

  void await_hold() {
    spin_until([&] {
      if (has_ended(*holder_)) throw std::runtime_error("the holder ended before it held");
      return has_held();
    });
  }

  Held held_;
  std::uint64_t generation_ = 0;
  ScratchDirectory scratch_;
  std::string path_ = scratch_.file("tree");
  Shared<Board> board_;
  Bell stands_by_, release_, go_on_;
  std::optional<Window> window_;
  std::optional<Child> bystander_, holder_;
};

/// With what rights somebody comes, and what he sees.
struct Rights {
  std::function<void()> before_open = [] {};
  std::function<void()> after_open = [] {};
};

/// Somebody who is attached before the holder goes, and acts when he is told to.
class Comer {
 public:
  using Act = std::function<std::string(Tree&)>;
  Comer(const LivenessScene& scene, milliseconds lock_timeout, const Act& act, const Rights& rights = {})
      : witness_([this, &scene, lock_timeout, act, rights] {
          rights.before_open();
          die_with_the_test();
          Tree tree = take(attach(scene.path(), lock_timeout));
          rights.after_open();
          ready_.ring();
          come_.wait();
          return act(tree);
        }) {
    ready_.wait();
  }
  void come() { come_.ring(); }
  /// Comes, and waits until it sleeps.
  void come_to_sleep(const LivenessScene& scene) {
    come();
    const std::uint32_t others = sleeps(scene.legacy().held) ? 1 : 0;
    spin_until([&] { return scene.window().waiters() > others || has_ended(witness_.child()); });
    if (has_ended(witness_.child())) throw std::runtime_error("who came was not held up");
  }
  void stop() const {
    kill(witness_.child().pid(), SIGSTOP);
    if (!witness_.child().await_stop()) throw std::runtime_error("who came has ended");
  }
  void resume() const { witness_.child().resume(); }
  [[nodiscard]] std::string answer() { return witness_.answer(); }

 private:
  Bell ready_, come_;
  Witness witness_;
};

}  // namespace radish::tests
