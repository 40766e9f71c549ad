#include "crashpoints/store_engine.h"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>
#include <unordered_set>

#include "crashpoints/recording.h"

namespace radish::crashpoints {
namespace {

std::uint64_t mix(std::uint64_t word) {
  word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ULL;
  word = (word ^ word >> 27) * 0x94d049bb133111ebULL;
  return word ^ word >> 31;
}

/// A hash of an image by what makes it differ from another: the sum over its words. Words of noise count as
/// zero or not.
class StateHash {
 public:
  StateHash(const Subject& subject, const Image& image, std::uint64_t bytes) : noise_(bytes / 8) {
    const auto sink = [](void* context, Piece piece) {
      auto& noise = *static_cast<std::vector<bool>*>(context);
      for (std::uint64_t at = piece.offset; at < piece.offset + piece.bytes; ++at) noise[at / 8] = true;
    };
    subject.noise(image.data(), sink, &noise_);
  }
  [[nodiscard]] bool is_noise(std::uint64_t offset) const { return noise_[offset / 8]; }
  [[nodiscard]] std::uint64_t of(std::uint64_t word_index, const Image& image) const {
    std::uint64_t word = 0;
    std::memcpy(&word, image.data() + word_index * 8, 8);
    return mix(mix(word_index + 1) ^ (noise_[word_index] ? std::uint64_t{word != 0} : word));
  }

 private:
  std::vector<bool> noise_;
};

/// An image from which a process sets out, and how it came about.
struct Origin {
  Image image;
  std::uint64_t hash = 0;
  std::string story{};
};

/// The exploration of one case.
class Exploration {
 public:
  Exploration(Oracle& oracle, const Plugin& instrumented, RecordingRoom& room, const Image& pristine,
              const Case& explored, std::uint64_t seed, const Depth& depth, Tally& tally)
      : oracle_(oracle),
        instrumented_(instrumented),
        room_(room),
        pristine_(pristine),
        case_(explored),
        random_(seed),
        depth_(depth),
        tally_(tally),
        hash_(oracle.subject(), pristine, Oracle::capacity_bytes) {}

  [[nodiscard]] std::optional<Finding> run() {
    oracle_.take(case_);
    make_base();
    std::vector<Origin> origins;
    origins.push_back({.image = oracle_.arena().image()});
    std::vector<Origin> next = explore_deeds({{.mutation = &case_.mutation}}, origins, 0);
    for (unsigned level = 1; level < levels && !found_; ++level) {
      if (level == 2) next = sample(std::move(next), depth_.third_level);
      next = explore_deeds(recoveries(next.size()), next, level);
    }
    return std::move(found_);
  }

 private:
  void make_base() {
    oracle_.arena().show(pristine_);
    Model model;
    for (const Operation& operation : case_.base) {
      const Call call = call_of(operation);
      const Reply reply = oracle_.subject().operate(oracle_.witness(), &call);
      if (!agrees(reply, model::perform(model, operation)))
        throw std::runtime_error("the base differs from the model's: " + model::to_text(operation));
    }
  }

  std::vector<Deed> recoveries(std::size_t count) {
    std::vector<Deed> deeds;
    for (std::size_t index = 0; index < count; ++index)
      deeds.push_back({.way = static_cast<Way>(random_.below(way_count))});
    return deeds;
  }

  std::vector<Origin> sample(std::vector<Origin> all, std::size_t wanted) {
    while (all.size() > wanted) {
      std::swap(all[random_.below(all.size())], all.back());
      all.pop_back();
    }
    return all;
  }

  /// Every death in each deed, which sets out from the origin of the same index; the distinct states.
  std::vector<Origin> explore_deeds(const std::vector<Deed>& deeds, const std::vector<Origin>& origins,
                                    unsigned level) {
    std::vector<Task> tasks;
    for (std::size_t index = 0; index < deeds.size(); ++index)
      tasks.push_back({.image = &origins[index].image, .deed = deeds[index]});
    std::vector<Origin> states;
    if (tasks.empty()) return states;
    const auto recordings = room_.record(instrumented_, oracle_, pristine_, tasks);
    for (std::size_t index = 0; index < tasks.size() && !found_; ++index)
      explore(recordings[index], tasks[index].deed, origins[index], level, states);
    return states;
  }

