#include "crashpoints/store_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <unordered_set>

#include "crashpoints/limit.h"
#include "crashpoints/origin.h"
#include "crashpoints/waits.h"

namespace radish::crashpoints {
namespace {

/// An image on which sets of stores are done and undone.
class Scratch {
 public:
  explicit Scratch(const Likeness& likeness) : likeness_(likeness) {}

  void begin(const Image& origin) {
    image_ = origin;
    done_.clear();
    hash_ = 0;
  }
  /// What the origin becomes by the stores of a death.
  void make(const std::vector<Store>& stores, const Death& death) {
    undo();
    for (std::size_t index = 0; index < death.prefix; ++index) perform(stores[index]);
    for (const std::size_t index : death.beyond) perform(stores[index]);
  }
  [[nodiscard]] const Image& image() const { return image_; }
  /// By how much the hash differs from the origin's.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  /// Of the last store that was done.
  [[nodiscard]] std::uint64_t last_code() const { return last_code_; }

 private:
  struct Done {
    std::uint64_t word;
    std::uint64_t before;
  };
  void perform(const Store& store) {
    if (store.bytes == 0) return;
    const std::uint64_t word = store.offset / 8;
    const std::uint64_t before = word_of(image_, word);
    done_.push_back({word, before});
    apply(store, image_);
    hash_ += likeness_.hash(word, word_of(image_, word)) - likeness_.hash(word, before);
    last_code_ = store.code;
  }
  void undo() {
    for (; !done_.empty(); done_.pop_back())
      std::memcpy(image_.data() + done_.back().word * 8, &done_.back().before, 8);
    hash_ = 0;
    last_code_ = 0;
  }

  const Likeness& likeness_;
  Image image_;
  std::vector<Done> done_;
  std::uint64_t hash_ = 0;
  std::uint64_t last_code_ = 0;
};

/// What a process does, and where it sets out.
struct Job {
  Deed deed;
  const Origin* origin;
  bool beside_the_living = false;  ///< who may hold it up until it gives up
};

/// The exploration of one case.
class StoreExploration {
 public:
  StoreExploration(StoreTools& tools, std::uint64_t seed, const Depth& depth, Tally& tally)
      : tools_(tools), oracle_(tools.oracle), random_(seed), depth_(depth), tally_(tally) {}

  [[nodiscard]] std::optional<Finding> run(const Case& explored) {
    oracle_.take(explored, tools_.pristine);
    const Origin base{.image = oracle_.arena().image()};
    const Deed mutation{.mutation = &explored.mutation};
    Lot<Origin> dead_visitors(depth_.visitors, random_), dead(Lot<Origin>::all, random_),
        dead_twice(depth_.third_level, random_), dead_thrice(0, random_);
    if (random_.chance(depth_.visits_permille)) visit_all(base, dead_visitors);
    std::vector<Job> mutations{{mutation, &base}};
    Origin read{.image = oracle_.image_in_a_read(), .story = "somebody reads"};
    if (!read.image.empty() && random_.chance(depth_.visits_permille)) {
      read.hash = tools_.likeness.hash_difference(base.image, read.image);
      mutations.push_back({mutation, &read});
    }
    for (const Origin& origin : dead_visitors.drawn())
      mutations.push_back({origin.is_alone ? Deed{.way = Way::by_opening} : mutation, &origin});
    explore(mutations, dead);
    if (random_.chance(depth_.visits_permille)) damage(base, dead);
    explore(recoveries(dead.drawn()), dead_twice);
    explore(recoveries(dead_twice.drawn()), dead_thrice);
    if (!explored.heap_is_full && random_.chance(depth_.visits_permille)) wait_for_the_living(base, mutation);
    // Last: how often somebody looks while he waits is a matter of time, and so is how much is drawn.
    if (!explored.heap_is_full && random_.chance(depth_.visits_permille)) meet_the_living(base, mutation);
    return std::move(found_);
  }

