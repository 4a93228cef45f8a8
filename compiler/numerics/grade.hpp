// Grades of accuracy: the relative bounds for which there are cheaper expansions.
//
// A kernel of a grade is off by at most bound * 2^e, where 2^e is the power of two at or below the
// magnitude of the true value, and never below the smallest normal number of f32: at most
// bound * 2^23 ulps. Around a zero crossing (numerics.md) it is eight times the bound of the
// largest magnitude there, as the contract's 16 ulps are of its 2. Results of 16 bits are rounded
// once more, and at full accuracy leave a bound too. f64 knows full accuracy alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sluice/dtype.hpp>

namespace sluice::numerics {

// From the most accurate to the least.
enum class Grade : std::uint8_t { full, r20, r12, bf16 };

struct GradeInfo {
  std::string_view name;
  double bound;  // 0: the promises of the definitions
};
inline constexpr std::array<GradeInfo, 4> kGrades{
    {{"full", 0}, {"r20", 0x1p-20}, {"r12", 0x1p-12}, {"bf16", 0x1p-8}}};

constexpr const GradeInfo& info(Grade grade) { return kGrades[static_cast<std::size_t>(grade)]; }

// The least accurate, and cheapest, grade that meets a bound; full where none does, and for 0.
constexpr Grade cheapest_grade(double bound) {
  for (std::size_t i = kGrades.size(); --i > 0;)
    if (kGrades[i].bound <= bound) return static_cast<Grade>(i);
  return Grade::full;
}

// What a result may be off by before it is rounded to the type that it is stored in: 0.01 of that
// type's ulp, which the contract adds to the half that rounding takes. 0 where the compute type is
// stored.
constexpr double storage_bound(Dtype stored) {
  if (stored == Dtype::f16) return 0.01 * 0x1p-10;
  if (stored == Dtype::bf16) return 0.01 * 0x1p-7;
  return 0;
}

}  // namespace sluice::numerics
