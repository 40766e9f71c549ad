#include "crashpoints/oracle.h"

#include <fmt/format.h>

#include <stdexcept>

#include "model/generator.h"

namespace radish::crashpoints {
namespace {

constexpr int later_operations = 200;
constexpr int filling_key_bytes = 200;

/// Of an attach that follows a death.
Complaint judge_attach(Attached attached, bool owed) {
  if (attached == Attached::refused) return "O2: the attach was refused";
  if ((attached == Attached::recovered) == owed) return std::nullopt;
  return owed ? "O3: the attach did not say that it recovered" : "O3: the attach says that it recovered";
}

}  // namespace

const char* name_of(Way way) {
  constexpr const char* names[] = {"a reading lock", "a writing lock", "attaching", "opening alone"};
  return names[static_cast<std::size_t>(way)];
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
  truth_.emplace(explored);
  inquiry_.emplace(*truth_, explored.mutation);
  known_.clear();
  room_[0].reset();
  room_[1].reset();
  arena_.show(pristine);
  Model model;
  for (const Operation& operation : explored.base)
    if (!agrees(operate(operation), model::perform(model, operation)))
      throw std::runtime_error("the base differs from the model's: " + model::to_text(operation));
  whole_[0] = arena_.image();
  if (!agrees(operate(explored.mutation), truth_->answer))
    throw std::runtime_error("the mutation differs from the model's: " + model::to_text(explored.mutation));
  whole_[1] = arena_.image();
  arena_.show(whole_[0]);
}

Reply Oracle::operate(const Operation& operation) const {
  const Call call = call_of(operation);
  return subject_.operate(witness(), &call);
}

Complaint Oracle::judge(const Image& state, Way way) {
  arena_.show(state);
  const Shown dead = inquiry_->ask(subject_, witness());
  if (dead.neither()) return "O1: readers of what is not recovered find neither map";
  if (inquiry_->count(subject_, witness()).neither()) return "O1: the count is of neither map";
  return recover_and_judge(state, way, dead);
}

Complaint Oracle::recover_and_judge(const Image& state, Way way, Shown dead) {
  const Debts debts = subject_.debts(state.data());
  const std::uint64_t expected = debts.takeovers + (debts.owed && !debts.counted ? 1 : 0);
  if (way == Way::by_reading_lock || way == Way::by_writing_lock) {
    if (!subject_.recover(witness(), way == Way::by_writing_lock)) return "O2: the lock was refused";
    return judge_recovered(arena_, witness(), dead, expected);
  }
  const Arena& arena = way == Way::by_opening ? solitude_ : arena_;
  if (way == Way::by_opening) arena.show(state);
  const Attachment newcomer(subject_, arena.descriptor());
  if (auto wrong = judge_attach(newcomer.attached(), debts.owed)) return wrong;
  return judge_recovered(arena, newcomer.handle(), dead, expected);
}

Complaint Oracle::judge_recovered(const Arena& arena, Handle* handle, Shown dead,
                                  std::uint64_t takeovers_expected) {
  const Shown shown = inquiry_->ask(subject_, handle);
  if (shown.neither()) return "O2: recovery left neither map";
  if (!dead.before && !shown.after) return "O2: what readers had seen is gone again";
  const Shown count = inquiry_->count(subject_, handle);
  if ((shown.after && !count.after) || (shown.before && !count.before)) return "O2: the count is wrong";
  char message[512] = "";
  if (!subject_.audit(handle, message, sizeof message)) return fmt::format("O2: the audit: {}", message);
  const Debts debts = subject_.debts(arena.base());
  if (debts.owed || debts.armed) return "O2: something is owed still";
  if (debts.takeovers != takeovers_expected)
    return fmt::format("O3: {} takeovers, not {}", debts.takeovers, takeovers_expected);
  if (!known_.insert(subject_.digest(arena.base())).second) return std::nullopt;
  return live_on(handle, shown.after);
}

Complaint Oracle::live_on(Handle* handle, bool after) {
  ++lives_;
  if (auto wrong = perform_later(handle, after ? truth_->after : truth_->before)) return wrong;
  char message[512] = "";
  if (!subject_.audit(handle, message, sizeof message)) return fmt::format("O4: the audit: {}", message);
  const std::uint64_t room = fill_up(handle), expected = room_of_whole(after);
  if (room >= expected) return std::nullopt;
  return fmt::format("O4: it takes {} more keys where an undisturbed one takes {}", room, expected);
}

/// The same operations whatever lives on.
Complaint Oracle::perform_later(Handle* handle, Model model) const {
  model::Generator generator(case_->base.size(), model::Profile::tiny);
  for (int step = 0; step < later_operations;) {
    const Operation operation = generator.next();
    if (!model::is_mutation(operation.kind)) continue;
    const Call call = call_of(operation);
    if ((subject_.acts & bit_of(call.act)) == 0) continue;
    ++step;
    const model::Answer expected = model::perform(model, operation);
    if (const Reply reply = subject_.operate(handle, &call); !agrees(reply, expected))
      return fmt::format("O4: later, {} answered {}, not {}", model::to_text(operation), to_text(reply),
                         model::to_text(expected));
  }
  return std::nullopt;
}

std::uint64_t Oracle::fill_up(Handle* handle) const {
  for (std::uint64_t taken = 0;; ++taken) {
    const std::string key = fmt::format("{:0{}}", taken, filling_key_bytes);
    const Call call{.act = Act::insert, .key = {key.data(), key.size()}, .value = taken, .second = 0};
    if (subject_.operate(handle, &call).error != 0) return taken;
  }
}

std::uint64_t Oracle::room_of_whole(bool after) {
  if (!room_[after]) {
    arena_.show(whole_[after]);
    if (auto wrong = perform_later(witness(), after ? truth_->after : truth_->before))
      throw std::runtime_error("where nobody died: " + *wrong);
    room_[after] = fill_up(witness());
  }
  return *room_[after];
}

}  // namespace radish::crashpoints
