// The meaning of a program's text in real numbers: a tape evaluated over any kind of number.
//
// N is Bounded (bounded.hpp), Real (real.hpp), a Termed of those, or a Dual of any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tools/accuracy/dual.hpp"
#include "tools/accuracy/functions.hpp"
#include "tools/accuracy/order.hpp"
#include "tools/accuracy/tape.hpp"

namespace sluice::accuracy {

// What an evaluation could not do: decide a comparison at this precision, or at all.
struct Trouble {
  bool undecided = false;
  bool unsupported = false;  // a built-in of rows, or derivatives nested too deep
};

// What sets Duals and plain numbers apart. A plain number has no slope to keep or to lose.
template <typename N>
struct Slopes {
  static constexpr int kDepth = 0;  // of Duals of Duals
  static N seeded(N value, bool) { return value; }
  static N detached(const N& value) { return value; }
  // The same dependence on everything, at another value.
  static N revalued(const N&, double value) { return N(value); }
  // The value of a, zeros having signs, with the slope of b.
  static N tied(const N& a, const N&) { return a; }
  // Brings in a stated derivative: the clause's value by the argument's slope.
  static N with_clause(const N& value, const N&, const N&) { return value; }
  // At an infinite argument the value and the slope of @limits.
  static N at_limit(const N& value, const N&, const N&) { return value; }
};
template <typename N>
struct Slopes<Dual<N>> {
  static constexpr int kDepth = Slopes<N>::kDepth + 1;
  static Dual<N> seeded(Dual<N> value, bool seed) {
    return seed ? Dual<N>(std::move(value.value), N(1.0), true) : value;
  }
  static Dual<N> detached(const Dual<N>& value) { return Dual<N>(value.value); }
  static Dual<N> revalued(const Dual<N>& of, double value) {
    return Dual<N>(Slopes<N>::revalued(of.value, value), of.slope, of.varies);
  }
  static Dual<N> tied(const Dual<N>& a, const Dual<N>& b) {
    return Dual<N>(a.value, b.slope, b.varies);
  }
  static Dual<N> with_clause(const Dual<N>& value, const Dual<N>& stated, const Dual<N>& argument) {
    return sum_of_slopes(value.value, value, chained(N(0.0), stated.value, argument));
  }
  static Dual<N> at_limit(const Dual<N>& value, const Dual<N>& by_argument,
                          const Dual<N>& argument) {
    return chained(value.value, by_argument.value, argument);
  }
};

// Evaluates one tape, which outlives it, at one point after the other.
template <typename N>
class Evaluator {
 public:
  explicit Evaluator(const Tape& tape)
      : tape_(tape), numbers_(tape.registers), truths_(tape.registers, 0) {
    for (const Tape::Constant& constant : tape.constants) {
      numbers_[constant.target] = N(constant.value);
      truths_[constant.target] = constant.truth ? 1 : 0;
    }
    if constexpr (!kDeepest)
      for (const Tape& inner : tape.inner)
        inner_.push_back(std::make_unique<Evaluator<Dual<N>>>(inner));
  }

  // The result, valid until the next run. `derived_by`: the input whose slope is 1.
  const N& run(std::span<const double> inputs, std::optional<std::uint32_t> derived_by,
               Trouble& trouble) {
    derived_by_ = derived_by;
    return run(inputs, std::span<const NoOuter>(), trouble);
  }
  // A derivative's tape inside another, whose registers are `outer`.
  template <typename Outer>
  const N& run(std::span<const double> inputs, std::span<const Outer> outer, Trouble& trouble) {
    inputs_ = inputs;
    trouble_ = &trouble;
    for (const Tape::Instruction& step : tape_.steps) {
      if constexpr (std::is_same_v<N, Dual<Outer>>)
        if (step.step == Step::import) {
          numbers_[step.target] = Slopes<N>::seeded(N(outer[step.a]), step.b != 0);
          continue;
        }
      if (step.step < Step::less)
        numbers_[step.target] = number(step);
      else
        truths_[step.target] = truth(step) ? 1 : 0;
    }
    return numbers_[tape_.result];
  }

 protected:  // of RowEvaluator
  struct NoOuter {};
  static constexpr bool kDeepest = Slopes<N>::kDepth >= 2;
  using Inner = std::conditional_t<kDeepest, NoOuter, std::unique_ptr<Evaluator<Dual<N>>>>;

  N number(const Tape::Instruction& step);
  bool truth(const Tape::Instruction& step);
  N derivative(const Tape::Instruction& step);
  N absolute(const N& x);
  N sign(const N& x);
  N extreme(const N& a, const N& b, Order wanted);
  N clamp(const N& x, const N& low, const N& high);
  N limits(const Tape::Instruction& step);

  Order ordered(const N& a, const N& b) {
    const Order order = compare(a, b);
    if (order == Order::unknown) trouble_->undecided = true;
    return order;
  }
  [[nodiscard]] double operand(std::uint32_t which) const {
    return which < inputs_.size() ? inputs_[which] : tape_.params[which - inputs_.size()];
  }

