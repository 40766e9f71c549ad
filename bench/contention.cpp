// What a flat-out writer in another process costs a reader. Each measurement is a pair, alone and beside the
// writer, taken one after the other on one CPU while the writer has another one.
//
// The control writer works on a tree of its own: what it costs the reader is the machine's share (caches,
// clock frequency), not the tree's.
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
#include <vector>

#include "key_set.h"
#include "operations.h"
#include "stores/radish.h"

namespace radish::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t lookups = 3'000'000;
constexpr std::size_t churn_window = 1000;
constexpr std::size_t writer_warm_up = 10'000;

using WriterStep = void (*)(RadishStore&, const KeySet&, std::size_t step);

/// Inserts a key that the reader does not ask for and erases the one inserted a window ago.
void churn(RadishStore& store, const KeySet& set, std::size_t step) {
  const std::size_t keys = set.absent.size();
  store.insert(set.absent[step % keys], step);
  if (step >= churn_window) store.erase(set.absent[(step - churn_window) % keys]);
}

/// Stores the value that the key already has, so that the reader can still check its answers.
void overwrite(RadishStore& store, const KeySet& set, std::size_t step) {
  const std::size_t index = step * 7919 % set.keys.size();
  store.insert(set.keys[index], index);
}

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

/// A forked process that writes without pause from construction to destruction.
class Writer {
 public:
  Writer(RadishStore& store, const KeySet& set, WriterStep step, int cpu) {
    void* page = mmap(nullptr, sizeof *steps_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) std::abort();
    steps_ = new (page) std::atomic<std::size_t>(0);
    child_ = fork();
    if (child_ == 0) write_for_ever(store, set, step, cpu);
    while (steps() < writer_warm_up) {
      if (waitpid(child_, nullptr, WNOHANG) != 0) std::abort();  // it has said why
    }
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    munmap(steps_, sizeof *steps_);
  }

  [[nodiscard]] std::size_t steps() const { return steps_->load(std::memory_order_relaxed); }

 private:
  [[noreturn]] void write_for_ever(RadishStore& store, const KeySet& set, WriterStep step, int cpu) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin({cpu});
    for (std::size_t done = 0;; ++done) {
      step(store, set, done);
      steps_->store(done + 1, std::memory_order_relaxed);
    }
  }

  std::atomic<std::size_t>* steps_ = nullptr;
  pid_t child_ = -1;
};

/// Lookups a second; negative if an answer was wrong.
double lookup_rate(RadishStore& store, const KeySet& set) {
  std::size_t wrong = 0;
  const auto start = Clock::now();
  for (std::size_t done = 0, index = 0; done < lookups; ++done) {
    wrong += store.find(set.lookups[index].key) != set.lookups[index].value;
    if (++index == set.lookups.size()) index = 0;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return wrong == 0 ? static_cast<double>(lookups) / seconds : -1;
}

struct Beside {
  double lookups_per_second;
  double writes_per_second;
};

Beside beside_writer(RadishStore& store, RadishStore& target, const KeySet& set, WriterStep step, int cpu) {
  const Writer writer(target, set, step, cpu);
  const std::size_t steps_before = writer.steps();
  const auto start = Clock::now();
  const double rate = lookup_rate(store, set);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return {rate, static_cast<double>(writer.steps() - steps_before) / seconds};
}

void fill(RadishStore& store, const KeySet& set) {
  for (std::size_t index = 0; index < set.keys.size(); ++index) store.insert(set.keys[index], index);
}

void find_beside(benchmark::State& state, WriterStep step, bool other_tree) {
  const auto cpus = allowed_cpus();
  if (cpus.size() < 2) return state.SkipWithError("needs two CPUs");
  const KeySet& set = key_set("rand8");
  RadishStore store;
  RadishStore other;
  fill(store, set);
  if (other_tree) fill(other, set);
  pin({cpus.front()});
  for (auto _ : state) {
    const double alone = lookup_rate(store, set);
    const auto beside = beside_writer(store, other_tree ? other : store, set, step, cpus.back());
    state.SetIterationTime(static_cast<double>(lookups) / beside.lookups_per_second);
    if (alone < 0 || beside.lookups_per_second < 0) fail(state, "a lookup gave a wrong value");
    state.counters["ratio"] = beside.lookups_per_second / alone;
    state.counters["alone_per_second"] = alone;
    state.counters["writes_per_second"] = beside.writes_per_second;
  }
  pin(cpus);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(lookups));
}

void add(const char* name, WriterStep step, bool other_tree) {
  benchmark::RegisterBenchmark(name, find_beside, step, other_tree)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

void add_contention() {
  add("find_beside_writer/churn", churn, false);
  add("find_beside_writer/overwrite", overwrite, false);
  add("find_beside_writer/control", churn, true);
}

}  // namespace radish::bench
