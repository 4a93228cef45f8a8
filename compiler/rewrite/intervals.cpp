#include "compiler/rewrite/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace sluice::rewrite {
namespace {

using ir::Node;
using ir::Op;

constexpr double kInf = std::numeric_limits<double>::infinity();

// 0 * inf is 0 here: the infinity stands for numbers without a bound, not for itself.
double times(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

Interval hull(std::initializer_list<double> ends) {
  Interval hull{kInf, -kInf};
  for (const double end : ends) {
    if (std::isnan(end)) return {};
    hull = {std::min(hull.low, end), std::max(hull.high, end)};
  }
  return hull;
}

Interval product(Interval a, Interval b) {
  return hull(
      {times(a.low, b.low), times(a.low, b.high), times(a.high, b.low), times(a.high, b.high)});
}

Interval square(Interval a) {
  const Interval ends = hull({times(a.low, a.low), times(a.high, a.high)});
  return a.low <= 0 && a.high >= 0 ? Interval{0, ends.high} : ends;
}

Interval quotient(Interval a, Interval b) {
  if (b.low <= 0 && b.high >= 0) return {};
  return product(a, {1 / b.high, 1 / b.low});
}

Interval integer_power(Interval a, double exponent) {
  if (exponent < 0) return quotient({1, 1}, integer_power(a, -exponent));
  const Interval ends = hull({std::pow(a.low, exponent), std::pow(a.high, exponent)});
  const bool even = std::fmod(exponent, 2) == 0;
  return even && a.low <= 0 && a.high >= 0 ? Interval{0, ends.high} : ends;
}

struct Increasing {
  Op op;
  double (*function)(double);
};

// Increasing functions take ends to ends; those not listed are bounded by what they can be.
constexpr Increasing kIncreasing[] = {
    {Op::exp, [](double x) { return std::exp(x); }},
    {Op::exp2, [](double x) { return std::exp2(x); }},
    {Op::expm1, [](double x) { return std::expm1(x); }},
    {Op::tanh, [](double x) { return std::tanh(x); }},
    {Op::erf, [](double x) { return std::erf(x); }},
    {Op::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
    {Op::log1p_exp, [](double x) { return x > 700 ? x : std::log1p(std::exp(x)); }},
    {Op::floor, [](double x) { return std::floor(x); }},
    {Op::ceil, [](double x) { return std::ceil(x); }},
    {Op::trunc, [](double x) { return std::trunc(x); }},
    {Op::round_even, [](double x) { return std::nearbyint(x); }},
    {Op::cbrt, [](double x) { return std::cbrt(x); }},
    {Op::asinh, [](double x) { return std::asinh(x); }},
    {Op::atan, [](double x) { return std::atan(x); }},
    {Op::sinh, [](double x) { return std::sinh(x); }},
    // Of what lies in their domain.
    {Op::sqrt, [](double x) { return std::sqrt(std::max(x, 0.0)); }},
    {Op::log, [](double x) { return std::log(std::max(x, 0.0)); }},
    {Op::log2, [](double x) { return std::log2(std::max(x, 0.0)); }},
    {Op::log10, [](double x) { return std::log10(std::max(x, 0.0)); }},
    {Op::log1p, [](double x) { return std::log1p(std::max(x, -1.0)); }},
};

std::optional<Interval> increasing(Op op, Interval a) {
  for (const Increasing& entry : kIncreasing)
    if (entry.op == op) return Interval{entry.function(a.low), entry.function(a.high)};
  return std::nullopt;
}

std::optional<Interval> arithmetic(const ir::Graph& graph, const Node& node, Interval a,
                                   Interval b) {
  if (node.op == Op::add) return Interval{a.low + b.low, a.high + b.high};
  if (node.op == Op::sub) return Interval{a.low - b.high, a.high - b.low};
  if (node.op == Op::mul) return node.operand(0) == node.operand(1) ? square(a) : product(a, b);
  if (node.op == Op::div) return quotient(a, b);
  if (node.op == Op::neg) return Interval{-a.high, -a.low};
  if (node.op == Op::abs)
    return a.low >= 0    ? a
           : a.high <= 0 ? Interval{-a.high, -a.low}
                         : Interval{0, std::max(-a.low, a.high)};
  if (node.op == Op::max) return Interval{std::max(a.low, b.low), std::max(a.high, b.high)};
  if (node.op == Op::min) return Interval{std::min(a.low, b.low), std::min(a.high, b.high)};
  if (node.op == Op::integer_power) return integer_power(a, graph.constant_value(node.operand(1)));
  return std::nullopt;
}

// Functions between bounds of their own, and nodes that pass a value on.
std::optional<Interval> bounded(const Node& node, Interval a, Interval b, Interval c) {
  if (node.op == Op::select) return Interval{std::min(b.low, c.low), std::max(b.high, c.high)};
  if (node.op == Op::clamp)
    return Interval{std::min(std::max(a.low, b.low), c.low),
                    std::min(std::max(a.high, b.high), c.high)};
  if (node.op == Op::fma) {
    const Interval ab = product(a, b);
    return Interval{ab.low + c.low, ab.high + c.high};
  }
  if (node.op == Op::detach || node.op == Op::clause || node.op == Op::limits) return a;
  if (node.op == Op::normal_cdf || node.op == Op::tanh_log1p_exp) return Interval{0, 1};
  if (node.op == Op::normal_pdf) return Interval{0, 0.4};
  if (node.op == Op::sign || node.op == Op::sin || node.op == Op::cos) return Interval{-1, 1};
  if (node.op == Op::erfc) return Interval{0, 2};
  if (node.op == Op::log_sigmoid) return Interval{-kInf, 0};
  return std::nullopt;
}

Interval without_nan(Interval interval) {
  if (std::isnan(interval.low)) interval.low = -kInf;
  if (std::isnan(interval.high)) interval.high = kInf;
  return interval;
}

}  // namespace

std::vector<Interval> intervals(const ir::Graph& graph, std::span<const Interval> inputs) {
  std::vector<Interval> known(graph.size());
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const Node& node = graph.nodes()[i];
    if (!ir::is_number(node.type.elem)) continue;
    if (node.op == Op::input) known[i] = inputs[node.payload];
    if (node.op == Op::param)
      known[i] = {graph.params()[node.payload].value, graph.params()[node.payload].value};
    if (node.op == Op::constant) {
      const double value = graph.constant_value({static_cast<std::uint32_t>(i)});
      known[i] = without_nan({value, value});
    }
    if (node.arity() == 0) continue;
    const auto operand = [&](int k) {
      return k < node.arity() ? known[node.operand(k).index] : Interval{};
    };
    std::optional<Interval> result = increasing(node.op, operand(0));
    if (!result) result = arithmetic(graph, node, operand(0), operand(1));
    if (!result) result = bounded(node, operand(0), operand(1), operand(2));
    if (result) known[i] = without_nan(*result);
  }
  return known;
}

}  // namespace sluice::rewrite
