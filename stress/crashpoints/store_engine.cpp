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

/// An image on which sets of stores are done and undone.
class Scratch {
 public:
  explicit Scratch(const StateHash& hash) : hashes_(hash) {}

  void begin(const Image& origin) {
    image_ = origin;
    done_.clear();
    hash_ = 0;
  }
  /// What the origin becomes by the stores of a death.
  void make(const std::vector<Store>& stores, const Death& death) {
    undo();
    for (std::size_t index = 0; index < death.prefix; ++index) perform(stores[index]);
    for (const std::size_t index : death.beyond) perform(stores[index]);
  }
  [[nodiscard]] const Image& image() const { return image_; }
  /// By how much the hash differs from the origin's.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  /// Of the last store that was done.
  [[nodiscard]] std::uint64_t last_code() const { return last_code_; }

 private:
  struct Done {
    std::uint64_t word;
    std::uint64_t before;
  };
  void perform(const Store& store) {
    if (store.bytes == 0) return;
    const std::uint64_t word = store.offset / 8;
    std::uint64_t before = 0;
    std::memcpy(&before, image_.data() + word * 8, 8);
    done_.push_back({word, before});
    hash_ -= hashes_.of(word, image_);
    apply(store, image_);
    hash_ += hashes_.of(word, image_);
    last_code_ = store.code;
  }
  void undo() {
    for (; !done_.empty(); done_.pop_back())
      std::memcpy(image_.data() + done_.back().word * 8, &done_.back().before, 8);
    hash_ = 0;
    last_code_ = 0;
  }

  const StateHash& hashes_;
  Image image_;
  std::vector<Done> done_;
  std::uint64_t hash_ = 0;
  std::uint64_t last_code_ = 0;
};

/// States of one level, or a sample of them drawn evenly, whose recoveries are explored next.
struct Kept {
  unsigned level;
  std::size_t wanted;
  std::size_t offered = 0;
  std::vector<Origin> states{};

  template <class Make>
  void offer(model::Random& random, Make make) {
    const std::uint64_t place = random.below(++offered);
    if (states.size() < wanted)
      states.push_back(make());
    else if (place < wanted)
      states[place] = make();
  }
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
    oracle_.take(case_, pristine_);
    std::vector<Origin> origins;
    origins.push_back({.image = oracle_.arena().image()});
    std::vector<Deed> deeds{{.mutation = &case_.mutation}};
    const std::size_t wanted[levels] = {SIZE_MAX, depth_.third_level, 0};
    for (unsigned level = 0; level < levels && !found_ && !origins.empty(); ++level) {
      Kept kept{.level = level, .wanted = wanted[level]};
      explore_deeds(deeds, origins, kept);
      origins = std::move(kept.states);
      deeds = recoveries(origins.size());
    }
    return std::move(found_);
  }

 private:
  std::vector<Deed> recoveries(std::size_t count) {
    std::vector<Deed> deeds;
    for (std::size_t index = 0; index < count; ++index)
      deeds.push_back({.way = static_cast<Way>(random_.below(way_count))});
    return deeds;
  }

  /// Every death in each deed, which sets out from the origin of the same index.
  void explore_deeds(const std::vector<Deed>& deeds, const std::vector<Origin>& origins, Kept& kept) {
    std::vector<Task> tasks;
    for (std::size_t index = 0; index < deeds.size(); ++index)
      tasks.push_back({.image = &origins[index].image, .deed = deeds[index]});
    const auto recordings = room_.record(instrumented_, oracle_, pristine_, tasks);
    for (std::size_t index = 0; index < tasks.size() && !found_; ++index)
      explore(recordings[index], deeds[index], origins[index], kept);
  }

  void explore(const Recording& recording, const Deed& deed, const Origin& origin, Kept& kept) {
    const std::string story = deed.mutation != nullptr
                                  ? "the mutation"
                                  : fmt::format("{}; recovery by {}", origin.story, name_of(deed.way));
    if (auto wrong = judge_recording(recording, deed)) {
      found_ = Finding{*wrong, story, 0, origin.image};
      return;
    }
    tally_.stores += recording.stores.size();
    scratch_.begin(origin.image);
    scratch_.make(recording.stores, {.prefix = recording.stores.size()});
    if (auto wrong = judge_end(deed, origin.image, scratch_.image())) {
      found_ = Finding{*wrong, story, 0, scratch_.image()};
      return;
    }
    each_death(recording.stores, random_, depth_.samples, [&](const Death& death) {
      if (!found_) visit(recording, death, origin, story, kept);
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

  /// O3 of an instrumented recovery that came to its end.
  Complaint judge_end(const Deed& deed, const Image& from, const Image& left) const {
    if (deed.mutation != nullptr) return std::nullopt;
    const Debts before = oracle_.subject().debts(from.data()), after = oracle_.subject().debts(left.data());
    if (after.owed || after.armed) return "O2: something is owed still";
    const std::uint64_t expected = before.takeovers + (before.owed && !before.counted ? 1 : 0);
    if (after.takeovers == expected) return std::nullopt;
    return fmt::format("O3: {} takeovers, not {}", after.takeovers, expected);
  }

  /// Judges the state if it was not known; keeps it if recoveries from it are to be explored.
  void visit(const Recording& recording, const Death& death, const Origin& origin, const std::string& story,
             Kept& kept) {
    ++tally_.visited;
    const Way way = static_cast<Way>(random_.below(way_count));
    scratch_.make(recording.stores, death);
    if (!known_.insert(origin.hash + scratch_.hash()).second) return;
    ++tally_.states[kept.level];
    const std::string died =
        fmt::format("{} dies after {} of {} stores{}", story, death.prefix, recording.stores.size(),
                    death.beyond.empty() ? "" : fmt::format(" and {} further ones", death.beyond.size()));
    if (auto wrong = oracle_.judge(scratch_.image(), way))
      found_ = Finding{*wrong, fmt::format("{}; then recovery by {}", died, name_of(way)),
                       scratch_.last_code(), scratch_.image()};
    else
      kept.offer(random_, [&] { return Origin{scratch_.image(), origin.hash + scratch_.hash(), died}; });
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
  Scratch scratch_{hash_};
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
  const std::uint64_t lives_before = oracle_.lives();
  std::optional<Finding> found;
  try {
    found = Exploration(oracle_, instrumented_, room_, pristine_, explored, seed, depth, tally).run();
  } catch (const SubjectDied& died) {
    found = Finding{died.what(), "in the mutation, or in a recovery from a death in it", 0, {}};
  }
  tally.lives += oracle_.lives() - lives_before;
  return found;
}

}  // namespace radish::crashpoints
