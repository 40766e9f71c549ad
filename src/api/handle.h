// What the copies of a Tree, its cursors and its views share.
#pragma once

#include "radish/tree.hpp"
#include "sync/attachment.h"
#include "txn/root.h"

namespace radish::detail {

class Handle : public sync::Attachment {
 public:
  Handle(segment::Segment segment, std::uint64_t lock_timeout_ms, Outcome outcome)
      : Attachment(std::move(segment), lock_timeout_ms), outcome_(outcome) {}

  [[nodiscard]] const std::string& path() const { return segment().path(); }
  [[nodiscard]] Outcome outcome() const { return outcome_; }
  /// Only while the handle is opened, before anybody else has it.
  void set_outcome(Outcome outcome) { outcome_ = outcome; }

 private:
  Outcome outcome_;
};

[[nodiscard]] inline txn::Root root_of(const RootWords& words) {
  return {words.node_at, words.key_count_at, words.incarnation_at, words.incarnation};
}
[[nodiscard]] inline RootWords words_of(const txn::Root& root) {
  return {root.node_at(), root.key_count_at(), root.incarnation_at(), root.incarnation()};
}

}  // namespace radish::detail
