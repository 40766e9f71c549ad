// A map of Boost.Interprocess in shared memory, under its mutex that readers share.
#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/map.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/interprocess/sync/sharable_lock.hpp>

#include "../operations.h"
#include "../program.h"
#include "store.h"

namespace radish::bench {
namespace {

namespace ipc = boost::interprocess;

class InterprocessStore {
 public:
  static constexpr const char* name = "boost::interprocess::map";

  InterprocessStore() : map_(memory_.construct<Map>("map")(Less(), memory_.get_segment_manager())) {
    ipc::shared_memory_object::remove(file_.c_str());  // it lives on while it is mapped
  }

  void insert(std::string_view key, std::uint64_t value) {
    const ipc::scoped_lock lock(*mutex_);
    const auto found = map_->find(key);
    if (found != map_->end())
      found->second = value;
    else
      map_->emplace(Key(key.data(), key.size(), memory_.get_segment_manager()), value);
  }
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key) {
    const ipc::sharable_lock lock(*mutex_);
    return get(key);
  }
  [[nodiscard]] std::optional<std::uint64_t> longest_prefix(std::string_view query) {
    const ipc::sharable_lock lock(*mutex_);
    for (std::size_t bytes = query.size(); bytes > 0; --bytes)
      if (const auto found = get(query.substr(0, bytes))) return found;
    return std::nullopt;
  }
  bool erase(std::string_view key) {
    const ipc::scoped_lock lock(*mutex_);
    const auto found = map_->find(key);
    if (found == map_->end()) return false;
    map_->erase(found);
    return true;
  }
  [[nodiscard]] std::uint64_t scan() {
    const ipc::sharable_lock lock(*mutex_);
    std::uint64_t sum = 0;
    for (const auto& [key, value] : *map_) sum += value;
    return sum;
  }
  [[nodiscard]] std::uint64_t bytes_used() { return memory_.get_size() - memory_.get_free_memory(); }

 private:
  using Manager = ipc::managed_shared_memory::segment_manager;
  using Key = ipc::basic_string<char, std::char_traits<char>, ipc::allocator<char, Manager>>;
  struct Less {
    using is_transparent = void;
    static std::string_view view(const Key& key) { return {key.data(), key.size()}; }
    static std::string_view view(std::string_view key) { return key; }
    bool operator()(const auto& a, const auto& b) const { return view(a) < view(b); }
  };
  using Entry = std::pair<const Key, std::uint64_t>;
  using Map = ipc::map<Key, std::uint64_t, Less, ipc::allocator<Entry, Manager>>;

  [[nodiscard]] std::optional<std::uint64_t> get(std::string_view key) const {
    const auto found = map_->find(key);
    if (found == map_->end()) return std::nullopt;
    return found->second;
  }

  static constexpr std::size_t memory_bytes = std::size_t{2} << 30;
  std::string file_ = scratch_path("interprocess").substr(sizeof "/dev/shm");
  ipc::managed_shared_memory memory_{ipc::create_only, file_.c_str(), memory_bytes};
  ipc::interprocess_sharable_mutex* mutex_ = memory_.construct<ipc::interprocess_sharable_mutex>("mutex")();
  Map* map_;
};

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, radish::bench::add_operations<radish::bench::InterprocessStore>);
}
