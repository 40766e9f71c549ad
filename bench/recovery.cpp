// How long the living are held up by the dead: a process that holds a lock, a view or every reader slot is
// killed at a random moment, and whoever waits for it, or comes along, gets in so much later.
//
// usage: radish_recovery [--kills N] [--seed S] [--check] [--pin]
//
// The time runs from the moment at which the kernel reports the holder dead (its pidfd is readable, asked for
// without pause) to the one at which the waiter, another process, has what it wanted, by its own clock
// reading.
// --check ends with exit code 1 if a figure is above what is asked. --pin gives the killer and the waiter a
// processor each.
#include "txn/recovery.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "measure.h"
#include "radish/tree.hpp"
#include "tests/processes.h"
#include "tests/scratch.h"

namespace radish::bench {
namespace {

using tests::Bell;
using tests::Child;
using tests::Shared;
using tests::spin_until;

constexpr double p50_asked_ms = 2, p99_asked_ms = 20;
constexpr auto longest_pause = std::chrono::microseconds(4000);  // two of the lock's waits
constexpr unsigned stuck_after_s = 60;

struct Options {
  std::uint64_t kills = 200;
  std::uint64_t seed = std::random_device{}();
  bool check = false;
  bool pin = false;
};

enum class Held { writer_word, view, every_slot };
enum class Wanted { write, view, read, open };

/// One row of the table: who died with what, and who comes after it. Who parks is asleep at the death.
struct Kind {
  const char* name;
  Held held;
  Wanted wanted;
  bool parked;
};

constexpr Kind kinds[] = {
    {"parked writer, dead writer", Held::writer_word, Wanted::write, true},
    {"parked view, dead writer", Held::writer_word, Wanted::view, true},
    {"parked writer, dead view", Held::view, Wanted::write, true},
    {"arriving writer, dead writer", Held::writer_word, Wanted::write, false},
    {"arriving view, dead writer", Held::writer_word, Wanted::view, false},
    {"arriving writer, dead view", Held::view, Wanted::write, false},
    {"arriving reader, every slot of the dead", Held::every_slot, Wanted::read, false},
    {"opener beside others, dead writer", Held::writer_word, Wanted::open, false},
};

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

/// Stays on one of the processors that this process may use.
void stay_on(std::size_t nth) {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpus[nth % cpus.size()], &one);
  sched_setaffinity(0, sizeof one, &one);
}

// --- who holds -------------------------------------------------------------------------------------------

std::shared_ptr<sync::Attachment> attach(const std::string& path) {
  segment::OpenRequest request;
  request.identity = take(sync::own_identity());
  request.origin = take(sync::own_origin());
  return std::make_shared<sync::Attachment>(take(take(segment::open_path(path, request)).finish()), 0);
}

/// What a writer leaves that dies between arming its record and disarming it. The stores change nothing.
void arm(const segment::Segment& segment) {
  layout::Record& record = segment.record();
  layout::RecordEntry* entry = segment.record_entries();
  for (const std::size_t field :
       {offsetof(layout::Roots, epoch), offsetof(layout::Roots, key_count),
        offsetof(layout::Roots, free_pages), offsetof(layout::Roots, waiting_pages)}) {
    const layout::Offset word = txn::roots_word(segment, field);
    *entry++ = {txn::target_of(word, 8), *reinterpret_cast<const std::uint64_t*>(segment.at(word))};
  }
  record.entry_count = static_cast<std::uint32_t>(entry - segment.record_entries());
  record.takeover_generation = segment.roots().generation + 1;
  sync::publish(record.armed, layout::armed_mark);
}

void own_every_slot(const segment::Segment& segment, sync::Identity own) {
  const std::uint32_t count = segment.geometry().reader_slots;
  sync::publish(segment.lease().slots_high_water, count);
  for (std::uint32_t index = 0; index < count; ++index) {
    segment.slots()[index].pin = segment.roots().epoch;
    sync::publish(segment.slots()[index].owner, own);
  }
}

/// A forked process holds it, through the attachment that it inherits, until it is killed.
Child hold(Held held, bool armed, const Options& options, sync::Attachment& attachment, Bell& ready) {
  return Child([&, held, armed]() -> int {
    if (options.pin) stay_on(1);  // where the killer, who asks without pause, does not keep it from dying
    std::optional<txn::Writer> writer;
    if (held == Held::writer_word) writer.emplace(take(txn::Writer::acquire(attachment)));
    if (held == Held::writer_word && armed) arm(attachment.segment());
    if (held == Held::view) take(txn::enter_view(attachment));
    if (held == Held::every_slot) own_every_slot(attachment.segment(), take(sync::own_identity()));
    ready.ring();
    tests::rest_until_killed();
  });
}

// --- who waits -------------------------------------------------------------------------------------------

/// What killer and waiter tell each other. They sleep while they wait, so that neither has used up its share
/// of the processor when it is needed.
struct Calls {
  Bell prepared;  ///< the waiter can be told to come
  Bell come;
  Bell done;  ///< it got in
  Shared<std::atomic<std::int64_t>> got_in_ns;
};

struct Waiter {
  Kind kind;
  std::string path;
  Calls& calls;
  std::optional<Tree> tree = std::nullopt;

