// What must be true for those who come: of a holder that is dead they have what it held, of one that lives
// they are refused with its name.
#pragma once

#include <string>

#include "liveness_scene.h"

namespace radish::tests {

inline std::string wrong(const std::string& what, const std::string& why = {}) {
  return what + ": " + why + "; ";
}

/// Fulfils one wish; the complaint if it is not granted, or not as it must be after such a death.
inline std::string fulfil(Tree& tree, const LivenessScene& scene, Wish wish, const Legacy& legacy) {
  switch (wish) {
    case Wish::write: {
      const auto inserted = tree.insert("comer", 3);
      return !inserted ? inserted.error().message : *inserted ? "" : "the key was there";
    }
    case Wish::view: {
      const auto view = tree.view();
      return view ? "" : view.error().message;
    }
    case Wish::open: {
      const auto opened = attach(scene.path(), patience);
      if (!opened) return opened.error().message;
      return opened->outcome() == (owns_word(legacy.held) ? Outcome::recovered : Outcome::attached)
                 ? ""
                 : "outcome";
    }
    case Wish::read: {
      const auto found = tree.find("resident");
      if (!found) return found.error().message;
      if (*found != 1U) return "another value";
      return sync::observe(scene.window().slot().owner) == take(sync::own_identity()) ? "" : "whose slot?";
    }
  }
  return {};
}

/// Of a dead holder: what it held is had, a dead writer is recovered from once, its operation is there if it
/// was armed and not otherwise.
inline std::string has_what_the_dead_held(Tree& tree, const LivenessScene& scene, Wish wish,
                                          const Legacy& legacy) {
  if (const std::string complaint = fulfil(tree, scene, wish, legacy); !complaint.empty())
    return wrong(name_of(wish), complaint);
  const bool recovered = owns_word(legacy.held) && wish != Wish::read;  // readers leave that to others
  if (tree.generation() != legacy.generation + recovered) return wrong(name_of(wish), "generation");
  if (wish == Wish::read) return {};
  if (take(tree.contains("holder")) != (legacy.held == Held::armed_record))
    return wrong(name_of(wish), "the key");
  return {};
}

/// How a wish must be answered while the holder lives.
inline Code answer_beside_the_living(Wish wish, Held held) {
  if (wish == Wish::read && held == Held::pin) return Code::too_many_readers;
  if (waits(wish, held)) return Code::timed_out;
  if (owns_nothing(held) && (wish == Wish::write || wish == Wish::view))
    return Code::timed_out;  // the bystander's
  return no_fault;
}

template <class T>
std::string check_answer(const Result<T>& result, Code expected, pid_t culprit) {
  if (refusal(result) != expected)
    return "code " + std::to_string(static_cast<int>(refusal(result))) +
           (result ? "" : " " + result.error().message);
  const bool names_somebody = expected == Code::timed_out || expected == Code::too_many_readers;
  if (names_somebody && named_process(result.error()) != culprit)
    return "does not name the holder: " + result.error().message;
  return {};
}

/// Of a living holder: nothing is had that it holds, the refusal names it, the rest goes on.
inline std::string is_refused_what_the_living_hold(Tree& tree, const LivenessScene& scene,
                                                   const Legacy& legacy, Code open = no_fault) {
  const sync::Identity culprit = owns_nothing(legacy.held) ? scene.window().writer() : legacy.holder;
  std::string complaints;
  for (const Wish wish : every_wish) {
    const auto check = [&](const auto& result) {
      return check_answer(result, wish == Wish::open ? open : answer_beside_the_living(wish, legacy.held),
                          static_cast<pid_t>(sync::pid_of(culprit)));
    };
    std::string complaint;
    if (wish == Wish::write) complaint = check(tree.insert("comer", 3));
    if (wish == Wish::view) complaint = check(tree.view());
    if (wish == Wish::open) complaint = check(attach(scene.path(), brisk));
    if (wish == Wish::read) complaint = check(tree.find("resident"));
    if (!complaint.empty()) complaints += wrong(name_of(wish), complaint);
  }
  if (tree.generation() != legacy.generation) complaints += wrong("generation");
  if (!sleeps(legacy.held) && !scene.window().shows(legacy.held, legacy.holder))
    complaints += wrong("robbed");
  if (owns_word(legacy.held) && scene.window().writer() != legacy.holder)
    complaints += wrong("robbed of the word");
  return complaints;
}

/// Has a holder that lives go on, and says what is wrong after all.
inline std::string goes_on_unharmed(LivenessScene& scene) {
  const Legacy legacy = scene.legacy();
  scene.release();
  if (const std::string complaint = scene.finish(); !complaint.empty()) return complaint;
  return scene.afterwards(mutates(legacy.held));
}

}  // namespace radish::tests
