#include "crashpoints/waits.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <utility>

#include "crashpoints/limit.h"

namespace radish::crashpoints {
namespace {

/// What a process that is led tells its leader, who is in another one.
struct Word {
  enum class What : std::uint8_t { stands, sleeps, oversleeps, has_woken, has_ended, was_refused };
  What what;
  std::uint64_t points;
};
using What = Word::What;

/// The process's own half.
class Led {
 public:
  Led(int go, int told, std::uint64_t stands_behind, std::uint32_t look_ms)
      : go_(go), told_(told), stands_behind_(stands_behind), look_ns_(std::uint64_t{look_ms} * 1'000'000) {}

  void tell(What what) const {
    const Word told{what, points_};
    if (write(told_, &told, sizeof told) != sizeof told) _exit(0);
  }
  void await() const {
    char go = 0;
    if (read(go_, &go, 1) != 1) _exit(0);
  }
  [[nodiscard]] Leader leader() {
    return {
        .context = this,
        .meet = [](void* self) { static_cast<Led*>(self)->meet(); },
        .sleep = [](void* self, const std::uint32_t& word, std::uint32_t expected,
                    std::uint64_t timeout_ns) { static_cast<Led*>(self)->sleep(word, expected, timeout_ns); },
        .wake =
            [](void* self) {
              static_cast<Led*>(self)->tell(What::has_woken);
              static_cast<Led*>(self)->await();
            }};
  }

 private:
  void meet() {
    if (points_++ != stands_behind_) return;
    tell(What::stands);
    await();
  }
  /// Nobody else moves: the word is as it would be to the kernel.
  void sleep(const std::uint32_t& word, std::uint32_t expected, std::uint64_t timeout_ns) const {
    if (word != expected) return;
    tell(timeout_ns > look_ns_ ? What::oversleeps : What::sleeps);
    await();
  }

  int go_, told_;
  std::uint64_t stands_behind_, look_ns_;
  std::uint64_t points_ = 0;
};

/// One of the two, as its leader sees it.
class Actor {
 public:
  /// To be made where the structure is empty; it waits there.
  Actor(const Plugin& plugin, const Oracle& places, const Deed& deed, std::uint64_t stands_behind) {
    if (pipe2(go_, O_CLOEXEC) != 0 || pipe2(told_, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe for a process that is led");
    pid_ = fork_bounded();
    if (pid_ == 0) live(plugin, places, deed, stands_behind);
    close(go_[0]);
    close(told_[1]);
    (void)hear();
  }
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  Actor(Actor&&) = delete;
  Actor& operator=(Actor&&) = delete;
  ~Actor() {
    bury();
    close(go_[1]);
    close(told_[0]);
  }

  /// Until it tells of something.
  What move() {
    if (write(go_[1], "", 1) != 1) throw std::runtime_error("a process that is led does not listen");
    return hear();
  }
  void wake() { asleep_ = false; }
  /// It is dead and gone then.
  void bury() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
    asleep_ = false;
  }
  [[nodiscard]] bool is_there() const { return pid_ > 0; }
  [[nodiscard]] bool is_asleep() const { return asleep_; }
  [[nodiscard]] bool can_move() const { return is_there() && !asleep_; }
  /// So far.
  [[nodiscard]] std::uint64_t points() const { return points_; }

 private:
  [[noreturn]] void live(const Plugin& plugin, const Oracle& places, const Deed& deed,
                         std::uint64_t stands_behind) const noexcept {
    Led led(go_[0], told_[1], stands_behind, plugin.subject().look_ms);
    const Leader leader = led.leader();
    Doer doer(plugin.subject(), places);
    led.tell(What::stands);
    led.await();
    plugin.recorder()->follow(&leader);
    const Outcome outcome = doer.act(deed);
    plugin.recorder()->follow(nullptr);
    const bool answered = deed.mutation != nullptr ? outcome.reply == places.reply() : !outcome.refused;
    led.tell(answered ? What::has_ended : What::was_refused);
    led.await();
    _exit(0);
  }
  What hear() {
    Word told{};
    if (read(told_[0], &told, sizeof told) != sizeof told) tell_death();
    points_ = told.points;
    asleep_ = told.what == What::sleeps || told.what == What::oversleeps;
    if (told.what == What::has_ended || told.what == What::was_refused) bury();
    return told.what;
  }
  [[noreturn]] void tell_death() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    if (WIFSIGNALED(status)) throw_death(WTERMSIG(status));
    throw std::runtime_error("a process that is led has left");
  }

  int go_[2]{}, told_[2]{};
  pid_t pid_ = -1;
  bool asleep_ = false;
  std::uint64_t points_ = 0;
};

/// The leader's.
class Turns {
 public:
  Turns(const Plugin& plugin, const Oracle& places, const Image& pristine, const WaitPlan& plan)
      : plan_(plan), subject_(plugin.subject()), places_(places) {
    places_.arena().show(pristine);
    holder_.emplace(plugin, places_, plan.holder, plan.holder_stands);
    waiter_.emplace(plugin, places_, plan.waiter, plan.waiter_stands);
    places_.arena().show(*plan.image);
  }

