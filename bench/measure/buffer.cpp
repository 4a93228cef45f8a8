#include "bench/measure/buffer.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numbers>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace sluice::bench {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kStagger = 64 * 5;  // bytes; odd in cache lines, so that sets differ for long

std::size_t next_offset() {
  static std::size_t made = 0;
  return made++ * kStagger % 4096;
}

// SplitMix64: small, good enough for inputs, and the same everywhere.
std::uint64_t next_bits(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// Uniform in (0, 1].
double next_uniform(std::uint64_t& state) {
  return (static_cast<double>(next_bits(state) >> 11) + 1.0) * 0x1p-53;
}

}  // namespace

Buffer::Buffer(std::size_t count) {
  const std::size_t offset = next_offset();
  std::size_t bytes = count * sizeof(float) + offset;
  bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  memory_ = std::aligned_alloc(kHugePage, bytes);
  if (memory_ == nullptr) return;
#if defined(__linux__)
  // Advice only: without huge pages the buffer works as well, with more translation misses.
  (void)madvise(memory_, bytes, MADV_HUGEPAGE);
#endif
  std::memset(memory_, 0, bytes);
  data_ = static_cast<float*>(static_cast<void*>(static_cast<std::byte*>(memory_) + offset));
  size_ = count;
}

Buffer::Buffer(Buffer&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Buffer::~Buffer() { std::free(memory_); }

void fill_normal(std::span<float> out, float scale, std::uint64_t seed) {
  std::uint64_t state = seed;
  for (std::size_t i = 0; i < out.size(); i += 2) {
    // Box and Muller: two deviates from two uniform numbers.
    const double radius = std::sqrt(-2.0 * std::log(next_uniform(state)));
    const double angle = 2.0 * std::numbers::pi * next_uniform(state);
    out[i] = scale * static_cast<float>(radius * std::cos(angle));
    if (i + 1 < out.size()) out[i + 1] = scale * static_cast<float>(radius * std::sin(angle));
  }
}

}  // namespace sluice::bench
