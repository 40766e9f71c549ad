#include "crashpoints/engines.h"

#include <filesystem>
#include <stdexcept>

#include "crashpoints/limit.h"

namespace radish::crashpoints {
namespace {

constexpr std::size_t span_pairs_max = 8'000;

/// Subjects are built into a directory beside the command.
std::string beside_the_command(const std::string& name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "crashpoints" / name).string();
}

std::string or_else(const std::string& given, const char* name) {
  return given.empty() ? beside_the_command(name) : given;
}

}  // namespace

const char* name_of(EngineKind kind) {
  constexpr const char* names[] = {"store", "step", "span"};
  return names[static_cast<std::size_t>(kind)];
}

EngineKind engine_named(const std::string& name) {
  for (const EngineKind kind : {EngineKind::store, EngineKind::step, EngineKind::span})
    if (name == name_of(kind)) return kind;
  throw std::runtime_error("there is no engine " + name);
}

Engines::Engines(const Options& options)
    : twin_(!options.twin.empty()),
      shipped_(or_else(options.subject, "radish_subject.so")),
      instrumented_(or_else(options.instrumented, "radish_store_subject.so")) {
  if (instrumented_.recorder() == nullptr)
    throw std::runtime_error(instrumented_.path() + " does not report its stores");
  if (!instrumented_.recorder()->become(options.twin.c_str()))
    throw std::runtime_error("there is no broken variant " + options.twin);
}

std::optional<Finding> Engines::explore(EngineKind kind, const Case& explored, std::uint64_t seed) {
  const ProcessorTimeLimit limit;
  begins_();
  if (kind == EngineKind::store) {
    if (!store_) store_ = std::make_unique<StoreEngine>(shipped_, instrumented_);
    return store_->explore(explored, seed, Depth{}, stores);
  }
  if (kind == EngineKind::span) {
    if (!span_) span_ = std::make_unique<SpanEngine>(shipped_, instrumented_);
    return span_->explore(explored, seed, span_pairs_max, spans);
  }
  // The instructions of a broken variant are the instrumented subject's own.
  if (!step_)
    step_ = twin_ ? std::make_unique<StepEngine>(shipped_, nullptr, &instrumented_)
                  : std::make_unique<StepEngine>(shipped_, &instrumented_);
  return step_->explore(explored, seed, StepDepth{}, steps);
}

const Plugin& Engines::walked(EngineKind kind) const {
  return kind != EngineKind::step || twin_ ? instrumented_ : shipped_;
}

}  // namespace radish::crashpoints
