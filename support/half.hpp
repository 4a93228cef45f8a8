// The two element types of 16 bits as C++ types: storage alone, whose arithmetic is f32's.
//
// Conversions round to nearest even, overflow to infinity and keep denormals; a double is rounded
// once. Written so that a compiler vectorises a loop over them.
#pragma once

#include <bit>
#include <cstdint>

namespace sluice {

namespace half {

// d rounded to odd, so that a second rounding to at most 22 bits is the only one that counts
// (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using
// rounding to odd", 2008).
inline float to_odd(double d) {
  const auto nearest = static_cast<float>(d);
  const auto back = static_cast<double>(nearest);
  if (back == d || d != d) return nearest;
  const auto bits = std::bit_cast<std::uint32_t>(nearest);
  const bool away = (back < 0 ? -back : back) > (d < 0 ? -d : d);
  return std::bit_cast<float>((away ? bits - 1 : bits) | 1u);
}

}  // namespace half

// IEEE 754 binary16.
struct F16 {
  std::uint16_t bits = 0;

  F16() = default;
  explicit F16(float a) {
    const auto all = std::bit_cast<std::uint32_t>(a);
    const std::uint32_t magnitude = all & 0x7fffffffu;
    const std::uint32_t odd = magnitude >> 13 & 1u;
    const std::uint32_t normal = (magnitude + 0xfffu + odd - 0x38000000u) >> 13;
    // Added to 1/2, whose last place is 2^-24, a number below 2^-14 leaves its multiple of that.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    const std::uint32_t denormal = std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u;
    const std::uint32_t finite = magnitude < 0x38800000u ? denormal : normal;
    const std::uint32_t limited = finite < 0x7c00u ? finite : 0x7c00u;
    const std::uint32_t result = magnitude > 0x7f800000u ? 0x7e00u : limited;
    bits = static_cast<std::uint16_t>((all >> 16 & 0x8000u) | result);
  }
  explicit F16(double a) : F16(half::to_odd(a)) {}

  operator float() const {
    const std::uint32_t shifted = (std::uint32_t{bits} & 0x7fffu) << 13;
    const auto finite = std::bit_cast<std::uint32_t>(std::bit_cast<float>(shifted) * 0x1p112f);
    const std::uint32_t magnitude = shifted < 0x0f800000u ? finite : shifted | 0x7f800000u;
    return std::bit_cast<float>((std::uint32_t{bits} & 0x8000u) << 16 | magnitude);
  }
};

// The upper half of an f32.
struct BF16 {
  std::uint16_t bits = 0;

  BF16() = default;
  explicit BF16(float a) {
    const auto all = std::bit_cast<std::uint32_t>(a);
    const std::uint32_t rounded = (all + 0x7fffu + (all >> 16 & 1u)) >> 16;
    const bool is_nan = (all & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<std::uint16_t>(is_nan ? 0x7fc0u : rounded);
  }
  explicit BF16(double a) : BF16(half::to_odd(a)) {}

  operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

}  // namespace sluice