  WaitCourse take() {
    move_to_its_stand(*holder_);
    course_.holder_points = holder_->points();
    const Debts debts = subject_.debts(places_.arena().base());
    died_ = plan_.dies && holder_->is_there();
    takeovers_ = died_ ? takeovers_after(debts) : debts.takeovers;
    move_to_its_stand(*waiter_);
    course_.waiter_points = waiter_->points();
    for (std::size_t look = 0; look < plan_.looks && waiter_->is_asleep() && !course_.wrong; ++look) {
      waiter_->wake();
      move_to_its_stand(*waiter_);
    }
    if (died_) holder_->bury();
    while (!course_.wrong && (holder_->is_there() || waiter_->is_there())) go_on();
    if (!course_.wrong) judge_debts();
    return course_;
  }

 private:
  void move_to_its_stand(Actor& actor) {
    do move(actor);
    while (actor.can_move() && !stands_);
  }

  void move(Actor& actor) {
    const bool by_waiter = &actor == &*waiter_;
    stands_ = false;
    switch (actor.move()) {
      case What::stands:
        stands_ = true;
        break;
      case What::oversleeps:
        course_.wrong = fmt::format("V2: a sleep of more than {} ms without a look", subject_.look_ms);
        break;
      case What::sleeps:
        course_.parked |= by_waiter;
        break;
      case What::has_woken:
        course_.woken |= waiter_->is_asleep();
        holder_->wake();
        waiter_->wake();
        break;
      case What::was_refused:
        course_.wrong = fmt::format("V3: {} was refused", to_text(by_waiter ? plan_.waiter : plan_.holder));
        break;
      case What::has_ended:
        break;
    }
  }

  void go_on() {
    Actor& first = plan_.waiter_first ? *waiter_ : *holder_;
    Actor& second = plan_.waiter_first ? *holder_ : *waiter_;
    if (first.can_move()) return move(first);
    if (second.can_move()) return move(second);
    if (!died_) {
      course_.wrong = "V1: what was waited for is released, and nobody has woken who sleeps";
    } else if (course_.looked) {
      course_.wrong = "V2: who waits for a process that has died sleeps a second time";
    } else {
      course_.looked = true;
      waiter_->wake();
    }
  }

  void judge_debts() {
    const Debts debts = subject_.debts(places_.arena().base());
    const bool held =
        debts.owed || debts.armed || (debts.shared && !died_);  // a writer frees what dead views hold
    if (held)
      course_.wrong = "V3: something is held or owed when all have ended";
    else if (debts.takeovers != takeovers_)
      course_.wrong = fmt::format("V3: {} takeovers, not {}", debts.takeovers, takeovers_);
  }

  const WaitPlan& plan_;
  const Subject& subject_;
  const Oracle& places_;
  std::optional<Actor> holder_, waiter_;
  std::uint64_t takeovers_ = 0;  ///< as many as there must be in the end
  bool stands_ = false;          ///< who has moved last
  bool died_ = false;
  WaitCourse course_{};
};

}  // namespace

std::string to_text(const WaitPlan& plan) {
  const auto place = [](std::uint64_t point) {
    return point == WaitPlan::nowhere ? std::string("nowhere") : fmt::format("behind point {}", point);
  };
  return fmt::format(
      "{} stands {}; {} waits for it, stands {}, looks {} times more; the other {}, and {} is the first to "
      "go on",
      to_text(plan.holder), place(plan.holder_stands), to_text(plan.waiter), place(plan.waiter_stands),
      plan.looks, plan.dies ? "dies" : "goes on", plan.waiter_first ? "who waits" : "the other");
}

Complaint judge_left(Oracle& oracle, const WaitPlan& plan) {
  const bool mutates = plan.holder.mutation != nullptr;
  const Image left = oracle.arena().image();
  return oracle.judge(left, {.before = !mutates || plan.dies, .after = mutates}, false).wrong;
}

void each_wait(const Plugin& instrumented, const Oracle& places, const Image& pristine, WaitPlan plan,
               const std::function<bool(const WaitPlan&, const WaitCourse&)>& visit) {
  constexpr std::size_t looks_max = 5;
  const auto take = [&] { return take_turns(instrumented, places, pristine, plan); };
  const std::uint64_t holder_points = take().holder_points;
  std::uint64_t last_held = 0;
  for (plan.holder_stands = 0; plan.holder_stands < holder_points; ++plan.holder_stands)
    for (const bool dies : {false, true}) {
      plan.dies = dies;
      plan.waiter_first = plan.holder_stands % 2 == 0;
      plan.looks = plan.holder_stands % (looks_max + 1);
      const WaitCourse course = take();
      if (!visit(plan, course)) return;
      if (course.parked) last_held = plan.holder_stands;
    }
  plan.waiter_first = false;  // it goes on when all is released, or all is taken
  plan.looks = 0;
  for (const std::uint64_t holder_stands : {std::uint64_t{0}, last_held}) {
    plan.holder_stands = holder_stands;
    plan.waiter_stands = WaitPlan::nowhere;
    const std::uint64_t waiter_points = take().waiter_points;
    for (plan.waiter_stands = 0; plan.waiter_stands < waiter_points; ++plan.waiter_stands)
      for (const bool dies : {false, true}) {
        plan.dies = dies;
        if (!visit(plan, take())) return;
      }
  }
}

WaitCourse take_turns(const Plugin& instrumented, const Oracle& places, const Image& pristine,
                      const WaitPlan& plan) {
  return Turns(instrumented, places, pristine, plan).take();
}

}  // namespace radish::crashpoints
