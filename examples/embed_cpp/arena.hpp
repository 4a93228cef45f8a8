// The engine's memory: taken once, handed out from the front, given back all at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

class Arena {
 public:
  explicit Arena(std::size_t bytes) : memory_(new std::byte[bytes + kAlignment]), size_(bytes) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    first_ = memory_.get() + (kAlignment - address % kAlignment) % kAlignment;
  }

  // Empty where there is no room left. Aligned to 64 bytes, as kernels want their workspaces.
  template <typename T>
  [[nodiscard]] std::span<T> take(std::size_t count) {
    const std::size_t bytes = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    if (bytes > size_ - used_) return {};
    T* start = reinterpret_cast<T*>(first_ + used_);
    used_ += bytes;
    return {start, count};
  }

  void clear() { used_ = 0; }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  static constexpr std::size_t kAlignment = 64;

  std::unique_ptr<std::byte[]> memory_;
  std::byte* first_ = nullptr;
  std::size_t size_;
  std::size_t used_ = 0;
};
