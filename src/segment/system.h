// Private to floor 0: the system calls that it makes, with faults for errors.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "segment/fault.h"

namespace radish::segment {

/// `no_space` for a full disk or quota, `io` for anything else; the subject is errno.
[[nodiscard]] std::unexpected<Fault> system_fault(const char* what);

/// True for the file systems whose locks or shared mappings do not span machines.
[[nodiscard]] bool is_network_file_system(std::uint64_t statfs_type);

/// A regular file on a local file system, or the reason why not.
[[nodiscard]] Expected<void> check_kind(int descriptor);
[[nodiscard]] Expected<std::uint64_t> file_bytes(int descriptor);
/// What the file takes of the disk.
[[nodiscard]] Expected<std::uint64_t> stored_bytes(int descriptor);

/// Reads until the span is full or the file ends; how many bytes.
[[nodiscard]] Expected<std::size_t> read_at(int descriptor, std::span<std::byte> bytes, std::uint64_t offset);
[[nodiscard]] Expected<void> write_at(int descriptor, std::span<const std::byte> bytes, std::uint64_t offset);

/// F_RDLCK, F_WRLCK or F_UNLCK on one byte for the open file description; false if another holds it.
[[nodiscard]] Expected<bool> set_lock(int descriptor, short type, off_t byte);

/// The exclusive lock on the open byte. A bounded wait for another opener; `timed_out` names its pid.
[[nodiscard]] Expected<void> wait_for_open_lock(int descriptor, std::uint64_t timeout_ms);

/// What to do on a file system that cannot allocate: nobody uses the bytes, or they must stay as they are
/// and nobody else is there to change them meanwhile.
enum class Unallocatable { write_zeros, rewrite };

/// Has the file system promise [begin, end), by fallocate(2) itself where it can.
[[nodiscard]] Expected<void> allocate(int descriptor, std::uint64_t begin, std::uint64_t end, Unallocatable);
/// The way without fallocate.
[[nodiscard]] Expected<void> allocate_by_writing(int descriptor, std::uint64_t begin, std::uint64_t end,
                                                 Unallocatable);

/// Makes a hole of [begin, end).
[[nodiscard]] Expected<void> punch(int descriptor, std::uint64_t begin, std::uint64_t end);

/// The folder that holds a path's last component.
[[nodiscard]] std::string parent_of(const std::string& path);

}  // namespace radish::segment
