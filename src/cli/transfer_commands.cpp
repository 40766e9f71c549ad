// load dump
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "answers.h"
#include "failure.h"
#include "lines.h"
#include "progress.h"
#include "registry.h"
#include "text.h"
#include "trees.h"

namespace radish::cli {
namespace {

constexpr const char* escaping_help =
    "A line is key<TAB>value. In the key, \\t is a tab, \\n a newline, \\r a carriage return, \\\\ a "
    "backslash\n"
    "and \\xNN the byte with those two hex digits; all else stands for itself. dump writes \\xNN for other\n"
    "control bytes and for what is not UTF-8, so its lines are text whatever the keys are.";

/// A file that was opened here, or a standard stream that was not.
class Descriptor {
 public:
  Descriptor(int descriptor, bool owned) : descriptor_(descriptor), owned_(owned) {}
  Descriptor(Descriptor&& other) noexcept
      : descriptor_(other.descriptor_), owned_(std::exchange(other.owned_, false)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (owned_) ::close(descriptor_);
  }

  [[nodiscard]] int number() const { return descriptor_; }
  /// Closes it now; some file systems report a failed write only then.
  [[nodiscard]] bool close() { return !std::exchange(owned_, false) || ::close(descriptor_) == 0; }

 private:
  int descriptor_;
  bool owned_;
};

[[noreturn]] void fail_with_errno(const char* what, const std::string& name) {
  throw Failure(exit_error, fmt::format("cannot {} {}: {}", what, name, std::strerror(errno)));
}

bool is_standard(const std::string& name) { return name.empty() || name == "-"; }

// --- load -------------------------------------------------------------------------------------------------

struct LoadArguments : FileArguments {
  std::string input;
  bool keys_only = false;
  bool escaped = false;
  bool quiet = false;
  OpenOptions options;
};

struct LoadCounts {
  std::uint64_t lines = 0;
  std::uint64_t fresh = 0;
};

struct Item {
  std::string_view key;  ///< in the line, or in the loader's buffer
  std::uint64_t value;
};

class Loader {
 public:
  Loader(const LoadArguments& arguments, KeyedRoot& root, LineReader& lines)
      : arguments_(arguments), root_(root), lines_(lines), progress_(!arguments.quiet) {}

  LoadCounts run() {
    LoadCounts counts;
    while (const auto line = lines_.next()) {
      const Item item = arguments_.keys_only ? key_line(*line) : pair_line(*line);
      const auto is_new = root_.insert(item.key, item.value);
      if (!is_new) refuse(is_new.error().message);
      ++counts.lines;
      counts.fresh += *is_new ? 1 : 0;
      progress_.update(lines_.line_count(), lines_.bytes_read(), lines_.bytes_total());
    }
    return counts;
  }

 private:
  Item key_line(std::string_view line) {
    return {arguments_.escaped ? unescaped(line) : line, lines_.line_count() - 1};
  }

  Item pair_line(std::string_view line) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) refuse("there is no tab between a key and a value");
    const auto value = parse_number(line.substr(tab + 1));
    if (!value) refuse("what follows the tab is not a number from 0 to 2^64 - 1");
    return {unescaped(line.substr(0, tab)), *value};
  }

  std::string_view unescaped(std::string_view text) {
    if (text.find('\\') == std::string_view::npos) return text;
    if (!unescape(text, key_))
      refuse("a backslash in the key is not followed by t, n, r, \\ or x and two hex digits");
    return key_;
  }

  /// Ends the load; what the lines before have stored stays.
  [[noreturn]] void refuse(const std::string& why) const {
    throw Failure(exit_error, fmt::format("{}, line {}: {} (the lines before it are loaded)", lines_.name(),
                                          lines_.line_count(), why));
  }

  const LoadArguments& arguments_;
  KeyedRoot& root_;
  LineReader& lines_;
  Progress progress_;
  std::string key_;
};

Descriptor open_input(const std::string& name) {
  if (is_standard(name)) return {STDIN_FILENO, false};
  const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_with_errno("open", name);
  return {descriptor, true};
}

