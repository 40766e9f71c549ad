// Where a round's segment lives: a path, or a memfd; and the descriptor through which it is watched and
// saved, which is neither lock nor attachment.
#pragma once

#include <cstdint>
#include <string>

#include "radish/tree.hpp"
#include "torture/plan.h"

namespace radish::stress::torture {

class Place {
 public:
  /// Of the trees that it opens.
  static constexpr std::uint64_t lock_timeout_ms = 15'000;

  /// Throws std::runtime_error if there is no room for it.
  Place(const RoundPlan& plan, const std::string& path, std::uint64_t capacity_bytes);
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place();

  [[nodiscard]] Storage storage() const { return storage_; }
  [[nodiscard]] bool is_small() const { return small_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t capacity_bytes() const { return capacity_bytes_; }
  /// Creates the segment, or attaches to it.
  [[nodiscard]] Result<Tree> open();
  /// -1 as long as nobody has created the file.
  [[nodiscard]] int watched();
  /// For processes that open it by a descriptor; -1 if it has a path.
  [[nodiscard]] int keeper() const { return path_.empty() ? watched_ : -1; }
  /// Throws std::runtime_error if it cannot be written whole.
  void save(const std::string& target);

 private:
  Storage storage_;
  bool small_;
  std::string path_;
  std::uint64_t capacity_bytes_;
  int watched_ = -1;
};

}  // namespace radish::stress::torture
