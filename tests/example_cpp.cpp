#include <cstdio>
#include <radish/tree.hpp>

int main(int count, char** words) {
  auto tree = radish::Tree::open(count > 1 ? words[1] : "");  // created, or shared with whoever has it open
  if (!tree) return std::puts(tree.error().message.c_str()), 1;
  if (auto stored = tree->insert("/images/", 7); !stored) return 1;
  if (auto match = tree->longest_prefix("/images/logo.png"); match && *match)
    std::printf("%llu, by %zu bytes\n", static_cast<unsigned long long>((*match)->value), (*match)->length);
}
