// Evaluation of graphs that still hold primitives, for tests of what comes before expansion.
//
// Reference<long double> is nearly the real function: every operation in extended precision, low
// words added to their arguments. Reference<float> and <double> are a kernel with perfect parts:
// machine operations round to T, primitives are the true function rounded once.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <span>
#include <type_traits>
#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::test {

using Real = long double;

inline Real real_sigmoid(Real a) {
  return a >= 0 ? 1 / (1 + std::exp(-a)) : std::exp(a) / (1 + std::exp(a));
}
inline Real real_log1p_exp(Real a) {
  return a > 0 ? a + std::log1p(std::exp(-a)) : std::log1p(std::exp(a));
}
inline Real real_sigmoid_derivative(Real a) { return real_sigmoid(a) * real_sigmoid(-a); }
inline Real real_tanh_log1p_exp_derivative(Real a) {
  const Real q = std::exp(-std::abs(a));
  const Real s = a > 0 ? q : 1;
  const Real d = (1 + q) * (1 + q) + s * s;
  return 4 * q * (1 + q) * s / (d * d);
}
inline Real real_tanh_log1p_exp(Real a) {
  if (a > 0) {  // n / (n + 2) with n = e^a (e^a + 2), divided by e^2a
    const Real q = std::exp(-a);
    return (1 + 2 * q) / (1 + 2 * q + 2 * q * q);
  }
  const Real n = std::exp(a) * (std::exp(a) + 2);
  return n / (n + 2);
}
inline Real real_normal_cdf(Real a) { return std::erfc(-a / std::numbers::sqrt2_v<Real>) / 2; }
inline Real real_normal_pdf(Real a) {
  return std::exp(-a * a / 2) * std::numbers::inv_sqrtpi_v<Real> / std::numbers::sqrt2_v<Real>;
}

// (a + sqrt(a^2 + b)) / 2
inline Real real_squareplus(Real a, Real b) {
  const Real root = std::sqrt(a * a + b);
  return a > 0 ? (a + root) / 2 : b / (root - a) / 2;
}

template <typename T>
class Reference {
 public:
  explicit Reference(const ir::Graph& graph) : graph_(graph), values_(graph.size(), Real{0}) {}

  // The outputs for one element.
  std::vector<T> operator()(std::span<const double> inputs, std::span<const double> params = {}) {
    for (const ir::ValueId id : graph_.live()) {
      const ir::Node& node = graph_[id];
      Real value = 0;
      if (node.op == ir::Op::input) {
        value = inputs[node.payload];
      } else if (node.op == ir::Op::param) {
        value = static_cast<Real>(static_cast<T>(params[node.payload]));
      } else if (node.op == ir::Op::constant) {
        value = ir::is_number(node.type.elem) ? graph_.constant_value(id)
                                              : static_cast<Real>(node.payload);
      } else {
        value = apply(node);
      }
      values_[id.index] = value;
    }
    std::vector<T> results;
    for (const ir::GraphOutput& output : graph_.outputs())
      results.push_back(static_cast<T>(values_[output.value.index]));
    return results;
  }
  T at(double x) { return (*this)(std::span<const double>(&x, 1)).front(); }

 private:
  [[nodiscard]] Real operand(const ir::Node& node, int i) const {
    return values_[node.operand(i).index];
  }

  // What a function gives before rounding, kept for low_word.
  [[nodiscard]] Real unrounded(const ir::Node& node) const {
    const Real a = operand(node, 0);
    const Real low = node.arity() > 1 ? operand(node, 1) : 0;
    // A low word that is not finite comes from an argument beyond every range.
    const Real x = std::isfinite(low) ? a + low : a;
    switch (node.op) {
      case ir::Op::exp: return std::exp(x);
      case ir::Op::exp2: return std::exp2(x);
      case ir::Op::expm1: return std::expm1(x);
      case ir::Op::log: return std::log(x);
      case ir::Op::log2: return std::log2(x);
      case ir::Op::log10: return std::log10(x);
      case ir::Op::log1p: return std::log1p(x);
      case ir::Op::tanh: return std::tanh(x);
      case ir::Op::erf: return std::erf(x);
      case ir::Op::erfc: return std::erfc(x);
      case ir::Op::normal_cdf: return real_normal_cdf(x);
      case ir::Op::normal_pdf: return real_normal_pdf(x);
      case ir::Op::sigmoid: return real_sigmoid(x);
      case ir::Op::log_sigmoid: return -real_log1p_exp(-x);
      case ir::Op::log1p_exp: return real_log1p_exp(x);
      case ir::Op::tanh_log1p_exp: return real_tanh_log1p_exp(x);
      case ir::Op::sigmoid_derivative: return real_sigmoid_derivative(x);
      case ir::Op::tanh_log1p_exp_derivative: return real_tanh_log1p_exp_derivative(x);
      case ir::Op::sin: return std::sin(x);
      case ir::Op::cos: return std::cos(x);
      case ir::Op::tan: return std::tan(x);
      case ir::Op::sinh: return std::sinh(x);
      case ir::Op::cosh: return std::cosh(x);
      case ir::Op::asin: return std::asin(a);
      case ir::Op::acos: return std::acos(a);
      case ir::Op::atan: return std::atan(a);
      case ir::Op::asinh: return std::asinh(a);
      case ir::Op::acosh: return std::acosh(a);
      case ir::Op::atanh: return std::atanh(a);
      case ir::Op::cbrt: return std::cbrt(a);
      case ir::Op::rsqrt: return 1 / std::sqrt(a);
      case ir::Op::tanhshrink: return a - std::tanh(a);
      case ir::Op::tanh_squared: return std::tanh(a) * std::tanh(a);
      case ir::Op::squareplus: return real_squareplus(a, low);
      case ir::Op::squareplus_slope: return real_squareplus(a, low) / std::sqrt(a * a + low);
      case ir::Op::pow: return std::pow(a, low);
      case ir::Op::pow_less_one: return std::pow(a, low - 1);
      default: return other(node, a, low, node.arity() > 2 ? operand(node, 2) : 0);
    }
  }