  void get_in(std::uint64_t round) {
    std::optional<View> view;
    switch (kind.wanted) {
      case Wanted::write:
        take(tree->insert("waiter", round));
        break;
      case Wanted::view:
        view.emplace(take(tree->view()));
        break;
      case Wanted::read:
        take(tree->find("waiter"));
        break;
      case Wanted::open:
        tree.emplace(take(Tree::open(path)));
        break;
    }
    *calls.got_in_ns = now_ns();
  }

  /// A reader comes without a slot: its handle is new each time.
  int serve(std::uint64_t rounds) {
    for (std::uint64_t round = 1; round <= rounds; ++round) {
      if (kind.wanted == Wanted::open || kind.wanted == Wanted::read) tree.reset();
      if (kind.wanted != Wanted::open && !tree) tree.emplace(take(Tree::open(path)));
      calls.prepared.ring();
      calls.come.wait();
      get_in(round);
      calls.done.ring();
    }
    return 0;
  }
};

// --- who kills -------------------------------------------------------------------------------------------

/// Kills, and waits without pause until the kernel reports it.
std::int64_t kill_and_see(const Child& holder) {
  const auto descriptor = static_cast<int>(syscall(SYS_pidfd_open, holder.pid(), 0));
  if (descriptor < 0) throw std::runtime_error("pidfd_open");
  holder.send_kill();
  pollfd poller{descriptor, POLLIN, 0};
  while (poll(&poller, 1, 0) == 0) continue;
  const std::int64_t seen = now_ns();
  close(descriptor);
  return seen;
}

class Course {
 public:
  Course(Kind kind, const Options& options, const std::string& path)
      : kind_(kind), options_(options), attachment_(attach(path)), waiter_([&, kind, path] {
          if (options.pin) stay_on(1);
          return Waiter{kind, path, calls_}.serve(options.kills);
        }) {}

  /// Latencies in milliseconds, ascending.
  std::vector<double> run(std::mt19937_64& random) {
    std::vector<double> latencies_ms;
    for (std::uint64_t round = 1; round <= options_.kills; ++round)
      latencies_ms.push_back(static_cast<double>(kill_once(random)) / 1e6);
    if (waiter_.join() != 0) throw std::runtime_error("the waiter failed");
    std::ranges::sort(latencies_ms);
    return latencies_ms;
  }

 private:
  std::int64_t kill_once(std::mt19937_64& random) {
    const bool armed = random() % 2 == 0;
    const auto pause = longest_pause * static_cast<double>(random() % 1000) / 1000;
    alarm(stuck_after_s);  // ends the run if somebody is stuck: then there is nothing to measure
    calls_.prepared.wait();
    Bell ready;
    Child holder = hold(kind_.held, armed, options_, *attachment_, ready);
    ready.wait();
    if (kind_.parked) {
      calls_.come.ring();
      spin_until([&] { return sync::observe(attachment_->segment().lease().waiters) != 0; });
    }
    std::this_thread::sleep_for(pause);
    const std::int64_t died_ns = kill_and_see(holder);
    if (!kind_.parked) calls_.come.ring();
    calls_.done.wait();
    return *calls_.got_in_ns - died_ns;
  }

  Kind kind_;
  const Options& options_;
  std::shared_ptr<sync::Attachment> attachment_;
  Calls calls_;
  Child waiter_;
};

/// True if the figures are what is asked.
bool measure(Kind kind, const Options& options) {
  const tests::ScratchDirectory scratch;
  const std::string path = scratch.file("tree");
  take(take(Tree::open(path, {.capacity_bytes = 16 << 20})).insert("waiter", 0));
  std::mt19937_64 random(options.seed);
  const auto latencies_ms = Course(kind, options, path).run(random);
  const double p50 = quantile(latencies_ms, 0.5), p99 = quantile(latencies_ms, 0.99);
  const bool met = p50 <= p50_asked_ms && p99 <= p99_asked_ms;
  fmt::print("{:<42} {:>8} {:>9.3f} {:>9.3f} {:>9.3f}  {}\n", kind.name, latencies_ms.size(), p50, p99,
             latencies_ms.back(), met ? "met" : "NOT MET");
  std::fflush(stdout);
  return met;
}

int run(const Options& options) {
  if (options.pin) stay_on(0);
  fmt::print("seed {}; again: radish_recovery --kills {} --seed {}{}\n\n", options.seed, options.kills,
             options.seed, options.pin ? " --pin" : "");
  fmt::print("{:<42} {:>8} {:>9} {:>9} {:>9}\n", "milliseconds from the death on", "kills", "p50", "p99",
             "max");
  fmt::print("{:<42} {:>8} {:>9} {:>9}\n", "asked", ">= 200", fmt::format("<= {}", p50_asked_ms),
             fmt::format("<= {}", p99_asked_ms));
  bool met = true;
  for (const Kind& kind : kinds) met &= measure(kind, options);
  return options.check && !met ? 1 : 0;
}

}  // namespace
}  // namespace radish::bench

int main(int argc, char** argv) {
  radish::bench::Options options;
  CLI::App app("How long the living are held up by the dead");
  app.add_option("--kills", options.kills, "of each kind")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--seed", options.seed, "of the moments of the kills; random if not given");
  app.add_flag("--check", options.check, "exit code 1 if a figure is above what is asked");
  app.add_flag("--pin", options.pin, "killer and waiter stay on a processor each");
  CLI11_PARSE(app, argc, argv);
  return radish::bench::run(options);
}
