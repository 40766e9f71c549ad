// The subjects that tests put under the explorer, loaded once a process, and their broken variants.
#pragma once

#include <gtest/gtest.h>

#include "crashpoints/plugin.h"

namespace radish::crashpoints {

inline const Plugin& shipped() {
  static const Plugin loaded(RADISH_SUBJECT_PATH);
  return loaded;
}
inline const Plugin& instrumented() {
  static const Plugin loaded(RADISH_STORE_SUBJECT_PATH);
  return loaded;
}
inline const Plugin& toy() {
  static const Plugin loaded(RADISH_TOY_PATH);
  return loaded;
}
inline const Plugin& store_toy() {
  static const Plugin loaded(RADISH_STORE_TOY_PATH);
  return loaded;
}

/// The subject is this variant, until the end.
class Impersonation {
 public:
  Impersonation(const Plugin& subject, const char* twin) : subject_(subject) {
    EXPECT_TRUE(subject_.recorder()->become(twin)) << twin;
  }
  Impersonation(const Impersonation&) = delete;
  Impersonation& operator=(const Impersonation&) = delete;
  Impersonation(Impersonation&&) = delete;
  Impersonation& operator=(Impersonation&&) = delete;
  ~Impersonation() { subject_.recorder()->become(""); }

 private:
  const Plugin& subject_;
};

}  // namespace radish::crashpoints