  // f'(v) of plus_slope(f(v, low), ...)
  [[nodiscard]] Real slope(const ir::Node& plus_slope) const {
    const ir::Node& f = graph_[plus_slope.operand(0)];
    const Real low = operand(f, 1);
    const Real v = std::isfinite(low) ? operand(f, 0) + low : operand(f, 0);
    if (f.op == ir::Op::normal_cdf) return real_normal_pdf(v);
    return f.op == ir::Op::sigmoid ? real_sigmoid_derivative(v) : real_tanh_log1p_exp_derivative(v);
  }

  [[nodiscard]] static Real max(Real a, Real b) { return b > a || b != b ? b : a; }
  [[nodiscard]] static Real min(Real a, Real b) { return b < a || b != b ? b : a; }
  [[nodiscard]] Real other(const ir::Node& node, Real a, Real b, Real c) const {
    switch (node.op) {
      case ir::Op::add: return a + b;
      case ir::Op::sub: return a - b;
      case ir::Op::mul: return a * b;
      case ir::Op::div: return a / b;
      case ir::Op::fma: return std::fma(a, b, c);
      case ir::Op::sqrt: return std::sqrt(a);
      case ir::Op::neg: return -a;
      case ir::Op::abs: return std::fabs(a);
      case ir::Op::max: return max(a, b);
      case ir::Op::min: return min(a, b);
      case ir::Op::floor: return std::floor(a);
      case ir::Op::ceil: return std::ceil(a);
      case ir::Op::trunc: return std::trunc(a);
      case ir::Op::round_even: return std::nearbyint(a);
      case ir::Op::lt: return a < b ? 1 : 0;
      case ir::Op::le: return a <= b ? 1 : 0;
      case ir::Op::eq: return a == b ? 1 : 0;
      case ir::Op::ne: return a != b ? 1 : 0;
      case ir::Op::logic_and: return a != 0 && b != 0 ? 1 : 0;
      case ir::Op::logic_or: return a != 0 || b != 0 ? 1 : 0;
      case ir::Op::logic_not: return a != 0 ? 0 : 1;
      case ir::Op::select: return a != 0 ? b : c;
      case ir::Op::clamp: return min(max(a, b), c);
      case ir::Op::sign: return a > 0 ? 1 : a < 0 ? -1 : a;
      case ir::Op::detach: return a;
      case ir::Op::corrected: return a + b;
      case ir::Op::plus_slope: return unrounded(graph_[node.operand(0)]) + (b + c) * slope(node);
      case ir::Op::clause: return a;
      case ir::Op::limits: {
        constexpr Real kInf = std::numeric_limits<Real>::infinity();
        return b == -kInf ? c : b == kInf ? operand(node, 3) : a;
      }
      default: return std::numeric_limits<Real>::signaling_NaN();  // no op that tests make
    }
  }

  // Products and quotients as the type T rounds them: an exact product of two floats fits a Real,
  // and the second rounding of +, -, / and sqrt is harmless from 64 bits to 24 (Figueroa, 1995);
  // the operations of double are done in double.
  [[nodiscard]] Real apply(const ir::Node& node) const {
    const Real a = operand(node, 0);
    if (node.op == ir::Op::low_word) {
      const Real f = unrounded(graph_[node.operand(0)]);
      return static_cast<Real>(static_cast<T>(std::isfinite(f) ? f - a : 0));
    }
    if (node.op == ir::Op::integer_power) return power(static_cast<T>(a), operand(node, 1));
    if constexpr (std::is_same_v<T, double>) {
      const auto x = static_cast<double>(a);
      const auto y = static_cast<double>(node.arity() > 1 ? operand(node, 1) : 0);
      const auto z = static_cast<double>(node.arity() > 2 ? operand(node, 2) : 0);
      if (node.op == ir::Op::add) return x + y;
      if (node.op == ir::Op::sub) return x - y;
      if (node.op == ir::Op::mul) return x * y;
      if (node.op == ir::Op::div) return x / y;
      if (node.op == ir::Op::sqrt) return std::sqrt(x);
      if (node.op == ir::Op::fma) return std::fma(x, y, z);
    }
    if constexpr (std::is_same_v<T, float>)
      if (node.op == ir::Op::fma)
        return std::fma(static_cast<float>(a), static_cast<float>(operand(node, 1)),
                        static_cast<float>(operand(node, 2)));
    return static_cast<Real>(static_cast<T>(unrounded(node)));
  }

  [[nodiscard]] static Real power(T a, Real exponent) {
    int k = static_cast<int>(exponent);
    const bool inverse = k < 0;
    if (inverse) k = -k;
    T result = 1;
    bool first = true;
    for (T square = a; k > 0; k /= 2, square *= square) {
      if (k % 2 == 1) result = first ? square : result * square;
      if (k % 2 == 1) first = false;
      if (k == 1) break;
    }
    return inverse ? 1 / result : result;
  }

  const ir::Graph& graph_;
  std::vector<Real> values_;
};

}  // namespace sluice::test
