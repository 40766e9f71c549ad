#include "crashpoints/span_engine.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <new>
#include <stdexcept>

#include "crashpoints/limit.h"

namespace radish::crashpoints {
namespace {

constexpr std::size_t log_stores_max = 1 << 14;
constexpr int follow_ups = 8;
constexpr std::uint64_t all_pairs_max = 15'000;

/// What the child tells.
struct Report {
  std::uint64_t reads;
  std::uint64_t loads;
  bool wrong;
  char what[1000];
};

/// The mutation, and others that want memory of the sizes that it may have freed.
std::vector<Operation> script_of(const Case& explored) {
  std::vector<Operation> script{explored.mutation};
  std::string key = explored.mutation.key;
  if (key.empty()) key.push_back('k');
  for (int step = 0; step < follow_ups; ++step) {
    key.back() = static_cast<char>(key.back() ^ (step % 4 < 2 ? 1 : 2));
    script.push_back(step % 2 == 0 ? model::insertion(key, 1000 + static_cast<std::uint64_t>(step))
                                   : model::erasure(key));
  }
  return script;
}

/// What somebody asks who is slow.
struct Question {
  enum class Kind : std::uint8_t { find, longest_prefix, dump };
  Kind kind;
  std::string key{};
};

using Entries = std::vector<model::KeyValue>;

/// What he is told: an entry for a find, the matched prefix and its value, or all.
Entries ask(const Subject& subject, Handle* handle, const Question& question) {
  Entries answer;
  const Bytes key{question.key.data(), question.key.size()};
  bool found = false;
  std::uint64_t value = 0;
  std::size_t length = key.size;
  std::int32_t error = 0;
  const auto sink = [](void* context, Bytes bytes, std::uint64_t stored) {
    static_cast<Entries*>(context)->emplace_back(std::string(bytes.data, bytes.size), stored);
  };
  switch (question.kind) {
    case Question::Kind::find:
      error = subject.find(handle, key, &found, &value);
      break;
    case Question::Kind::longest_prefix:
      error = subject.longest_prefix(handle, key, &found, &value, &length);
      break;
    case Question::Kind::dump:
      error = subject.dump(handle, sink, &answer);
      break;
  }
  if (found) answer.emplace_back(question.key.substr(0, length), value);
  if (error != 0) answer.emplace_back(fmt::format("error {}", error), 0);
  return answer;
}

/// The maps through which the script leads, and what answers they allow.
class Histories {
 public:
  Histories(const Case& explored, const std::vector<Operation>& script) {
    Model model;
    for (const Operation& operation : explored.base) (void)model::perform(model, operation);
    maps_.push_back(model.map());
    for (const Operation& operation : script) {
      (void)model::perform(model, operation);
      maps_.push_back(model.map());
    }
  }

