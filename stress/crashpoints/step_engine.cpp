#include "crashpoints/step_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "crashpoints/agreement.h"
#include "crashpoints/limit.h"
#include "crashpoints/origin.h"
#include "model/generator.h"

namespace radish::crashpoints {
namespace {

/// The exploration of one case.
class StepExploration {
 public:
  StepExploration(StepTools& tools, std::uint64_t seed, const StepDepth& depth, StepTally& tally)
      : tools_(tools), oracle_(tools.oracle), random_(seed), depth_(depth), tally_(tally) {}

  [[nodiscard]] std::optional<Finding> run(const Case& explored) {
    oracle_.take(explored, tools_.pristine);
    const Origin base{.image = oracle_.arena().image()};
    Lot<Origin> dead(depth_.recoveries, random_), dead_twice(depth_.third_level, random_);
    explore({.mutation = &explored.mutation}, base, &dead);
    for (const Origin& origin : dead.drawn()) explore(any_recovery(origin), origin, &dead_twice);
    for (const Origin& origin : dead_twice.drawn()) explore(any_recovery(origin), origin, nullptr);
    if (random_.chance(depth_.visits_permille)) {
      Lot<Deed> visits(depth_.visits, random_);
      for (const Deed& visit : all_visits(oracle_.subject())) visits.offer([&] { return visit; });
      for (const Deed& visit : visits.drawn()) explore(visit, base, nullptr);
      if (!dead.drawn().empty()) explore({.visit = Visit::read}, dead.drawn().front(), nullptr);
    }
    return std::move(found_);
  }

 private:
  /// An attach takes ten times the instructions that a lock takes, nearly all of which change nothing.
  Deed any_recovery(const Origin& origin) {
    if (origin.is_alone) return {.way = Way::by_opening};
    constexpr std::uint32_t attaches_permille = 125;
    if (random_.chance(attaches_permille))
      return {.way = random_.chance(500) ? Way::by_attaching : Way::by_opening};
    return {.way = random_.chance(500) ? Way::by_reading_lock : Way::by_writing_lock};
  }

  /// Every death in the deed. Some of the states that it leaves are offered to `next`.
  void explore(const Deed& deed, const Origin& origin, Lot<Origin>* next) {
    if (found_) return;
    strays_.clear();
    const std::string story = story_of(deed, origin);
    const Walk walk = tools_.walker.walk(deed, origin.image);
    ++tally_.processes;
    tally_.instructions += walk.instructions;
    tally_.changes += walk.moments.size();
    if (!walk.answered) found_ = Finding{"it did not answer as it should", story, 0, origin.image};
    judge_all(walk, deed, origin, next);
    kill_some(walk, deed, origin, story);
    if (tools_.instrumented != nullptr) compare_with_log(walk, deed, origin, story);
  }

  void judge_all(const Walk& walk, const Deed& deed, const Origin& origin, Lot<Origin>* next) {
    const Shown allowed = allowed_in(deed, origin);
    Stroll stroll(walk, tools_.likeness);
    while (!found_ && stroll.next()) {
      const std::string died = place_of(stroll, walk, story_of(deed, origin));
      const auto judgement = judge(stroll.image(), stroll.hash(), deed, origin);
      if (!judgement) continue;
      if (judgement->wrong)
        found_ = finding_of(*judgement, allowed, died, stroll.image(), stroll.moment().code,
                            index_of(stroll, origin));
      else if (next != nullptr && !judgement->is_known && !judgement->is_final)
        next->offer([&] {
          return Origin{stroll.image(), died, origin.deaths + 1, judgement->left(allowed),
                        judgement->is_alone};
        });
    }
    if (!found_ && deed.mutation != nullptr)
      if (auto wrong = oracle_.judge_end(stroll.image()))
        found_ = finding(*wrong, story_of(deed, origin), stroll);
  }

  /// Nothing if it was known.
  std::optional<Oracle::Judgement> judge(const Image& state, std::uint64_t hash, const Deed& deed,
                                         const Origin& origin) {
    heed_deadline();
    if (!known_.insert(hash + key_of(allowed_in(deed, origin), is_alone(deed))).second) return std::nullopt;
    ++tally_.states[std::min(origin.deaths, levels - 1)];
    return oracle_.judge(state, allowed_in(deed, origin), is_alone(deed));
  }

  /// S2
  void kill_some(const Walk& walk, const Deed& deed, const Origin& origin, const std::string& story) {
    const bool all = walk.moments.size() <= depth_.small_moments;
    Lot<std::size_t> lot(all ? walk.moments.size() : depth_.kills, random_);
    for (std::size_t moment = 1; moment <= walk.moments.size(); ++moment) lot.offer([&] { return moment; });
    for (Stroll stroll(walk, tools_.likeness); !found_ && stroll.next();) {
      if (std::ranges::find(lot.drawn(), stroll.passed()) == lot.drawn().end()) continue;
      Walker::Death death = tools_.walker.kill_at(stroll, deed, origin.image);
      ++tally_.killed;
      tally_.killed_stepping += death.stepped ? 1 : 0;
      if (!tools_.likeness.alike(death.left, death.seen))
        found_ = finding(fmt::format("a process that was killed here left something else at {:#x}",
                                     tools_.likeness.first_difference(death.left, death.seen)),
                         place_of(stroll, walk, story), stroll);
      else if (!tools_.likeness.alike(death.left, stroll.image()))
        judge_stray(std::move(death.left), deed, origin, place_of(stroll, walk, story));
    }
  }

