#include "crashpoints/deed.h"

#include <stdexcept>

namespace radish::crashpoints {

std::string to_text(const Deed& deed) {
  if (deed.mutation != nullptr) return "the mutation";
  switch (deed.visit) {
    case Visit::first_read:
      return "a first read";
    case Visit::read:
      return "a read";
    case Visit::leave:
      return "a detach";
    case Visit::freeze:
      return "freezing";
    case Visit::none:
      break;
  }
  return std::string("recovery by ") + name_of(deed.way);
}

std::string story_of(const Deed& deed, const Origin& origin) {
  return origin.story.empty() ? to_text(deed) : origin.story + "; " + to_text(deed);
}

std::vector<Deed> all_visits(const Subject& subject) {
  std::vector<Deed> deeds;
  for (const Visit visit : {Visit::first_read, Visit::read, Visit::leave}) deeds.push_back({.visit = visit});
  for (std::uint32_t way = 0; way < way_count; ++way) deeds.push_back({.way = static_cast<Way>(way)});
  if ((subject.acts & bit_of(Act::freeze)) != 0) deeds.push_back({.visit = Visit::freeze});
  return deeds;
}

Shown allowed_in(const Deed& deed, const Origin& origin) {
  if (deed.mutation != nullptr) return {};
  return origin.deaths == 0 ? Shown{.before = true, .after = false} : origin.allowed;
}

bool is_alone(const Deed& deed) {
  return deed.mutation == nullptr && deed.visit == Visit::none && deed.way == Way::by_opening;
}

const Arena& place_of(const Deed& deed, const Oracle& places) {
  return is_alone(deed) ? places.solitude() : places.arena();
}

Doer::Doer(const Subject& subject, const Oracle& places, std::uint32_t patience_ms)
    : subject_(subject), places_(places) {
  attachment_.emplace(subject_, places_.arena().descriptor(), patience_ms);
  if (attachment_->handle() == nullptr || !subject_.recover(attachment_->handle(), false))
    throw std::runtime_error("an empty structure cannot be used");
}

void Doer::prepare(const Deed& deed) {
  if (deed.visit == Visit::read || deed.visit == Visit::leave) (void)read();
}

Outcome Doer::act(const Deed& deed) {
  if (deed.mutation != nullptr) {
    const Call call = call_of(*deed.mutation);
    return {.reply = subject_.operate(attachment_->handle(), &call)};
  }
  if (deed.visit == Visit::none) return {.refused = !recover(deed.way, place_of(deed, places_))};
  if (deed.visit == Visit::freeze) {
    const Call call{.act = Act::freeze, .key = {}, .value = 0, .second = 0};
    return {.refused = subject_.operate(attachment_->handle(), &call).error != 0};
  }
  if (deed.visit != Visit::leave) return {.refused = !read()};
  attachment_.reset();
  return {};
}

/// One key and all of them: a lookup and a scan.
bool Doer::read() const {
  bool found = false;
  std::uint64_t value = 0;
  const auto nothing = [](void*, Bytes, std::uint64_t) {};
  return subject_.find(attachment_->handle(), {"", 0}, &found, &value) == 0 &&
         subject_.dump(attachment_->handle(), nothing, nullptr) == 0;
}

bool Doer::recover(Way way, const Arena& arena) {
  if (way == Way::by_reading_lock || way == Way::by_writing_lock)
    return subject_.recover(attachment_->handle(), way == Way::by_writing_lock);
  newcomer_.emplace(subject_, arena.descriptor());
  return newcomer_->attached() != Attached::refused;
}

}  // namespace radish::crashpoints
