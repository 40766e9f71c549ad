// What another process that works without pause costs a reader. Each measurement is a pair, alone and beside
// it, taken one after the other on one CPU while the other process has another one; the median of the pairs.
//
// A writer or reader on a tree of its own is the control: what it costs the reader is the machine's share
// (caches, clock frequency), not the tree's.
#include "contention.h"

#include <benchmark/benchmark.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "key_set.h"
#include "measure.h"
#include "numbered_key.h"
#include "operations.h"
#include "stores/radish.h"

namespace radish::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t lookups = 200'000;
constexpr std::size_t pairs = 9;
constexpr std::size_t churn_window = 1000;
constexpr std::size_t warm_up = 10'000;

using Step = void (*)(RadishStore&, const KeySet&, std::size_t step);

/// Inserts a key that the reader does not ask for, and that has not been there before.
void insert(RadishStore& store, const KeySet&, std::size_t step) { store.insert(Key(step).view(), step); }

/// And erases the one inserted a window ago.
void churn(RadishStore& store, const KeySet& set, std::size_t step) {
  insert(store, set, step);
  if (step >= churn_window) store.erase(Key(step - churn_window).view());
}

/// Stores the value that the key already has, so that the reader can still check its answers.
void overwrite(RadishStore& store, const KeySet& set, std::size_t step) {
  const std::size_t index = step * 7919 % set.keys.size();
  store.insert(set.keys[index], index);
}

void look_up(RadishStore& store, const KeySet& set, std::size_t step) {
  const auto& lookup = set.lookups[(step + set.lookups.size() / 2) % set.lookups.size()];
  if (store.find(lookup.key) != lookup.value) std::abort();
}

/// Who is beside the reader, and what is asked.
struct Company {
  const char* name;
  Step step;
  bool on_other_tree = false;
  bool is_stopped = false;  ///< in the midst of what it does, more often than not
  bool adds_up = false;     ///< the ratio is of both rates together
};

std::vector<int> allowed_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

void pin(const std::vector<int>& cpus) {
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  for (const int cpu : cpus) CPU_SET(cpu, &wanted);
  sched_setaffinity(0, sizeof wanted, &wanted);
}

/// A forked process that takes steps without pause, from a first one, from construction to destruction.
class Companion {
 public:
  Companion(RadishStore& store, const KeySet& set, Step step, std::size_t first, int cpu) {
    void* page = mmap(nullptr, sizeof *steps_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) std::abort();
    steps_ = new (page) std::atomic<std::size_t>(first);
    child_ = fork();
    if (child_ == 0) run_for_ever(store, set, step, cpu);
    while (steps() < first + warm_up) {
      if (waitpid(child_, nullptr, WNOHANG) != 0) std::abort();  // it has said why
    }
  }
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;
  ~Companion() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    munmap(steps_, sizeof *steps_);
  }

  [[nodiscard]] std::size_t steps() const { return steps_->load(std::memory_order_relaxed); }
  void stop() const {
    kill(child_, SIGSTOP);
    waitpid(child_, nullptr, WUNTRACED);
  }

 private:
  [[noreturn]] void run_for_ever(RadishStore& store, const KeySet& set, Step step, int cpu) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin({cpu});
    for (std::size_t next = steps();; ++next) {
      step(store, set, next);
      steps_->store(next + 1, std::memory_order_relaxed);
    }
  }

  std::atomic<std::size_t>* steps_ = nullptr;
  pid_t child_ = -1;
};

std::size_t count_wrong(RadishStore& store, const KeySet& set) {
  std::size_t wrong = 0;
  for (std::size_t done = 0, index = 0; done < lookups; ++done) {
    wrong += store.find(set.lookups[index].key) != set.lookups[index].value;
    if (++index == set.lookups.size()) index = 0;
  }
  return wrong;
}

/// Lookups a second; negative if an answer was wrong. A first round makes up for what a fork cost.
double lookup_rate(RadishStore& store, const KeySet& set) {
  std::size_t wrong = count_wrong(store, set);
  const auto start = Clock::now();
  wrong += count_wrong(store, set);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return wrong == 0 ? static_cast<double>(lookups) / seconds : -1;
}

struct Beside {
  double lookups_per_second;
  double steps_per_second;
  std::size_t steps;
};

Beside beside(RadishStore& store, RadishStore& target, const KeySet& set, const Company& company,
              std::size_t first, int cpu) {
  const Companion companion(target, set, company.step, first, cpu);
  if (company.is_stopped) companion.stop();
  const std::size_t steps_before = companion.steps();
  const auto start = Clock::now();
  const double rate = lookup_rate(store, set);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const std::size_t steps = companion.steps();
  return {rate, static_cast<double>(steps - steps_before) / seconds, steps};
}

void fill(RadishStore& store, const KeySet& set) {
  for (std::size_t index = 0; index < set.keys.size(); ++index) store.insert(set.keys[index], index);
}

void find_beside(benchmark::State& state, Company company) {
  const auto cpus = allowed_cpus();
  if (cpus.size() < 2) return state.SkipWithError("needs two CPUs");
  const KeySet& set = key_set("rand8");
  RadishStore store;
  RadishStore other;
  fill(store, set);
  if (company.on_other_tree) fill(other, set);
  pin({cpus.front()});
  for (auto _ : state) {
    std::vector<double> ratios;
    std::vector<double> rates;
    std::vector<double> steps;
    std::size_t first = 0;
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const double alone = lookup_rate(store, set);
      const auto seen =
          beside(store, company.on_other_tree ? other : store, set, company, first, cpus.back());
      if (alone < 0 || seen.lookups_per_second < 0) fail(state, "a lookup gave a wrong value");
      first = seen.steps;
      ratios.push_back((seen.lookups_per_second + (company.adds_up ? seen.steps_per_second : 0)) / alone);
      rates.push_back(seen.lookups_per_second);
      steps.push_back(seen.steps_per_second);
    }
    state.SetIterationTime(static_cast<double>(lookups) / median(rates));
    state.counters["ratio"] = median(ratios);
    state.counters["steps_per_second"] = median(steps);
  }
  pin(cpus);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(lookups));
}

void add(const Company& company) {
  const std::string name = std::string("find_beside/") + company.name;
  benchmark::RegisterBenchmark(name.c_str(), find_beside, company)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

void add_contention() {
  add({.name = "insert", .step = insert});
  add({.name = "insert and erase", .step = churn});
  add({.name = "overwrite", .step = overwrite});
  add({.name = "insert, stopped", .step = insert, .is_stopped = true});
  add({.name = "insert into another tree", .step = insert, .on_other_tree = true});
  add({.name = "another reader, both rates", .step = look_up, .adds_up = true});
  add({.name = "a reader of another tree, both rates",
       .step = look_up,
       .on_other_tree = true,
       .adds_up = true});
}

}  // namespace radish::bench
