#include <cstdio>
#include <radish/batch.hpp>
#include <radish/segment.hpp>

int main(int count, char** words) {
  auto segment = radish::Segment::open(count > 1 ? words[1] : "");
  if (!segment) return std::puts(segment.error().message.c_str()), 1;
  auto names = segment->tree("names");             // made, or found; so is the map
  auto numbers = segment->integer_map("numbers");  // 64-bit numbers to 64-bit numbers, ordered
  if (!names || !numbers) return 1;
  radish::Batch batch;  // an index and its reverse, both or neither
  batch.insert(*names, "seven", 7).insert(*numbers, 7, 70);
  if (auto made = batch.commit(); !made || !made->committed) return 1;
  if (auto next = numbers->lower_bound(5); next && *next)
    std::printf("%llu\n", static_cast<unsigned long long>((*next)->key));
}
