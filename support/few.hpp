// A list of at most N elements, in place: it takes no memory, and a copy moves only what there is.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace sluice {

template <typename T, std::size_t N>
class Few {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  Few() {}
  Few(const Few& other) : size_(other.size_) {
    std::uninitialized_copy(other.begin(), other.end(), data());
  }
  Few& operator=(const Few& other) {
    if (this == &other) return *this;
    size_ = other.size_;
    std::uninitialized_copy(other.begin(), other.end(), data());
    return *this;
  }
  ~Few() = default;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* data() { return reinterpret_cast<T*>(room_.data()); }
  [[nodiscard]] const T* data() const { return reinterpret_cast<const T*>(room_.data()); }
  [[nodiscard]] T* begin() { return data(); }
  [[nodiscard]] T* end() { return data() + size_; }
  [[nodiscard]] const T* begin() const { return data(); }
  [[nodiscard]] const T* end() const { return data() + size_; }
  [[nodiscard]] T& operator[](std::size_t i) { return data()[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return data()[i]; }

  // Only where there is room.
  void push_back(const T& value) {
    assert(size_ < N);
    std::construct_at(data() + size_, value);
    ++size_;
  }
  void erase(T* place) {
    std::copy(place + 1, end(), place);
    --size_;
  }
  template <typename Condition>
  void erase_if(const Condition& condition) {
    size_ = static_cast<std::size_t>(std::remove_if(begin(), end(), condition) - begin());
  }

 private:
  alignas(T) std::array<std::byte, N * sizeof(T)> room_;
  std::size_t size_ = 0;
};

}  // namespace sluice
