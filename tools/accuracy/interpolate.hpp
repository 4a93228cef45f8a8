// The truth over many neighbouring f32 numbers at once: polynomials through it.
//
// A reference costs a hundred nanoseconds a point, and there are 2^32 of them. A smooth function is
// as well known from a few of its values: a piece is a run of numbers with a polynomial through the
// truth at Chebyshev nodes, taken only where the truth at other places, where the error of
// interpolation is largest, lies within kInterpolationMargin of it. Pieces are halved until that
// holds; what stays rough (kinks, jumps, the neighbourhood of zeros) is left to the reference point
// by point.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tools/accuracy/reference.hpp"

namespace sluice::accuracy {

// How far a polynomial may be from the truth, in ulps of the least value (under @terms the least of
// the largest terms) of its piece.
inline constexpr double kInterpolationMargin = 0x1p-13;
// How far one may be from the largest term, as a part of it.
inline constexpr double kTermMargin = 0x1p-18;

struct Piece {
  enum class Kind : std::uint8_t {
    polynomial,
    beyond_below,  // all truths are beyond the least number of the type
    beyond_above,
    nan,
    rough,  // nothing is known
  };
  static constexpr std::size_t kNodes = 7;
  static constexpr std::size_t kFew = 3;

  Kind kind = Kind::rough;
  std::uint64_t first = 0;  // bits of the first number
  std::uint64_t count = 0;
  std::array<double, kNodes> coefficients = {};  // by powers of t: -1 at the first, 1 at the last
  bool few = false;                              // whether the first kFew are enough
  // Under @terms, where a term is larger than the truth: the largest one, likewise, or a little
  // less than it, so that its ulp is never taken for a larger one.
  bool termed = false;
  std::array<double, kFew> term = {};

  // t of the first number and of the others after it.
  [[nodiscard]] double step() const { return 2.0 / static_cast<double>(count - 1); }
};

// The pieces of the numbers whose bits are `first` and so on, below `end`, in their order. Of
// the pieces only rough ones have numbers on both sides of one of the `bounds`, which are sorted.
// For a reference of one f32 input; all of the numbers are of one binade.
[[nodiscard]] std::vector<Piece> pieces_of(const Reference& reference, std::uint64_t first,
                                           std::uint64_t end, const std::vector<double>& bounds);

}  // namespace sluice::accuracy
