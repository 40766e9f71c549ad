#include "torture/worker.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "torture/actor.h"
#include "torture/deaths.h"
#include "torture/iterator.h"
#include "torture/jitter.h"
#include "torture/reader.h"
#include "torture/settle.h"
#include "torture/view_holder.h"
#include "torture/writer.h"

namespace radish::stress::torture {
namespace {

constexpr std::uint64_t orphan_check_steps = 1024;
constexpr std::uint64_t orphan_age_ns = 60'000'000'000;

Count count_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::created:
      return Count::created;
    case Outcome::attached:
      return Count::attached;
    case Outcome::recovered:
      return Count::recovered;
    default:
      return Count::healed;
  }
}

/// The steps of one strand, by its seat's role.
class Work {
 public:
  Work(Actor& actor, Role role)
      : actor_(actor), role_(role), reader_(actor), view_holder_(actor), iterator_(actor) {
    iterator_.set_interruption([this] { writer_ ? writer_->step() : reader_.step(); });
    if (role != Role::writer) return;
    settle();
    writer_.emplace(actor, actor.strand_index());
  }

  void step() {
    const std::uint64_t choice = actor_.random().below(100);
    switch (role_) {
      case Role::writer:
        return choice < 93 ? writer_->step() : choice < 97 ? reader_.step() : look_around(choice);
      case Role::reader:
        return reader_.step();
      case Role::viewer:
        return choice < 25 ? view_holder_.step() : reader_.step();
      case Role::iterator:
        return choice < 75 ? iterator_.step() : reader_.step();
    }
  }

 private:
  void look_around(std::uint64_t choice) { choice % 2 == 0 ? view_holder_.step() : iterator_.step(); }

  /// What the strand's last process had in flight. Under a view, since that recovers from a dead writer
  /// first.
  void settle() {
    actor_.does(Activity::settling);
    actor_.strand().changes.fetch_add(1);
    auto view = actor_.tree().view();
    while (!actor_.accepted(view, Needs::lock, "view")) view = actor_.tree().view();
    const Settled settled = settle_range(actor_.ledger(), actor_.strand_index(), actor_.tree());
    if (!settled.violation.empty()) actor_.fail("{}", settled.violation);
    actor_.count(Count::in_flight_before, settled.before);
    actor_.count(Count::in_flight_after, settled.after);
  }

  Actor& actor_;
  Role role_;
  Reader reader_;
  ViewHolder view_holder_;
  Iterator iterator_;
  std::optional<Writer> writer_;
};

class Process {
 public:
  Process(const Ledger& ledger, std::uint32_t seat, const std::optional<Inherited>& inherited)
      : ledger_(ledger),
        seat_(seat),
        life_(strand(0).lives.fetch_add(1)),
        shape_(plan_shape(ledger.setting(), ledger.round(), seat, life_)),
        jitter_(jitter_random(0), [this] { strand(0).add(Count::deaths_within); }) {
    register_strand(0);
    forget_thread_before_exec();
    attach(inherited);
  }

  int run() {
    std::thread second;
    if (shape_.second_thread) {
      strand(0).add(Count::threads);
      second = std::thread([this] { work(1); });
    }
    if (shape_.child_beside) fork_beside();
    work(0);
    if (shape_.finish == Finish::main_ends && second.joinable()) end_main(second);
    if (!ledger_.stopping().load(std::memory_order_acquire)) finish();
    leaving_.store(true, std::memory_order_release);
    if (second.joinable()) second.join();
    return 0;
  }

 private:
  [[nodiscard]] std::uint32_t strand_index(std::uint32_t index) const {
    return seat_ * strands_per_seat + index;
  }
  [[nodiscard]] Strand& strand(std::uint32_t index) const { return ledger_.strand(strand_index(index)); }

  void register_strand(std::uint32_t index) const {
    strand(index).pid.store(getpid(), std::memory_order_release);
  }

  void forget_thread_before_exec() const {
    if (strand(1).pid.load() != getpid()) return;
    strand(1).activity.store(Activity::none);
    strand(1).pid.store(0);
  }

  [[nodiscard]] Random jitter_random(std::uint32_t index) const {
    return random_for(ledger_.setting().seed, "jitter", strand_index(index), life_);
  }

  [[nodiscard]] Actor make_actor(std::uint32_t index) const {
    Random random =
        random_for(ledger_.setting().seed, "steps", ledger_.round().number, strand_index(index), life_);
    return {ledger_,
            strand_index(index),
            *tree_,
            random,
            {.lock_timeout_ms = lock_timeout_ms_, .has_siblings = shape_.second_thread}};
  }

