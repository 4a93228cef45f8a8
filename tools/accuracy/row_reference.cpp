#include "tools/accuracy/row_reference.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "tools/accuracy/ulp.hpp"

namespace sluice::accuracy {
namespace {

constexpr double kUnits = 32;        // of the sum of absolute terms
constexpr double kClear = 1.0 / 64;  // of what is allowed: more decides nothing
constexpr long kBits = 256;          // of the second level

long double precise(const Bounded<double>& a) { return a.value; }
long double precise(const Real& a) { return a.rounded(); }
double error_of(const Bounded<double>& a) { return a.error; }
double error_of(const Real&) { return 0; }

// A unit and the smallest denormal of the type that is computed in.
struct Scale {
  Format format;
  double unit;
  double denormal;
  explicit Scale(ir::Elem compute)
      : format(format_of(compute == ir::Elem::f64 ? Dtype::f64 : Dtype::f32)),
        unit(std::ldexp(1.0, -format.mantissa_bits)),
        denormal(static_cast<double>(ulp_of(format, 0.0L))) {}
  [[nodiscard]] double ulps(double number) const {
    return static_cast<double>(ulp_of(format, std::abs(number)));
  }
};

template <typename N>
double allowed_of(const RowEvaluator<Weighed<N>>& evaluator, const Tape::Exponents& of,
                  const Weighed<N>& y, const Scale& scale) {
  const double size = std::abs(about(y));
  const bool own =
      of.form != Form::none && !evaluator.at(of.z).rounded && evaluator.at(of.z).excess() == 0;
  const auto read = [&](std::uint32_t place) { return std::abs(about(evaluator.at(place))); };
  const auto four = [&](double other) {
    return 4 * scale.ulps(std::max({size, other, read(of.log_sum), 0.5}));
  };
  if (own && std::isfinite(size)) switch (of.form) {
      case Form::softmax: {
        const bool tiny = size < std::ldexp(1.0, scale.format.least_exponent);
        const double part = size == 0 ? 0 : (10 + read(of.away)) * scale.unit * size;
        return part + (tiny ? 2 * scale.denormal : 0);
      }
      case Form::log_softmax: return four(read(of.away));
      case Form::logsumexp: return four(read(of.shift));
      case Form::none: break;
    }
  return kUnits * scale.unit * y.terms + 4 * scale.denormal;
}

template <typename N>
RowElement element_of(const Weighed<N>& y, double allowed) {
  return {precise(y.value), allowed, error_of(y.value)};
}

bool is_clear(const std::vector<RowElement>& elements) {
  return std::all_of(elements.begin(), elements.end(), [](const RowElement& each) {
    return !std::isnan(each.truth) && each.error <= kClear * each.allowed;
  });
}

// Over N: what is asked of the evaluator, and whether it could not be decided.
template <typename N>
struct Level {
  const Tape& tape;
  const std::vector<bool>& along;
  Scale scale;

  std::vector<RowElement> values(const RowInputs& row, std::size_t width, Trouble& trouble) const {
    std::vector<RowElement> elements;
    RowEvaluator<Weighed<N>> evaluator(tape, along);
    evaluator.run(row, width, std::nullopt, trouble, [&](std::size_t, const Weighed<N>& y) {
      elements.push_back(element_of(y, allowed_of(evaluator, tape.exponents, y, scale)));
    });
    return elements;
  }

