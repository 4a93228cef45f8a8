// The sets of points that kernels are measured on.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <numeric>

#include "support/half.hpp"
#include "tools/accuracy/measure.hpp"
#include "tools/accuracy/ulp.hpp"

namespace sluice::accuracy {
namespace {

constexpr std::size_t kBlock = 512;  // what a thread takes at a time

// Xorshift multiplied (Vigna, "An experimental exploration of Marsaglia's xorshift generators,
// scrambled", 2016): the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint64_t bits() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du;
  }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  double normal() {
    return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t state_;
};

// A number of the type from random bits; exponents that f32 has, for f64 half of the time: that is
// where functions do something.
double from_bits(Dtype dtype, std::uint64_t bits, bool wide) {
  const double x = number_of(dtype, bits >> (64 - 8 * size_of(dtype)));
  if (dtype != Dtype::f64 || wide || !std::isfinite(x)) return x;
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  return std::ldexp(mantissa, exponent % 48);
}

double in_type(Dtype dtype, double x) {
  if (dtype == Dtype::f16) return static_cast<double>(static_cast<float>(F16(x)));
  if (dtype == Dtype::bf16) return static_cast<double>(static_cast<float>(BF16(x)));
  return dtype == Dtype::f32 ? static_cast<double>(static_cast<float>(x)) : x;
}

double next_in_type(Dtype dtype, double x, double towards) {
  if (dtype == Dtype::f64) return std::nextafter(x, towards);
  if (dtype == Dtype::f32)
    return static_cast<double>(std::nextafter(static_cast<float>(x), static_cast<float>(towards)));
  const auto ulp = static_cast<double>(ulp_of(format_of(dtype), x));
  return in_type(dtype, towards < x ? x - ulp : x + ulp);
}

void add_near(std::vector<double>& values, Dtype dtype, double centre) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const double sign : {1.0, -1.0}) {
    const double x = in_type(dtype, sign * centre);
    values.push_back(x);
    double below = x;
    double above = x;
    for (int i = 0; i < 3; ++i) {
      values.push_back(below = next_in_type(dtype, below, -kInf));
      values.push_back(above = next_in_type(dtype, above, kInf));
    }
    for (const double off : {1e-6, 1e-3, 0.1}) {
      values.push_back(in_type(dtype, x - off));
      values.push_back(in_type(dtype, x + off));
    }
  }
}

// What may be a kink or a cut-off: the literals of the texts that a function reaches, parameters.
void collect_literals(const dsl::Program& program, const dsl::FunctionDef& function,
                      std::vector<double>& literals) {
  for (const dsl::Parameter& param : function.parameters) literals.push_back(param.default_value);
  for (const dsl::Expr& expr : function.expressions) {
    if (expr.kind == dsl::ExprKind::number) literals.push_back(expr.value);
    if (expr.kind == dsl::ExprKind::call && expr.builtin == dsl::Builtin::none)
      collect_literals(program, program.function(expr.callee), literals);
  }
}

// Few at a time: they are the ones that the second level is asked about.
PointSource once(Points points) {
  struct State {
    Points points;
    std::size_t next;
  };
  auto state = std::make_shared<State>(State{std::move(points), 0});
  return [state] {
    constexpr std::size_t kCount = 64;
    const std::size_t first = state->next;
    const std::size_t end = std::min(first + kCount, state->points.front().size());
    state->next = end;
    Points block;
    for (const std::vector<double>& column : state->points)
      block.emplace_back(column.begin() + static_cast<std::ptrdiff_t>(first),
                         column.begin() + static_cast<std::ptrdiff_t>(end));
    return block;
  };
}

}  // namespace

double number_of(Dtype dtype, std::uint64_t pattern) {
  if (dtype == Dtype::f64) return std::bit_cast<double>(pattern);
  if (dtype == Dtype::f32)
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(pattern)));
  const auto bits = static_cast<std::uint16_t>(pattern);
  if (dtype == Dtype::bf16)
    return static_cast<double>(std::bit_cast<float>(std::uint32_t{bits} << 16));
  F16 half;
  half.bits = bits;
  return static_cast<double>(static_cast<float>(half));
}

std::vector<double> special_values(const Subject& subject) {
  using D = std::numeric_limits<double>;
  const Dtype dtype = subject.dtype();
  const Format format = format_of(dtype);
  std::vector<double> values{0.0, -0.0, D::infinity(), -D::infinity(), D::quiet_NaN()};
  const double normal = std::ldexp(1.0, format.least_exponent);
  const double least = std::ldexp(normal, 1 - format.mantissa_bits);
  const double most =
      std::ldexp(2 - std::ldexp(1.0, 1 - format.mantissa_bits), format.greatest_exponent);
  for (const double x : {least, 3 * least, normal - least, normal, normal + least, most, most / 2})
    for (const double sign : {1.0, -1.0}) values.push_back(sign * x);
  // Where exponentials and their like end: tanh, sigmoid, erf, normal_cdf, exp.
  for (const double x : {1.0, 3.92, 5.93, 9.01, 14.2, 16.64, 19.06, 38.5, 87.34, 88.72, 103.97,
                         708.4, 709.78, 745.13})
    add_near(values, dtype, x);
  std::vector<double> literals;
  collect_literals(*subject.program, subject.definition(), literals);
  std::sort(literals.begin(), literals.end());
  literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
  for (const double x : literals)
    if (std::isfinite(x)) add_near(values, dtype, x);
  return values;
}

PointSource sampled_points(const Subject& subject, std::uint64_t count, std::uint64_t seed) {
  struct State {
    Random random;
    std::uint64_t left;
  };
  auto state = std::make_shared<State>(State{Random(seed), count});
  const std::size_t inputs = subject.definition().inputs.size();
  return [state, inputs, dtype = subject.dtype()] {
    const std::size_t block =
        static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, state->left));
    state->left -= block;
    Points points(inputs, std::vector<double>(block));
    for (std::size_t i = 0; i < block; ++i)
      for (std::vector<double>& column : points) {
        const std::uint64_t bits = state->random.bits();
        column[i] = i % 2 == 0 ? from_bits(dtype, bits, i % 4 == 0)
                               : in_type(dtype, (i % 4 == 1 ? 3 : 12) * state->random.normal());
      }
    return points;
  };
}

PointSource special_points(const Subject& subject, std::size_t most) {
  const std::vector<double> values = special_values(subject);
  const std::size_t inputs = subject.definition().inputs.size();
  Points points(inputs);
  if (inputs == 1) {
    points[0] = values;
    return once(std::move(points));
  }
  // Pairs of the first two inputs; the others go through the values at their own pace. Steps that
  // have no factor in common with the count of values come to each of them in every place.
  const std::size_t count = values.size();
  std::size_t step = std::max<std::size_t>(1, count * count / most);
  while (std::gcd(step, count) != 1) ++step;
  for (std::size_t pair = 0; pair < count * count; pair += step) {
    const std::size_t i = pair / count;
    const std::size_t j = pair % count;
    for (std::size_t k = 0; k < inputs; ++k)
      points[k].push_back(k == 0 ? values[i] : values[(j * k + (k - 1)) % count]);
  }
  return once(std::move(points));
}

PointSource points_between(Dtype dtype, std::uint64_t first, std::uint64_t end) {
  auto next = std::make_shared<std::uint64_t>(first);
  return [next, dtype, end] {
    Points points(1);
    points[0].reserve(kBlock);
    for (; points[0].size() < kBlock && *next < end; ++*next)
      points[0].push_back(number_of(dtype, *next));
    return points;
  };
}

}  // namespace sluice::accuracy
