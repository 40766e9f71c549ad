// The broken variants of the instrumented toy.
#include <string_view>

#include "stores.h"

namespace radish::crashpoints {

bool become_variant(const char* twin) {
  using toy::Twin;
  constexpr struct {
    std::string_view name;
    Twin twin;
  } variants[] = {
      {"", Twin::none},
      {"value_before_key_published", Twin::value_before_key_published},
      {"count_apart", Twin::count_apart},
      {"armed_in_any_order", Twin::armed_in_any_order},
      {"erase_leaves_record_armed", Twin::erase_leaves_record_armed},
      {"recovery_forgets_count", Twin::recovery_forgets_count},
      {"takeover_uncounted", Twin::takeover_uncounted},
      {"erase_breaks_chains", Twin::erase_breaks_chains},
      {"count_round_the_reports", Twin::count_round_the_reports},
      {"count_unseen", Twin::count_unseen},
      {"aborts", Twin::aborts},
      {"killed_by_a_stranger", Twin::killed_by_a_stranger},
      {"takes_its_time", Twin::takes_its_time},
      {"sleeps_for_ever", Twin::sleeps_for_ever},
      {"loops_for_ever", Twin::loops_for_ever},
      {"fills_by_turns", Twin::fills_by_turns},
  };
  for (const auto& variant : variants) {
    if (variant.name != twin) continue;
    toy::impersonated = variant.twin;
    return true;
  }
  return false;
}

}  // namespace radish::crashpoints
