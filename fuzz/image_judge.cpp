#include "fuzz/image_judge.h"

#include <cstdio>
#include <cstdlib>

namespace radish::image {

Totals& account() {
  static Totals& all = *new Totals;  // told of at the very end
  return all;
}

void blame(const std::string& what) {
  std::fprintf(stderr, "the library broke its word: %s\n", what.c_str());
  std::abort();
}

std::string describe(const Error& error) {
  return error.message + " (code " + std::to_string(static_cast<int>(error.code)) + ")";
}

void expect_code(const Error& error, std::initializer_list<Code> codes) {
  const std::size_t words = error.message.find(": ");
  if (words == std::string::npos) blame("an error without words");
  ++account().refusals[error.message.substr(words + 2, error.message.find(" (") - words - 2)];
  if (std::ranges::find(codes, error.code) == codes.end()) blame("an unfitting error: " + describe(error));
}

}  // namespace radish::image
