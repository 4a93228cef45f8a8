// Where the truth changes its sign, and what error the contract allows there (numerics.md, zero
// crossings).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "tools/accuracy/reference.hpp"

namespace sluice::accuracy {

// Where the truth changes sign at z != 0, errors for |x - z| <= half_width count against 16 ulps of
// the largest magnitude there.
struct ZeroCrossing {
  double zero;
  double half_width;
  long double allowed;
};

// Found by where they are: a waving function has hundreds, and each point is looked up.
class Crossings {
 public:
  Crossings() = default;
  explicit Crossings(std::vector<ZeroCrossing> crossings);

  // The one that x lies at; null: none.
  [[nodiscard]] const ZeroCrossing* at(double x) const;
  // Valid until the next.
  const ZeroCrossing* add(const ZeroCrossing& crossing);
  // By their zeros.
  [[nodiscard]] const std::vector<ZeroCrossing>& sorted() const { return sorted_; }

 private:
  std::vector<ZeroCrossing> sorted_;
};

// Those of a subject with one input, as far as a grid from 2^-20 to 2^10 shows them; none for one
// with several.
[[nodiscard]] std::vector<ZeroCrossing> zero_crossings(const Reference& reference);

// The one that a point lies at, the truth being a function of one of its inputs alone; as far out
// and as close to the next as it may be.
[[nodiscard]] std::optional<ZeroCrossing>
crossing_near(const Reference& reference, std::span<const double> point, std::size_t input);

}  // namespace sluice::accuracy