  /// While the map went from the first state through `begun` mutations.
  [[nodiscard]] Complaint judge(const Question& question, const Entries& answer, std::size_t begun) const {
    for (std::size_t index = 0; index < answer.size(); ++index) {
      const auto& [key, value] = answer[index];
      if (index != 0 && answer[index - 1].first >= key)
        return fmt::format("N2: out of order: {}", model::quote_short(key));
      if (!ever(key, value, begun))
        return fmt::format("{} = {} was there at no moment", model::quote_short(key), value);
    }
    const auto told = [&](const std::string& key) {
      return std::ranges::any_of(answer, [&](const auto& entry) { return entry.first == key; });
    };
    for (const auto& [key, value] : maps_[0]) {
      if (!throughout(key, begun) || !concerns(question, key, answer)) continue;
      if (!told(key))
        return fmt::format("{} was there throughout and was passed over", model::quote_short(key));
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool ever(const std::string& key, std::uint64_t value, std::size_t begun) const {
    return std::any_of(maps_.begin(), maps_.begin() + static_cast<std::ptrdiff_t>(begun) + 1,
                       [&](const auto& map) {
                         const auto found = map.find(key);
                         return found != map.end() && found->second == value;
                       });
  }
  [[nodiscard]] bool throughout(const std::string& key, std::size_t begun) const {
    return std::all_of(maps_.begin(), maps_.begin() + static_cast<std::ptrdiff_t>(begun) + 1,
                       [&](const auto& map) { return map.contains(key); });
  }
  /// A longest prefix may leave out those that are shorter than what it tells (N3).
  static bool concerns(const Question& question, const std::string& key, const Entries& answer) {
    if (question.kind == Question::Kind::dump) return true;
    if (question.kind == Question::Kind::find) return key == question.key;
    return question.key.starts_with(key) && (answer.empty() || answer[0].first.size() < key.size());
  }

  std::vector<model::Map> maps_;
};

/// In the child: one reader, one writer, two attachments.
class Span {
 public:
  Span(const Plugin& instrumented, const Oracle& places, const Case& explored, std::uint64_t seed,
       std::size_t pairs_max, Report& report)
      : plugin_(instrumented),
        arena_(places.arena()),
        reader_(instrumented.subject(), arena_.descriptor()),
        writer_(instrumented.subject(), arena_.descriptor()),
        script_(script_of(explored)),
        histories_(explored, script_),
        random_(seed),
        pairs_max_(pairs_max),
        report_(report),
        log_(make_log()) {
    (void)ask(plugin_.subject(), reader_.handle(), {.kind = Question::Kind::find, .key = ""});
    for (const Operation& operation : explored.base) write(operation);
    base_ = arena_.image();
  }

  void run(const Case& explored) {
    const std::string& key = explored.mutation.key;
    read({.kind = Question::Kind::find, .key = key});
    if (plugin_.subject().longest_prefix != nullptr)
      read({.kind = Question::Kind::longest_prefix, .key = key + "x"});
    if (!explored.base.empty())
      read({.kind = Question::Kind::find, .key = explored.base[random_.below(explored.base.size())].key});
    read({.kind = Question::Kind::dump});
  }

 private:
  static StoreLog& make_log() {
    auto* bytes = new std::byte[sizeof(StoreLog) + log_stores_max * sizeof(Store)];
    auto& log = *new (bytes) StoreLog{};
    log.capacity = log_stores_max;
    return log;
  }

  void write(const Operation& operation) {
    const Call call = call_of(operation);
    if (plugin_.subject().operate(writer_.handle(), &call).error != 0)
      throw std::runtime_error("the writer of a span is refused: " + model::to_text(operation));
  }

  /// What happens at a load of the reader.
  struct Event {
    std::uint64_t load = UINT64_MAX;
    std::uint64_t stores_end = 0;  ///< of the log: done up to here
  };

  /// The reader's answer, with up to two events on its way.
  Entries ask_across(const Question& question, Event first, Event second) {
    first_ = first;
    second_ = second;
    loads_ = done_ = 0;
    plugin_.recorder()->at_loads([](void* context) { static_cast<Span*>(context)->meet_load(); }, this);
    Entries answer = ask(plugin_.subject(), reader_.handle(), question);
    plugin_.recorder()->at_loads(nullptr, nullptr);
    return answer;
  }

  void meet_load() {
    const std::uint64_t load = loads_++;
    if (recording_ && load == first_.load) record_script();
    if (load == first_.load) do_stores(first_.stores_end);
    if (load == second_.load) do_stores(second_.stores_end);
  }

  /// N1: the writer, where the reader stands; then everything is as before.
  void record_script() {
    plugin_.recorder()->at_loads(nullptr, nullptr);
    pinned_ = std::memcmp(arena_.base(), base_.data(), base_.size()) != 0;
    log_.count = log_.lost = 0;
    ends_.clear();
    plugin_.recorder()->start(&log_, arena_.descriptor());
    for (const Operation& operation : script_) {
      write(operation);
      ends_.push_back(log_.count);
    }
    plugin_.recorder()->stop();
    if (log_.lost != 0) throw std::runtime_error("a span's log is too long");
    for (std::uint64_t index = log_.count; index-- > 0;)
      put(log_.stores()[index], log_.stores()[index].before);
    plugin_.recorder()->at_loads([](void* context) { static_cast<Span*>(context)->meet_load(); }, this);
  }

  void put(const Store& store, std::uint64_t value) const {
    if (store.bytes != 0) std::memcpy(arena_.base() + store.offset, &value, store.bytes);
  }
  void do_stores(std::uint64_t end) {
    for (; done_ < end; ++done_) put(log_.stores()[done_], log_.stores()[done_].after);
  }
  void undo_stores() {
    while (done_ > 0) {
      --done_;
      put(log_.stores()[done_], log_.stores()[done_].before);
    }
  }
  /// Mutations that a prefix of the log has begun.
  [[nodiscard]] std::size_t begun(std::uint64_t stores) const {
    std::size_t count = 0;
    while (count < ends_.size() && (count == 0 ? stores > 0 : stores > ends_[count - 1])) ++count;
    return count;
  }

  void read(const Question& question) {
    if (report_.wrong) return;
    arena_.show(base_);
    (void)ask_across(question, {}, {});
    require_no_trace(question);
    const std::uint64_t loads = loads_;
    report_.loads += loads;
    const std::uint64_t share = std::max<std::uint64_t>(1, pairs_max_ / std::max<std::uint64_t>(1, loads));
    for (std::uint64_t load = 0; load < loads && !report_.wrong && !time_is_over(); ++load)
      read_from(question, load, loads, share);
  }

  /// N5: a slot claimed by an answer would be gone once the base is shown again, and the reader's pins
  /// unseen.
  void require_no_trace(const Question& question) const {
    if (std::memcmp(arena_.base(), base_.data(), base_.size()) != 0)
      throw std::runtime_error("an answer changes the image: " + model::quote_short(question.key));
  }

  /// Stopped at one load: the writer at each store of the mutation (N4), and of what follows at as many as
  /// are wanted. The rest may follow later if the writer has seen the reader: else it would have, before it
  /// took what the reader may hold.
  void read_from(const Question& question, std::uint64_t load, std::uint64_t loads, std::uint64_t wanted) {
    recording_ = true;
    arena_.show(base_);
    (void)ask_across(question, {.load = load, .stores_end = 0}, {});
    recording_ = false;
    const std::uint64_t each = !ends_.empty() && ends_.front() * loads <= all_pairs_max ? ends_.front() : 0;
    const bool all = log_.count <= wanted;
    const std::uint64_t reads = all ? log_.count : each + wanted;
    for (std::uint64_t index = 1; index <= reads && !report_.wrong && !time_is_over(); ++index) {
      const std::uint64_t stores = all || index <= each ? index : 1 + random_.below(log_.count);
      const Event later{.load = load + 1 + random_.below(loads), .stores_end = log_.count};
      judge(question, {load, stores}, pinned_ && index % 2 == 0 ? later : Event{});
    }
  }

  void judge(const Question& question, const Event& first, const Event& second) {
    ++report_.reads;
    const Entries answer = ask_across(question, first, second);
    const std::uint64_t stores = done_;
    undo_stores();
    const auto wrong = histories_.judge(question, answer, begun(stores));
    if (!wrong) return;
    report_.wrong = true;
    const std::string text = fmt::format(
        "a {} of {} stopped at load {} while a writer did {} stores{}: {}",
        question.kind == Question::Kind::dump ? "scan" : "read", model::quote_short(question.key), first.load,
        first.stores_end,
        second.load == UINT64_MAX ? "" : fmt::format(", and at load {} the rest", second.load), *wrong);
    report_.what[text.copy(report_.what, sizeof report_.what - 1)] = '\0';
  }

  const Plugin& plugin_;
  const Arena& arena_;
  Attachment reader_;
  Attachment writer_;
  std::vector<Operation> script_;
  Histories histories_;
  model::Random random_;
  std::size_t pairs_max_;
  Report& report_;
  StoreLog& log_;
  std::vector<std::uint64_t> ends_;  ///< of each mutation's stores
  Image base_;
  Event first_, second_;
  std::uint64_t loads_ = 0;
  std::uint64_t done_ = 0;
  bool recording_ = false;
  bool pinned_ = false;  ///< the reader has announced itself where the log begins: the writer knew of it
};

}  // namespace

SpanEngine::SpanEngine(const Plugin& shipped, const Plugin& instrumented)
    : oracle_(shipped.subject()), instrumented_(instrumented), pristine_(oracle_.arena().image()) {}

std::optional<Finding> SpanEngine::explore(const Case& explored, std::uint64_t seed, std::size_t pairs_max,
                                           SpanTally& tally) {
  void* shared = mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::bad_alloc();
  Report& report = *new (shared) Report{};
  oracle_.arena().show(pristine_);
  const pid_t child = fork_bounded();
  if (child == 0) {
    try {
      Span(instrumented_, oracle_, explored, seed, pairs_max, report).run(explored);
      _exit(0);
    } catch (const std::exception& exception) {
      fmt::print(stderr, "{}\n", exception.what());
      _exit(1);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  tally.reads += report.reads;
  tally.loads += report.loads;
  std::optional<Finding> found;
  if (report.wrong) found = Finding{report.what, "a read that spans mutations", 0, {}};
  if (WIFSIGNALED(status)) {
    require_own_death(WTERMSIG(status));
    found = Finding{"the reader " + died_of(WTERMSIG(status)), "a read that spans mutations", 0, {}};
  }
  munmap(shared, sizeof(Report));
  if (!found) heed_deadline();
  if (!found && status != 0)
    throw std::runtime_error("the process with a reader and a writer did not get through");
  return found;
}

}  // namespace radish::crashpoints
