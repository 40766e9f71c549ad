#include "model/answer.h"

namespace radish::model {

namespace {

std::string value_text(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "none";
}

Answer refused(const Error& error) { return {.refusal = error.code, .message = error.message}; }
Answer refused(Code code) { return {.refusal = code}; }

// One overload for each shape that an operation answers in.
Answer answer(std::uint64_t number) { return {.number = number}; }
Answer answer(bool yes) { return {.number = yes ? std::uint64_t{1} : 0}; }
Answer answer(const std::optional<std::uint64_t>& value) { return {.value = value}; }
Answer answer(const Exchange& exchange) {
  return {.number = exchange.exchanged ? std::uint64_t{1} : 0, .value = exchange.actual};
}
Answer answer(const std::optional<Match>& match) {
  Answer result;
  if (match) result.matches.push_back(*match);
  return result;
}
Answer answer(std::vector<Match> matches) {
  Answer result;
  result.matches = std::move(matches);
  return result;
}

template <class T>
Answer answer(Result<T> result) {
  if (!result) return refused(result.error());
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return answer(std::move(*result));
}

// The model's clear answers nothing, as the tree's does.
Answer clear(Model& model) {
  model.clear();
  return {};
}
Answer clear(Tree& tree) { return answer(tree.clear()); }

/// Appends the entry that a step met. The step was the last one if it met none or was refused.
bool collect(Answer& into, const Result<std::optional<Entry>>& step) {
  if (!step) into = refused(step.error());
  if (!step || !*step) return false;
  into.entries.emplace_back((*step)->key, (*step)->value);
  return true;
}
bool collect(Answer& into, std::optional<KeyValue> step) {
  if (!step) return false;
  into.entries.push_back(std::move(*step));
  return true;
}

template <class Cursor>
void place(Cursor& cursor, const Operation& operation) {
  if (operation.bound)
    cursor.seek(*operation.bound);
  else if (operation.kind == Kind::scan_backward)
    cursor.seek_end();
}

template <class Cursor>
Answer scan(Cursor cursor, const Operation& operation) {
  Answer result;
  place(cursor, operation);
  bool met = true;
  for (std::uint32_t step = 0; step < operation.count && met; ++step)
    met = collect(result, operation.kind == Kind::scan_forward ? cursor.next() : cursor.previous());
  return result;
}

/// Unlike a scan it turns at the ends and goes on. The number says at which steps it met nothing.
template <class Cursor>
Answer walk(Cursor cursor, const Operation& operation) {
  Answer result;
  place(cursor, operation);
  for (std::uint32_t step = 0; step < operation.count && !result.refusal; ++step) {
    const bool forward = operation.value >> (step % 64) & 1;
    if (!collect(result, forward ? cursor.next() : cursor.previous()))
      result.number = result.number * 31 + step + 1;
  }
  return result;
}

template <class Cursor>
Answer traverse(Cursor cursor, const Operation& operation) {
  return operation.kind == Kind::walk ? walk(std::move(cursor), operation)
                                      : scan(std::move(cursor), operation);
}

Answer traverse(Tree& tree, const Operation& operation) {
  auto cursor = tree.cursor(operation.key);
  if (!cursor) return refused(cursor.error());
  return traverse(std::move(*cursor), operation);
}
Answer traverse(Model& model, const Operation& operation) {
  return traverse(model.cursor(operation.key), operation);
}

/// The tree and the model have the same names for the same operations.
template <class Map>
Answer perform_on(Map& map, const Operation& operation) {
  const std::string& key = operation.key;
  switch (operation.kind) {
    case Kind::insert:
      return answer(map.insert(key, operation.value));
    case Kind::insert_new:
      return answer(map.insert_new(key, operation.value));
    case Kind::compare_exchange:
      return answer(map.compare_exchange(key, operation.value, operation.second));
    case Kind::fetch_add:
      return answer(map.fetch_add(key, operation.value));
    case Kind::erase:
      return answer(map.erase(key));
    case Kind::erase_prefix:
      return answer(map.erase_prefix(key));
    case Kind::clear:
      return clear(map);
    case Kind::find:
      return answer(map.find(key));
    case Kind::contains:
      return answer(map.contains(key));
    case Kind::longest_prefix:
      return answer(map.longest_prefix(key));
    case Kind::prefixes:
      return answer(map.prefixes(key));
    case Kind::count:
      return answer(map.count());
    default:
      return traverse(map, operation);
  }
}

bool stores_key(Kind kind) {
  return kind == Kind::insert || kind == Kind::insert_new || kind == Kind::fetch_add;
}

}  // namespace

std::string to_text(const Answer& answer) {
  if (answer.refusal)
    return "refusal " + std::to_string(static_cast<int>(*answer.refusal)) +
           (answer.message.empty() ? "" : " (" + answer.message + ")");
  std::string text = "number=" + std::to_string(answer.number) + " value=" + value_text(answer.value);
  for (const Match& match : answer.matches)
    text += " match(length=" + std::to_string(match.length) + " value=" + std::to_string(match.value) + ")";
  for (const auto& [key, value] : answer.entries)
    text += "\n    " + quote_short(key) + " = " + std::to_string(value);
  return text;
}

Answer perform(Tree& tree, const Operation& operation) { return perform_on(tree, operation); }

Answer perform(Model& model, const Operation& operation) {
  if (stores_key(operation.kind) && operation.key.size() > key_bytes_max) return refused(Code::too_long);
  return perform_on(model, operation);
}

bool agrees(const Operation& operation, const Answer& expected, const Answer& got) {
  if (got == expected) return true;
  return got.refusal == Code::too_long && operation.key.size() > key_bytes_max;
}

}  // namespace radish::model
