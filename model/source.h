// Where a run's segment comes from: created once, attached to again and again, gone at the end.
#pragma once

#include <string>

#include "model/operation.h"
#include "radish/tree.hpp"

namespace radish::model {

class SegmentSource {
 public:
  explicit SegmentSource(const Setting& setting) : setting_(setting) {}
  SegmentSource(const SegmentSource&) = delete;
  SegmentSource& operator=(const SegmentSource&) = delete;
  ~SegmentSource();

  [[nodiscard]] Result<Tree> create();
  /// One more attachment to what `create` made, also when every other one is closed.
  [[nodiscard]] Result<Tree> attach() const;
  [[nodiscard]] const Setting& setting() const { return setting_; }

 private:
  [[nodiscard]] Result<Tree> create_file(const OpenOptions& options);
  [[nodiscard]] OpenOptions options() const;

  Setting setting_;
  std::string path_;
  std::string directory_;
  // A description of our own of an unnamed segment: it holds no lock and no mapping, so it outlives the
  // attachments without being one.
  int keeper_ = -1;
};

}  // namespace radish::model
