#include "fuzz/image_index.h"

#include "radix/node.h"

namespace radish::image {
namespace {

using layout::NodeKind;
using layout::PageKind;

/// A reference on its way to be followed.
struct Pending {
  Offset slot;
  bool terminal;
};

class Indexer {
 public:
  explicit Indexer(Image& image) : image_(image) {}

  Index run() {
    walk({image_.geometry().roots_offset + offsetof(layout::Roots, tree), false});
    const layout::Roots& roots = image_.roots();
    for (const Offset head :
         {offsetof(layout::Roots, condemned_ready), offsetof(layout::Roots, condemned_old),
          offsetof(layout::Roots, condemned_young)})
      condemned(image_.geometry().roots_offset + head);
    pages();
    for (PageNumber page = roots.waiting_head; page != 0; page = image_.page(page).waiting_next)
      index_.waiting.push_back(page);
    for (const PageNumber head : roots.partial_head) partial_list(head);
    return std::move(index_);
  }

 private:
  void walk(Pending root) {
    std::vector<Pending> stack{root};
    while (!stack.empty()) {
      const Pending pending = stack.back();
      stack.pop_back();
      const auto reference = image_.at<Reference>(pending.slot);
      if (reference == 0) continue;
      const NodeAt node{radix::offset_of(reference), pending.slot};
      nodes_like(image_.at<NodeKind>(node.node), pending.terminal).push_back(node);
      if (!layout::is_leaf(image_.at<NodeKind>(node.node))) push_slots(node.node, stack);
    }
  }

  std::vector<NodeAt>& nodes_like(NodeKind kind, bool terminal) {
    if (kind == NodeKind::leaf) return terminal ? index_.terminals : index_.leaves;
    if (kind == NodeKind::bucket) return index_.buckets;
    return kind == NodeKind::sparse ? index_.sparse : index_.indexed;
  }

  void push_slots(Offset node, std::vector<Pending>& stack) {
    const auto shape = layout::inner_shape(image_.at<layout::InnerHeader>(node)).value();
    for (std::uint32_t position = 0; position < shape.references; ++position)
      stack.push_back({node + shape.references_at + position * sizeof(Reference), position == 0});
  }

  /// The nodes of one list; what is below them is not indexed.
  void condemned(Offset slot) {
    for (auto reference = image_.at<Reference>(slot); reference != 0;
         reference = image_.at<Reference>(slot)) {
      const Offset node = radix::offset_of(reference);
      index_.condemned.push_back({node, slot});
      slot = node + offsetof(layout::InnerHeader, link);
    }
  }

  void pages() {
    for (std::uint64_t page = image_.geometry().heap_offset / layout::page_bytes;
         page < image_.roots().frontier;) {
      if ((image_.map_word(page / 64) >> page % 64 & 1) != 0) {
        index_.free_pages.push_back(page++);
        continue;
      }
      const layout::PageHeader& header = image_.page(page);
      (header.kind == PageKind::run ? index_.runs : index_.slabs).push_back(page);
      page += header.run_pages;
    }
  }

  void partial_list(PageNumber head) {
    std::vector<std::uint64_t> list;
    for (PageNumber page = head; page != 0; page = image_.page(page).partial_next) list.push_back(page);
    if (list.size() > index_.partial.size()) index_.partial = list;
  }

  Image& image_;
  Index index_;
};

}  // namespace

Index index_of(Image& image) { return Indexer(image).run(); }

}  // namespace radish::image
