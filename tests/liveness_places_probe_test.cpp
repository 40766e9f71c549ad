// Those who come with other rights, or see another /proc, or live in other namespaces: who cannot tell takes
// the holder for a living one, and who cannot know at all is refused.
#include <gtest/gtest.h>

#include <tuple>

#include "liveness_departure.h"
#include "mounts.h"
#include "rights.h"

namespace radish::tests {
namespace {

// --- /proc and users -------------------------------------------------------------------------------------

enum class Viewpoint { hidden_proc, proc_of_ones_own_user, another_user, holder_of_another_user };

std::string name_of(Viewpoint viewpoint) {
  constexpr const char* names[] = {"HiddenProc", "ProcOfOnesOwnUserAlone", "ToRootsHolder",
                                   "RootToAnothersHolder"};
  return names[static_cast<int>(viewpoint)];
}

void need(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

void become_nobody() {
  need(setresgid(nobody, nobody, nobody) == 0 && setresuid(nobody, nobody, nobody) == 0, "setuid");
}

void mount_over_proc(const char* type, const char* options) {
  need(enter_own_mount_namespace() && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("none", "/proc", type, 0, options) == 0,
       "mount");
}

/// Of one who comes.
Rights rights_in(Viewpoint viewpoint) {
  switch (viewpoint) {
    case Viewpoint::hidden_proc:  // attached before, so that it knows its namespaces
      return {.after_open = [] { mount_over_proc("tmpfs", "size=16k"); }};
    case Viewpoint::proc_of_ones_own_user:
      return {.before_open = [] {
        mount_over_proc("proc", "hidepid=2");
        become_nobody();
      }};
    case Viewpoint::another_user:
      return {.before_open = become_nobody};
    case Viewpoint::holder_of_another_user:
      return {};
  }
  return {};
}

std::function<void()> holders_rights(Viewpoint viewpoint) {
  return viewpoint == Viewpoint::holder_of_another_user ? become_nobody : [] {};
}

class Elsewhere : public testing::TestWithParam<std::tuple<Viewpoint, Held>> {
 protected:
  void SetUp() override { RADISH_SKIP_UNLESS_ROOT(); }
  Viewpoint viewpoint_ = std::get<Viewpoint>(GetParam());
  Held held_ = std::get<Held>(GetParam());
};

TEST_P(Elsewhere, WhatTheDeadHeldIsHad) {
  for (const Going going : {Going::killed, Going::zombie})
    for (const Wish wish : {Wish::write, Wish::view, Wish::read}) {
      Departure departure(held_, going, Forked::by_fork, holders_rights(viewpoint_));
      EXPECT_EQ(inherit(departure, wish, Arrival::after_the_death, rights_in(viewpoint_)), "")
          << name_of(going) << ", " << name_of(wish);
    }
}

TEST_P(Elsewhere, TheLivingAreNotRobbed) {
  LivenessScene scene(held_, {.before_open = holders_rights(viewpoint_)});
  scene.stop_holder();
  // A newcomer that cannot read its namespaces does not know who it is beside.
  const Code open = viewpoint_ == Viewpoint::hidden_proc ? Code::foreign_namespace : no_fault;
  Comer comer(
      scene, brisk,
      [&](Tree& tree) { return is_refused_what_the_living_hold(tree, scene, scene.legacy(), open); },
      rights_in(viewpoint_));
  comer.come();
  EXPECT_EQ(comer.answer(), "");
  EXPECT_EQ(goes_on_unharmed(scene), "");
}

INSTANTIATE_TEST_SUITE_P(
    Each, Elsewhere,
    testing::Combine(testing::Values(Viewpoint::hidden_proc, Viewpoint::proc_of_ones_own_user,
                                     Viewpoint::another_user, Viewpoint::holder_of_another_user),
                     testing::ValuesIn(every_held)),
    [](const auto& test) {
      return name_of(std::get<Viewpoint>(test.param)) + "_" + name_of(std::get<Held>(test.param));
    });

struct Blindness {
  Viewpoint viewpoint;
  Going going;
};

std::string name_of(const Blindness& blindness) {
  return name_of(blindness.viewpoint) + "_" + name_of(blindness.going);
}

class WhoCannotTell : public testing::TestWithParam<std::tuple<Blindness, Held>> {};

/// Its deadline names the holder; who sees more has it at once.
TEST_P(WhoCannotTell, WaitsAndWhoCanTakesIt) {
  RADISH_SKIP_UNLESS_ROOT();
  const auto [blindness, held] = GetParam();
  Departure departure(held, blindness.going);
  LivenessScene& scene = departure.scene();
  Comer blind(
      scene, brisk,
      [&](Tree& tree) {
        const auto culprit = static_cast<pid_t>(sync::pid_of(scene.legacy().holder));
        return held == Held::pin ? check_answer(tree.find("resident"), Code::too_many_readers, culprit)
                                 : check_answer(tree.insert("blind", 5), Code::timed_out, culprit);
      },
      rights_in(blindness.viewpoint));
  Comer seeing(scene, patience, [&](Tree& tree) {
    return has_what_the_dead_held(tree, scene, held == Held::pin ? Wish::read : Wish::write, scene.legacy());
  });
  departure.go();
  blind.come();
  EXPECT_EQ(blind.answer(), "");
  seeing.come();
  EXPECT_EQ(seeing.answer(), "");
  EXPECT_EQ(scene.afterwards(held == Held::armed_record), "");
}

INSTANTIATE_TEST_SUITE_P(
    Each, WhoCannotTell,
    testing::Combine(
        testing::Values(Blindness{Viewpoint::hidden_proc, Going::replaced_by_a_siblings_exec},
                        Blindness{Viewpoint::hidden_proc, Going::recycled_for_a_stranger},
                        Blindness{Viewpoint::proc_of_ones_own_user, Going::replaced_by_a_siblings_exec},
                        Blindness{Viewpoint::proc_of_ones_own_user, Going::recycled_for_a_stranger},
                        Blindness{Viewpoint::another_user, Going::replaced_by_a_siblings_exec}),
        testing::Values(Held::word, Held::armed_record, Held::view, Held::pin)),
    [](const auto& test) {
      return name_of(std::get<Blindness>(test.param)) + "_" + name_of(std::get<Held>(test.param));
    });

// --- namespaces ------------------------------------------------------------------------------------------

/// In a child that lives in a new namespace; the one who makes it stays in the old one.
std::string from_new_namespace(int flag, const std::function<std::string()>& body) {
  need(unshare(flag) == 0, "unshare");
  return Witness(body).answer();
}

constexpr int new_namespace[] = {CLONE_NEWPID, CLONE_NEWTIME};

std::string name_of_namespace(int flag) { return flag == CLONE_NEWPID ? "PidNamespace" : "TimeNamespace"; }

/// Everything through an inherited handle.
std::string is_foreign(Tree& tree) {
  if (refusal(tree.insert("foreigner", 6)) != Code::foreign_namespace) return "a write";
  if (refusal(tree.view()) != Code::foreign_namespace) return "a view";
  if (refusal(tree.find("resident")) != Code::foreign_namespace) return "a read";
  if (refusal(take(tree.cursor()).next()) != Code::foreign_namespace) return "a scan";
  return {};
}

class ForeignNamespace : public testing::TestWithParam<std::tuple<int, Held>> {
 protected:
  void SetUp() override { RADISH_SKIP_UNLESS_ROOT(); }
  /// What a process of a new namespace has to complain of.
  [[nodiscard]] std::string elsewhere(const std::function<std::string()>& body) const {
    return Witness([&] { return from_new_namespace(flag_, body); }).answer();
  }
  static std::string is_refused(const LivenessScene& scene) {
    return refusal(attach(scene.path(), brisk)) == Code::foreign_namespace ? "" : "an open";
  }
  int flag_ = std::get<int>(GetParam());
  Held held_ = std::get<Held>(GetParam());
};

TEST_P(ForeignNamespace, IsRefusedWhileSomebodyIsAttached) {
  LivenessScene scene(held_);
  EXPECT_EQ(elsewhere([&] { return is_refused(scene); }), "");
  EXPECT_TRUE(sleeps(held_) || scene.holds());
  EXPECT_EQ(goes_on_unharmed(scene), "");
}

TEST_P(ForeignNamespace, IsRefusedThroughAnInheritedHandleToo) {
  LivenessScene scene(held_);
  Comer comer(scene, brisk,
              [&](Tree& tree) { return from_new_namespace(flag_, [&] { return is_foreign(tree); }); });
  comer.come();
  EXPECT_EQ(comer.answer(), "");
  EXPECT_TRUE(sleeps(held_) || scene.holds());
  EXPECT_EQ(goes_on_unharmed(scene), "");
}

TEST_P(ForeignNamespace, IsRefusedBesideTheDeadAsWellAndHealsOnceAlone) {
  LivenessScene scene(held_);
  const Legacy legacy = scene.legacy();
  scene.holder().kill_and_reap();
  EXPECT_EQ(elsewhere([&] { return is_refused(scene); }), "");
  scene.bystander().kill_and_reap();
  EXPECT_EQ(elsewhere([&]() -> std::string {
              const Tree tree = take(attach(scene.path(), brisk));
              if (tree.outcome() != Outcome::healed) return "outcome";
              if (tree.generation() != legacy.generation + 1) return "generation";
              if (take(tree.contains("holder")) != (legacy.held == Held::armed_record))
                return "the holder's key";
              take(tree.verify());
              return {};
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Each, ForeignNamespace,
                         testing::Combine(testing::ValuesIn(new_namespace), testing::ValuesIn(every_held)),
                         [](const auto& test) {
                           return name_of_namespace(std::get<int>(test.param)) + "_" +
                                  name_of(std::get<Held>(test.param));
                         });

}  // namespace
}  // namespace radish::tests
