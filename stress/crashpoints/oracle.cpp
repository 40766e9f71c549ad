#include "crashpoints/oracle.h"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

#include "crashpoints/later.h"
#include "model/generator.h"

namespace radish::crashpoints {
namespace {

/// Of an attach that follows a death.
Complaint judge_attach(Attached attached, const Debts& debts) {
  if (debts.final)
    return attached == Attached::refused ? std::nullopt : Complaint("O2: what is final can be attached to");
  if (attached == Attached::refused) return "O2: the attach was refused";
  if ((attached == Attached::recovered) == debts.owed) return std::nullopt;
  return debts.owed ? "O3: the attach did not say that it recovered"
                    : "O3: the attach says that it recovered";
}

}  // namespace

const char* name_of(Way way) {
  constexpr const char* names[] = {"a reading lock", "a writing lock", "attaching", "opening alone"};
  return names[static_cast<std::size_t>(way)];
}

Way way_named(std::string_view name) {
  for (std::uint32_t way = 0; way < way_count; ++way)
    if (name == name_of(static_cast<Way>(way))) return static_cast<Way>(way);
  return Way::by_reading_lock;
}

std::uint64_t key_of(Shown allowed, bool alone) {
  return (alone ? 1U : 0U) | (allowed.before ? 0U : 2U) | (allowed.after ? 0U : 4U);
}

std::uint64_t takeovers_after(const Debts& debts) {
  return debts.takeovers + (debts.owed && !debts.counted && !debts.final ? 1 : 0);
}

Oracle::Oracle(const Subject& subject)
    : subject_(subject),
      arena_(subject, capacity_bytes),
      solitude_(subject, capacity_bytes),
      witness_(subject, arena_.descriptor()) {
  bool found = false;
  std::uint64_t value = 0;
  if (witness() == nullptr || subject.find(witness(), {"", 0}, &found, &value) != 0)
    throw std::runtime_error("an empty structure cannot be read");
}

void Oracle::take(const Case& explored, const Image& pristine) {
  case_ = &explored;
  later_ = later_operations(explored, subject_.acts);
  judged_.clear();
  known_.clear();
  turn_ = 0;
  room_[0].reset();
  room_[1].reset();
  room_emptied_.reset();
  arena_.show(pristine);
  std::vector<Operation> stored = explored.base;
  for (const Operation& operation : stored)
    if (const Reply reply = operate(witness(), operation); reply.error != 0)
      throw std::runtime_error("the base is refused: " + model::to_text(operation));
  if (explored.heap_is_full) fill_heap(stored);
  whole_[0] = arena_.image();
  reply_ = operate(witness(), explored.mutation);
  if (reply_.error != 0 && !explored.heap_is_full)
    throw std::runtime_error("the mutation is refused: " + model::to_text(explored.mutation));
  whole_[1] = arena_.image();
  truth_.emplace(stored, explored.mutation, reply_.error != 0);
  if (reply_.error == 0 && !agrees(reply_, truth_->answer))
    throw std::runtime_error("the mutation differs from the model's: " + model::to_text(explored.mutation));
  inquiry_.emplace(*truth_, explored.mutation);
  require_whole(true);
  require_whole(false);
}

/// With ever shorter keys, until not even a short one finds room.
void Oracle::fill_heap(std::vector<Operation>& stored) const {
  for (const std::size_t bytes : {9000U, 900U, 100U, 10U})
    for (std::uint64_t number = 0;; ++number) {
      std::string key = fmt::format("\x7f{} {}", bytes, number);
      key.resize(bytes, '.');
      Operation filling = model::insertion(std::move(key), number);
      if (operate(witness(), filling).error != 0) break;
      stored.push_back(std::move(filling));
    }
}

void Oracle::require_whole(bool after) const {
  arena_.show(whole_[after]);
  const Shown shown = inquiry_->ask(subject_, witness());
  if (!(after ? shown.after : shown.before)) throw std::runtime_error("where nobody died the map is another");
  if (auto wrong = audit(witness(), "where nobody died")) throw std::runtime_error(*wrong);
}

Shown Oracle::shown(const Image& state) const {
  arena_.show(state);
  return inquiry_->ask(subject_, witness());
}

Image Oracle::image_in_a_read() const {
  Image image = whole_[0];
  return subject_.announce_read != nullptr && subject_.announce_read(image.data()) ? image : Image{};
}

Reply Oracle::operate(Handle* handle, const Operation& operation) const {
  const Call call = call_of(operation);
  return subject_.operate(handle, &call);
}

Complaint Oracle::audit(Handle* handle, const char* when) const {
  char message[512] = "";
  if (subject_.audit(handle, message, sizeof message)) return std::nullopt;
  return fmt::format("{}: the audit: {}", when, message);
}

/// The count may be behind what readers see, until it is recovered.
Oracle::Judgement Oracle::judge_unrecovered(const Image& state, Shown allowed) const {
  arena_.show(state);
  Judgement judgement{.shown = inquiry_->ask(subject_, witness()) & allowed};
  if (judgement.shown.neither())
    judgement.wrong = "O1: readers of what is not recovered find neither map";
  else if ((inquiry_->count(subject_, witness()) & (allowed.after ? Shown{} : allowed)).neither())
    judgement.wrong = "O1: the count is of neither map";
  return judgement;
}

Oracle::Judgement Oracle::judge(const Image& state, Shown allowed, Way way) {
  Judgement judgement = judge_unrecovered(state, allowed);
  if (judgement.wrong) return judgement;
  judgement.way = name_of(way);
  judgement.wrong = recover_and_judge(state, way, {judgement.shown, allowed});
  return judgement;
}

Oracle::Judgement Oracle::judge(const Image& state, Shown allowed, bool alone) {
  Judgement judgement = judge_unrecovered(state, allowed);
  if (judgement.wrong) return judgement;
  const auto recover = [&](Way way) {
    judgement.way = name_of(way);
    judgement.wrong = recover_and_judge(state, way, {judgement.shown, allowed});
  };
  const Debts debts = subject_.debts(state.data());
  judgement.is_final = debts.final;
  judgement.is_alone = alone || debts.alone;
  judgement.is_known =
      !judged_.insert(subject_.digest(state.data(), state.size()) + key_of(allowed, judgement.is_alone))
           .second;
  const std::uint64_t turn = turn_++;
  if (judgement.is_alone) {
    recover(Way::by_opening);
    return judgement;
  }
  recover(turn % 2 == 0 ? Way::by_reading_lock : Way::by_writing_lock);
  if (!judgement.is_known && !judgement.wrong)
    recover(turn / 2 % 2 == 0 ? Way::by_attaching : Way::by_opening);
  return judgement;
}

Complaint Oracle::judge_end(const Image& state) const {
  arena_.show(state);
  if (!inquiry_->ask(subject_, witness()).after || !inquiry_->count(subject_, witness()).after)
    return "O1: what was done is not there";
  return std::nullopt;
}

Complaint Oracle::recover_and_judge(const Image& state, Way way, const Seen& seen) {
  const Debts debts = subject_.debts(state.data());
  if (way == Way::by_reading_lock || way == Way::by_writing_lock) {
    arena_.show(state);
    if (!subject_.recover(witness(), way == Way::by_writing_lock)) return "O2: the lock was refused";
    return judge_recovered(arena_, witness(), seen, debts);
  }
  const Arena& arena = way == Way::by_opening ? solitude_ : arena_;
  arena.show(state);
  const Attachment newcomer(subject_, arena.descriptor());
  if (auto wrong = judge_attach(newcomer.attached(), debts)) return wrong;
  if (debts.final) return std::nullopt;
  return judge_recovered(arena, newcomer.handle(), seen, debts);
}

/// `dead`: what the state owed before anybody recovered.
Complaint Oracle::judge_recovered(const Arena& arena, Handle* handle, const Seen& seen, const Debts& dead) {
  const Shown shown = inquiry_->ask(subject_, handle);
  if ((shown & seen.allowed).neither()) return "O2: recovery left neither map";
  if (!seen.dead.before && !shown.after) return "O2: what readers had seen is gone again";
  const Shown count = inquiry_->count(subject_, handle);
  if ((shown.after && !count.after) || (shown.before && !count.before)) return "O2: the count is wrong";
  if (auto wrong = audit(handle, "O2")) return wrong;
  const Debts debts = subject_.debts(arena.base());
  if (debts.owed || debts.armed) return "O2: something is owed still";
  if (const std::uint64_t expected = takeovers_after(dead); debts.takeovers != expected)
    return fmt::format("O3: {} takeovers, not {}", debts.takeovers, expected);
  // What is free makes no difference to the digest: now and then another of the same lives on.
  constexpr std::uint64_t judgements_between_lives = 64;
  const bool is_new =
      known_.insert(subject_.digest(arena.base(), arena.bytes()) ^ std::uint64_t{dead.reads}).second;
  if (!is_new && turn_ % judgements_between_lives != 0) return std::nullopt;
  return live_on(arena, handle, shown.after);
}

Complaint Oracle::live_on(const Arena& arena, Handle* handle, bool after) {
  ++lives_;
  // Who was in the midst of a read has come to its end.
  if (&arena == &arena_) (void)inquiry_->ask(subject_, witness());
  const Model& model = after ? truth_->after : truth_->before;
  if (subject_.debts(arena.base()).final)
    return refuses_all(handle, model) ? std::nullopt : Complaint("O4: what is final changes");
  if (auto wrong = perform_later(handle, model)) return "O4: " + *wrong;
  if (auto wrong = audit(handle, "O4")) return wrong;
  if (case_->heap_is_full) return std::nullopt;
  const Filling room = fill_up(handle);
  if (auto wrong = audit(handle, "O4: full")) return wrong;
  if (subject_.debts(arena.base()).waits) return "O4: full, and something waits still for who has gone";
  const Filling& expected = room_of_whole(after);
  // Blocks that came free in another order leave other gaps. But what leaked is missing from an empty heap
  // too.
  if (room.bytes < expected.bytes && refill(handle) != room_of_emptied())
    return fmt::format("O4: it takes keys of {} bytes where an undisturbed one takes {}", room.bytes,
                       expected.bytes);
  if (room.error != expected.error)
    return fmt::format("O4: full, it answers error {}, not {}", room.error, expected.error);
  return std::nullopt;
}

bool Oracle::refuses_all(Handle* handle, const Model& model) const {
  for (const Operation& operation : later_)
    if (operate(handle, operation).error == 0) return false;
  return shows_exactly(subject_, handle, model);
}

/// In a heap that is full, what is refused must have left no trace; what is, depends on how pages are
/// divided.
Complaint Oracle::perform_later(Handle* handle, Model model) const {
  constexpr std::size_t operations_between_looks = 50;
  for (std::size_t done = 0; done < later_.size();) {
    const Operation& operation = later_[done];
    const Reply reply = operate(handle, operation);
    if (reply.error == 0 || !case_->heap_is_full)
      if (const model::Answer expected = model::perform(model, operation); !agrees(reply, expected))
        return fmt::format("later, {} answered {}, not {}", model::to_text(operation), to_text(reply),
                           model::to_text(expected));
    if (++done % operations_between_looks != 0 && done != later_.size()) continue;
    if (!shows_exactly(subject_, handle, model)) return "later, what it holds is not what was stored";
  }
  return std::nullopt;
}

/// With long keys, then with ever shorter ones.
Oracle::Filling Oracle::fill_up(Handle* handle) const {
  Filling filling;
  for (const std::size_t key_bytes : {3000U, 300U, 12U}) {
    std::string key(key_bytes, '0');
    for (std::uint64_t number = 0; filling.bytes <= capacity_bytes; ++number) {
      std::to_chars(key.data(), key.data() + key.size(), number);
      const Call call{.act = Act::insert, .key = {key.data(), key_bytes}, .value = number, .second = 0};
      filling.error = subject_.operate(handle, &call).error;
      if (filling.error != 0) break;
      filling.bytes += key_bytes;
    }
  }
  return filling;
}

Oracle::Filling Oracle::refill(Handle* handle) const {
  std::vector<std::string> keys;
  const auto add = [](void* context, Bytes key, std::uint64_t) {
    static_cast<std::vector<std::string>*>(context)->emplace_back(key.data, key.size);
  };
  if (subject_.dump(handle, add, &keys) != 0) return {};
  for (const std::string& key : keys) (void)operate(handle, model::erasure(key));
  return fill_up(handle);
}

const Oracle::Filling& Oracle::room_of_emptied() {
  if (!room_emptied_) {
    arena_.show(whole_[0]);
    room_emptied_ = refill(witness());
  }
  return *room_emptied_;
}

const Oracle::Filling& Oracle::room_of_whole(bool after) {
  if (!room_[after]) {
    arena_.show(whole_[after]);
    if (auto wrong = perform_later(witness(), after ? truth_->after : truth_->before))
      throw std::runtime_error("where nobody died: " + *wrong);
    room_[after] = fill_up(witness());
  }
  return *room_[after];
}

}  // namespace radish::crashpoints
