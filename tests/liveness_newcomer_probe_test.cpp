// A program that attaches in the very process of a dead holder, or under its number: it must not pass for the
// holder, least of all before itself.
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "liveness_departure.h"
#include "rights.h"

namespace radish::tests {
namespace {

constexpr const char* variable = "RADISH_TEST_NEWCOMER";

/// What a newcomer is told of its predecessor.
struct Task {
  std::string path;
  Legacy legacy;
  bool others_come;  ///< who may have recovered first
};

/// Has what its predecessor held, all of it. The complaint.
std::string succeed(const Task& task) {
  const auto attached = attach(task.path, patience);
  if (!attached) return attached.error().message;
  Tree tree = *attached;
  const Legacy& legacy = task.legacy;
  const bool recovered = tree.outcome() == Outcome::recovered;
  if (recovered != owns_word(legacy.held) && !task.others_come) return "outcome";
  if (tree.generation() != legacy.generation + owns_word(legacy.held)) return "generation";
  if (const auto inserted = tree.insert("newcomer", 4); !inserted) return inserted.error().message;
  if (const auto view = tree.view(); !view) return view.error().message;
  const auto found = tree.contains("holder");
  if (!found) return found.error().message;
  return *found == (legacy.held == Held::armed_record) ? "" : "the holder's key";
}

int succeed_and_exit(const Task& task) {
  const std::string complaint = succeed(task);
  if (!complaint.empty()) std::fprintf(stderr, "%s\n", complaint.c_str());
  return complaint.empty() ? 0 : 1;
}

[[noreturn]] void become_newcomer(const Task& task) {
  std::ostringstream text;
  text << static_cast<int>(task.legacy.held) << ' ' << task.legacy.generation << ' ' << task.legacy.holder
       << ' ' << task.others_come << ' ' << static_cast<int>(impersonated) << ' ' << patience.count() << ' '
       << task.path;
  setenv(variable, text.str().c_str(), 1);
  execl("/proc/self/exe", "newcomer", nullptr);
  _exit(101);
}

/// What this program is when a test has exec'ed it.
[[noreturn]] void be_newcomer(const char* text) {
  std::istringstream words(text);
  int held = 0, twin = 0;
  milliseconds::rep patience_ms = 0;
  Task task{};
  words >> held >> task.legacy.generation >> task.legacy.holder >> task.others_come >> twin >> patience_ms >>
      task.path;
  task.legacy.held = static_cast<Held>(held);
  impersonated = static_cast<Twin>(twin);
  patience = milliseconds(patience_ms);
  // One exec in 4,096 draws the same tag: then there is no other name to come under.
  if (take(sync::own_identity()) == task.legacy.holder) become_newcomer(task);
  _exit(succeed_and_exit(task));
}

[[maybe_unused]] const bool was_execed = [] {
  if (const char* text = std::getenv(variable)) be_newcomer(text);
  return false;
}();

/// The exec'ed program has mapped the segment, or is through already.
bool is_back(LivenessScene& scene) {
  const pid_t pid = scene.holder().pid();
  return main_thread_has_exited(pid) ||
         read_file("/proc/" + std::to_string(pid) + "/maps").find(scene.path()) != std::string::npos;
}

/// A thread beside the holding one execs this very program, which attaches again. The complaint of the
/// program, and of one who has waited since before, if there is one.
std::string exec_and_succeed(Held held, bool others_come) {
  Bell now;
  LivenessScene scene(held,
                      {.beside =
                           [&now, others_come](const LivenessScene& place, Handles&) {
                             std::thread([&] {
                               now.wait();
                               become_newcomer({place.path(), place.legacy(), others_come});
                             }).join();
                           },
                       .reader_slots = others_come ? 3U : 1U});  // the holder's, the program's, and theirs
  const Legacy legacy = scene.legacy();
  std::optional<Comer> comer;
  if (others_come) {
    comer.emplace(scene, patience,
                  [&](Tree& tree) { return has_what_the_dead_held(tree, scene, Wish::write, legacy); });
    comer->come_to_sleep(scene);
    comer->stop();
  }
  now.ring();
  await_program(scene.holder().pid(), "exe");
  scene.release();
  if (comer) {  // looks at the holder again when that is back, and not in between
    spin_until([&] { return is_back(scene); });
    comer->resume();
  }
  const int end = scene.holder().join();
  const std::string complaint = comer ? comer->answer() : "";
  if (end != 0) return "the newcomer ended with " + std::to_string(end) + "; " + complaint;
  return complaint.empty() ? scene.afterwards(held == Held::armed_record) : complaint;
}

class Newcomer : public testing::TestWithParam<Held> {};

TEST_P(Newcomer, AfterAnExecHasWhatItsProcessHeldBefore) {
  EXPECT_EQ(exec_and_succeed(GetParam(), false), "");
}

TEST_P(Newcomer, UnderARecycledNumberHasWhatTheDeadHeld) {
  RADISH_SKIP_UNLESS_ROOT();
  LivenessScene scene(GetParam());
  const Legacy legacy = scene.legacy();
  const pid_t number = scene.holder().pid();
  if (sleeps(legacy.held)) scene.stop_holder();
  scene.holder().send_kill();
  scene.holder().await_end();
  await_another_tick(legacy.holder);
  scene.holder().join();
  Namesake namesake(number, [&] { _exit(succeed_and_exit({scene.path(), legacy, false})); });
  scene.release();
  EXPECT_EQ(namesake.join(), 0);
  EXPECT_EQ(scene.afterwards(legacy.held == Held::armed_record), "");
}

INSTANTIATE_TEST_SUITE_P(Each, Newcomer, testing::ValuesIn(every_held),
                         [](const auto& test) { return name_of(test.param); });

class NewcomerAndOneWhoWaited : public testing::TestWithParam<Held> {};

/// Whichever of them recovers, it happens once, and the other is not held up.
TEST_P(NewcomerAndOneWhoWaited, BothGetIn) { EXPECT_EQ(exec_and_succeed(GetParam(), true), ""); }

INSTANTIATE_TEST_SUITE_P(Each, NewcomerAndOneWhoWaited,
                         testing::Values(Held::word, Held::armed_record, Held::awaited_views, Held::view),
                         [](const auto& test) { return name_of(test.param); });

// --- twins: what these checks and those beside them must catch ---------------------------------------------

class LivenessTwinTest : public testing::Test {
 protected:
  LivenessTwinTest() { patience = milliseconds(300); }  // those who are stuck
  ~LivenessTwinTest() override { patience = before_; }

