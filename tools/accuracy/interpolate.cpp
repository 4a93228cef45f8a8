#include "tools/accuracy/interpolate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "tools/accuracy/measure.hpp"
#include "tools/accuracy/ulp.hpp"

namespace sluice::accuracy {
namespace {

constexpr std::uint64_t kLeast = 48;  // numbers: fewer are not worth the nodes
constexpr std::size_t kNodes = Piece::kNodes;
using Coefficients = std::array<double, kNodes>;

std::array<double, kNodes> chebyshev_nodes() {
  std::array<double, kNodes> nodes{};
  for (std::size_t i = 0; i < kNodes; ++i)
    nodes[i] = -std::cos((static_cast<double>(i) + 0.5) * std::numbers::pi / kNodes);
  return nodes;
}

// Where the product of (t - node) is largest, or nearly.
constexpr std::array kTests{-1.0, -0.62, 0.22, 1.0};

// Through the values at the nodes, by Newton's divided differences.
Coefficients polynomial_through(const std::array<double, kNodes>& nodes, Coefficients values) {
  for (std::size_t order = 1; order < kNodes; ++order)
    for (std::size_t i = kNodes - 1; i >= order; --i)
      values[i] = (values[i] - values[i - 1]) / (nodes[i] - nodes[i - order]);
  Coefficients powers{};
  for (std::size_t i = kNodes; i-- > 0;) {
    for (std::size_t k = kNodes - 1; k > 0; --k) powers[k] = powers[k - 1] - nodes[i] * powers[k];
    powers[0] = values[i] - nodes[i] * powers[0];
  }
  return powers;
}

double value_at(const Coefficients& coefficients, double t) {
  double value = 0;
  for (std::size_t k = kNodes; k-- > 0;) value = value * t + coefficients[k];
  return value;
}

class Cutter {
 public:
  Cutter(const Reference& reference, const std::vector<double>& bounds)
      : reference_(reference), bounds_(bounds), format_(format_of(Dtype::f32)),
        beyond_(power_of_two(format_.greatest_exponent + 1)), nodes_(chebyshev_nodes()) {}

  void cut(std::uint64_t first, std::uint64_t count) {
    if (count >= kLeast && !is_divided(first, count))
      if (const std::optional<Piece> piece = smooth(first, count)) {
        pieces_.push_back(*piece);
        return;
      }
    if (count < 2 * kLeast) {
      // Rough numbers next to others are one piece with them.
      if (!pieces_.empty() && pieces_.back().kind == Piece::Kind::rough)
        pieces_.back().count += count;
      else
        pieces_.push_back({Piece::Kind::rough, first, count});
      return;
    }
    cut(first, count / 2);
    cut(first + count / 2, count - count / 2);
  }
  [[nodiscard]] std::vector<Piece> take() { return std::move(pieces_); }

 private:
  struct Sample {
    Piece::Kind kind;
    double value;
    double error;
  };

  [[nodiscard]] bool is_divided(std::uint64_t first, std::uint64_t count) const {
    const double a = number_of(Dtype::f32, first);
    const double b = number_of(Dtype::f32, first + count - 1);
    const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), std::min(a, b));
    return bound != bounds_.end() && *bound <= std::max(a, b);
  }

  [[nodiscard]] double allowed(double least) const {
    return kInterpolationMargin * static_cast<double>(ulp_of(format_, least));
  }

  // By the first level where it is good enough.
  [[nodiscard]] Sample sample(double x) const {
    Estimate truth = reference_.first_level({&x, 1});
    const auto value = static_cast<double>(truth.value);
    const bool known =
        std::isfinite(truth.error) && (!std::isfinite(value) || truth.error <= allowed(value) / 8 ||
                                       std::abs(truth.value) - truth.error >= beyond_);
    if (!known) {
      const Result<Estimate> settled = reference_.second_level({&x, 1});
      if (!settled.ok()) return {Piece::Kind::rough, 0, 0};
      truth = *settled;
    }
    if (std::isnan(truth.value)) return {Piece::Kind::nan, 0, 0};
    if (std::abs(truth.value) >= beyond_)
      return {truth.value < 0 ? Piece::Kind::beyond_below : Piece::Kind::beyond_above, 0, 0};
    return {Piece::Kind::polynomial, static_cast<double>(truth.value),
            static_cast<double>(truth.error)};
  }

  // Nothing where the samples are not of one kind, or not on a polynomial.
  [[nodiscard]] std::optional<Piece> smooth(std::uint64_t first, std::uint64_t count) const {
    const double low = number_of(Dtype::f32, first);
    const double high = number_of(Dtype::f32, first + count - 1);
    const auto x_at = [&](double t) {
      if (t == -1 || t == 1) return t < 0 ? low : high;
      return low + (high - low) * (0.5 + t / 2);
    };
    Piece piece{sample(x_at(kTests[0])).kind, first, count};
    if (piece.kind == Piece::Kind::rough) return std::nullopt;
    Coefficients values{};
    double least = std::numeric_limits<double>::infinity();
    double largest_error = 0;
    const auto take = [&](double t, double& value) {
      const Sample found = sample(x_at(t));
      value = found.value;
      least = std::min(least, std::abs(found.value));
      largest_error = std::max(largest_error, found.error);
      return found.kind == piece.kind;
    };
    for (std::size_t i = 0; i < kNodes; ++i)
      if (!take(nodes_[i], values[i])) return std::nullopt;
    std::array<double, kTests.size()> tests{};
    for (std::size_t i = 0; i < kTests.size(); ++i)
      if (!take(kTests[i], tests[i])) return std::nullopt;
    if (piece.kind != Piece::Kind::polynomial) return piece;
    piece.coefficients = polynomial_through(nodes_, values);
    const double within = allowed(least);
    double rest = 0;
    for (std::size_t k = Piece::kFew; k < kNodes; ++k) rest += std::abs(piece.coefficients[k]);
    piece.few = rest <= within / 4;
    if (piece.few)
      std::fill(piece.coefficients.begin() + Piece::kFew, piece.coefficients.end(), 0.0);
    for (std::size_t i = 0; i < kTests.size(); ++i)
      if (!(std::abs(value_at(piece.coefficients, kTests[i]) - tests[i]) + 2 * largest_error <=
            within))
        return std::nullopt;
    return piece;
  }

  const Reference& reference_;
  const std::vector<double>& bounds_;
  Format format_;
  long double beyond_;
  std::array<double, kNodes> nodes_;
  std::vector<Piece> pieces_;
};

}  // namespace

std::vector<Piece> pieces_of(const Reference& reference, std::uint64_t first, std::uint64_t end,
                             const std::vector<double>& bounds) {
  Cutter cutter(reference, bounds);
  cutter.cut(first, end - first);
  return cutter.take();
}

}  // namespace sluice::accuracy
