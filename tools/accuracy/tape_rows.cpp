// The built-ins of row functions on a tape. Softmax and logsumexp come apart into exponentials of
// what is not above 0, so that every kind of number can hold them.
#include <cmath>
#include <limits>

#include "tools/accuracy/recorder.hpp"

namespace sluice::accuracy {

// Exponents less about their greatest, which takes nothing from a sum's accuracy and has no slope.
Tape::Exponents Recorder::exponents_of(std::uint32_t z, const Held* sink) {
  Tape::Exponents of{.form = Form::none, .z = z};
  const auto exponential = [&](std::uint32_t away) {
    return emit(Step::function, away, 0, 0, static_cast<std::uint8_t>(Function::exp)).place;
  };
  of.shift = emit(Step::row_greatest, z).place;
  const std::uint32_t rest = sink != nullptr ? number(*sink) : 0;
  if (sink != nullptr)
    of.shift = emit(Step::detach, emit(Step::maximum, of.shift, rest).place).place;
  of.away = emit(Step::away, z, of.shift).place;
  std::uint32_t sum = emit(Step::row_sum, exponential(of.away)).place;
  if (sink != nullptr)
    sum = emit(Step::add, sum, exponential(emit(Step::away, rest, of.shift).place)).place;
  const Held logarithm = emit(Step::function, sum, 0, 0, static_cast<std::uint8_t>(Function::log));
  of.log_sum = emit(Step::weigh, logarithm.place, 0, 0, 1).place;
  return of;
}

Held Recorder::row_exponential(Builtin builtin, std::span<const Held> operands) {
  const bool has_sink =
      operands.size() > 1 &&
      !(operands[1].known() && operands[1].as_double() == -std::numeric_limits<double>::infinity());
  Tape::Exponents of = exponents_of(number(operands[0]), has_sink ? &operands[1] : nullptr);
  Held result;
  if (builtin == Builtin::row_softmax) {
    of.form = Form::softmax;
    const Held part = emit(Step::subtract, of.away, of.log_sum);
    result = emit(Step::function, part.place, 0, 0, static_cast<std::uint8_t>(Function::exp));
  } else {
    of.form = Form::logsumexp;
    result = emit(Step::add, of.shift, of.log_sum);
  }
  exponents[result.place] = of;
  return result;
}

// However it is computed, it is right to |x - greatest| units more.
Held Recorder::weighed_exponential(std::uint32_t x) {
  const Held y = emit(Step::function, x, 0, 0, static_cast<std::uint8_t>(Function::exp));
  return emit(Step::weigh, y.place, x, emit(Step::row_greatest, x).place);
}

// A step of Newton's from a threshold that is near, where it does not matter how it was found: it
// is as exact as the square of that. For p >= 1 near means further such steps, from the left, each
// begun anew at a double near the last one's end. For p < 1 they would go astray: how far the
// threshold is below the greatest, 1 at most, is halved in to the last place of a double.
Held Recorder::threshold(std::uint32_t z, double alpha) {
  constexpr int kSteps = 24;
  constexpr int kHalvings = 60;
  double p = 1 / (alpha - 1);
  if (std::abs(p - std::nearbyint(p)) < 1e-9 * p) p = std::nearbyint(p);
  const auto known = [&](double value) { return constant(value).place; };
  const std::uint32_t none = known(0);
  const auto sum_above = [&](std::uint32_t w) {
    return emit(Step::row_sum, emit(Step::power, w, known(p)).place).place;
  };
  const auto step = [&](std::uint32_t of, std::uint32_t t) {
    const std::uint32_t away = emit(Step::subtract, of, t).place;
    const std::uint32_t w = emit(Step::maximum, away, none).place;
    const std::uint32_t above = emit(Step::greater, of, t).place;
    const std::uint32_t sum = sum_above(w);
    const std::uint32_t slope = p == 1 ? known(1) : emit(Step::power, w, known(p - 1)).place;
    const std::uint32_t slopes =
        emit(Step::row_sum, emit(Step::choose, above, slope, none).place).place;
    const std::uint32_t rise = emit(Step::divide, emit(Step::subtract, sum, known(1)).place,
                                    emit(Step::multiply, known(p), slopes).place)
                                   .place;
    return emit(Step::add, t, rise).place;
  };
  const std::uint32_t fixed = emit(Step::detach, z).place;
  const std::uint32_t greatest = emit(Step::row_greatest, z).place;
  std::uint32_t t = emit(Step::subtract, greatest, known(1)).place;
  for (int i = 0; i < kSteps && p >= 1; ++i) t = emit(Step::about, step(fixed, t)).place;
  if (p < 1) {
    const std::uint32_t away = emit(Step::subtract, fixed, greatest).place;
    std::uint32_t low = none, high = known(1);
    for (int i = 0; i < kHalvings; ++i) {
      const std::uint32_t twice = emit(Step::add, low, high).place;
      const std::uint32_t middle =
          emit(Step::about, emit(Step::multiply, twice, known(0.5)).place).place;
      const std::uint32_t w = emit(Step::maximum, emit(Step::add, away, middle).place, none).place;
      const std::uint32_t sum = emit(Step::about, sum_above(w)).place;
      const std::uint32_t enough = emit(Step::greater_equal, sum, known(1)).place;
      low = emit(Step::choose, enough, low, middle).place;
      high = emit(Step::choose, enough, middle, high).place;
    }
    t = emit(Step::subtract, greatest, high).place;
  }
  return {.kind = Held::Kind::number, .place = step(z, t)};
}

Held Recorder::row_builtin(Builtin builtin, std::span<const Held> operands) {
  const auto of_number = [&](Step step) { return emit(step, number(operands[0])); };
  switch (builtin) {
    case Builtin::col: return emit(Step::column);
    case Builtin::row: return Held::of(std::int64_t{0});  // of the one row
    case Builtin::width: return emit(Step::width);
    case Builtin::row_sum: return of_number(Step::row_sum);
    case Builtin::row_mean: {
      const Held sum = of_number(Step::row_sum);
      return emit(Step::divide, sum.place, emit(Step::width).place);
    }
    case Builtin::row_max: return of_number(Step::row_max);
    case Builtin::row_min: return of_number(Step::row_min);
    case Builtin::row_prod: return of_number(Step::row_prod);
    case Builtin::row_argmax: return of_number(Step::row_argmax);
    case Builtin::row_logsumexp:
    case Builtin::row_softmax: return row_exponential(builtin, operands);
    case Builtin::row_any: return emit(Step::row_any, truth(operands[0]));
    case Builtin::row_all: return emit(Step::row_all, truth(operands[0]));
    case Builtin::at: {
      const std::uint32_t values = number(operands[0]);
      return emit(Step::row_at, values, number(operands[1]));
    }
    default: return emit(Step::unsupported);
  }
}

}  // namespace sluice::accuracy
