// The embedder's allocator and log, as a runtime and its kernels share them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <utility>

#include <sluice/hooks.hpp>

namespace sluice {

[[nodiscard]] inline void* take_memory(const Allocator& from, std::size_t bytes,
                                       std::size_t alignment) {
  return from.allocate != nullptr ? from.allocate(from.context, bytes, alignment)
                                  : std::aligned_alloc(alignment, bytes);
}
inline void give_memory(const Allocator& to, void* memory, std::size_t bytes) {
  if (memory == nullptr) return;
  if (to.allocate != nullptr)
    to.release(to.context, memory, bytes);
  else
    std::free(memory);
}

struct Hooks {
  Allocator allocator;
  Log log;

  // `message` makes the text, and is called where there is a log alone.
  template <typename Message>
  void say(LogLevel level, const Message& message) const noexcept {
    if (!log) return;
    try {
      log(level, message());
    } catch (...) {  // what the log throws, and memory that there is not for the text
    }
  }
};

// Memory of an allocator, given back to it.
class HookedMemory {
 public:
  HookedMemory() = default;
  // Null where memory can't be had. `bytes` is a multiple of the alignment.
  HookedMemory(const Allocator& allocator, std::size_t bytes, std::size_t alignment)
      : allocator_(allocator), bytes_(bytes),
        memory_(static_cast<std::byte*>(take_memory(allocator, bytes, alignment))) {}
  HookedMemory(HookedMemory&& other) noexcept { swap(other); }
  HookedMemory& operator=(HookedMemory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~HookedMemory() { give_memory(allocator_, memory_, bytes_); }

  [[nodiscard]] std::byte* get() const { return memory_; }
  [[nodiscard]] std::size_t bytes() const { return memory_ == nullptr ? 0 : bytes_; }
  [[nodiscard]] const Allocator& allocator() const { return allocator_; }

 private:
  void swap(HookedMemory& other) noexcept {
    std::swap(allocator_, other.allocator_);
    std::swap(bytes_, other.bytes_);
    std::swap(memory_, other.memory_);
  }

  Allocator allocator_;
  std::size_t bytes_ = 0;
  std::byte* memory_ = nullptr;
};

}  // namespace sluice
