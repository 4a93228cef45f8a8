#include "tools/accuracy/real.hpp"

namespace sluice::accuracy {
namespace {

// The stable forms, for even MPFR cannot tell 1 + e^-1e30 from 1.
Real sigmoid(const Real& a) {
  const bool negative = mpfr_signbit(a.get()) != 0;
  const Real e = computed(mpfr_exp, negative ? a : -a);
  return (negative ? e : Real(1.0)) / (Real(1.0) + e);
}

Real log1p_exp(const Real& a) {
  const bool negative = mpfr_signbit(a.get()) != 0;
  const Real rest = computed(mpfr_log1p, computed(mpfr_exp, negative ? a : -a));
  return negative ? rest : a + rest;
}

Real pi() {
  Real result;
  mpfr_const_pi(result.get(), MPFR_RNDN);
  return result;
}

Real normal_cdf(const Real& a) {
  return computed(mpfr_erfc, -a / computed(mpfr_sqrt, Real(2.0))) * Real(0.5);
}

Real normal_pdf(const Real& a) {
  return computed(mpfr_exp, a * a * Real(-0.5)) / computed(mpfr_sqrt, Real(2.0) * pi());
}

// MPFR takes as many bits as the argument's exponent has units, which for e^1e9 is gigabytes and
// hours. No precision that is tried would settle such a result: it stands for one that differs at
// each, so that it counts as settled only where it does not matter.
template <typename F>
Real periodic(F f, const Real& a) {
  constexpr mpfr_exp_t kGreatestExponent = 1L << 15;
  if (mpfr_regular_p(a.get()) != 0 && mpfr_get_exp(a.get()) > kGreatestExponent)
    return Real(1.0) / Real(static_cast<double>(mpfr_get_default_prec()));
  return computed(f, a);
}

}  // namespace

Order compare(const Real& a, const Real& b) {
  if (mpfr_unordered_p(a.get(), b.get()) != 0) return Order::unordered;
  const int sign = mpfr_cmp(a.get(), b.get());
  if (sign == 0) return Order::equal;
  return sign < 0 ? Order::less : Order::greater;
}

bool is_infinite(const Real& a) { return mpfr_inf_p(a.get()) != 0; }

Real apply(Function function, const Real& a) {
  switch (function) {
    case Function::sqrt: return computed(mpfr_sqrt, a);
    case Function::rsqrt: return Real(1.0) / computed(mpfr_sqrt, a);
    case Function::cbrt: return computed(mpfr_cbrt, a);
    case Function::exp: return computed(mpfr_exp, a);
    case Function::exp2: return computed(mpfr_exp2, a);
    case Function::expm1: return computed(mpfr_expm1, a);
    case Function::log: return computed(mpfr_log, a);
    case Function::log2: return computed(mpfr_log2, a);
    case Function::log10: return computed(mpfr_log10, a);
    case Function::log1p: return computed(mpfr_log1p, a);
    case Function::sin: return periodic(mpfr_sin, a);
    case Function::cos: return periodic(mpfr_cos, a);
    case Function::tan: return periodic(mpfr_tan, a);
    case Function::asin: return computed(mpfr_asin, a);
    case Function::acos: return computed(mpfr_acos, a);
    case Function::atan: return computed(mpfr_atan, a);
    case Function::sinh: return computed(mpfr_sinh, a);
    case Function::cosh: return computed(mpfr_cosh, a);
    case Function::tanh: return computed(mpfr_tanh, a);
    case Function::asinh: return computed(mpfr_asinh, a);
    case Function::acosh: return computed(mpfr_acosh, a);
    case Function::atanh: return computed(mpfr_atanh, a);
    case Function::erf: return computed(mpfr_erf, a);
    case Function::erfc: return computed(mpfr_erfc, a);
    case Function::sigmoid: return sigmoid(a);
    case Function::log_sigmoid: return -log1p_exp(-a);
    case Function::log1p_exp: return log1p_exp(a);
    case Function::normal_cdf: return normal_cdf(a);
    case Function::normal_pdf: return normal_pdf(a);
  }
  return a;
}

Real power(const Real& base, const Real& exponent) { return computed(mpfr_pow, base, exponent); }

Real integral(Rounding rounding, const Real& a) {
  Real result;
  switch (rounding) {
    case Rounding::floor: mpfr_rint_floor(result.get(), a.get(), MPFR_RNDN); break;
    case Rounding::ceil: mpfr_rint_ceil(result.get(), a.get(), MPFR_RNDN); break;
    case Rounding::even: mpfr_rint(result.get(), a.get(), MPFR_RNDN); break;
    case Rounding::trunc: mpfr_rint_trunc(result.get(), a.get(), MPFR_RNDN); break;
  }
  return result;
}

}  // namespace sluice::accuracy
