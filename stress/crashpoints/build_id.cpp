#include "crashpoints/build_id.h"

#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

namespace radish::crashpoints {
namespace {

/// A structure at an offset of a file's bytes.
template <class T>
std::optional<T> read_at(std::string_view bytes, std::uint64_t offset) {
  T object;
  if (offset > bytes.size() || bytes.size() - offset < sizeof object) return std::nullopt;
  std::memcpy(&object, bytes.data() + offset, sizeof object);
  return object;
}

std::uint64_t padded(std::uint64_t bytes) { return (bytes + 3) / 4 * 4; }

std::string build_id_in(std::string_view notes) {
  for (std::uint64_t at = 0; const auto note = read_at<Elf64_Nhdr>(notes, at);) {
    const std::uint64_t name = at + sizeof *note, text = name + padded(note->n_namesz);
    if (text > notes.size()) break;
    if (note->n_type == NT_GNU_BUILD_ID && notes.substr(name, 4) == std::string_view("GNU\0", 4)) {
      std::string digits;
      for (const char byte : notes.substr(text, note->n_descsz))
        digits += fmt::format("{:02x}", static_cast<unsigned char>(byte));
      return digits;
    }
    at = text + padded(note->n_descsz);
  }
  return {};
}

}  // namespace

std::string build_id_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto header = read_at<Elf64_Ehdr>(bytes, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return {};
  for (std::uint64_t number = 0; number < header->e_phnum; ++number) {
    const auto segment = read_at<Elf64_Phdr>(bytes, header->e_phoff + number * sizeof(Elf64_Phdr));
    if (!segment || segment->p_type != PT_NOTE || segment->p_offset > bytes.size()) continue;
    std::string id = build_id_in(std::string_view(bytes).substr(segment->p_offset, segment->p_filesz));
    if (!id.empty()) return id;
  }
  return {};
}

}  // namespace radish::crashpoints
