// Which places of a program's code a run of it comes by: loaded before the program (LD_PRELOAD), it puts a
// trap at each place of a list. The first to come by one marks it in a file, puts the code back and goes on;
// children, and programs that exec themselves again, mark the same file.
//
// RADISH_REACH_PLACES: file of the places, 64-bit addresses as in the ELF file of the program.
// RADISH_REACH_SEEN: file with a byte for each of them.
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace {

constexpr std::byte trap{0xcc};

std::uintptr_t program_base = 0;
std::span<const std::uint64_t> places;  // in ascending order
std::byte* seen = nullptr;
std::byte* before = nullptr;  // what stood at each place

/// Null if there is none.
std::byte* map(const char* variable, int protection, std::size_t& bytes) {
  const char* path = std::getenv(variable);
  const int descriptor = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  struct stat status{};
  if (descriptor < 0 || fstat(descriptor, &status) != 0) return nullptr;
  bytes = static_cast<std::size_t>(status.st_size);
  void* mapped = mmap(nullptr, bytes, protection, MAP_SHARED, descriptor, 0);
  close(descriptor);
  return mapped == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapped);
}

std::byte* code_at(std::size_t index) { return reinterpret_cast<std::byte*>(program_base + places[index]); }

/// Another thread may have put the code back already: then it is only gone on with.
void come_by(int, siginfo_t*, void* context) {
  greg_t& next = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
  const std::uint64_t place = static_cast<std::uint64_t>(next) - 1 - program_base;
  const auto found = std::ranges::lower_bound(places, place);
  if (found == places.end() || *found != place) return;  // a trap of the program's own
  const auto index = static_cast<std::size_t>(found - places.begin());
  seen[index] = std::byte{1};
  *code_at(index) = before[index];
  --next;
}

int open_code(dl_phdr_info* program, std::size_t, void*) {
  program_base = program->dlpi_addr;
  for (const auto& piece : std::span(program->dlpi_phdr, program->dlpi_phnum))
    if (piece.p_type == PT_LOAD && (piece.p_flags & PF_X) != 0) {
      const std::uintptr_t first = (program_base + piece.p_vaddr) & ~std::uintptr_t{4095};
      const std::size_t bytes = program_base + piece.p_vaddr + piece.p_memsz - first;
      mprotect(reinterpret_cast<void*>(first), bytes, PROT_READ | PROT_WRITE | PROT_EXEC);
    }
  return 1;  // the program itself comes first
}

[[gnu::constructor]] void begin() {
  std::size_t bytes = 0;
  const auto* first = reinterpret_cast<const std::uint64_t*>(map("RADISH_REACH_PLACES", PROT_READ, bytes));
  places = {first, first == nullptr ? 0 : bytes / sizeof *first};
  seen = map("RADISH_REACH_SEEN", PROT_READ | PROT_WRITE, bytes);
  if (places.empty() || bytes != places.size()) return;
  before = static_cast<std::byte*>(std::calloc(places.size(), 1));
  struct sigaction action{};
  action.sa_sigaction = come_by;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGTRAP, &action, nullptr);
  dl_iterate_phdr(open_code, nullptr);
  for (std::size_t index = 0; index < places.size(); ++index) {
    before[index] = *code_at(index);
    if (seen[index] == std::byte{0}) *code_at(index) = trap;
  }
}

}  // namespace