  /// Left by a process that was killed on a way of its own.
  void judge_stray(Image left, const Deed& deed, const Origin& origin, const std::string& died) {
    const HashedImage stray(tools_.likeness, std::move(left));
    strays_.push_back(stray.image());
    const auto judgement = judge(stray.image(), stray.hash(), deed, origin);
    if (judgement && judgement->wrong)
      found_ = finding_of(*judgement, allowed_in(deed, origin), died + ", killed there on another way",
                          stray.image(), 0, {});
  }

  /// S3
  void compare_with_log(const Walk& walk, const Deed& deed, const Origin& origin, const std::string& story) {
    if (found_) return;
    const std::vector<Task> tasks{{.image = &origin.image, .deed = deed}};
    const Recording recording =
        tools_.room->record(*tools_.instrumented, oracle_, tools_.pristine, tasks).front();
    const auto beyond = [&](const Store& store) { return store.offset + store.bytes > walk.origin.size(); };
    if (std::ranges::any_of(recording.stores, beyond)) {
      found_ = Finding{"a store beyond all that was in use", story, 0, walk.origin};
      return;
    }
    Agreement agreement(tools_.likeness, walk.origin, recording.stores);
    Stroll stroll(walk, tools_.likeness);
    std::unordered_set<std::uint64_t> seen{stroll.hash()};
    for (; !found_ && stroll.next(); ++tally_.agreed) {
      seen.insert(stroll.hash());
      if (!agreement.allows(stroll.image()))
        found_ =
            finding("a state that is unknown to the store engine", place_of(stroll, walk, story), stroll);
    }
    if (!found_ && !agreement.ends_with(stroll.image()))
      found_ = Finding{"the stores that were reported make another end", story, 0, stroll.image()};
    tally_.unreported += agreement.unreported();
    for (const Image& stray : std::exchange(strays_, {}))
      if (!found_ && !Agreement(tools_.likeness, walk.origin, recording.stores).allows(stray))
        found_ = Finding{"a state that is unknown to the store engine", story + ", killed on another way", 0,
                         stray};
    count_unseen(walk, recording, std::move(seen));
  }

  void count_unseen(const Walk& walk, const Recording& recording, std::unordered_set<std::uint64_t> seen) {
    HashedImage image(tools_.likeness, walk.origin);
    Image done = walk.origin;
    for (const Store& store : recording.stores) {
      apply(store, done);
      if (store.bytes != 0) image.change(store.offset / 8, word_of(done, store.offset / 8));
      tally_.unseen += seen.insert(image.hash()).second ? 1 : 0;
    }
  }

  static std::string place_of(const Stroll& stroll, const Walk& walk, const std::string& story) {
    return fmt::format("{} dies after {} of {} instructions, at change {} of {}", story,
                       stroll.moment().instruction, walk.instructions, stroll.passed(), walk.moments.size());
  }
  static StateIndex index_of(const Stroll& stroll, const Origin& origin) {
    return {.level = origin.deaths, .moment = stroll.passed(), .retired = stroll.moment().instruction};
  }
  static Finding finding(std::string what, std::string where, const Stroll& stroll) {
    return {std::move(what), std::move(where), stroll.moment().code, stroll.image()};
  }

  StepTools& tools_;
  Oracle& oracle_;
  model::Random random_;
  const StepDepth& depth_;
  StepTally& tally_;
  std::unordered_set<std::uint64_t> known_;
  std::vector<Image> strays_;  ///< of the deed that is explored
  std::optional<Finding> found_;
};

}  // namespace

StepTools::StepTools(const Plugin& shipped, const Plugin* recorded, const Plugin& stepped)
    : oracle(shipped.subject()),
      pristine(oracle.arena().image()),
      likeness(shipped.subject(), pristine, Oracle::capacity_bytes),
      walker(stepped, oracle, pristine, likeness),
      instrumented(recorded) {
  if (recorded == nullptr) return;
  if (recorded->recorder() == nullptr) throw std::runtime_error(recorded->path() + " records nothing");
  room = std::make_unique<RecordingRoom>();
}

StepEngine::StepEngine(const Plugin& shipped, const Plugin* instrumented, const Plugin* stepped)
    : tools_(shipped, instrumented, stepped != nullptr ? *stepped : shipped) {}

std::optional<Finding> StepEngine::explore(const Case& explored, std::uint64_t seed, const StepDepth& depth,
                                           StepTally& tally) {
  try {
    return StepExploration(tools_, seed, depth, tally).run(explored);
  } catch (const SubjectDied& died) {
    return Finding{died.what(), "in the mutation, or in a recovery from a death in it", 0, {}};
  }
}

}  // namespace radish::crashpoints