  const Tape& tape_;
  std::vector<N> numbers_;
  std::vector<std::uint8_t> truths_;
  std::vector<Inner> inner_;
  std::span<const double> inputs_;
  std::optional<std::uint32_t> derived_by_;
  Trouble* trouble_ = nullptr;
};

template <typename N>
N Evaluator<N>::number(const Tape::Instruction& step) {
  const N& a = numbers_[step.a];
  const N& b = numbers_[step.b];
  switch (step.step) {
    case Step::input: return Slopes<N>::seeded(N(inputs_[step.a]), derived_by_ == step.a);
    case Step::add: return a + b;
    case Step::subtract: return a - b;
    case Step::multiply: return a * b;
    case Step::divide: return a / b;
    case Step::one_and: return one_and(static_cast<Function>(step.code), step.c != 0, a, b);
    case Step::negate: return -a;
    case Step::power: return power(a, b);
    case Step::function: return apply(static_cast<Function>(step.code), a);
    case Step::rounding: return integral(static_cast<Rounding>(step.code), a);
    case Step::absolute: return absolute(a);
    case Step::sign: return sign(a);
    case Step::minimum: return extreme(a, b, Order::less);
    case Step::maximum: return extreme(a, b, Order::greater);
    case Step::clamp: return clamp(a, b, numbers_[step.c]);
    case Step::detach: return Slopes<N>::detached(a);
    case Step::choose: return truths_[step.a] != 0 ? b : numbers_[step.c];
    case Step::clause: return Slopes<N>::with_clause(a, b, numbers_[step.c]);
    case Step::limits: return limits(step);
    case Step::rounded_sum: {
      const double second = operand(step.c);
      return Slopes<N>::revalued(
          a, rounded_sum(tape_.compute, operand(step.b), step.code == 0 ? second : -second));
    }
    case Step::derivative: return derivative(step);
    default: trouble_->unsupported = true; return N(0.0);
  }
}

template <typename N>
bool Evaluator<N>::truth(const Tape::Instruction& step) {
  const auto order = [&] { return ordered(numbers_[step.a], numbers_[step.b]); };
  const auto is_nan = [](const N& x) { return compare(x, x) == Order::unordered; };
  const bool a = truths_[step.a] != 0;
  const bool b = truths_[step.b] != 0;
  switch (step.step) {
    case Step::less: return order() == Order::less;
    case Step::less_equal: {
      const Order which = order();
      return which == Order::less || which == Order::equal;
    }
    case Step::greater: return order() == Order::greater;
    case Step::greater_equal: {
      const Order which = order();
      return which == Order::greater || which == Order::equal;
    }
    case Step::equal: return order() == Order::equal;
    case Step::not_equal: return order() != Order::equal;
    case Step::same_truth: return a == b;
    case Step::logical_not: return !a;
    case Step::logical_and: return a && b;
    case Step::logical_or: return a || b;
    case Step::choose_truth: return a ? b : truths_[step.c] != 0;
    case Step::is_nan: return is_nan(numbers_[step.a]);
    case Step::is_infinite: return is_infinite(numbers_[step.a]);
    case Step::is_finite: return !is_infinite(numbers_[step.a]) && !is_nan(numbers_[step.a]);
    default: trouble_->unsupported = true; return false;
  }
}

template <typename N>
N Evaluator<N>::derivative(const Tape::Instruction& step) {
  if constexpr (kDeepest) {
    trouble_->unsupported = true;
    return N(0.0);
  } else {
    return inner_[step.a]->run(inputs_, std::span<const N>(numbers_), *trouble_).slope;
  }
}

template <typename N>
N Evaluator<N>::absolute(const N& x) {
  const N zero(0.0);
  const Order order = ordered(x, zero);
  if (order == Order::equal) return zero;
  return order == Order::less ? -x : x;
}

template <typename N>
N Evaluator<N>::sign(const N& x) {
  const Order order = ordered(x, N(0.0));
  if (order == Order::less) return N(-1.0);
  return order == Order::greater ? N(1.0) : Slopes<N>::detached(x);
}

// min or max. A tie gives its gradient to b; NaN where either is.
template <typename N>
N Evaluator<N>::extreme(const N& a, const N& b, Order wanted) {
  const Order order = ordered(a, b);
  if (order == Order::unordered) return compare(b, b) == Order::unordered ? b : a;
  if (order == Order::equal) return Slopes<N>::tied(a, b);
  return order == wanted ? a : b;
}

template <typename N>
N Evaluator<N>::clamp(const N& x, const N& low, const N& high) {
  const Order below = ordered(x, low);
  if (below == Order::unordered) return x + low + high;
  const N& raised = below == Order::less ? low : x;
  const Order above = ordered(raised, high);
  if (above == Order::unordered) return x + low + high;
  return above == Order::greater ? high : raised;
}

template <typename N>
N Evaluator<N>::limits(const Tape::Instruction& step) {
  const N& x = numbers_[step.c];
  if (!is_infinite(x)) return numbers_[step.b];
  const std::size_t end = compare(x, N(0.0)) == Order::less ? 0 : 1;
  const Tape::Limits& entry = tape_.limits[step.a];
  return Slopes<N>::at_limit(numbers_[entry.value[end]], numbers_[entry.slope[end]], x);
}

}  // namespace sluice::accuracy
