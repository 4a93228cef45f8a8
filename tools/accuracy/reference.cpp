#include "tools/accuracy/reference.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "tools/accuracy/bounded.hpp"
#include "tools/accuracy/real.hpp"
#include "tools/accuracy/terms.hpp"
#include "tools/accuracy/text.hpp"

namespace sluice::accuracy {

std::optional<Function> function_of(dsl::Builtin builtin) {
  using dsl::Builtin;
  switch (builtin) {
#define ELEMENTARY(name)                                                                           \
  case Builtin::name: return Function::name;
    ELEMENTARY(sqrt)
    ELEMENTARY(rsqrt)
    ELEMENTARY(cbrt)
    ELEMENTARY(exp)
    ELEMENTARY(exp2)
    ELEMENTARY(expm1)
    ELEMENTARY(log)
    ELEMENTARY(log2)
    ELEMENTARY(log10)
    ELEMENTARY(log1p)
    ELEMENTARY(sin)
    ELEMENTARY(cos)
    ELEMENTARY(tan)
    ELEMENTARY(asin)
    ELEMENTARY(acos)
    ELEMENTARY(atan)
    ELEMENTARY(sinh)
    ELEMENTARY(cosh)
    ELEMENTARY(tanh)
    ELEMENTARY(asinh)
    ELEMENTARY(acosh)
    ELEMENTARY(atanh)
    ELEMENTARY(erf)
    ELEMENTARY(erfc)
    ELEMENTARY(sigmoid)
    ELEMENTARY(log_sigmoid)
    ELEMENTARY(log1p_exp)
    ELEMENTARY(normal_cdf)
    ELEMENTARY(normal_pdf)
#undef ELEMENTARY
    default: return std::nullopt;
  }
}

namespace {

constexpr long double kUnknown = std::numeric_limits<long double>::infinity();

// The subject at a point over N, with a slope of 1 for the input that it is derived by.
template <typename N>
N evaluated(const Subject& subject, std::span<const double> inputs, Trouble& trouble) {
  const dsl::FunctionDef& definition = subject.definition();
  typename Text<N>::Arguments arguments;
  for (std::size_t i = 0; i < definition.inputs.size(); ++i) {
    const double x = i < inputs.size() ? inputs[i] : definition.inputs[i].default_value.value_or(0);
    N number(x);
    if constexpr (Depth<N>::value > 0)
      if (subject.derived_by == i) number = N(number.value, decltype(number.slope)(1.0), true);
    arguments.inputs.push_back(Text<N>::Value::of_operand(std::move(number), x));
  }
  for (std::size_t i = 0; i < definition.parameters.size(); ++i) {
    const dsl::Parameter& param = definition.parameters[i];
    const double value = subject.params.empty() ? param.default_value : subject.params[i];
    const double held = rounded_to(subject.compute, value);
    arguments.params.push_back(param.is_integer
                                   ? Text<N>::Value::of(static_cast<std::int64_t>(value))
                                   : Text<N>::Value::of_operand(N(held), held));
  }
  return Text<N>(*subject.program, subject.compute, trouble)
      .apply(definition, arguments, subject.output);
}

// The same for either kind of subject; a built-in needs no walk of a text.
template <typename N>
N at(const Subject& subject, std::span<const double> inputs, Trouble& trouble) {
  const dsl::FunctionDef& definition = subject.definition();
  if (definition.is_builtin && inputs.size() == 1)
    if (const std::optional<Function> function = function_of(definition.builtin)) {
      const N x(inputs[0]);
      const N y = apply(*function, x);
      return subject.derived_by ? slope(*function, x, y) : y;
    }
  if (subject.derived_by) return evaluated<Dual<N>>(subject, inputs, trouble).slope;
  return evaluated<N>(subject, inputs, trouble);
}

// The same, with its largest term where @terms asks for it.
template <typename N>
Termed<N> termed_at(const Subject& subject, std::span<const double> inputs, Trouble& trouble) {
  if (subject.definition().attributes.terms) return at<Termed<N>>(subject, inputs, trouble);
  return Termed<N>(at<N>(subject, inputs, trouble));
}

// The largest term is at least so large: a greater one makes the ulp no smaller.
template <typename T>
Estimate first(const Subject& subject, std::span<const double> inputs) {
  Trouble trouble;
  const Termed<Bounded<T>> result = termed_at<Bounded<T>>(subject, inputs, trouble);
  const Bounded<T>& y = result.value;
  const bool clear =
      !trouble.undecided && !trouble.unsupported && !std::isnan(y.value) && std::isfinite(y.error);
  const T term = result.largest ? result.largest->value - result.largest->error : T{0};
  return {y.value, clear ? static_cast<long double>(y.error) : kUnknown, term > 0 ? term : T{0}};
}

bool same_kind(const Real& a, const Real& b) {
  const bool regular = mpfr_number_p(a.get()) != 0 && mpfr_number_p(b.get()) != 0;
  if (regular) return (mpfr_zero_p(a.get()) != 0) == (mpfr_zero_p(b.get()) != 0);
  if (mpfr_nan_p(a.get()) != 0 || mpfr_nan_p(b.get()) != 0)
    return mpfr_nan_p(a.get()) != 0 && mpfr_nan_p(b.get()) != 0;
  return mpfr_equal_p(a.get(), b.get()) != 0;
}

// Whether two precisions tell the same story to 2^-70 of the result.
bool agree(const Real& a, const Real& b) {
  if (!same_kind(a, b)) return false;
  if (mpfr_regular_p(a.get()) == 0) return true;
  Real difference = a - b;
  if (mpfr_zero_p(difference.get()) != 0) return true;
  return mpfr_get_exp(difference.get()) <= mpfr_get_exp(b.get()) - 70;
}

}  // namespace

Estimate Reference::first_level(std::span<const double> inputs) const {
  return subject_.compute == ir::Elem::f32 ? first<double>(subject_, inputs)
                                           : first<long double>(subject_, inputs);
}

Result<Estimate> Reference::second_level(std::span<const double> inputs) const {
  // With these bits 1 + t does not lose the smallest t that matters: two precisions that both lose
  // it would agree on nonsense.
  const long least_bits = subject_.compute == ir::Elem::f32 ? 256 : 1280;
  constexpr long kMostBits = 1L << 15;
  std::optional<Real> before;
  for (long bits = least_bits; bits <= kMostBits; bits *= 2) {
    const ScopedPrecision precision(bits);
    Trouble trouble;
    Termed<Real> now = termed_at<Real>(subject_, inputs, trouble);
    if (trouble.unsupported)
      return Error{Status::unsupported, "'" + subject_.definition().name +
                                            "' has no reference: it is no elementwise function"};
    if (before && agree(*before, now.value)) {
      const long double value = now.value.rounded();
      return Estimate{value, std::isfinite(value) ? std::abs(value) * 0x1p-63L : 0.0L,
                      now.largest ? now.largest->rounded() : 0.0L};
    }
    before = std::move(now.value);
  }
  return Error{Status::limit_exceeded,
               "'" + subject_.definition().name + "' is not settled by 32768 bits"};
}

}  // namespace sluice::accuracy
