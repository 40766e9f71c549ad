// What some tests need of the machine that not every user may do: root, mounts, namespaces. Where it is
// denied the behaviour in question cannot be brought about at all, so the test says that it was skipped, and
// why. That is for a developer's own machine: ci/test counts a skipped test as a failed one, so no gate
// passes without them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

namespace radish::tests {

/// Exit code of a child that was denied what its test needs.
inline constexpr int no_rights = 77;

}  // namespace radish::tests

// The kernel grants mounts and namespaces to some users only, and in some places to nobody.
#define RADISH_SKIP_IF_DENIED(result)                                                    \
  if ((result) == ::radish::tests::no_rights)                                            \
  GTEST_SKIP() /* reason: what is tested cannot be brought about without these rights */ \
      << "this user may not make mounts and namespaces here"

#define RADISH_SKIP_UNLESS_ROOT()                                                                    \
  if (::geteuid() != 0)                                                                              \
  GTEST_SKIP() /* reason: chown is denied, so there is no file of another user to try the rule on */ \
      << "only root can give a file to another user, as the test must"
