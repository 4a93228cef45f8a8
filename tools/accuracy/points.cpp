// The sets of points that kernels are measured on.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>

#include "tools/accuracy/measure.hpp"

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
double from_bits(ir::Elem elem, std::uint64_t bits, bool wide) {
  if (elem == ir::Elem::f32)
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits >> 32)));
  const double x = std::bit_cast<double>(bits);
  if (wide || !std::isfinite(x)) return x;
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  return std::ldexp(mantissa, exponent % 48);
}

double in_type(ir::Elem elem, double x) {
  return elem == ir::Elem::f32 ? static_cast<double>(static_cast<float>(x)) : x;
}

double next_in_type(ir::Elem elem, double x, double towards) {
  if (elem == ir::Elem::f64) return std::nextafter(x, towards);
  return static_cast<double>(std::nextafter(static_cast<float>(x), static_cast<float>(towards)));
}

void add_near(std::vector<double>& values, ir::Elem elem, double centre) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const double sign : {1.0, -1.0}) {
    const double x = in_type(elem, sign * centre);
    values.push_back(x);
    double below = x;
    double above = x;
    for (int i = 0; i < 3; ++i) {
      values.push_back(below = next_in_type(elem, below, -kInf));
      values.push_back(above = next_in_type(elem, above, kInf));
    }
    for (const double off : {1e-6, 1e-3, 0.1}) {
      values.push_back(in_type(elem, x - off));
      values.push_back(in_type(elem, x + off));
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

std::vector<double> special_values(const Subject& subject) {
  using F = std::numeric_limits<float>;
  using D = std::numeric_limits<double>;
  const bool f32 = subject.compute == ir::Elem::f32;
  std::vector<double> values{0.0, -0.0, D::infinity(), -D::infinity(), D::quiet_NaN()};
  const double least = f32 ? static_cast<double>(F::denorm_min()) : D::denorm_min();
  const double normal = f32 ? static_cast<double>(F::min()) : D::min();
  const double most = f32 ? static_cast<double>(F::max()) : D::max();
  for (const double x : {least, 3 * least, normal - least, normal, normal + least, most, most / 2})
    for (const double sign : {1.0, -1.0}) values.push_back(sign * x);
  // Where exponentials and their like end: tanh, sigmoid, erf, normal_cdf, exp.
  for (const double x : {1.0, 3.92, 5.93, 9.01, 14.2, 16.64, 19.06, 38.5, 87.34, 88.72, 103.97,
                         708.4, 709.78, 745.13})
    add_near(values, subject.compute, x);
  std::vector<double> literals;
  collect_literals(*subject.program, subject.definition(), literals);
  std::sort(literals.begin(), literals.end());
  literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
  for (const double x : literals)
    if (std::isfinite(x)) add_near(values, subject.compute, x);
  return values;
}

PointSource sampled_points(const Subject& subject, std::uint64_t count, std::uint64_t seed) {
  struct State {
    Random random;
    std::uint64_t left;
  };
  auto state = std::make_shared<State>(State{Random(seed), count});
  const std::size_t inputs = subject.definition().inputs.size();
  return [state, inputs, elem = subject.compute] {
    const std::size_t block =
        static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, state->left));
    state->left -= block;
    Points points(inputs, std::vector<double>(block));
    for (std::size_t i = 0; i < block; ++i)
      for (std::vector<double>& column : points) {
        const std::uint64_t bits = state->random.bits();
        column[i] = i % 2 == 0 ? from_bits(elem, bits, i % 4 == 0)
                               : in_type(elem, (i % 4 == 1 ? 3 : 12) * state->random.normal());
      }
    return points;
  };
}

PointSource special_points(const Subject& subject) {
  const std::vector<double> values = special_values(subject);
  const std::size_t inputs = subject.definition().inputs.size();
  Points points(inputs);
  if (inputs == 1) {
    points[0] = values;
    return once(std::move(points));
  }
  // All pairs of the first two inputs; the others go through the values at their own pace.
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = 0; j < values.size(); ++j)
      for (std::size_t k = 0; k < inputs; ++k)
        points[k].push_back(k == 0 ? values[i] : values[(j * k + (k - 1)) % values.size()]);
  return once(std::move(points));
}

PointSource all_points(std::uint64_t step, std::uint64_t first) {
  auto next = std::make_shared<std::uint64_t>(first);
  return [next, step] {
    Points points(1);
    for (; points[0].size() < kBlock && *next < std::uint64_t{1} << 32; *next += step)
      points[0].push_back(
          static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(*next))));
    return points;
  };
}

}  // namespace sluice::accuracy