 private:
  void visit_all(const Origin& base, Lot<Origin>& dead_visitors) {
    std::vector<Job> visits;
    for (const Deed& visit : all_visits(oracle_.subject())) visits.push_back({visit, &base});
    explore(visits, dead_visitors);
    tally_.visits += visits.size();
  }
  /// A writer waits for a writer, a view for a writer, a writer for a view, or comes while that lives on
  /// elsewhere in what it does. All of them are dead in the end.
  void meet_the_living(const Origin& base, const Deed& mutation) {
    if (oracle_.subject().gave_up == 0) return;
    constexpr std::uint64_t loads_of_a_mutation = 300, loads_of_a_view = 20;
    const Deed view{.way = Way::by_reading_lock}, writer{.way = Way::by_writing_lock};
    for (const bool views : {false, true}) {
      const Deed& beside = views ? view : mutation;
      const Deed& deed = random_.chance(500) ? writer : views ? mutation : view;
      const std::uint64_t loads = 1 + random_.below(views ? loads_of_a_view : loads_of_a_mutation);
      if (!found_) meet(base, beside, loads, deed);
    }
  }
  void meet(const Origin& base, const Deed& beside, std::uint64_t loads, const Deed& deed) {
    const std::vector<Task> tasks{{.image = &base.image, .deed = deed, .beside = &beside, .loads = loads}};
    const Recording recording =
        tools_.room.record(tools_.instrumented, oracle_, tools_.pristine, tasks).front();
    const Shown shown = oracle_.shown(recording.from.empty() ? base.image : recording.from);
    const Origin origin{.image = base.image,
                        .story = fmt::format("{} stands at load {}", to_text(beside), loads),
                        .deaths = 1,
                        .allowed = {.before = shown.before, .after = beside.mutation != nullptr}};
    Lot<Origin> dead(Lot<Origin>::all, random_), dead_with_them(0, random_);
    explore(recording, {deed, &origin, true}, dead);
    ++tally_.meetings;
    explore(recoveries(dead.drawn()), dead_with_them);
  }
  /// A view or a writer waits for a writer, a writer for a view: the other goes on, or dies.
  void wait_for_the_living(const Origin& base, const Deed& mutation) {
    if (found_ || oracle_.subject().gave_up == 0) return;
    const Deed view{.way = Way::by_reading_lock}, writer{.way = Way::by_writing_lock};
    constexpr std::uint64_t looks_max = 5;
    const Deed pairs[][2] = {{mutation, view}, {mutation, writer}, {view, writer}};
    const auto& [holder, waiter] = pairs[random_.below(std::size(pairs))];
    WaitPlan plan{.image = &base.image, .holder = holder, .waiter = waiter};
    const std::uint64_t holder_points = wait(plan).holder_points;
    std::uint64_t waiter_points = 1;  // until it sleeps
    for (std::size_t turn = 0; turn < depth_.waits && !found_; ++turn) {
      plan.holder_stands = random_.below(holder_points);
      plan.waiter_stands = random_.chance(500) ? WaitPlan::nowhere : random_.below(waiter_points);
      plan.looks = random_.below(looks_max + 1);
      plan.dies = random_.chance(500);
      plan.waiter_first = random_.chance(500);
      waiter_points = std::max(waiter_points, wait(plan).waiter_points);
    }
  }
  WaitCourse wait(const WaitPlan& plan) {
    heed_deadline();
    WaitCourse course = take_turns(tools_.instrumented, oracle_, tools_.pristine, plan);
    ++tally_.waits;
    tally_.parked += course.parked ? 1 : 0;
    tally_.looked += course.looked ? 1 : 0;
    const Image left = oracle_.arena().image();
    if (!course.wrong) course.wrong = judge_left(oracle_, plan);
    if (course.wrong) found_ = Finding{*course.wrong, to_text(plan), 0, left};
    return course;
  }
  /// What the world may do to the base, and to a state of those that are kept: all of these are kept too.
  void damage(const Origin& base, Lot<Origin>& kept) {
    if (found_ || kept.drawn().empty()) return;
    std::vector<Origin> damaged;
    for (std::uint32_t kind = 0; kind < oracle_.subject().damages; ++kind)
      for (const Origin& origin : {base, kept.drawn()[random_.below(kept.drawn().size())]}) {
        Origin& made = damaged.emplace_back(origin);
        oracle_.subject().damage(made.image.data(), kind);
        made.story += fmt::format("{}damage of kind {}", origin.story.empty() ? "" : "; ", kind);
        made.hash = origin.hash + tools_.likeness.hash_difference(origin.image, made.image);
        made.is_alone = oracle_.subject().debts(made.image.data()).alone;
      }
    for (Origin& made : damaged) kept.offer([&] { return std::move(made); });
    tally_.damaged += damaged.size();
  }
  /// By a lock and by an attach.
  std::vector<Job> recoveries(const std::vector<Origin>& origins) {
    std::vector<Job> jobs;
    for (const Origin& origin : origins) {
      if (origin.is_alone) jobs.push_back({{.way = Way::by_opening}, &origin});
      if (origin.is_alone) continue;
      jobs.push_back({{.way = random_.chance(500) ? Way::by_reading_lock : Way::by_writing_lock}, &origin});
      jobs.push_back({{.way = random_.chance(500) ? Way::by_attaching : Way::by_opening}, &origin});
    }
    return jobs;
  }