  void explore(const Recording& recording, const Deed& deed, const Origin& origin, unsigned level,
               std::vector<Origin>& states) {
    const std::string story =
        origin.story +
        (deed.mutation != nullptr ? "the mutation" : fmt::format("; recovery by {}", name_of(deed.way)));
    if (auto wrong = judge_recording(recording, deed)) {
      found_ = Finding{*wrong, story, 0, origin.image};
      return;
    }
    tally_.stores += recording.stores.size();
    each_death(recording.stores, random_, depth_.samples, [&](const Death& death) {
      if (!found_) visit(recording, death, origin, level, story, states);
    });
  }

  Complaint judge_recording(const Recording& recording, const Deed& deed) const {
    if (!recording.complete) return "E2: the stores that were reported do not make what the process left";
    for (const Store& store : recording.stores)
      if (!store.reported && !hash_.is_noise(store.offset))
        return fmt::format("a store to offset {:#x} went round the subject's reports, at {:#x}", store.offset,
                           store.code);
    if (recording.refused) return "O2: a recovery was refused";
    if (deed.mutation == nullptr || agrees(recording.reply, oracle_.truth().answer)) return std::nullopt;
    return fmt::format("the mutation answered {}, not {}", to_text(recording.reply),
                       model::to_text(oracle_.truth().answer));
  }

  void visit(const Recording& recording, const Death& death, const Origin& origin, unsigned level,
             const std::string& story, std::vector<Origin>& states) {
    ++tally_.visited;
    Origin state{.image = origin.image, .hash = origin.hash};
    const Store* last = nullptr;
    const auto do_store = [&](std::size_t index) {
      const Store& store = recording.stores[index];
      if (store.bytes == 0) return;
      state.hash -= hash_.of(store.offset / 8, state.image);
      apply(store, state.image);
      state.hash += hash_.of(store.offset / 8, state.image);
      last = &store;
    };
    for (std::size_t index = 0; index < death.prefix; ++index) do_store(index);
    for (const std::size_t index : death.beyond) do_store(index);
    if (!known_.insert(state.hash).second) return;
    ++tally_.states[level];
    const Way way = static_cast<Way>(random_.below(way_count));
    if (auto wrong = oracle_.judge(state.image, way)) {
      found_ = Finding{*wrong,
                       fmt::format("{} dies after {} of {} stores and {} beyond; recovery by {}", story,
                                   death.prefix, recording.stores.size(), death.beyond.size(), name_of(way)),
                       last != nullptr ? last->code : 0, std::move(state.image)};
      return;
    }
    state.story =
        fmt::format("{} dies after {} stores and {} beyond", story, death.prefix, death.beyond.size());
    if (level + 1 < levels) states.push_back(std::move(state));
  }

  Oracle& oracle_;
  const Plugin& instrumented_;
  RecordingRoom& room_;
  const Image& pristine_;
  const Case& case_;
  model::Random random_;
  const Depth& depth_;
  Tally& tally_;
  StateHash hash_;
  std::unordered_set<std::uint64_t> known_;
  std::optional<Finding> found_;
};

}  // namespace

StoreEngine::StoreEngine(const Plugin& shipped, const Plugin& instrumented)
    : oracle_(shipped.subject()), instrumented_(instrumented), pristine_(oracle_.arena().image()) {
  if (instrumented.recorder() == nullptr) throw std::runtime_error(instrumented.path() + " records nothing");
}

std::optional<Finding> StoreEngine::explore(const Case& explored, std::uint64_t seed, const Depth& depth,
                                            Tally& tally) {
  auto found = Exploration(oracle_, instrumented_, room_, pristine_, explored, seed, depth, tally).run();
  tally.lives = oracle_.lives();
  return found;
}

}  // namespace radish::crashpoints
