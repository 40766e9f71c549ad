// The recorder of instrumented subjects, called as a subject and its compiler call it.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crashpoints/recorder/recorder.h"

// What --wrap makes of a subject's calls, and what a compiler that traces stores calls.
extern "C" {
void* __wrap_mmap(void*, std::size_t, int, int, int, off_t);
int __wrap_munmap(void*, std::size_t);
void __sanitizer_cov_store8(void*);

void* __real_mmap(void* address, std::size_t bytes, int protection, int flags, int descriptor, off_t offset) {
  return mmap(address, bytes, protection, flags, descriptor, offset);
}
int __real_munmap(void* address, std::size_t bytes) { return munmap(address, bytes); }
}

namespace radish::crashpoints {

bool become_variant(const char*) { return false; }

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t file_bytes = 2 * page_bytes;

class SharedFile {
 public:
  SharedFile() : descriptor_(memfd_create("recorder", MFD_CLOEXEC)) {
    EXPECT_EQ(ftruncate(descriptor_, file_bytes), 0);
  }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;
  ~SharedFile() { close(descriptor_); }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// A piece of the file as a subject maps it.
class View {
 public:
  View(const SharedFile& file, std::size_t offset, std::size_t bytes)
      : base_(static_cast<std::byte*>(__wrap_mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                                                  file.descriptor(), static_cast<off_t>(offset)))),
        bytes_(bytes) {}
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() { __wrap_munmap(base_, bytes_); }
  [[nodiscard]] std::byte* at(std::size_t offset) const { return base_ + offset; }
  [[nodiscard]] std::uint64_t& word(std::size_t offset) const {
    return *reinterpret_cast<std::uint64_t*>(at(offset));
  }

 private:
  std::byte* base_;
  std::size_t bytes_;
};

class CrashpointsRecorder : public testing::Test {
 protected:
  void start(std::uint64_t capacity = 64) {
    page_.log = {};
    page_.log.capacity = capacity;
    recorder().start(&page_.log, file_.descriptor());
  }
  [[nodiscard]] const StoreLog& stop() {
    recorder().stop();
    return page_.log;
  }
  /// Stops it.
  [[nodiscard]] std::span<const Store> stores() { return {stop().stores(), page_.log.count}; }
  [[nodiscard]] static const Recorder& recorder() { return *crashpoints_recorder(); }

  static void reported(std::uint64_t& word, std::uint64_t value, Order order) {
    announce_store(&word, sizeof word);
    word = value;
    record_store(order);
  }
  static void reported_fill(std::byte* target, std::string_view text) {
    announce_store(target, text.size());
    std::memcpy(target, text.data(), text.size());
    record_fill();
  }
  static void compiled(std::uint64_t& word, std::uint64_t value) {
    __sanitizer_cov_store8(&word);
    word = value;
  }

  SharedFile file_;
  View view_{file_, 0, file_bytes};

 private:
  struct Page {
    StoreLog log;
    Store stores[64];
  };
  Page page_{};
};

TEST_F(CrashpointsRecorder, ReportedStoreHasItsPlaceItsValuesAndItsOrder) {
  view_.word(48) = 5;
  start();
  reported(view_.word(48), 7, Order::release);
  const auto seen = stores();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].offset, 48U);
  EXPECT_EQ(seen[0].before, 5U);
  EXPECT_EQ(seen[0].after, 7U);
  EXPECT_EQ(seen[0].bytes, 8);
  EXPECT_EQ(seen[0].order, Order::release);
  EXPECT_TRUE(seen[0].reported);
}

TEST_F(CrashpointsRecorder, UnalignedFillIsCutAtWords) {
  const std::string text = "some 23 bytes of a fill";
  for (std::size_t offset = 0; offset < 8; ++offset) {
    start();
    reported_fill(view_.at(offset), text);
    std::string done(text.size(), '\0');
    for (const Store& store : stores()) {
      EXPECT_EQ(store.offset / 8, (store.offset + store.bytes - 1) / 8) << "at " << store.offset;
      EXPECT_EQ(store.offset % store.bytes, 0U);
      ASSERT_LE(store.offset + store.bytes, offset + text.size());
      std::memcpy(done.data() + (store.offset - offset), &store.after, store.bytes);
    }
    EXPECT_EQ(done, text) << "at " << offset;
    std::memset(view_.at(0), 0, file_bytes);
  }
}

