// A segment as a whole: its named roots, and what speaks of all of them.
#pragma once

#include "radish/tree.hpp"

namespace radish {

class IntegerMap;

/// What hangs on a named root.
enum class RootKind : int { tree = 1, integer_map = 2 };

/// How a named root is opened.
struct RootOptions {
  bool exclusive = false;   ///< refuse one that is there: `exists`
  bool must_exist = false;  ///< refuse to make one: `not_found`
  /// Of an integer map: digits of a key, 1 to 16; 0: what it has, and 16 for one that is made.
  unsigned depth = 0;
};

struct RootInfo {
  std::string name;
  RootKind kind;
  unsigned depth;      ///< of an integer map: digits of a key, 1 to 16; else 0
  std::uint64_t keys;  ///< as `count` has it

  bool operator==(const RootInfo&) const = default;
};

/// One attachment to a segment: the root without a name, which is a byte-string tree and always there, and up
/// to 64 named ones. They share memory, reader slots, the writer's lock and recovery. Copies, and the trees
/// and maps that come from it, share the attachment, which ends with the last of them.
class Segment {
 public:
  /// Attaches to the segment at `path`, or creates it, all or nothing.
  [[nodiscard]] static Result<Segment> open(const std::string& path, const OpenOptions& = {});
  /// Opens a frozen segment, from a read-only file system too: no slot, no lock.
  [[nodiscard]] static Result<Segment> open_readonly(const std::string& path);
  /// A segment without a name, for this process and the children it forks.
  [[nodiscard]] static Result<Segment> create_anonymous(const OpenOptions& = {});
  /// A segment in a memfd, to be handed to other processes by its descriptor.
  [[nodiscard]] static Result<Segment> create_memfd(const std::string& name, const OpenOptions& = {});
  /// Attaches to the segment behind a descriptor, which stays the caller's.
  [[nodiscard]] static Result<Segment> open_descriptor(int descriptor, const OpenOptions& = {});

  /// The tree of the root without a name.
  [[nodiscard]] Tree tree() const;
  /// The tree of a named root, which is made, atomically, if it is not there. A name has 1 to 40 bytes, any.
  /// `wrong_kind` if the root holds something else; `too_many_roots`. Lock-free if the root is there.
  [[nodiscard]] Result<Tree> tree(std::string_view name, const RootOptions& = {});
  /// The integer map of a named root (radish/integer_map.hpp). The same; and `wrong_kind` too if it has
  /// another depth.
  [[nodiscard]] Result<IntegerMap> integer_map(std::string_view name, const RootOptions& = {});
  /// Drops a named root and all that hangs on it, at once; false if there is none. Never needs room. Whoever
  /// has it open is answered `dropped` from then on, also when there is another root of that name. O(1).
  [[nodiscard]] Result<bool> drop(std::string_view name);
  /// The named roots, by name, each as it was at some moment of the call.
  [[nodiscard]] Result<std::vector<RootInfo>> roots() const;

  /// Waits for the writer at work, then keeps writers out, of all roots.
  [[nodiscard]] Result<View> view() const;
  /// For many reads at a stretch through any root. `too_many_readers`. Of a segment opened read-only it does
  /// nothing.
  [[nodiscard]] Result<Pin> pin() const;
  /// Checks everything under a stable view: all roots and what hangs on them, the heap's partition byte for
  /// byte, and, of a frozen segment, the checksum of its content.
  [[nodiscard]] Result<void> verify() const;
  /// Seals the segment for ever: no mutation through any handle from here on.
  [[nodiscard]] Result<void> freeze();
  /// Copies all roots into a fresh segment at `to`, in the order of the keys and under a stable view. The
  /// path must be free; it appears when all is copied, or never. Geometry and mode are this segment's unless
  /// the options say otherwise.
  [[nodiscard]] Result<void> compact_to(const std::string& to, const OpenOptions& options = {}) const;
  /// Gives what is free at the end of the heap back to the file system, so that the file takes what its
  /// content needs; by how many bytes it is smaller. Writers wait meanwhile, readers do not. `pinned` if a
  /// reader keeps some of it back; `io` where the file system cannot take it.
  [[nodiscard]] Result<std::uint64_t> trim();
  /// msync of the whole segment.
  [[nodiscard]] Result<void> sync() const;
  /// Removes the path; the segment lives on with those attached.
  [[nodiscard]] Result<void> unlink() const;

  [[nodiscard]] Outcome outcome() const;
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] bool frozen() const;
  [[nodiscard]] bool read_only() const;
  [[nodiscard]] int descriptor() const;
  /// Empty for a segment without a path.
  [[nodiscard]] const std::string& path() const;

 private:
  friend class IntegerMap;
  friend class Tree;
  explicit Segment(std::shared_ptr<detail::Handle> handle) : handle_(std::move(handle)) {}
  static Result<Segment> from(std::expected<std::shared_ptr<detail::Handle>, Fault>, const std::string& name);
  std::shared_ptr<detail::Handle> handle_;
};

}  // namespace radish
