// A writer that dies after any machine instruction of a mutation, on the library as it ships. A debugger
// steps it through the call. SIGKILL lets no further instruction run, so what the segment holds between two
// steps is what a death there would leave: images of it are judged once the writer is dead. Some writers are
// killed in earnest.
#include <gtest/gtest.h>
#include <sys/ptrace.h>

#include <cstdio>
#include <optional>
#include <vector>

#include "crash_oracle.h"
#include "processes.h"

namespace radish::tests {
namespace {

/// A child that performs a mutation one instruction at a time. It stops by itself before and after.
class SteppedWriter {
 public:
  explicit SteppedWriter(Scene& scene)
      : child_([&] {
          // What a process does once only is done before, so that the steps are the mutation's.
          {
            const auto warm = scene.tree().view();
          }
          ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
          raise(SIGSTOP);
          const model::Answer answer = model::perform(scene.tree(), scene.mutation());
          raise(SIGSTOP);
          return answer == scene.answer() ? 0 : 1;
        }) {
    int status = 0;
    waitpid(child_.pid(), &status, 0);
    if (!WIFSTOPPED(status)) throw std::runtime_error("the child cannot be traced");
    ptrace(PTRACE_SETOPTIONS, child_.pid(), nullptr, PTRACE_O_EXITKILL);
  }

  /// One instruction; false if it has got through.
  bool step() {
    ptrace(PTRACE_SINGLESTEP, child_.pid(), nullptr, nullptr);
    int status = 0;
    waitpid(child_.pid(), &status, 0);
    if (!WIFSTOPPED(status)) throw std::runtime_error("the child is gone");
    return WSTOPSIG(status) != SIGSTOP;
  }
  void kill_it() { EXPECT_EQ(child_.kill_and_reap(), -SIGKILL); }
  /// Lets it go after its last step; its exit code.
  int finish() {
    ptrace(PTRACE_DETACH, child_.pid(), nullptr, nullptr);
    return child_.join();
  }

 private:
  Child child_;
};

/// What the segment held after an instruction.
struct Moment {
  std::uint64_t instruction = 0;
  Scene::Image image;
};

/// A walk through a mutation, and as many moments of it as are wanted, drawn evenly from those that differ
/// from the one before.
struct Walk {
  std::uint64_t instructions = 0;
  std::uint64_t different = 0;
  std::vector<Moment> moments;

  Walk(Scene& scene, std::uint64_t wanted, model::Random& random) {
    SteppedWriter writer(scene);
    Scene::Image last;
    for (; writer.step(); ++instructions) {
      if (!last.empty() && scene.shows(last)) continue;
      last = scene.image();
      keep({instructions, last}, wanted, random);
    }
    EXPECT_EQ(writer.finish(), 0) << scene.name();
    EXPECT_TRUE(scene.look().after) << scene.name();
    EXPECT_TRUE(scene.image_holds_all()) << scene.name();
    scene.restore();
  }

 private:
  void keep(Moment moment, std::uint64_t wanted, model::Random& random) {
    const std::uint64_t place = random.below(++different);
    if (moments.size() < wanted)
      moments.push_back(std::move(moment));
    else if (place < wanted)
      moments[place] = std::move(moment);
  }
};

class StepTest : public testing::TestWithParam<Kind> {
 protected:
  void judge(Scene& scene, std::uint64_t instruction, std::uint64_t of) {
    EXPECT_EQ(scene.judge(seed() + instruction), std::nullopt)
        << scene.name() << ", death after " << instruction << " of " << of << " instructions";
    scene.restore();
    ++deaths_;
  }
  model::Random random_{seed()};
  std::uint64_t deaths_ = 0;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool instrumented = true;
#elif defined(__has_feature)
constexpr bool instrumented = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool instrumented = false;
#endif

/// The instructions of an instrumented build are not those that ship: one case of each kind shows that the
/// check itself is sound there.
std::vector<Case> stepped_cases(Kind kind) {
  std::vector<Case> cases = cases_of(kind);
  if (instrumented) cases.erase(cases.begin() + 1, cases.end());
  return cases;
}

TEST_P(StepTest, DeathAfterAnyInstructionLeavesTheMapOfBeforeOrOfAfter) {
  const std::uint64_t deaths_per_case = 50 * scale();
  print_seed();
  std::uint64_t instructions = 0, different = 0;
  for (Case& one : stepped_cases(GetParam())) {
    Scene scene(std::move(one));
    const Walk walk(scene, deaths_per_case, random_);
    instructions += walk.instructions;
    different += walk.different;
    for (const Moment& moment : walk.moments) {
      scene.show(moment.image);
      judge(scene, moment.instruction, walk.instructions);
    }
    SteppedWriter killed(scene);
    const std::uint64_t drawn = random_.below(walk.instructions);
    // The allocator may take a shorter way in this process than in the one that was walked: then it dies
    // behind its last instruction.
    std::uint64_t steps = 0;
    while (steps < drawn && killed.step()) ++steps;
    killed.kill_it();
    judge(scene, steps, walk.instructions);
  }
  std::printf("%llu deaths at %llu different moments of %llu instructions\n",
              static_cast<unsigned long long>(deaths_), static_cast<unsigned long long>(different),
              static_cast<unsigned long long>(instructions));
}

INSTANTIATE_TEST_SUITE_P(Mutations, StepTest, testing::ValuesIn(mutations), name_of_case);

}  // namespace
}  // namespace radish::tests
