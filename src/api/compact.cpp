// Copying a tree into a fresh segment, which takes no more room than its content needs.
#include <sys/stat.h>

#include "api/error.h"
#include "api/open.h"
#include "radish/integer_map.hpp"
#include "radish/segment.hpp"
#include "segment/segment.h"

namespace radish {
namespace {

using detail::to_error;

/// What the copy is not told otherwise it takes over.
OpenOptions like_the_source(const segment::Segment& segment, OpenOptions options) {
  if (options.capacity_bytes == 0) options.capacity_bytes = segment.geometry().capacity_bytes;
  if (options.reader_slots == 0) options.reader_slots = segment.geometry().reader_slots;
  if (options.record_entries == 0) options.record_entries = segment.geometry().record_entries;
  struct stat status{};
  if (options.mode == 0 && !segment.path().empty() && fstat(segment.descriptor(), &status) == 0)
    options.mode = status.st_mode & 0777;
  return options;
}

Expected<void> check_target(const std::string& path, const OpenOptions& options) {
  if (path.empty()) return fault(Code::invalid_argument, "the path is empty");
  if (path.find('\0') != std::string::npos)
    return fault(Code::invalid_argument, "the path holds a zero byte");
  if (options.must_exist) return fault(Code::invalid_argument, "a copy is made anew: must_exist excludes it");
  struct stat status{};
  if (lstat(path.c_str(), &status) == 0) return fault(Code::exists, "the path is taken");
  return {};
}

/// In the order of the keys, so that the copy's pages hold what belongs together.
template <class Map>
Result<void> copy_keys(const Map& from, Map& to) {
  auto cursor = from.cursor();
  if (!cursor) return std::unexpected(cursor.error());
  for (;;) {
    const auto entry = cursor->next();
    if (!entry) return std::unexpected(entry.error());
    const auto& next = *entry;
    if (!next) return {};
    const auto inserted = to.insert(next->key, next->value);
    if (!inserted) return std::unexpected(inserted.error());
  }
}

/// From what is there to what is made; `open(segment, options)` opens it on either side.
template <class Open>
Result<void> copy_named_root(Segment from, Segment& to, RootOptions options, Open open) {
  auto target = open(to, options);
  if (!target) return std::unexpected(target.error());
  options.must_exist = true;
  const auto source = open(from, options);
  if (!source) return std::unexpected(source.error());
  return copy_keys(*source, *target);
}

Result<void> copy_named_root(const Segment& from, Segment& to, const RootInfo& root) {
  const auto open_tree = [&](Segment& segment, const RootOptions& options) {
    return segment.tree(root.name, options);
  };
  const auto open_map = [&](Segment& segment, const RootOptions& options) {
    return segment.integer_map(root.name, options);
  };
  const RootOptions options = {.depth = root.depth};
  return root.kind == RootKind::tree ? copy_named_root(from, to, options, open_tree)
                                     : copy_named_root(from, to, options, open_map);
}

Result<void> copy_roots(const Segment& from, Segment& to) {
  Tree unnamed = to.tree();
  if (auto copied = copy_keys(from.tree(), unnamed); !copied) return copied;
  const auto named = from.roots();
  if (!named) return std::unexpected(named.error());
  for (const RootInfo& root : *named)
    if (auto copied = copy_named_root(from, to, root); !copied) return copied;
  return {};
}

}  // namespace

Result<void> Segment::compact_to(const std::string& to, const OpenOptions& options) const {
  if (const auto free = check_target(to, options); !free) return std::unexpected(to_error(free.error(), to));
  const auto unchanging = view();
  if (!unchanging) return std::unexpected(unchanging.error());
  segment::HiddenName name(to);
  auto copy =
      from(detail::open_handle(like_the_source(handle_->segment(), options),
                               [&](const segment::OpenRequest& request) { return name.create(request); }),
           to);
  if (!copy) return std::unexpected(copy.error());
  if (auto copied = copy_roots(*this, *copy); !copied) return copied;
  return detail::to_result(name.publish(copy->handle_->segment()), to);
}

Result<void> Tree::compact_to(const std::string& to, const OpenOptions& options) const {
  return segment().compact_to(to, options);
}

}  // namespace radish
