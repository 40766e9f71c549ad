#include "twins.h"

#include <stdexcept>
#include <string_view>
#include <utility>

#include "segment/twin.h"

namespace radish::stress {
namespace {

/// The compiler's own name of an enumerator, so that a new twin needs no entry here.
template <Twin twin>
constexpr std::string_view compiled_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t begin = text.find("twin = ");
  text = text.substr(begin + std::string_view("twin = ").size());
  text = text.substr(0, text.find_first_of(";]"));
  const std::size_t qualifier = text.rfind("::");
  return qualifier == std::string_view::npos ? text : text.substr(qualifier + 2);
}

template <int... numbers>
std::vector<std::string> names(std::integer_sequence<int, numbers...>) {
  std::vector<std::string> found;
  (found.emplace_back(compiled_name<static_cast<Twin>(numbers)>()), ...);
  return found;
}

}  // namespace

#ifdef RADISH_SEAM_HEADER
bool twins_exist() { return true; }
void become_twin(int number) { impersonated = static_cast<Twin>(number); }
#else
bool twins_exist() { return false; }
void become_twin(int number) {
  if (number != 0) throw std::runtime_error("this build has no broken variants");
}
#endif

std::vector<std::string> twin_names() { return names(std::make_integer_sequence<int, twins>()); }

int twin_number(const std::string& name) {
  if (name.empty()) return 0;
  const auto all = twin_names();
  for (std::size_t number = 0; number < all.size(); ++number)
    if (all[number] == name) return static_cast<int>(number);
  throw std::runtime_error("there is no broken variant " + name);
}

}  // namespace radish::stress
