// Memory for measurements: huge pages where the system gives them, and staggered starts.
//
// Buffers that begin at the same place within a page compete for the same sets of the first cache,
// and a load that follows a store at the same low address waits for it. Each Buffer of a process
// begins at another offset, a multiple of 64 bytes, so that no peer has luck that another lacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::bench {

class Buffer {
 public:
  // `count` f32 elements, zeroed. Without memory the buffer is empty.
  explicit Buffer(std::size_t count);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  [[nodiscard]] float* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<float> span() const { return {data_, size_}; }

 private:
  void* memory_ = nullptr;
  float* data_ = nullptr;
  std::size_t size_ = 0;
};

// Fills with scale times normal deviates; the same for the same seed.
void fill_normal(std::span<float> out, float scale, std::uint64_t seed);

}  // namespace sluice::bench
