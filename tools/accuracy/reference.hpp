// The truth that kernels are measured against: a function's value, or its derivative, at one point,
// as a number with a bound on its error.
//
// Two levels. The first evaluates the text over doubles (f64: long doubles) with running error
// bounds; the second over MPFR, with a precision that grows until two evaluations agree. Both read
// the same syntax tree; neither knows anything of rewriting, expansions or back ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <sluice/status.hpp>

#include "tools/accuracy/tape.hpp"

namespace sluice::accuracy {

// The truth is within `error` of `value`; NaN with an error of 0 is a NaN for certain. Under @terms
// `largest_term` is the magnitude that the ulp belongs to, where that is above the value's.
struct Estimate {
  long double value = 0;
  long double error = 0;
  long double largest_term = 0;
};

// Both may be called from one thread at a time each. Inputs are numbers of the compute type.
class Reference {
 public:
  explicit Reference(Subject subject);
  Reference(Reference&&) noexcept;
  Reference& operator=(Reference&&) noexcept;
  ~Reference();

  [[nodiscard]] Estimate first_level(std::span<const double> inputs) const;
  // Good to 2^-60. Errors: `unsupported` for what only row functions have, `limit_exceeded` where
  // 2^15 bits do not settle the value.
  [[nodiscard]] Result<Estimate> second_level(std::span<const double> inputs) const;

  [[nodiscard]] const Subject& subject() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::accuracy
