// What the fuzz targets share: an input read as choices, memory with a guard page behind it, and a
// check that stops the process, which is how a target says that it has found something.
//
// A target is one file, fuzz_NAME.cpp, that defines LLVMFuzzerTestOneInput. It is linked with
// libFuzzer (preset fuzz), or with driver.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <sys/mman.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sluice::fuzz {

inline void require(bool holds, std::string_view what, std::string_view more = {}) {
  if (holds) return;
  for (const std::string_view line :
       {std::string_view("found: "), what, std::string_view("\n"), more})
    std::fwrite(line.data(), 1, line.size(), stderr);
  std::fputc('\n', stderr);
  std::abort();
}

// An input as a row of choices; zeros where it has ended.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  template <typename T>
  T number() {
    T value{};
    const std::size_t size = std::min(sizeof value, rest_.size());
    if (size != 0) std::memcpy(&value, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return value;
  }
  // From 0 to bound - 1, of at most 256.
  std::size_t below(std::size_t bound) { return number<std::uint8_t>() % bound; }
  // One in so many, and never where the input has ended.
  bool rarely(std::size_t one_in) { return below(one_in) == one_in - 1; }
  template <typename List>
  const auto& one_of(const List& list) {
    return list[below(std::size(list))];
  }
  // The characters up to a zero, at most 32.
  std::string word() {
    std::string text;
    while (text.size() < 32) {
      const char c = number<char>();
      if (c == 0) break;
      text += c;
    }
    return text;
  }
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return rest_; }

 private:
  std::span<const std::uint8_t> rest_;
};

// Bytes that end where a page begins that may not be touched; what lies before them is watched.
class GuardedMemory {
 public:
  static constexpr std::uint8_t kUntouched = 0xcd;

  explicit GuardedMemory(std::size_t bytes)
      : bytes_(bytes), mapped_((bytes + 2 * kPage) / kPage * kPage) {
    void* memory = ::mmap(nullptr, mapped_ + kPage, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(memory != MAP_FAILED, "no memory for a buffer");
    start_ = static_cast<std::uint8_t*>(memory);
    require(::mprotect(start_ + mapped_, kPage, PROT_NONE) == 0, "no guard page");
    std::memset(start_, kUntouched, mapped_);
  }
  GuardedMemory(GuardedMemory&& other) noexcept
      : start_(other.start_), bytes_(other.bytes_), mapped_(other.mapped_) {
    other.start_ = nullptr;
  }
  GuardedMemory& operator=(GuardedMemory&&) = delete;
  ~GuardedMemory() {
    if (start_ != nullptr) ::munmap(start_, mapped_ + kPage);
  }

  [[nodiscard]] std::uint8_t* data() { return start_ + mapped_ - bytes_; }
  [[nodiscard]] std::span<std::uint8_t> bytes() { return {data(), bytes_}; }
  [[nodiscard]] bool untouched_before() const {
    for (std::size_t i = 0; i < mapped_ - bytes_; ++i)
      if (start_[i] != kUntouched) return false;
    return true;
  }
  [[nodiscard]] bool untouched() const {
    for (std::size_t i = 0; i < mapped_; ++i)
      if (start_[i] != kUntouched) return false;
    return true;
  }

 private:
  static constexpr std::size_t kPage =
      4096;  // at least a page of the processors there are tests on
  std::uint8_t* start_ = nullptr;
  std::size_t bytes_;
  std::size_t mapped_;
};

}  // namespace sluice::fuzz
