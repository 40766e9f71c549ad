// Intents of access to shared words. Their raw memory orders live here, in the seam and, for the one total
// order that waiting needs, in lock.cpp.
#pragma once

#include "segment/segment.h"
#include "sync/seam.h"

namespace radish::sync {

/// Reads a word that others publish; pairs with `publish`.
template <class Word>
[[nodiscard]] Word observe(const Word& word) {
  return Seam::load(word, std::memory_order_acquire);
}

/// Makes all earlier stores visible to whoever observes the word; pairs with `observe`.
template <class Word>
void publish(Word& word, Word value) {
  Seam::store(word, value, std::memory_order_release);
}

/// A word of one's own, or one that orders nothing.
template <class Word>
[[nodiscard]] Word glance(const Word& word) {
  return Seam::load(word, std::memory_order_relaxed);
}
[[nodiscard]] inline std::uint64_t glance_at(const segment::Segment& segment, layout::Offset offset) {
  return glance(*reinterpret_cast<const std::uint64_t*>(segment.at(offset)));
}
template <class Word>
void note(Word& word, Word value) {
  Seam::store(word, value, std::memory_order_relaxed);
}

/// One half of a Dekker handshake: announce, then look at what the other side announces. Pairs with another
/// `announce`, or with a `Seam::fence` between the other side's store and its look. Release, because who
/// observes a pin that was renewed must know that the walks under earlier ones are over.
template <class Word>
void announce(Word& word, Word value) {
  Seam::store(word, value, std::memory_order_release);
  Seam::fence();
}

}  // namespace radish::sync