 private:
  milliseconds before_ = patience;
};

std::string inherit_once(Held held, Going going) {
  Departure departure(held, going);
  return inherit(departure, Wish::write, Arrival::after_the_death);
}

std::string complaint_beside(LivenessScene& scene) {
  Comer comer(scene, brisk,
              [&](Tree& tree) { return is_refused_what_the_living_hold(tree, scene, scene.legacy()); });
  comer.come();
  return comer.answer();
}

TEST_F(LivenessTwinTest, NumberAloneIsCaughtByARecycledOne) {
  RADISH_SKIP_UNLESS_ROOT();
  const probe::Impersonation impersonation(Twin::liveness_by_number_alone);
  for (const Going going :
       {Going::zombie, Going::recycled_for_a_stranger, Going::replaced_by_a_siblings_exec})
    EXPECT_NE(inherit_once(Held::word, going), "") << name_of(going);
}

TEST_F(LivenessTwinTest, StateLetterIsCaughtByAnExitedMainThread) {
  const probe::Impersonation impersonation(Twin::zombie_by_state_letter);
  for (const Held held : {Held::word, Held::view, Held::pin}) {
    LivenessScene scene(held, {.beside = [](const LivenessScene&, Handles&) { exit_this_thread_alone(); }});
    spin_until([&] { return main_thread_has_exited(scene.holder().pid()); });
    EXPECT_NE(complaint_beside(scene), "") << name_of(held);
  }
}

TEST_F(LivenessTwinTest, IgnoredExecTagIsCaughtByAProgramThatExecsItself) {
  const probe::Impersonation impersonation(Twin::exec_tag_ignored);
  for (const Held held : {Held::word, Held::view, Held::pin})
    EXPECT_NE(exec_and_succeed(held, false), "") << name_of(held);
}

TEST_F(LivenessTwinTest, SlotFreedWhoeverOwnsItIsCaughtByAStoppedReader) {
  const probe::Impersonation impersonation(Twin::slot_freed_whoever_owns_it);
  LivenessScene scene(Held::pin);
  scene.stop_holder();
  EXPECT_NE(complaint_beside(scene), "");
}

}  // namespace
}  // namespace radish::tests
