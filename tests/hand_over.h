// Descriptors handed from process to process over a socket.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace radish::tests {

/// One descriptor at a time, either way. Made before the fork that parts the two processes.
class HandOver {
 public:
  HandOver() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()) != 0)
      throw std::runtime_error("socketpair");
  }
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;
  ~HandOver() {
    for (const int end : ends_) close(end);
  }

  void give(int descriptor) {
    Message message;
    cmsghdr* header = CMSG_FIRSTHDR(&message.message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    if (sendmsg(ends_[0], &message.message, 0) != 1) throw std::runtime_error("sendmsg");
  }
  /// The caller's to close.
  [[nodiscard]] int take() {
    Message message;
    if (recvmsg(ends_[1], &message.message, MSG_CMSG_CLOEXEC) != 1) throw std::runtime_error("recvmsg");
    const cmsghdr* header = CMSG_FIRSTHDR(&message.message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) throw std::runtime_error("no descriptor came");
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    return descriptor;
  }

 private:
  struct Message {
    Message() {
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = room;
      message.msg_controllen = sizeof room;
    }
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
  };

  std::array<int, 2> ends_{-1, -1};
};

}  // namespace radish::tests
