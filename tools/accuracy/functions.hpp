// The elementary functions that references evaluate, for every kind of number.
//
// `apply(function, a)` exists for Bounded (bounded.hpp), Real (reference.cpp) and Dual (dual.hpp);
// `slope` below is the derivative, written once for all of them.
#pragma once

#include <cstdint>

namespace sluice::accuracy {

enum class Function : std::uint8_t {
  sqrt,
  rsqrt,
  cbrt,
  exp,
  exp2,
  expm1,
  log,
  log2,
  log10,
  log1p,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
  erfc,
  sigmoid,
  log_sigmoid,
  log1p_exp,
  normal_cdf,
  normal_pdf,
};

enum class Rounding : std::uint8_t { floor, ceil, even, trunc };

// f'(a), where y = f(a). Where the textbook form cancels (1 - tanh^2) or is inf * 0 at an infinite
// argument, another one stands here: first-level references compute with it in f64.
template <typename N>
N slope(Function function, const N& a, const N& y) {
  const N one(1.0);
  const auto f = [](Function other, const N& x) { return apply(other, x); };
  switch (function) {
    case Function::sqrt: return N(0.5) / y;
    case Function::rsqrt: return N(-0.5) * y / a;
    case Function::cbrt: return one / (N(3.0) * y * y);
    case Function::exp: return y;
    case Function::exp2: return y * f(Function::log, N(2.0));
    case Function::expm1: return f(Function::exp, a);
    case Function::log: return one / a;
    case Function::log2: return one / (a * f(Function::log, N(2.0)));
    case Function::log10: return one / (a * f(Function::log, N(10.0)));
    case Function::log1p: return one / (one + a);
    case Function::sin: return f(Function::cos, a);
    case Function::cos: return -f(Function::sin, a);
    case Function::tan: return one + y * y;
    case Function::asin: return one / f(Function::sqrt, (one - a) * (one + a));
    case Function::acos: return -(one / f(Function::sqrt, (one - a) * (one + a)));
    case Function::atan: return one / (one + a * a);
    case Function::sinh: return f(Function::cosh, a);
    case Function::cosh: return f(Function::sinh, a);
    case Function::tanh:
      return N(4.0) * f(Function::sigmoid, a + a) * f(Function::sigmoid, -(a + a));
    case Function::asinh: return one / f(Function::sqrt, one + a * a);
    case Function::acosh: return one / (f(Function::sqrt, a - one) * f(Function::sqrt, a + one));
    case Function::atanh: return one / ((one - a) * (one + a));
    case Function::erf:
    case Function::erfc: {
      // 2 / sqrt(pi) e^(-a^2) = 2 sqrt(2) normal_pdf(sqrt(2) a)
      const N root = f(Function::sqrt, N(2.0));
      const N rise = N(2.0) * root * f(Function::normal_pdf, root * a);
      return function == Function::erf ? rise : -rise;
    }
    case Function::sigmoid: return y * f(Function::sigmoid, -a);
    case Function::log_sigmoid: return f(Function::sigmoid, -a);
    case Function::log1p_exp: return f(Function::sigmoid, a);
    case Function::normal_cdf: return f(Function::normal_pdf, a);
    case Function::normal_pdf: return is_infinite(a) ? -y / a : -(a * y);
  }
  return one;
}

// Whether `slope` looks at y.
inline bool slope_needs_value(Function function) {
  switch (function) {
    case Function::sqrt:
    case Function::rsqrt:
    case Function::cbrt:
    case Function::exp:
    case Function::exp2:
    case Function::tan:
    case Function::sigmoid:
    case Function::normal_pdf: return true;
    default: return false;
  }
}

}  // namespace sluice::accuracy
