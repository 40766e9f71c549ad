#include <inttypes.h>
#include <radish.h>
#include <stdio.h>

int main(int count, char** words) {
  uint64_t value = 0;
  size_t matched = 0;
  radish* tree = count > 1 ? radish_open(words[1], NULL, NULL) : NULL; /* created, or shared */
  if (tree == NULL || radish_insert(tree, "/images/", 8, 7) < 0) return puts(radish_last_error()), 1;
  if (radish_longest_prefix(tree, "/images/logo.png", 16, &value, &matched) == 1)
    printf("%" PRIu64 ", by %zu bytes\n", value, matched);
  radish_close(tree);
}
