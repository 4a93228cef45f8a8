#include "tools/accuracy/rows.hpp"

#include <algorithm>
#include <random>

namespace sluice::accuracy {
namespace {

// How far the dominant element stands above the others: far enough for its type to take their sum
// for nothing.
constexpr double kDominant = 60;

}  // namespace

std::string_view name(RowKind kind) {
  switch (kind) {
    case RowKind::normal: return "N(0, 1)";
    case RowKind::wide: return "N(0, 25^2)";
    case RowKind::equal: return "all equal";
    case RowKind::dominant: return "one dominant";
    case RowKind::ascending: return "ascending";
    case RowKind::descending: return "descending";
  }
  return {};
}

std::vector<double> normals(std::size_t width, std::uint32_t seed) {
  std::mt19937 bits(seed);
  std::normal_distribution<double> normal;
  std::vector<double> row(width);
  for (double& x : row) x = normal(bits);
  return row;
}

std::vector<double> row_of(RowKind kind, std::size_t width, std::uint32_t seed) {
  std::vector<double> row = normals(width, static_cast<std::uint32_t>(width) + seed);
  if (kind == RowKind::wide)
    for (double& x : row) x *= 25;
  if (kind == RowKind::equal) std::fill(row.begin(), row.end(), 1.7);
  if (kind == RowKind::dominant) row[width / 3] = kDominant;
  if (kind == RowKind::ascending || kind == RowKind::descending)
    for (std::size_t i = 0; i < width; ++i)
      row[kind == RowKind::ascending ? i : width - 1 - i] =
          -20 + 40 * static_cast<double>(i) / static_cast<double>(width);
  return row;
}

}  // namespace sluice::accuracy
