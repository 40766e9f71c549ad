// The engines, as a campaign or a replay uses them.
#pragma once

#include <functional>
#include <memory>

#include "crashpoints/options.h"
#include "crashpoints/span_engine.h"
#include "crashpoints/step_engine.h"
#include "crashpoints/store_engine.h"

namespace radish::crashpoints {

enum class EngineKind : std::uint8_t { store, step, span };
inline constexpr std::size_t engine_kinds = 3;
[[nodiscard]] const char* name_of(EngineKind kind);
/// Throws std::runtime_error if there is none of the name.
[[nodiscard]] EngineKind engine_named(const std::string& name);

class Engines {
 public:
  /// Loads the subjects and makes what the options ask for of them.
  explicit Engines(const Options& options);

  [[nodiscard]] const Plugin& shipped() const { return shipped_; }
  [[nodiscard]] const Plugin& instrumented() const { return instrumented_; }
  [[nodiscard]] std::optional<Finding> explore(EngineKind kind, const Case& explored, std::uint64_t seed);
  /// Whenever an exploration begins.
  void set_onlooker(std::function<void()> begins) { begins_ = std::move(begins); }
  /// Whose instructions or stores a finding names.
  [[nodiscard]] const Plugin& walked(EngineKind kind) const;

  Tally stores;
  StepTally steps;
  SpanTally spans;

 private:
  std::function<void()> begins_ = [] {};
  bool twin_;
  Plugin shipped_;
  Plugin instrumented_;
  std::unique_ptr<StoreEngine> store_;
  std::unique_ptr<StepEngine> step_;
  std::unique_ptr<SpanEngine> span_;
};

}  // namespace radish::crashpoints
