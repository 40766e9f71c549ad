// What a process does to a structure while it may die.
#pragma once

#include <optional>
#include <vector>

#include "crashpoints/oracle.h"
#include "crashpoints/origin.h"

namespace radish::crashpoints {

/// What somebody does who leaves the content as it is.
enum class Visit : std::uint8_t {
  none,
  first_read,  ///< everything, through a handle that has not read before
  read,
  leave,   ///< detaches a handle that has read
  freeze,  ///< makes what is there final
};

/// The mutation; or a visit; or a recovery, which is an attach or the taking of a lock where nothing is owed.
struct Deed {
  const Operation* mutation = nullptr;
  Visit visit = Visit::none;
  Way way = Way::by_reading_lock;
};
[[nodiscard]] std::string to_text(const Deed& deed);
[[nodiscard]] std::string story_of(const Deed& deed, const Origin& origin);
/// All that is done by somebody who leaves the content as it is, where nothing is owed.
[[nodiscard]] std::vector<Deed> all_visits(const Subject& subject);
/// Which maps there may be when it is done from there: only a mutation makes that of after.
[[nodiscard]] Shown allowed_in(const Deed& deed, const Origin& origin);

/// Whether nobody else is attached while it is done.
[[nodiscard]] bool is_alone(const Deed& deed);
/// Where nobody else may be attached for it.
[[nodiscard]] const Arena& place_of(const Deed& deed, const Oracle& places);

struct Outcome {
  Reply reply{};         ///< to the mutation
  bool refused = false;  ///< the recovery or the visit
};

/// In the process that does it.
class Doer {
 public:
  /// To be made where the structure is empty: what a process does once, it does here.
  Doer(const Subject& subject, const Oracle& places, std::uint32_t patience_ms = 0);

  /// What precedes the deed, where its image is shown.
  void prepare(const Deed& deed);
  [[nodiscard]] Outcome act(const Deed& deed);
  /// Detaches what the deed has attached.
  void leave_again() { newcomer_.reset(); }

 private:
  [[nodiscard]] bool read() const;
  [[nodiscard]] bool recover(Way way, const Arena& arena);

  const Subject& subject_;
  const Oracle& places_;
  std::optional<Attachment> attachment_;
  std::optional<Attachment> newcomer_;
};

}  // namespace radish::crashpoints
