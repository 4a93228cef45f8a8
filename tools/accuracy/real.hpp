// A real number held by MPFR, with the operators.
//
// Every Real is made with the precision that stands when it is made (ScopedPrecision); each thread
// sets it for itself. MPFR's exponents reach beyond 2^(2^61), so that nothing that a
// formula of f32 or f64 inputs computes on its way over- or underflows, exponentials of huge
// numbers aside.
#pragma once

#include <mpfr.h>

#include "tools/accuracy/functions.hpp"
#include "tools/accuracy/order.hpp"

namespace sluice::accuracy {

class Real {
 public:
  Real() { mpfr_init_set_ui(value_, 0, MPFR_RNDN); }
  Real(double value) { mpfr_init_set_d(value_, value, MPFR_RNDN); }
  Real(const Real& other) { mpfr_init_set(value_, other.value_, MPFR_RNDN); }
  Real(Real&& other) noexcept {
    mpfr_init2(value_, 2);
    mpfr_swap(value_, other.value_);
  }
  Real& operator=(Real other) noexcept {
    mpfr_swap(value_, other.value_);
    return *this;
  }
  ~Real() { mpfr_clear(value_); }

  [[nodiscard]] mpfr_srcptr get() const { return value_; }
  [[nodiscard]] mpfr_ptr get() { return value_; }
  [[nodiscard]] long double rounded() const { return mpfr_get_ld(value_, MPFR_RNDN); }

 private:
  mpfr_t value_;
};

// Frees what MPFR keeps for a thread, where the thread ends.
struct ThreadCache {
  ThreadCache() = default;
  ~ThreadCache() { mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE); }
  ThreadCache(const ThreadCache&) = delete;
  ThreadCache& operator=(const ThreadCache&) = delete;
};

// Sets the precision of this thread's new Reals while it lives.
class ScopedPrecision {
 public:
  explicit ScopedPrecision(long bits) : before_(mpfr_get_default_prec()) {
    mpfr_set_default_prec(bits);
    thread_local const ThreadCache cache;
  }
  ~ScopedPrecision() { mpfr_set_default_prec(before_); }
  ScopedPrecision(const ScopedPrecision&) = delete;
  ScopedPrecision& operator=(const ScopedPrecision&) = delete;

 private:
  mpfr_prec_t before_;
};

// f(result, operands..., rounding), as MPFR's functions are.
template <typename F, typename... Operands>
Real computed(F f, const Operands&... operands) {
  Real result;
  f(result.get(), operands.get()..., MPFR_RNDN);
  return result;
}

inline Real operator+(const Real& a, const Real& b) { return computed(mpfr_add, a, b); }
inline Real operator-(const Real& a, const Real& b) { return computed(mpfr_sub, a, b); }
inline Real operator*(const Real& a, const Real& b) { return computed(mpfr_mul, a, b); }
inline Real operator/(const Real& a, const Real& b) { return computed(mpfr_div, a, b); }
inline Real operator-(const Real& a) { return computed(mpfr_neg, a); }

inline Real magnitude(const Real& a) { return computed(mpfr_abs, a); }

// At the precision given: what is equal here may differ at a higher one.
Order compare(const Real& a, const Real& b);
bool is_infinite(const Real& a);
Real apply(Function function, const Real& a);
inline Real one_and(Function, bool, const Real&, const Real& sum) { return sum; }
Real power(const Real& base, const Real& exponent);
Real integral(Rounding rounding, const Real& a);

}  // namespace sluice::accuracy