TEST_F(CrashpointsRecorder, WholeWordsOfAFillAreOneStoreEach) {
  start();
  reported_fill(view_.at(3), "some 23 bytes of a fill");
  std::vector<std::pair<std::uint64_t, int>> pieces;
  for (const Store& store : stores()) pieces.emplace_back(store.offset, store.bytes);
  EXPECT_EQ(pieces, (std::vector<std::pair<std::uint64_t, int>>{{3, 1}, {4, 4}, {8, 8}, {16, 8}, {24, 2}}));
}

TEST_F(CrashpointsRecorder, OnlyAReportedStoreIsWhole) {
  start();
  reported(view_.word(0), 1, Order::free);
  reported_fill(view_.at(8), "a word's");
  compiled(view_.word(16), 2);
  std::vector<bool> whole;
  for (const Store& store : stores()) whole.push_back(store.whole);
  EXPECT_EQ(whole, (std::vector{true, false, false}));
}

TEST_F(CrashpointsRecorder, StoreThatOnlyTheCompilerSawIsThereButNotReported) {
  start();
  compiled(view_.word(0), 1);
  reported(view_.word(8), 2, Order::release);
  compiled(view_.word(16), 3);
  const auto seen = stores();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_FALSE(seen[0].reported);
  EXPECT_EQ(seen[0].after, 1U);
  EXPECT_TRUE(seen[1].reported);
  EXPECT_FALSE(seen[2].reported);
  EXPECT_EQ(seen[2].offset, 16U);
  EXPECT_EQ(seen[2].after, 3U);
}

TEST_F(CrashpointsRecorder, AnnouncedStoreThatTheCompilerSawTooIsThereOnce) {
  start();
  announce_store(&view_.word(8), 8);
  compiled(view_.word(8), 9);
  record_store(Order::free);
  EXPECT_EQ(stores().size(), 1U);
  EXPECT_EQ(stop().compiled, 1U);
}

TEST_F(CrashpointsRecorder, OnlyWhatChangesNothingAndOrdersNothingIsLeftOut) {
  start();
  reported(view_.word(0), 0, Order::free);
  reported(view_.word(0), 0, Order::release);
  reported(view_.word(0), 0, Order::total);
  record_barrier();
  std::vector<Order> orders;
  for (const Store& store : stores()) orders.push_back(store.order);
  EXPECT_EQ(orders, (std::vector{Order::release, Order::total, Order::barrier}));
}

TEST_F(CrashpointsRecorder, FileIsWatchedWhereverItIsMapped) {
  const View second_page(file_, page_bytes, page_bytes);
  start();
  reported(second_page.word(8), 1, Order::free);
  const auto seen = stores();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].offset, page_bytes + 8);
}

TEST_F(CrashpointsRecorder, OtherMemoryIsNotWatched) {
  const SharedFile other_file;
  const View other(other_file, 0, file_bytes);
  std::uint64_t own = 0;
  start();
  reported(other.word(0), 1, Order::release);
  reported(own, 1, Order::release);
  compiled(own, 2);
  EXPECT_EQ(stores().size(), 0U);
  EXPECT_EQ(stop().compiled, 0U);
}

TEST_F(CrashpointsRecorder, WhatIsUnmappedIsForgotten) {
  void* place = nullptr;
  {
    const View passing(file_, 0, page_bytes);
    place = passing.at(0);
    start();
    reported(passing.word(0), 1, Order::free);
    compiled(passing.word(8), 2);
  }
  // Something else is there now.
  void* own = mmap(place, page_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ASSERT_EQ(own, place);
  reported(*static_cast<std::uint64_t*>(own), 3, Order::release);
  compiled(*static_cast<std::uint64_t*>(own), 4);
  const auto seen = stores();
  munmap(own, page_bytes);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].after, 1U);
  EXPECT_EQ(seen[1].after, 2U);
}

TEST_F(CrashpointsRecorder, StoresThatDoNotFitAreCounted) {
  start(2);
  for (std::uint64_t value = 1; value <= 5; ++value) reported(view_.word(0), value, Order::release);
  const StoreLog& log = stop();
  EXPECT_EQ(log.count, 2U);
  EXPECT_EQ(log.lost, 3U);
}

TEST_F(CrashpointsRecorder, NothingIsRecordedWhenItIsStopped) {
  start();
  EXPECT_EQ(stores().size(), 0U);
  reported(view_.word(0), 1, Order::release);
  compiled(view_.word(0), 2);
  record_barrier();
  EXPECT_EQ(stop().count, 0U);
}

}  // namespace
}  // namespace radish::crashpoints
