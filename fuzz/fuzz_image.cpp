// Bytes become a file: a valid segment that lies in a few places, its checksums made again, or the bytes
// themselves. It is opened, verified, read, written, and opened again.
//     fuzz_image -max_len=300 -timeout=10 -dict=fuzz/image.dict CORPUS fuzz/corpus/image
#include <sanitizer/common_interface_defs.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "fuzz/image_input.h"
#include "fuzz/image_mutator.h"
#include "fuzz/image_trial.h"

namespace {

using namespace radish::image;

Ground* ground = nullptr;

void remove_ground() {
  if (ground != nullptr) ground->remove();
}

using Number = unsigned long long;

void print_totals() {
  const Totals& all = totals();
  std::fprintf(stderr,
               "trials %llu, opened %llu, frozen ones %llu, whole %llu, operations %llu, corrupt %llu\n",
               Number{all.trials}, Number{all.opened}, Number{all.opened_readonly}, Number{all.whole},
               Number{all.operations}, Number{all.corrupt});
  std::fprintf(stderr, "attachments beside another %llu; of one call at most %lld bytes of memory\n",
               Number{all.beside}, static_cast<long long>(all.memory_bytes_max));
  std::fprintf(stderr, "steps %llu, of one call at most %llu; refusals, by their words:\n", Number{all.steps},
               Number{all.steps_max});
  for (const auto& [words, count] : all.refusals)
    std::fprintf(stderr, "%10llu  %s\n", Number{count}, words.c_str());
}

/// The magic and a checksum that is right, so that the rest is looked at.
void pass_the_door(std::vector<std::byte>& bytes) {
  namespace layout = radish::layout;
  if (bytes.size() < offsetof(layout::Superblock, reserved0)) return;
  layout::Geometry geometry;
  std::memcpy(&geometry, bytes.data() + offsetof(layout::Superblock, geometry), sizeof geometry);
  const std::uint32_t checksum = radish::segment::superblock_checksum(geometry);
  std::memcpy(bytes.data(), &layout::magic_ready, sizeof layout::magic_ready);
  std::memcpy(bytes.data() + offsetof(layout::Superblock, checksum), &checksum, sizeof checksum);
}

void write_raw(const Input& input) {
  std::vector<std::byte> bytes(input.rest.size());
  if (!bytes.empty()) std::memcpy(bytes.data(), input.rest.data(), bytes.size());
  if ((input.flags & Input::magic_flag) != 0) pass_the_door(bytes);
  const std::uint64_t pages = input.flags >> 4;  // 0: as long as the bytes
  const std::uint64_t file_bytes = pages == 0 ? bytes.size() : pages * (32 << 10);
  ground->write({{0, bytes}}, file_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  ground = new Ground;
  __sanitizer_set_death_callback(remove_ground);
  std::atexit([] {
    remove_ground();
    print_totals();
  });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const Input input = decode({bytes, size});
  if (input.is_raw()) {
    write_raw(input);
  } else {
    static Image image = specimen(Kind::empty).image;
    apply(input, image);
    ground->write(image.extents(), image.file_bytes);
  }
  const auto says = [&](std::uint8_t flag) { return (input.flags & flag) != 0; };
  try_file(*ground, {.operations = operations(input),
                     .freeze = says(Input::freeze_flag),
                     .create = says(Input::create_flag),
                     .by_descriptor = !input.is_raw() && says(Input::descriptor_flag),
                     .through_c = !input.is_raw() && says(Input::c_flag)});
  return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* bytes, std::size_t size, std::size_t size_max);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  return mutate({bytes, size_max}, size, seed, LLVMFuzzerMutate);
}