  /// Every death in each deed.
  void explore(const std::vector<Job>& jobs, Lot<Origin>& next) {
    if (found_ || jobs.empty()) return;
    std::vector<Task> tasks;
    for (const Job& job : jobs) tasks.push_back({.image = &job.origin->image, .deed = job.deed});
    const auto recordings = tools_.room.record(tools_.instrumented, oracle_, tools_.pristine, tasks);
    for (std::size_t index = 0; index < jobs.size() && !found_; ++index)
      explore(recordings[index], jobs[index], next);
  }

  void explore(const Recording& recording, const Job& job, Lot<Origin>& next) {
    if (!recording.from.empty()) {
      Origin begun = *job.origin;
      begun.hash += tools_.likeness.hash_difference(begun.image, recording.from);
      begun.image = recording.from;
      explore_from(recording, {job.deed, &begun, job.beside_the_living}, next);
    } else {
      explore_from(recording, job, next);
    }
  }

  void explore_from(const Recording& recording, const Job& job, Lot<Origin>& next) {
    const std::string story = story_of(job.deed, *job.origin);
    tally_.stores += recording.stores.size();
    scratch_.begin(job.origin->image);
    scratch_.make(recording.stores, {.prefix = recording.stores.size()});
    auto wrong = judge_recording(recording, job);
    if (!wrong) wrong = judge_end(job, scratch_.image());
    if (wrong) {
      found_ = Finding{*wrong, story, 0, scratch_.image()};
      return;
    }
    each_death(recording.stores, random_, depth_.samples, [&](const Death& death) {
      if (!found_) visit(recording, death, job, story, next);
    });
  }

  /// Whether somebody who lives holds it up for ever.
  [[nodiscard]] bool must_give_up(const Job& job) const {
    if (!job.beside_the_living) return false;
    const Debts debts = oracle_.subject().debts(job.origin->image.data());
    const bool writes = job.deed.mutation != nullptr || job.deed.way == Way::by_writing_lock;
    return debts.owed || (debts.shared && writes);
  }

  Complaint judge_recording(const Recording& recording, const Job& job) const {
    if (!recording.complete) return "E2: the stores that were reported do not make what the process left";
    for (const Store& store : recording.stores)
      if (!store.reported && !tools_.likeness.is_noise(store.offset / 8))
        return fmt::format("a store to offset {:#x} went round the subject's reports, at {:#x}", store.offset,
                           store.code);
    const Deed& deed = job.deed;
    const bool gave_up = recording.refused || recording.reply.error == oracle_.subject().gave_up;
    if (must_give_up(job))
      return gave_up ? std::nullopt : Complaint(to_text(deed) + " did not wait for the living");
    if (recording.refused) return fmt::format("O2: {} was refused", to_text(deed));
    if (deed.mutation == nullptr || recording.reply == oracle_.reply()) return std::nullopt;
    return fmt::format("the mutation answered {}, not {}", to_text(recording.reply),
                       to_text(oracle_.reply()));
  }