int load(const LoadArguments& arguments, Output& out) {
  const Descriptor input = open_input(arguments.input);
  LineReader lines(input.number(), is_standard(arguments.input) ? "standard input" : arguments.input);
  KeyedRoot root = open_or_create_root(arguments, false, arguments.options);
  const LoadCounts counts = Loader(arguments, root, lines).run();
  const std::uint64_t updated = counts.lines - counts.fresh;
  if (arguments.json)
    write_json(out, {{"lines", counts.lines}, {"new", counts.fresh}, {"updated", updated}});
  else if (!arguments.quiet)
    out.write(fmt::format("{} lines: {} new, {} updated\n", counts.lines, counts.fresh, updated));
  return exit_yes;
}

void add_load(Registry& registry) {
  auto [command, arguments] =
      registry.add<LoadArguments>("load", "Store the lines key<TAB>value of a file; creates FILE",
                                  R"(Answer {"lines":N,"new":N,"updated":N})", load);
  add_root(command, arguments);
  command.add_option("INPUT", arguments.input, "Where the lines are; standard input if left out or -")
      ->type_name("");
  command.add_flag("--keys-only", arguments.keys_only,
                   "A line is a key, byte for byte; its value is the line's number, from 0");
  command.add_flag("--escaped", arguments.escaped, "With --keys-only: the keys are escaped as below");
  command.add_flag("--quiet", arguments.quiet,
                   "No progress bar (there is none but on a terminal), no report");
  add_parsed(command, "--retired-max", "SIZE", arguments.options.retired_bytes_max,
             "a size such as 512K, 64M or 4G", parse_size,
             "Give up when readers hold back more memory than that; any amount if left out");
  command.add_flag("--huge-pages", arguments.options.huge_pages,
                   "Ask for pages of 2 MiB, by which lookups among millions of keys gain");
  add_examples(command,
               std::string("  radish load words.radish --keys-only /usr/share/dict/words\n"
                           "  radish dump old.radish | radish load new.radish\n") +
                   escaping_help +
                   "\nThe first line that can't be stored ends the load with 3; those before it stay.");
}

// --- dump -------------------------------------------------------------------------------------------------

struct DumpArguments : FileArguments {
  std::string output;
};

// Empties what was there, but never the tree that is to be dumped.
Descriptor open_output(const std::string& name, const Segment& segment) {
  if (is_standard(name)) return {STDOUT_FILENO, false};
  const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) fail_with_errno("open", name);
  Descriptor output(descriptor, true);
  struct stat ours;
  struct stat theirs;
  if (::fstat(descriptor, &ours) != 0 || ::fstat(segment.descriptor(), &theirs) != 0)
    fail_with_errno("look at", name);
  if (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
    throw Failure(exit_usage, fmt::format("{} is the tree itself", name));
  if (S_ISREG(ours.st_mode) && ::ftruncate(descriptor, 0) != 0) fail_with_errno("empty", name);
  return output;
}

int dump(const DumpArguments& arguments, Output&) {
  const KeyedRoot root = open_root_for_reading(arguments);
  Descriptor descriptor = open_output(arguments.output, root.segment());
  const std::string name = is_standard(arguments.output) ? "standard output" : arguments.output;
  Output output(descriptor.number(), name);
  const View view = must(root.segment().view());
  KeyedCursor cursor = root.cursor();
  std::string line;
  while (const auto entry = must(cursor.next())) {
    line.clear();
    append_escaped(line, entry->key);
    fmt::format_to(std::back_inserter(line), "\t{}\n", entry->value);
    output.write(line);
  }
  output.flush();
  if (!descriptor.close()) fail_with_errno("write to", name);
  return exit_yes;
}

void add_dump(Registry& registry) {
  auto [command, arguments] =
      registry.add<DumpArguments>("dump", "Write all keys and values in order, as load reads them", "", dump);
  add_root(command, arguments);
  command.add_option("OUTPUT", arguments.output, "Where to; standard output if left out or -")->type_name("");
  add_examples(command,
               std::string("  radish dump words.radish words.txt\n"
                           "  radish dump words.radish | gzip > words.txt.gz\n") +
                   escaping_help +
                   "\nThe dump is one moment of the tree: writers wait until it is written, readers don't.");
}

}  // namespace

void add_transfer_commands(Registry& registry) {
  add_load(registry);
  add_dump(registry);
}

}  // namespace radish::cli
