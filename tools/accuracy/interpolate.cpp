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
template <std::size_t kCount>
std::array<double, kCount> polynomial_through(const std::array<double, kCount>& nodes,
                                              std::array<double, kCount> values) {
  for (std::size_t order = 1; order < kCount; ++order)
    for (std::size_t i = kCount - 1; i >= order; --i)
      values[i] = (values[i] - values[i - 1]) / (nodes[i] - nodes[i - order]);
  std::array<double, kCount> powers{};
  for (std::size_t i = kCount; i-- > 0;) {
    for (std::size_t k = kCount - 1; k > 0; --k) powers[k] = powers[k - 1] - nodes[i] * powers[k];
    powers[0] = values[i] - nodes[i] * powers[0];
  }
  return powers;
}

template <std::size_t kCount>
double value_at(const std::array<double, kCount>& coefficients, double t) {
  double value = 0;
  for (std::size_t k = kCount; k-- > 0;) value = value * t + coefficients[k];
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
    double value = 0;
    double error = 0;
    double term = 0;  // what the ulp belongs to: |value|, or a larger one

    [[nodiscard]] bool termed() const { return term > std::abs(value); }
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

  [[nodiscard]] static double term_of(const Estimate& truth) {
    return static_cast<double>(std::max(std::abs(truth.value), truth.largest_term));
  }

  // By the first level where it is good enough.
  [[nodiscard]] Sample sample(double x) const {
    Estimate truth = reference_.first_level({&x, 1});
    const auto value = static_cast<double>(truth.value);
    const bool known = std::isfinite(truth.error) &&
                       (!std::isfinite(value) || truth.error <= allowed(term_of(truth)) / 8 ||
                        std::abs(truth.value) - truth.error >= beyond_);
    if (!known) {
      const Result<Estimate> settled = reference_.second_level({&x, 1});
      if (!settled.ok()) return {Piece::Kind::rough};
      truth = *settled;
    }
    if (std::isnan(truth.value)) return {Piece::Kind::nan};
    if (std::abs(truth.value) >= beyond_)
      return {truth.value < 0 ? Piece::Kind::beyond_below : Piece::Kind::beyond_above};
    return {Piece::Kind::polynomial, static_cast<double>(truth.value),
            static_cast<double>(truth.error), term_of(truth)};
  }

  // At the nodes, then at the tests.
  static constexpr std::size_t kSamples = kNodes + kTests.size();
  using Samples = std::array<Sample, kSamples>;
  [[nodiscard]] double place(std::size_t sample) const {
    return sample < kNodes ? nodes_[sample] : kTests[sample - kNodes];
  }

  // Nothing where they are not of one kind.
  [[nodiscard]] std::optional<Samples> samples(std::uint64_t first, std::uint64_t count) const {
    const double low = number_of(Dtype::f32, first);
    const double high = number_of(Dtype::f32, first + count - 1);
    const auto x_at = [&](double t) {
      if (t == -1 || t == 1) return t < 0 ? low : high;
      return low + (high - low) * (0.5 + t / 2);
    };
    const Piece::Kind kind = sample(low).kind;
    if (kind == Piece::Kind::rough) return std::nullopt;
    Samples taken;
    for (std::size_t i = 0; i < kSamples; ++i) {
      taken[i] = sample(x_at(place(i)));
      if (taken[i].kind != kind) return std::nullopt;
    }
    return taken;
  }

  // Nothing where the samples are not on a polynomial.
  [[nodiscard]] std::optional<Piece> smooth(std::uint64_t first, std::uint64_t count) const {
    const std::optional<Samples> taken = samples(first, count);
    if (!taken) return std::nullopt;
    Piece piece{taken->front().kind, first, count};
    if (piece.kind == Piece::Kind::polynomial &&
        !(fit_value(piece, *taken) && fit_term(piece, *taken)))
      return std::nullopt;
    return piece;
  }

  // Whether a polynomial goes through the truth.
  [[nodiscard]] bool fit_value(Piece& piece, const Samples& taken) const {
    Coefficients values{};
    for (std::size_t i = 0; i < kNodes; ++i) values[i] = taken[i].value;
    piece.coefficients = polynomial_through(nodes_, values);
    double least = std::numeric_limits<double>::infinity();
    double error = 0;
    for (const Sample& sample : taken) {
      least = std::min(least, sample.term);
      error = std::max(error, sample.error);
    }
    const double within = allowed(least);
    double rest = 0;
    for (std::size_t k = Piece::kFew; k < kNodes; ++k) rest += std::abs(piece.coefficients[k]);
    piece.few = rest <= within / 4;
    if (piece.few)
      std::fill(piece.coefficients.begin() + Piece::kFew, piece.coefficients.end(), 0.0);
    for (std::size_t i = kNodes; i < kSamples; ++i)
      if (!(std::abs(value_at(piece.coefficients, place(i)) - taken[i].value) + 2 * error <=
            within))
        return false;
    return true;
  }

  // Whether a parabola goes through the largest term, where one is above the truth.
  [[nodiscard]] bool fit_term(Piece& piece, const Samples& taken) const {
    piece.termed =
        std::any_of(taken.begin(), taken.end(), [](const Sample& s) { return s.termed(); });
    if (!piece.termed) return true;
    constexpr std::array<std::size_t, Piece::kFew> kThrough{0, kNodes / 2, kNodes - 1};
    std::array<double, Piece::kFew> places{};
    std::array<double, Piece::kFew> terms{};
    for (std::size_t k = 0; k < Piece::kFew; ++k) {
      places[k] = nodes_[kThrough[k]];
      terms[k] = taken[kThrough[k]].term;
    }
    piece.term = polynomial_through(places, terms);
    const double least_normal = static_cast<double>(power_of_two(format_.least_exponent));
    double most = 0;  // that it is off by: a constant has an ulp of its own at a power of two
    for (std::size_t i = 0; i < kSamples; ++i) {
      const double within = kTermMargin * std::max(taken[i].term, least_normal);
      const double off = std::abs(value_at(piece.term, place(i)) - taken[i].term);
      if (!(off <= within)) return false;
      most = std::max(most, off);
    }
    piece.term[0] -= 2 * most;
    return true;
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