  /// Of a deed that came to its end on the instrumented subject.
  Complaint judge_end(const Job& job, const Image& left) const {
    if (must_give_up(job)) return std::nullopt;
    if (job.deed.mutation != nullptr) return oracle_.judge_end(left);
    if (job.deed.visit != Visit::none) return std::nullopt;
    const Debts before = oracle_.subject().debts(job.origin->image.data());
    const Debts after = oracle_.subject().debts(left.data());
    if (after.owed || after.armed) return "O2: something is owed still";
    if (after.takeovers == takeovers_after(before)) return std::nullopt;
    return fmt::format("O3: {} takeovers, not {}", after.takeovers, takeovers_after(before));
  }

  /// Judges the state if it was not known. What may come of it is explored if it is not like one that was
  /// judged (E4).
  void visit(const Recording& recording, const Death& death, const Job& job, const std::string& story,
             Lot<Origin>& next) {
    heed_deadline();
    ++tally_.visited;
    scratch_.make(recording.stores, death);
    const std::uint64_t hash = job.origin->hash + scratch_.hash();
    const Shown allowed = allowed_in(job.deed, *job.origin);
    if (!known_.insert(hash + key_of(allowed, is_alone(job.deed))).second) return;
    ++tally_.states[std::min(job.origin->deaths, levels - 1)];
    const auto judgement = oracle_.judge(scratch_.image(), allowed, is_alone(job.deed));
    if (!judgement.wrong && judgement.is_known) return;
    const std::string died =
        fmt::format("{} dies after {} of {} stores{}", story, death.prefix, recording.stores.size(),
                    death.beyond.empty() ? "" : fmt::format(" and {} further ones", death.beyond.size()));
    if (judgement.wrong)
      found_ = finding_of(judgement, allowed, died, scratch_.image(), scratch_.last_code(),
                          {.level = job.origin->deaths, .stores = death});
    else if (!judgement.is_final)
      next.offer([&] {
        return Origin{scratch_.image(),   died, job.origin->deaths + 1, judgement.left(allowed),
                      judgement.is_alone, hash};
      });
  }

  StoreTools& tools_;
  Oracle& oracle_;
  model::Random random_;
  const Depth& depth_;
  Tally& tally_;
  Scratch scratch_{tools_.likeness};
  std::unordered_set<std::uint64_t> known_;
  std::optional<Finding> found_;
};

/// Counts them, however the exploration ends.
class Lives {
 public:
  Lives(const Oracle& oracle, Tally& tally) : oracle_(oracle), tally_(tally), before_(oracle.lives()) {}
  Lives(const Lives&) = delete;
  Lives& operator=(const Lives&) = delete;
  ~Lives() { tally_.lives += oracle_.lives() - before_; }

 private:
  const Oracle& oracle_;
  Tally& tally_;
  std::uint64_t before_;
};

}  // namespace

Finding finding_of(const Oracle::Judgement& judgement, Shown allowed, const std::string& died,
                   const Image& state, std::uint64_t code, const StateIndex& index) {
  Finding found{judgement.wrong.value_or(""), died, code, state};
  if (!judgement.way.empty()) found.where += "; then recovery by " + judgement.way;
  found.index = index;
  found.allowed = allowed;
  found.way = judgement.way;
  return found;
}

StoreTools::StoreTools(const Plugin& shipped, const Plugin& recorded)
    : oracle(shipped.subject()),
      pristine(oracle.arena().image()),
      likeness(shipped.subject(), pristine, Oracle::capacity_bytes),
      instrumented(recorded) {
  if (instrumented.recorder() == nullptr) throw std::runtime_error(instrumented.path() + " records nothing");
}

std::optional<Finding> StoreEngine::explore(const Case& explored, std::uint64_t seed, const Depth& depth,
                                            Tally& tally) {
  const Lives lives(tools_.oracle, tally);
  try {
    return StoreExploration(tools_, seed, depth, tally).run(explored);
  } catch (const SubjectDied& died) {
    return Finding{died.what(), "in the mutation, or in a recovery from a death in it", 0, {}};
  }
}

}  // namespace radish::crashpoints
