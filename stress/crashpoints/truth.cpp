#include "crashpoints/truth.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace radish::crashpoints {

static_assert(static_cast<std::uint32_t>(model::Kind::clear) == static_cast<std::uint32_t>(Act::clear),
              "an act has the number of the model's mutation");

Call call_of(const Operation& operation) {
  return {.act = static_cast<Act>(operation.kind),
          .key = {operation.key.data(), operation.key.size()},
          .value = operation.value,
          .second = operation.second};
}

bool agrees(const Reply& reply, const model::Answer& answer) {
  return reply.error == 0 && !answer.refusal && reply.number == answer.number &&
         reply.has_value == answer.value.has_value() && reply.value == answer.value.value_or(0);
}

std::string to_text(const Reply& reply) {
  if (reply.error != 0) return fmt::format("error {}", reply.error);
  return fmt::format("number {}, value {}", reply.number,
                     reply.has_value ? std::to_string(reply.value) : "none");
}

Truth::Truth(std::span<const Operation> stored, const Operation& mutation, bool refused) {
  for (const Operation& operation : stored) (void)model::perform(before, operation);
  after = before;
  if (!refused) answer = model::perform(after, mutation);
}

Inquiry::Inquiry(const Truth& truth, const Operation& mutation)
    : before_(truth.before.map().begin(), truth.before.map().end()),
      after_(truth.after.map().begin(), truth.after.map().end()) {
  std::set<std::string> keys{mutation.key};
  for (const auto& [key, value] : before_) keys.insert(key);
  for (const auto& [key, value] : after_) keys.insert(key);
  for (const std::string& key : keys) {
    const std::string query = key + 'x';
    questions_.push_back({.key = key,
                          .before = truth.before.find(key),
                          .after = truth.after.find(key),
                          .query = query,
                          .prefix_before = truth.before.longest_prefix(query),
                          .prefix_after = truth.after.longest_prefix(query)});
  }
}

namespace {

Bytes bytes_of(const std::string& text) { return {text.data(), text.size()}; }

/// Follows a dump through both maps.
struct Following {
  const std::vector<model::KeyValue>& before;
  const std::vector<model::KeyValue>& after;
  Shown shown;
  std::size_t entries = 0;

  static bool same(const std::vector<model::KeyValue>& map, std::size_t index, Bytes key,
                   std::uint64_t value) {
    return index < map.size() && map[index].second == value &&
           map[index].first == std::string_view(key.data, key.size);
  }
  static void meet(void* context, Bytes key, std::uint64_t value) {
    auto& following = *static_cast<Following*>(context);
    following.shown.before &= same(following.before, following.entries, key, value);
    following.shown.after &= same(following.after, following.entries, key, value);
    ++following.entries;
  }
};

}  // namespace

bool shows_exactly(const Subject& subject, Handle* handle, const Model& model) {
  const std::vector<model::KeyValue> entries(model.map().begin(), model.map().end());
  Following following{entries, entries, {}};
  std::uint64_t count = 0;
  if (subject.dump(handle, Following::meet, &following) != 0 || subject.count(handle, &count) != 0)
    return false;
  const auto finds = [&](const model::KeyValue& entry) {
    bool found = false;
    std::uint64_t value = 0;
    return subject.find(handle, bytes_of(entry.first), &found, &value) == 0 && found && value == entry.second;
  };
  return following.shown.before && following.entries == entries.size() && count == entries.size() &&
         std::ranges::all_of(entries, finds);
}

void Inquiry::look_up(const Subject& subject, Handle* handle, const Question& question, Shown& shown) const {
  bool found = false;
  std::uint64_t value = 0;
  if (subject.find(handle, bytes_of(question.key), &found, &value) != 0) shown = {false, false};
  const auto stored = found ? std::optional(value) : std::nullopt;
  shown.before &= stored == question.before;
  shown.after &= stored == question.after;
  if (subject.longest_prefix == nullptr) return;
  std::size_t length = 0;
  if (subject.longest_prefix(handle, bytes_of(question.query), &found, &value, &length) != 0)
    shown = {false, false};
  const auto match = found ? std::optional(Match{value, length}) : std::nullopt;
  shown.before &= match == question.prefix_before;
  shown.after &= match == question.prefix_after;
}

Shown Inquiry::ask(const Subject& subject, Handle* handle) const {
  Following following{before_, after_, {}};
  if (subject.dump(handle, Following::meet, &following) != 0) return {false, false};
  Shown shown = following.shown;
  shown.before &= following.entries == before_.size();
  shown.after &= following.entries == after_.size();
  for (const Question& question : questions_) {
    if (shown.neither()) break;
    look_up(subject, handle, question, shown);
  }
  return shown;
}

Shown Inquiry::count(const Subject& subject, Handle* handle) const {
  std::uint64_t count = 0;
  if (subject.count(handle, &count) != 0) return {false, false};
  return {count == before_.size(), count == after_.size()};
}

}  // namespace radish::crashpoints
