// The public interface behind the probing seam: a writer killed before every event of every kind of mutation,
// stopped inside one, watched by a reader between any two events; and the twins that these checks must catch.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "crash_oracle.h"
#include "heap/changes.h"
#include "processes.h"
#include "seam/deaths.h"

namespace radish::tests {
namespace {

using probe::dies;
using probe::each_death;
using probe::Impersonation;
using probe::Watch;
using probe::Watched;
using sync::Twin;

/// Every death of a case's mutation. `complain` is told of each that left something wrong.
template <class Complain>
std::uint64_t kill_everywhere(Scene& scene, Watched watched, std::uint64_t variation, Complain complain) {
  const auto mutate = [&] {
    if (model::perform(scene.tree(), scene.mutation()) != scene.answer()) _exit(1);
  };
  const std::uint64_t deaths = each_death(watched, mutate, [&](std::uint64_t nth) {
    if (const auto wrong = scene.judge(variation + nth)) complain(nth, *wrong);
    scene.restore();
  });
  if (!scene.look().after) complain(deaths + 1, "the mutation was made, and its map is not there");
  scene.restore();
  return deaths;
}

/// How many events of the mutation write.
std::uint64_t writes_of(Scene& scene) {
  std::uint64_t writes = 0;
  {
    const Watch watch(Watched::writes);
    (void)model::perform(scene.tree(), scene.mutation());
    writes = Watch::seen();
  }
  scene.restore();
  return writes;
}

class KillTest : public testing::TestWithParam<Kind> {};

/// At the full scale every event of every case, and random cases up to 2,000 deaths; else the events that
/// write.
TEST_P(KillTest, KilledWriterLeavesTheMapOfBeforeOrOfAfter) {
  constexpr std::uint64_t deaths_per_scale = 200;
  print_seed();
  const Watched watched = scale() >= 10 ? Watched::events : Watched::writes;
  const auto run = [&](Case one) {
    Scene scene(std::move(one));
    return kill_everywhere(scene, watched, seed(), [&](std::uint64_t nth, const std::string& wrong) {
      ADD_FAILURE() << scene.name() << ", death " << nth << ": " << wrong;
    });
  };
  std::uint64_t deaths = 0;
  for (Case& one : cases_of(GetParam())) deaths += run(std::move(one));
  for (std::uint64_t more = 0; deaths < deaths_per_scale * scale() && !HasFailure(); ++more)
    deaths += run(random_case(GetParam(), seed() + more));
  std::printf("%llu deaths\n", static_cast<unsigned long long>(deaths));
}

/// One death of each case's mutation, and then one before every event that writes of whoever recovers from
/// it.
TEST_P(KillTest, SecondDeathInTheRecoveryChangesNothing) {
  print_seed();
  model::Random random(seed());
  for (Case& one : cases_of(GetParam())) {
    Scene scene(std::move(one));
    const auto mutate = [&] { (void)model::perform(scene.tree(), scene.mutation()); };
    const std::uint64_t first = 1 + random.below(writes_of(scene));
    ASSERT_TRUE(dies(Watched::writes, first, mutate)) << scene.name();
    const Scene::Image dead = scene.image();
    each_death(
        Watched::writes, [&] { (void)scene.tree().view(); },
        [&](std::uint64_t second) {
          EXPECT_EQ(scene.judge(seed() + second), std::nullopt)
              << scene.name() << ", deaths " << first << " and " << second;
          scene.show(dead);
        });
    EXPECT_EQ(scene.judge(seed()), std::nullopt) << scene.name() << ", death " << first;
  }
}

INSTANTIATE_TEST_SUITE_P(Mutations, KillTest, testing::ValuesIn(mutations), name_of_case);

TEST(CaseTest, CasesMeetEveryChangeOfShape) {
  std::array<std::uint64_t, heap::change_count> met{};
  for (const Kind kind : mutations)
    for (Case& one : cases_of(kind)) {
      Scene scene(std::move(one));
      std::array<std::uint64_t, heap::change_count> before{};
      for (std::size_t change = 0; change < met.size(); ++change) before[change] = heap::change_tally[change];
      (void)model::perform(scene.tree(), scene.mutation());
      for (std::size_t change = 0; change < met.size(); ++change)
        met[change] += heap::change_tally[change] - before[change];
    }
  for (std::size_t change = 0; change < met.size(); ++change)
    EXPECT_NE(met[change], 0U) << "change " << change;
}

// --- a reader between any two events ---------------------------------------------------------------------

class SpanTest : public testing::TestWithParam<Kind> {};

/// What a second handle sees of a mutation: before each of its events everything, and never the map of before
/// again once that of after was there. The first complaint, if any.
std::optional<std::string> watch_mutation(Scene& scene, const Tree& reader) {
  std::optional<std::string> wrong;
  bool published = false;
  {
    const Watch watch(Watched::writes, 0, [&] {
      if (wrong) return;
      const Shown shown = scene.look(reader);
      const std::string at = " before event " + std::to_string(Watch::seen());
      if (shown.neither()) wrong = "a reader finds neither map" + at;
      if (published && !shown.after) wrong = "what was seen is gone again" + at;
      published |= !shown.before;
    });
    (void)model::perform(scene.tree(), scene.mutation());
  }
  return wrong;
}

TEST_P(SpanTest, ReaderBetweenTwoStoresFindsTheMapOfBeforeOrOfAfter) {
  for (Case& one : cases_of(GetParam())) {
    Scene scene(std::move(one));
    const Tree reader = scene.attach();
    EXPECT_EQ(watch_mutation(scene, reader), std::nullopt) << scene.name();
    EXPECT_TRUE(scene.look(reader).after) << scene.name();
  }
}

/// Reads with a mutation before their nth event, n = 1, 2, ...; `judge` is told the event after each.
template <class Read, class Judge>
void span_everywhere(Scene& scene, Read read, Judge judge) {
  bool spanned = true;
  for (std::uint64_t nth = 1; spanned; ++nth) {
    spanned = false;
    {
      const Watch watch(Watched::events, nth, [&] {
        spanned = true;
        (void)model::perform(scene.tree(), scene.mutation());
      });
      read();
    }
    judge(nth);
    scene.restore();
  }
}

/// A reader that spans a mutation answers what was true at some moment of it.
TEST_P(SpanTest, ReadThatSpansAMutationAnswersAsBeforeOrAsAfter) {
  for (Case& one : cases_of(GetParam())) {
    Scene scene(std::move(one));
    Tree reader = scene.attach();
    (void)scene.look(reader);  // claims its slot
    for (const Kind kind : {Kind::find, Kind::longest_prefix}) {
      const Operation question{.kind = kind, .key = scene.mutation().key};
      Model before = scene.before(), after = scene.after();
      const model::Answer old_answer = model::perform(before, question),
                          new_answer = model::perform(after, question);
      model::Answer answer;
      span_everywhere(
          scene, [&] { answer = model::perform(reader, question); },
          [&](std::uint64_t nth) {
            EXPECT_TRUE(answer == old_answer || answer == new_answer)
                << scene.name() << ", event " << nth << ": " << model::to_text(answer);
          });
    }
  }
}

/// What is wrong with the entries of a scan during which the map of before became that of after.
std::optional<std::string> wrong_scan(const model::Answer& scan, const Scene& scene) {
  if (scan.refusal) return scan.message;
  const model::Map &before = scene.before().map(), &after = scene.after().map();
  const auto holds = [](const model::Map& map, const model::KeyValue& entry) {
    const auto at = map.find(entry.first);
    return at != map.end() && at->second == entry.second;
  };
  model::Map met;
  for (const model::KeyValue& entry : scan.entries) {
    if (!met.empty() && met.rbegin()->first >= entry.first)
      return "out of order: " + model::quote_short(entry.first);
    if (!holds(before, entry) && !holds(after, entry))
      return "never there: " + model::quote_short(entry.first);
    met.insert(entry);
  }
  for (const auto& [key, value] : before)
    if (after.contains(key) && !met.contains(key)) return "passed over: " + model::quote_short(key);
  return std::nullopt;
}

TEST_P(SpanTest, ScanThatSpansAMutationMeetsWhatWasThereThroughoutInOrder) {
  for (Case& one : cases_of(GetParam())) {
    Scene scene(std::move(one));
    Tree reader = scene.attach();
    (void)scene.look(reader);
    const Operation everything{.kind = Kind::scan_forward, .count = UINT32_MAX};
    model::Answer scan;
    span_everywhere(
        scene, [&] { scan = model::perform(reader, everything); },
        [&](std::uint64_t nth) {
          EXPECT_EQ(wrong_scan(scan, scene), std::nullopt) << scene.name() << ", event " << nth;
        });
  }
}

INSTANTIATE_TEST_SUITE_P(Mutations, SpanTest, testing::ValuesIn(mutations), name_of_case);

// --- a stopped writer ------------------------------------------------------------------------------------

class StoppedWriterTest : public testing::TestWithParam<Kind> {};

/// How often readers answered, all of them right; they read until so many answers.
std::uint64_t read_many(const Scene& scene, const Tree& tree, Shown& shown) {
  constexpr std::uint64_t reads_wanted = 1500;
  const std::uint64_t first = value_of(tree.stats()).reads;
  std::uint64_t reads = 0;
  while (reads < reads_wanted && !shown.neither()) {
    const Shown now = scene.look(tree);
    shown.before &= now.before;
    shown.after &= now.after;
    reads = value_of(tree.stats()).reads - first;
  }
  return reads;
}

/// Stops a writer before the nth event that writes and reads beside it. True if it was inside an armed
/// record.
bool read_beside_a_stopped_writer(Scene& scene, std::uint64_t nth) {
  Child writer([&] {
    const Watch watch(Watched::writes, nth, [] { raise(SIGSTOP); });
    (void)model::perform(scene.tree(), scene.mutation());
    return 0;
  });
  EXPECT_TRUE(writer.await_stop());
  const bool armed = scene.armed();
  Shown shown;
  EXPECT_GT(read_many(scene, scene.tree(), shown), 1000U);
  {
    const Tree late = scene.attach();
    EXPECT_EQ(late.outcome(), Outcome::attached);
    EXPECT_GT(read_many(scene, late, shown), 1000U);
  }
  EXPECT_EQ(writer.kill_and_reap(), -SIGKILL);
  EXPECT_GT(read_many(scene, scene.tree(), shown), 1000U);
  EXPECT_FALSE(shown.neither()) << scene.name() << ", stopped before write " << nth;
  EXPECT_EQ(scene.judge(nth), std::nullopt) << scene.name() << ", killed before write " << nth;
  scene.restore();
  return armed;
}

TEST_P(StoppedWriterTest, KeepsNoReaderWaitingNorDoesItsDeath) {
  constexpr std::uint64_t stops = 7;
  unsigned armed = 0, unarmed = 0;
  for (Case& one : cases_of(GetParam())) {
    Scene scene(std::move(one));
    const std::uint64_t writes = writes_of(scene);
    for (std::uint64_t stop = 0; stop < stops; ++stop)
      ++(read_beside_a_stopped_writer(scene, 1 + stop * (writes - 1) / (stops - 1)) ? armed : unarmed);
  }
  EXPECT_GT(unarmed, 0U);
  EXPECT_EQ(armed != 0, GetParam() != Kind::compare_exchange) << "which is one store by itself";
}

INSTANTIATE_TEST_SUITE_P(Mutations, StoppedWriterTest, testing::ValuesIn(mutations), name_of_case);

// --- twins -----------------------------------------------------------------------------------------------

/// Deaths after which something is wrong, in the first case of a kind that has any.
std::uint64_t wrong_deaths(Kind kind) {
  std::uint64_t wrong = 0;
  for (Case& one : cases_of(kind)) {
    Scene scene(std::move(one));
    kill_everywhere(scene, Watched::writes, 0, [&](std::uint64_t, const std::string&) { ++wrong; });
    if (wrong != 0) break;
  }
  return wrong;
}

/// How many cases show a reader beside the writer what was never true.
std::uint64_t wrong_reads(Kind kind) {
  std::uint64_t wrong = 0;
  for (Case& one : cases_of(kind)) {
    Scene scene(std::move(one));
    const Tree reader = scene.attach();
    wrong += watch_mutation(scene, reader).has_value();
  }
  return wrong;
}

TEST(TwinTest, PublishBeforeFillIsCaughtByAReaderAndByDeath) {
  const Impersonation twin(Twin::publish_before_fill);
  EXPECT_GT(wrong_reads(Kind::insert), 0U);
  EXPECT_GT(wrong_deaths(Kind::insert_new), 0U);
}

TEST(TwinTest, CountOutsideTheRecordIsCaughtByDeath) {
  const Impersonation twin(Twin::count_outside_record);
  for (const Kind kind : {Kind::insert, Kind::erase, Kind::erase_prefix, Kind::clear})
    EXPECT_GT(wrong_deaths(kind), 0U) << name_of(kind);
}

TEST(TwinTest, DisarmBeforeApplyIsCaughtByDeath) {
  const Impersonation twin(Twin::disarm_before_apply);
  for (const Kind kind : {Kind::insert, Kind::erase, Kind::erase_prefix, Kind::clear})
    EXPECT_GT(wrong_deaths(kind), 0U) << name_of(kind);
}

TEST(TwinTest, SplitInPlaceIsCaughtByAReaderAndByDeath) {
  const Impersonation twin(Twin::split_in_place);
  EXPECT_GT(wrong_reads(Kind::insert), 0U);
  EXPECT_GT(wrong_deaths(Kind::insert), 0U);
}

TEST(TwinTest, EraseWithoutRetirementIsCaughtByTheHeapsPartition) {
  const Impersonation twin(Twin::erase_without_retirement);
  EXPECT_GT(wrong_deaths(Kind::erase), 0U);
}

/// A reader rests at each event of its walk while a writer takes the keys away and fills the segment with
/// others of the same shape, which would fit into the reader's walk. How many answers were never true.
std::uint64_t wrong_answers_over_reused_blocks() {
  constexpr std::uint64_t foreign = 1'000'000;
  std::uint64_t wrong = 0;
  std::vector<Operation> base;
  for (std::uint64_t key = 0; key < 10; ++key) base.push_back(insertion(fmt::format("a{}/tail", key), key));
  bool spanned = true;
  for (std::uint64_t nth = 1; spanned; ++nth) {
    Scene scene({"reuse", base, erasure("absent")});
    Tree reader = scene.attach();
    (void)reader.find("");  // claims its slot
    spanned = false;
    const Watch watch(Watched::events, nth, [&] {
      spanned = true;
      (void)scene.tree().erase_prefix("a");
      std::uint64_t key = 0;
      while (scene.tree().insert(fmt::format("b{}/tail", key), foreign + key)) ++key;
    });
    const auto found = reader.find("a5/tail");
    wrong += !found || (*found && **found != 5);
  }
  return wrong;
}

TEST(TwinTest, ReuseBeforeReadersLeftIsCaughtByAReader) {
  EXPECT_EQ(wrong_answers_over_reused_blocks(), 0U);
  const Impersonation twin(Twin::reuse_before_readers_left);
  EXPECT_GT(wrong_answers_over_reused_blocks(), 0U);
}

}  // namespace
}  // namespace radish::tests
