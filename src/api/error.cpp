#include "api/error.h"

#include <cstring>

namespace radish::detail {
namespace {

/// How a fault's subject reads; empty where the sentence says it all.
std::string subject_text(const Fault& fault) {
  const std::string number = std::to_string(fault.subject);
  switch (fault.code) {
    case Code::io:
    case Code::no_space:
      return fault.subject == 0 ? "" : ": " + std::string(std::strerror(static_cast<int>(fault.subject)));
    case Code::pinned:
    case Code::timed_out:
    case Code::too_many_readers:
    case Code::too_many_views:
      return fault.subject == 0 ? "" : " (process " + number + ")";
    case Code::full:
      return " (" + number + " bytes)";
    case Code::too_long:
      return " (it has " + number + ")";
    case Code::corrupt:
      return " (at " + number + ")";
    case Code::foreign_owner:
      return " (user " + number + ")";
    default:
      return fault.subject == 0 ? "" : " (" + number + ")";
  }
}

}  // namespace

Error to_error(const Fault& fault, const std::string& path) {
  return {fault.code, (path.empty() ? "unnamed segment" : path) + ": " + fault.what + subject_text(fault)};
}

}  // namespace radish::detail
