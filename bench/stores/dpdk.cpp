// The longest-prefix table for IPv4 of DPDK, without huge pages; on fewer keys than others, since it looks
// through all prefixes of a length at each insertion. A lookup takes one or two loads, however many there
// are.
#include <rte_eal.h>
#include <rte_lpm.h>

#include <array>
#include <cstdlib>

#include "../operations.h"
#include "../program.h"
#include "store.h"

namespace radish::bench {
namespace {

[[noreturn]] void give_up(const char* what) {
  fmt::print(stderr, "dpdk: {}\n", what);
  std::exit(3);
}

class LpmStore {
 public:
  static constexpr const char* name = "dpdk::lpm, 50 k keys";

  LpmStore() {
    constexpr rte_lpm_config config{.max_rules = 4 << 20, .number_tbl8s = 1 << 16, .flags = 0};
    table_ = rte_lpm_create(scratch_path("lpm").c_str(), SOCKET_ID_ANY, &config);
    if (table_ == nullptr) give_up("no table");
  }
  LpmStore(const LpmStore&) = delete;
  LpmStore& operator=(const LpmStore&) = delete;
  ~LpmStore() { rte_lpm_free(table_); }

  void insert(std::string_view prefix, std::uint64_t value) {
    const auto bits = static_cast<std::uint8_t>(prefix.size() * 8);
    if (rte_lpm_add(table_, address(prefix), bits, static_cast<std::uint32_t>(value)) != 0) give_up("full");
  }
  [[nodiscard]] std::optional<std::uint64_t> longest_prefix(std::string_view query) {
    std::uint32_t value = 0;
    if (rte_lpm_lookup(table_, address(query), &value) != 0) return std::nullopt;
    return value;
  }
  /// Its tables are of one size, whatever is in them.
  [[nodiscard]] std::uint64_t bytes_used() { return 0; }

 private:
  static std::uint32_t address(std::string_view bytes) {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data(), bytes.size());
    return __builtin_bswap32(number);
  }
  rte_lpm* table_ = nullptr;
};

void start() {
  std::array<std::string, 8> words{"bench",          "--no-huge", "--no-shconf", "--no-pci",
                                   "--no-telemetry", "-m",        "1024",        "--log-level=error"};
  std::array<char*, 8> pointers{};
  for (std::size_t index = 0; index < words.size(); ++index) pointers[index] = words[index].data();
  if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) give_up("does not start");
}

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  radish::bench::start();
  return radish::bench::run(count, words, [](const std::string& set) {
    if (set != "ipv4") return;
    radish::bench::limit_keys(50'000);
    using radish::bench::LpmStore;
    radish::bench::add("longest_prefix", set, LpmStore::name, radish::bench::longest_prefix<LpmStore>);
    radish::bench::add_whole("insert", set, LpmStore::name, radish::bench::insert<LpmStore>);
  });
}
