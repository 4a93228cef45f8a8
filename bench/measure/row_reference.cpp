#include "bench/measure/row_reference.hpp"

#include <algorithm>
#include <cmath>

#include "bench/measure/row_loops.hpp"

namespace sluice::bench {
namespace {

using Wide = long double;

constexpr Wide kUnit = 0x1p-24L;
constexpr Wide kSmallest = 0x1p-149L;

Expected room_for(std::size_t count) {
  return {std::vector<double>(count), std::vector<double>(count)};
}

// The row's logits less their greatest, and the sum of their exponentials.
struct Normalized {
  std::vector<Wide> z;
  Wide sum = 0;
};

Normalized normalized(std::span<const float> x, const Lines& lines, std::size_t row,
                      Logits logits) {
  const std::size_t open = logits.causal ? row % lines.length + 1 : lines.length;
  Normalized found;
  for (std::size_t j = 0; j < open; ++j)
    found.z.push_back(Wide{x[row * lines.row_step + j * lines.element_step]} * logits.scale);
  const Wide greatest = *std::max_element(found.z.begin(), found.z.end());
  for (Wide& z : found.z) {
    z -= greatest;
    found.sum += std::exp(z);
  }
  return found;
}

// Of f32.
Wide ulp(Wide a) { return std::ldexp(Wide{1}, std::ilogb(a) - 23); }

}  // namespace

Expected expected_softmax(std::span<const float> x, const Lines& lines, Logits logits) {
  Expected expected = room_for(x.size());
  for (std::size_t i = 0; i < lines.count; ++i) {
    const Normalized row = normalized(x, lines, i, logits);
    for (std::size_t j = 0; j < row.z.size(); ++j) {
      const std::size_t at = i * lines.row_step + j * lines.element_step;
      const Wide y = std::exp(row.z[j]) / row.sum;
      expected.values[at] = static_cast<double>(y);
      expected.allowed[at] =
          static_cast<double>(std::max((10 - row.z[j]) * kUnit * y, 2 * kSmallest));
    }
  }
  return expected;
}

Expected expected_log_softmax(std::span<const float> x, const Lines& lines) {
  Expected expected = room_for(x.size());
  for (std::size_t i = 0; i < lines.count; ++i) {
    const Normalized row = normalized(x, lines, i, {});
    const Wide log_sum = std::log(row.sum);
    for (std::size_t j = 0; j < row.z.size(); ++j) {
      const std::size_t at = i * lines.row_step + j * lines.element_step;
      const Wide y = row.z[j] - log_sum;
      expected.values[at] = static_cast<double>(y);
      expected.allowed[at] =
          static_cast<double>(4 * ulp(std::max({-y, -row.z[j], log_sum, Wide{0.5}})));
    }
  }
  return expected;
}

Expected expected_softmax_gradient(std::span<const float> x, std::span<const float> dy,
                                   const Lines& lines) {
  Expected expected = room_for(x.size());
  for (std::size_t i = 0; i < lines.count; ++i) {
    const Normalized row = normalized(x, lines, i, {});
    const auto place = [&](std::size_t j) { return i * lines.row_step + j * lines.element_step; };
    Wide mean = 0;
    Wide size = 0;
    for (std::size_t j = 0; j < row.z.size(); ++j) {
      const Wide term = std::exp(row.z[j]) / row.sum * dy[place(j)];
      mean += term;
      size += std::abs(term);
    }
    for (std::size_t j = 0; j < row.z.size(); ++j) {
      const Wide y = std::exp(row.z[j]) / row.sum;
      const Wide g = dy[place(j)];
      expected.values[place(j)] = static_cast<double>(y * (g - mean));
      expected.allowed[place(j)] = static_cast<double>(
          std::max((32 - row.z[j]) * kUnit * y * (std::abs(g) + size), 2 * kSmallest));
    }
  }
  return expected;
}

Expected expected_rms_norm(std::span<const float> x, std::span<const float> weight,
                           const Lines& lines) {
  Expected expected = room_for(x.size());
  for (std::size_t i = 0; i < lines.count; ++i) {
    const float* row = x.data() + i * lines.row_step;
    Wide squares = 0;
    for (std::size_t j = 0; j < lines.length; ++j) squares += Wide{row[j]} * row[j];
    const Wide root = std::sqrt(squares / static_cast<Wide>(lines.length) + kRmsNormEps);
    for (std::size_t j = 0; j < lines.length; ++j) {
      const std::size_t at = i * lines.row_step + j;
      const Wide y = row[j] / root * weight[j];
      expected.values[at] = static_cast<double>(y);
      expected.allowed[at] = static_cast<double>(32 * kUnit * std::abs(y));
    }
  }
  return expected;
}

Expected expected_layer_norm(std::span<const float> x, std::span<const float> weight,
                             std::span<const float> bias, const Lines& lines) {
  Expected expected = room_for(x.size());
  const Wide count = static_cast<Wide>(lines.length);
  for (std::size_t i = 0; i < lines.count; ++i) {
    const float* row = x.data() + i * lines.row_step;
    Wide mean = 0;
    for (std::size_t j = 0; j < lines.length; ++j) mean += row[j] / count;
    Wide variance = 0;
    for (std::size_t j = 0; j < lines.length; ++j)
      variance += (row[j] - mean) * (row[j] - mean) / count;
    const Wide root = std::sqrt(variance + kLayerNormEps);
    for (std::size_t j = 0; j < lines.length; ++j) {
      const std::size_t at = i * lines.row_step + j;
      expected.values[at] = static_cast<double>((row[j] - mean) / root * weight[j] + bias[j]);
      const Wide terms = (std::abs(Wide{row[j]}) + std::abs(mean)) / root * std::abs(weight[j]);
      expected.allowed[at] = static_cast<double>(32 * kUnit * (terms + std::abs(bias[j])));
    }
  }
  return expected;
}

Expected expected_cross_entropy(std::span<const float> x, std::span<const std::int64_t> target,
                                const Lines& lines) {
  Expected expected = room_for(lines.count);
  for (std::size_t i = 0; i < lines.count; ++i) {
    const Normalized row = normalized(x, lines, i, {});
    const Wide own = -row.z[static_cast<std::size_t>(target[i])];
    const Wide log_sum = std::log(row.sum);
    expected.values[i] = static_cast<double>(own + log_sum);
    expected.allowed[i] = static_cast<double>((32 + own) * kUnit * (own + log_sum));
  }
  return expected;
}

Expected expected_cross_entropy_gradient(std::span<const float> x,
                                         std::span<const std::int64_t> target,
                                         std::span<const float> dloss, const Lines& lines) {
  Expected expected = room_for(x.size());
  for (std::size_t i = 0; i < lines.count; ++i) {
    const Normalized row = normalized(x, lines, i, {});
    for (std::size_t j = 0; j < row.z.size(); ++j) {
      const std::size_t at = i * lines.row_step + j;
      const Wide y = std::exp(row.z[j]) / row.sum;
      const Wide own = static_cast<std::size_t>(target[i]) == j ? 1 : 0;
      expected.values[at] = static_cast<double>(dloss[i] * (y - own));
      expected.allowed[at] = static_cast<double>(
          std::max((32 - row.z[j]) * kUnit * std::abs(dloss[i]) * (y + own), 2 * kSmallest));
    }
  }
  return expected;
}

double worst_error(const Expected& expected, std::span<const float> got) {
  double worst = 0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const double error = std::abs(double{got[i]} - expected.values[i]);
    if (std::isnan(error)) return HUGE_VAL;
    if (error > 0) worst = std::max(worst, error / expected.allowed[i]);
  }
  return worst;
}

}  // namespace sluice::bench
