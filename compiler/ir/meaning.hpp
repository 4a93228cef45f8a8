// The scalar meaning of the ops that C++ has no operator for, as ops.def names them. Written so
// that a compiler vectorises a loop over them: no branches, no libm calls, no conversion that is
// undefined for any input.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

namespace sluice::ir::meaning {

template <typename T>
struct Layout;  // of an IEEE 754 binary format
template <>
struct Layout<float> {
  using U = std::uint32_t;
  using S = std::int32_t;
  static constexpr int kMantissaBits = 23;
  static constexpr S kBias = 127;
};
template <>
struct Layout<double> {
  using U = std::uint64_t;
  using S = std::int64_t;
  static constexpr int kMantissaBits = 52;
  static constexpr S kBias = 1023;
};
template <typename T>
using Unsigned = typename Layout<T>::U;
template <typename T>
using Signed = typename Layout<T>::S;
template <typename U>
using Number = std::conditional_t<sizeof(U) == 4, float, double>;

// 1.5 * 2^23 (f64: 1.5 * 2^52): added to a small number it leaves the nearest integer in the low
// bits.
template <typename T>
inline constexpr T kRounder = static_cast<T>(std::uint64_t{3} << (Layout<T>::kMantissaBits - 1));

template <typename T>
constexpr Unsigned<T> to_bits(T a) {
  return std::bit_cast<Unsigned<T>>(a);
}
template <typename U>
constexpr Number<U> from_bits(U a) {
  return std::bit_cast<Number<U>>(a);
}

inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline float sqrt(float a) { return __builtin_sqrtf(a); }
inline double sqrt(double a) { return __builtin_sqrt(a); }
inline float abs(float a) { return __builtin_fabsf(a); }
inline double abs(double a) { return __builtin_fabs(a); }
inline float floor(float a) { return __builtin_floorf(a); }
inline double floor(double a) { return __builtin_floor(a); }
inline float ceil(float a) { return __builtin_ceilf(a); }
inline double ceil(double a) { return __builtin_ceil(a); }
inline float trunc(float a) { return __builtin_truncf(a); }
inline double trunc(double a) { return __builtin_trunc(a); }
inline float round_even(float a) { return __builtin_nearbyintf(a); }
inline double round_even(double a) { return __builtin_nearbyint(a); }

template <typename T>
constexpr Unsigned<T> round_to_int(T a) {
  return to_bits(a + kRounder<T>) - to_bits(kRounder<T>);
}
constexpr float to_float(std::uint32_t a) {
  return static_cast<float>(static_cast<std::int32_t>(a));
}
constexpr double to_float(std::uint64_t a) {
  return from_bits(a + to_bits(kRounder<double>)) - kRounder<double>;
}

template <typename U>
constexpr U shift_arithmetic(U a, U b) {
  using S = std::make_signed_t<U>;
  return static_cast<U>(static_cast<S>(a) >> b);
}

// 2^k, for k in the range of normal numbers.
template <typename T>
constexpr T power_of_two(Unsigned<T> k) {
  return from_bits(static_cast<Unsigned<T>>((k + static_cast<Unsigned<T>>(Layout<T>::kBias))
                                            << Layout<T>::kMantissaBits));
}

// Two multiplications: the first is exact in the op's domain, so that the product is rounded once.
template <typename T>
constexpr T ldexp(T a, T b) {
  using U = Unsigned<T>;
  const U half = round_to_int(b * T{0.5});
  const U rest = round_to_int(b) - half;
  return a * power_of_two<T>(half) * power_of_two<T>(rest);
}

// One multiplication: rounded once whatever a is, and cheaper than ldexp where b is known to be
// small.
template <typename T>
constexpr T scale(T a, T b) {
  return a * power_of_two<T>(round_to_int(b));
}

// The exponent's field of a, relative to [3/4, 3/2), after denormals are scaled into the normal
// range.
template <typename T>
struct Split {
  Unsigned<T> scaled;    // bits of |a|, or of |a| * 2^mantissa_bits where a is denormal
  Unsigned<T> exponent;  // as a two's complement integer, of the scaled value
  T shift;               // what scaling added to the exponent
};
template <typename T>
constexpr Split<T> split(T a) {
  using U = Unsigned<T>;
  constexpr int kBits = Layout<T>::kMantissaBits;
  constexpr T kScale = static_cast<T>(std::uint64_t{1} << kBits);
  constexpr U kThreeQuarters = to_bits(T{0.75});
  const T magnitude = a < 0 ? -a : a;
  const bool tiny = magnitude < std::numeric_limits<T>::min();
  const U scaled = to_bits(tiny ? magnitude * kScale : magnitude);
  // Logical, then corrected: an arithmetic shift of 64 bits is not in AVX2. The bias keeps the
  // difference positive.
  constexpr U kLift = U{1} << (kBits + (sizeof(T) == 4 ? 7 : 10));
  const U exponent = ((scaled - kThreeQuarters + kLift) >> kBits) - (kLift >> kBits);
  return {scaled, exponent, tiny ? T{kBits} : T{0}};
}

template <typename T>
constexpr T exponent(T a) {
  const Split<T> parts = split(a);
  const T magnitude = a < 0 ? -a : a;
  const T finite = to_float(parts.exponent) - parts.shift;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  const T low = magnitude == 0 ? -kInf : finite;
  return magnitude < kInf ? low : magnitude;  // inf gives inf, NaN gives NaN
}

template <typename T>
constexpr T mantissa(T a) {
  using U = Unsigned<T>;
  const Split<T> parts = split(a);
  const T finite =
      from_bits(static_cast<U>(parts.scaled - (parts.exponent << Layout<T>::kMantissaBits)));
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();
  const T nonzero = a == 0 || a == kInf ? T{1} : finite;
  return a >= 0 ? nonzero : kNaN;
}

// A table's entries are bits, 64 of them each, whatever the type.
template <typename U>
constexpr Number<U> lookup(U index, std::span<const std::uint64_t> table) {
  return from_bits(static_cast<U>(table[static_cast<std::size_t>(index) & (table.size() - 1)]));
}

}  // namespace sluice::ir::meaning
