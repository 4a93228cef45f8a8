#include "tools/accuracy/reference.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "tools/accuracy/bounded.hpp"
#include "tools/accuracy/evaluate.hpp"
#include "tools/accuracy/real.hpp"
#include "tools/accuracy/terms.hpp"

namespace sluice::accuracy {
namespace {

constexpr long double kUnknown = std::numeric_limits<long double>::infinity();

// Evaluates a subject over N: its value, or its slope by an input.
template <typename N>
class Truth {
 public:
  Truth(const Subject& subject, const Tape& tape) : derived_by_(subject.derived_by) {
    const dsl::FunctionDef& definition = subject.definition();
    if (definition.is_builtin && definition.inputs.size() == 1)
      function_ = function_of(definition.builtin);
    if (derived_by_)
      slope_.emplace(tape);
    else
      value_.emplace(tape);
  }

  N at(std::span<const double> inputs, Trouble& trouble) {
    if (function_) {  // the chain rule would only add a product with 1
      const N x(inputs[0]);
      if (!derived_by_) return apply(*function_, x);
      return slope(*function_, x, slope_needs_value(*function_) ? apply(*function_, x) : N());
    }
    if (derived_by_) return slope_->run(inputs, derived_by_, trouble).slope;
    return value_->run(inputs, std::nullopt, trouble);
  }

 private:
  std::optional<std::uint32_t> derived_by_;
  std::optional<Function> function_;
  std::optional<Evaluator<N>> value_;
  std::optional<Evaluator<Dual<N>>> slope_;
};

// The same, with the largest term where @terms asks for it.
template <typename N>
class Level {
 public:
  Level(const Subject& subject, const Tape& tape) {
    if (subject.definition().attributes.terms)
      termed_.emplace(subject, tape);
    else
      plain_.emplace(subject, tape);
  }
  Termed<N> at(std::span<const double> inputs, Trouble& trouble) {
    return termed_ ? termed_->at(inputs, trouble) : Termed<N>(plain_->at(inputs, trouble));
  }

 private:
  std::optional<Truth<N>> plain_;
  std::optional<Truth<Termed<N>>> termed_;
};

// The largest term is at least so large: a greater one makes the ulp no smaller.
template <typename T>
Estimate estimate(Level<Bounded<T>>& level, std::span<const double> inputs) {
  Trouble trouble;
  const Termed<Bounded<T>> result = level.at(inputs, trouble);
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

struct Reference::State {
  explicit State(Subject of) : subject(std::move(of)), tape(record(subject, derives())) {
    if (subject.compute == ir::Elem::f32)
      doubles.emplace(subject, tape);
    else
      long_doubles.emplace(subject, tape);
  }
  [[nodiscard]] bool derives() const { return subject.derived_by.has_value(); }

  // At the precision that stands, which is `bits`.
  Termed<Real> exact(long bits, std::span<const double> inputs, Trouble& trouble) {
    return reals.try_emplace(bits, subject, tape).first->second.at(inputs, trouble);
  }

  Subject subject;
  Tape tape;
  std::optional<Level<Bounded<double>>> doubles;
  std::optional<Level<Bounded<long double>>> long_doubles;
  std::map<long, Level<Real>> reals;  // by precision
};

Reference::Reference(Subject subject) : state_(std::make_unique<State>(std::move(subject))) {}
Reference::Reference(Reference&&) noexcept = default;
Reference& Reference::operator=(Reference&&) noexcept = default;
Reference::~Reference() = default;

const Subject& Reference::subject() const { return state_->subject; }

Estimate Reference::first_level(std::span<const double> inputs) const {
  return state_->doubles ? estimate(*state_->doubles, inputs)
                         : estimate(*state_->long_doubles, inputs);
}

Result<Estimate> Reference::second_level(std::span<const double> inputs) const {
  // With these bits 1 + t does not lose the smallest t that matters: two precisions that both lose
  // it would agree on nonsense.
  const std::string& name = subject().definition().name;
  const long least_bits = subject().compute == ir::Elem::f32 ? 256 : 1280;
  constexpr long kMostBits = 1L << 15;
  std::optional<Real> before;
  for (long bits = least_bits; bits <= kMostBits; bits *= 2) {
    const ScopedPrecision precision(bits);
    Trouble trouble;
    Termed<Real> now = state_->exact(bits, inputs, trouble);
    if (trouble.unsupported)
      return Error{Status::unsupported,
                   "'" + name + "' has no reference: it is no elementwise function"};
    if (before && agree(*before, now.value)) {
      const long double value = now.value.rounded();
      return Estimate{value, std::isfinite(value) ? std::abs(value) * 0x1p-63L : 0.0L,
                      now.largest ? now.largest->rounded() : 0.0L};
    }
    before = std::move(now.value);
  }
  return Error{Status::limit_exceeded, "'" + name + "' is not settled by 32768 bits"};
}

}  // namespace sluice::accuracy
