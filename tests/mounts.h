// File systems of a test's own: small disks, read-only ones, in a mount namespace that nobody else sees.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "processes.h"
#include "rights.h"

namespace radish::tests {

inline bool write_text(const char* path, const std::string& text) {
  const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  const bool written = write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(descriptor);
  return written;
}

/// A mount namespace of one's own, with the help of a user namespace where one is not root.
inline bool enter_own_mount_namespace() {
  const std::string users = "0 " + std::to_string(geteuid()) + " 1";
  const std::string groups = "0 " + std::to_string(getegid()) + " 1";
  if (unshare(CLONE_NEWNS) == 0) return true;
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/uid_map", users) &&
         write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/gid_map", groups);
}

/// Runs a body in such a namespace, with a small tmpfs on `folder`; its exit code.
inline int run_with_own_mount(const std::string& folder, const std::string& options,
                              const std::function<int()>& body) {
  Child child([&] {
    if (!enter_own_mount_namespace()) return no_rights;
    if (mount("none", "/", "", MS_REC | MS_PRIVATE, "") != 0) return no_rights;
    if (mount("none", folder.c_str(), "tmpfs", 0, ("mode=777," + options).c_str()) != 0) return no_rights;
    return body();
  });
  return child.join();
}

#define RADISH_EXPECT_IN_OWN_MOUNT(...)                                  \
  do {                                                                   \
    const int result = ::radish::tests::run_with_own_mount(__VA_ARGS__); \
    RADISH_SKIP_IF_DENIED(result);                                       \
    EXPECT_EQ(result, 0) << "the failing step's number";                 \
  } while (false)

}  // namespace radish::tests