  void attach(const std::optional<Inherited>& inherited) {
    strand(0).activity.store(Activity::attaching, std::memory_order_relaxed);
    if (inherited && shape_.inherits) {
      tree_ = inherited->tree;
      lock_timeout_ms_ = inherited->lock_timeout_ms;
      return;
    }
    lock_timeout_ms_ = shape_.lock_timeout_ms;
    auto opened = open();
    while (!opened && opened.error().code == Code::timed_out && lock_timeout_ms_ != 0) {
      strand(0).add(Count::timed_out);
      opened = open();
    }
    if (!opened)
      complain(fmt::format("cannot attach: code {}, {}", static_cast<int>(opened.error().code),
                           opened.error().message));
    if (opened->outcome() == Outcome::healed) complain("the lease was unreadable, or of another boot");
    strand(0).add(count_of(opened->outcome()));
    tree_ = std::move(*opened);
  }

  [[nodiscard]] Result<Tree> open() const {
    const Round& round = ledger_.round();
    const OpenOptions options{.capacity_bytes = round.capacity_bytes,
                              .must_exist = round.must_exist,
                              .lock_timeout = std::chrono::milliseconds(lock_timeout_ms_)};
    return round.keeper >= 0 ? Tree::open_descriptor(round.keeper, options) : Tree::open(round.path, options);
  }

  [[noreturn]] void complain(std::string_view text) const {
    torture::complain(ledger_, strand_index(0), text);
  }
  /// Nothing is known of radish then.
  [[noreturn]] void give_up(std::string_view text) const {
    ledger_.report_trouble(fmt::format("process {}: {}: {}", getpid(), text, std::strerror(errno)));
    while (true) pause();
  }

  void work(std::uint32_t index) {
    register_strand(index);
    step_on(index);
    strand(index).activity.store(Activity::none, std::memory_order_relaxed);
  }

  void step_on(std::uint32_t index) {
    std::optional<Jitter> jitter;
    if (index != 0)
      jitter.emplace(jitter_random(index), [this, index] { strand(index).add(Count::deaths_within); });
    Actor actor = make_actor(index);
    Work work(actor, role_of(ledger_.setting(), seat_));
    for (std::uint64_t step = 0; !ledger_.stopping().load(std::memory_order_acquire); ++step) {
      if (index == 0 && shape_.finish != Finish::none && step == shape_.finish_steps) return;
      if (leaving_.load(std::memory_order_acquire)) return;
      if (step % orphan_check_steps == 0 && ledger_.heartbeat().silent_ns(now_ns) > orphan_age_ns) return;
      work.step();
      strand(index).progress.fetch_add(1, std::memory_order_relaxed);
    }
  }

  /// Unless an earlier life's child still works on the strand, or lies there as a zombie.
  void fork_beside() {
    if (strand(2).pid.load(std::memory_order_acquire) != 0) return;
    strand(0).add(Count::forks);
    const pid_t child = fork_process();
    if (child != 0) return strand(2).pid.store(child, std::memory_order_release);
    work(2);
    _exit(0);
  }

  /// The second thread works on alone, in a process whose main thread has exited.
  [[noreturn]] void end_main(std::thread& second) const {
    strand(0).add(Count::ends_of_main);
    strand(0).pid.store(0);
    second.detach();
    syscall(SYS_exit, 0);
    __builtin_unreachable();
  }

  /// The child goes on once the parent is gone with all of its threads, so that no strand is worked on twice.
  [[noreturn]] void hand_over() const {
    strand(0).add(Count::hand_overs);
    const int parent = watch_process(getpid());
    if (fork_process() != 0) _exit(0);
    if (!await_death(parent, -1)) give_up("cannot wait for the parent");
    _exit(run_worker(ledger_, seat_, Inherited{*tree_, lock_timeout_ms_}));
  }

  [[nodiscard]] pid_t fork_process() const {
    const pid_t child = shape_.raw_fork ? _Fork() : fork();
    if (child < 0) give_up("cannot fork");
    return child;
  }

  void finish() {
    switch (shape_.finish) {
      case Finish::hands_over:
        hand_over();
      case Finish::execs:
        return exec();
      case Finish::execs_in_view: {
        const auto view = tree_->view();
        if (!view && (view.error().code != Code::timed_out || lock_timeout_ms_ == 0))
          complain("a view before an exec: " + view.error().message);
        return exec();
      }
      default:
        return;
    }
  }

  void exec() const {
    strand(0).add(Count::execs);
    const std::string descriptor = std::to_string(ledger_.descriptor()), seat = std::to_string(seat_);
    execl("/proc/self/exe", "radish-check", worker_command, "--ledger", descriptor.c_str(), "--seat",
          seat.c_str(), nullptr);
    give_up("cannot exec");
  }

  const Ledger& ledger_;
  std::uint32_t seat_;
  std::uint64_t life_;
  Shape shape_;
  Jitter jitter_;  ///< of the main thread
  std::uint64_t lock_timeout_ms_ = 0;
  std::optional<Tree> tree_;
  std::atomic<bool> leaving_{false};
};

}  // namespace

int run_worker(const Ledger& ledger, std::uint32_t seat, const std::optional<Inherited>& inherited) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // the parent is the coordinator by now
  Process process(ledger, seat, inherited);
  return process.run();
}

}  // namespace radish::stress::torture