  RowElement slope(const RowInputs& row, std::size_t width, std::span<const double> incoming,
                   const RowSeed& seed, Trouble& trouble) const {
    Weighed<N> total(0.0);
    double gradients = 0;
    RowEvaluator<Dual<Weighed<N>>> evaluator(tape, along);
    evaluator.run(row, width, seed, trouble, [&](std::size_t column, const Dual<Weighed<N>>& y) {
      const double g = incoming[incoming.size() == 1 ? 0 : column];
      gradients += std::abs(g);
      if (y.varies) total = total + Weighed<N>(g) * y.slope;
    });
    return element_of(total,
                      kUnits * scale.unit * total.terms + 4 * scale.denormal * (1 + gradients));
  }
};

Error no_reference(const Subject& subject) {
  return {Status::unsupported,
          "'" + subject.definition().name +
              "' has no reference: it uses a built-in that check does not know"};
}

}  // namespace

std::vector<std::uint32_t> operands_of(const Tape& tape, const Tape::Instruction& step) {
  switch (step.step) {
    case Step::input:
    case Step::import:
    case Step::column:
    case Step::width:
    case Step::unsupported: return {};
    case Step::one_and:
    case Step::negate:
    case Step::function:
    case Step::rounding:
    case Step::absolute:
    case Step::sign:
    case Step::detach:
    case Step::rounded_sum:
    case Step::row_sum:
    case Step::row_max:
    case Step::row_min:
    case Step::row_prod:
    case Step::row_argmax:
    case Step::row_greatest:
    case Step::about:
    case Step::row_any:
    case Step::row_all:
    case Step::logical_not:
    case Step::is_nan:
    case Step::is_infinite:
    case Step::is_finite:
      if (step.step == Step::one_and) return {step.a, step.b};
      return {step.a};
    case Step::weigh:
      if (step.code != 0) return {step.a};
      return {step.a, step.b, step.c};
    case Step::clamp:
    case Step::choose:
    case Step::choose_truth:
    case Step::clause: return {step.a, step.b, step.c};
    case Step::limits: {
      const Tape::Limits& entry = tape.limits[step.a];
      return {entry.value[0], entry.value[1], entry.slope[0], entry.slope[1], step.b, step.c};
    }
    case Step::derivative: {
      std::vector<std::uint32_t> places;
      for (const Tape::Instruction& each : tape.inner[step.a].steps)
        if (each.step == Step::import) places.push_back(each.a);
      return places;
    }
    case Step::add:
    case Step::subtract:
    case Step::multiply:
    case Step::divide:
    case Step::power:
    case Step::minimum:
    case Step::maximum:
    case Step::row_at:
    case Step::away:
    case Step::less:
    case Step::less_equal:
    case Step::greater:
    case Step::greater_equal:
    case Step::equal:
    case Step::not_equal:
    case Step::same_truth:
    case Step::logical_and:
    case Step::logical_or: return {step.a, step.b};
  }
  return {};
}

bool reduces(Step step) {
  switch (step) {
    case Step::row_sum:
    case Step::row_max:
    case Step::row_min:
    case Step::row_prod:
    case Step::row_argmax:
    case Step::row_at:
    case Step::row_greatest:
    case Step::row_any:
    case Step::row_all: return true;
    default: return false;
  }
}

RowReference::RowReference(Subject subject)
    : subject_(std::move(subject)), tape_(record(subject_, subject_.derived_by.has_value())) {
  const dsl::FunctionDef& definition = subject_.definition();
  for (std::size_t i = 0; i < given_inputs(definition); ++i)
    along_.push_back(definition.inputs[i].extent() == dsl::Extent::element);
}

Result<RowTruth> RowReference::values(const RowInputs& row, std::size_t width) const {
  Trouble trouble;
  if (subject_.compute == ir::Elem::f32) {
    const Level<Bounded<double>> first{tape_, along_, Scale(subject_.compute)};
    std::vector<RowElement> elements = first.values(row, width, trouble);
    if (trouble.unsupported) return no_reference(subject_);
    if (!trouble.undecided && is_clear(elements)) return RowTruth{std::move(elements), false};
  }
  const ScopedPrecision precision(kBits);
  trouble = {};
  const Level<Real> second{tape_, along_, Scale(subject_.compute)};
  std::vector<RowElement> elements = second.values(row, width, trouble);
  if (trouble.unsupported) return no_reference(subject_);
  return RowTruth{std::move(elements), true};
}

Result<RowTruth> RowReference::slopes(const RowInputs& row, std::size_t width,
                                      std::span<const double> incoming,
                                      std::span<const std::size_t> columns) const {
  RowTruth truth;
  for (const std::size_t column : columns) {
    const RowSeed seed{*subject_.derived_by, column};
    Trouble trouble;
    if (subject_.compute == ir::Elem::f32) {
      const Level<Bounded<double>> first{tape_, along_, Scale(subject_.compute)};
      const RowElement element = first.slope(row, width, incoming, seed, trouble);
      if (trouble.unsupported) return no_reference(subject_);
      if (!trouble.undecided && is_clear({element})) {
        truth.elements.push_back(element);
        continue;
      }
    }
    const ScopedPrecision precision(kBits);
    trouble = {};
    const Level<Real> second{tape_, along_, Scale(subject_.compute)};
    truth.elements.push_back(second.slope(row, width, incoming, seed, trouble));
    truth.by_mpfr = true;
    if (trouble.unsupported) return no_reference(subject_);
  }
  return truth;
}

}  // namespace sluice::accuracy
