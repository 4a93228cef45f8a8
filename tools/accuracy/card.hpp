// The card of a function of one input: what a user wants to know of an activation at a glance.
//
// Read from the kernel's values and derivatives on a grid of the numbers of its type (f64: of f32),
// a hundred thousand or more of them, with the places of extremes and of changes searched between.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <sluice/status.hpp>

#include "tools/accuracy/tape.hpp"

namespace sluice::accuracy {

struct At {
  double value = 0;
  double x = 0;
};
struct Stretch {
  double from = 0;
  double to = 0;
};

enum class Trend : std::uint8_t { increasing, decreasing, constant, neither };

struct Card {
  double at_zero = 0;         // f(0)
  double slope_at_zero = 0;   // f'(0)
  At least, greatest;         // of f; infinite values included
  double mean = 0;            // of f(x), x from N(0, 1)
  bool zero_centred = false;  // that mean is below a hundredth of the root of f^2's
  Trend monotonic = Trend::neither;
  std::vector<double> turns;  // where the derivative changes its sign; the first few
  At steepest;                // the Lipschitz constant and where; infinite where it is unbounded
  // From here on to the infinity f does not change.
  std::optional<At> saturated_below, saturated_above;
  std::vector<Stretch> dead;  // where the derivative is 0; the first few
};

// `subject` is a value of one input. Errors: those of compiling.
[[nodiscard]] Result<Card> card_of(const Subject& subject);

}  // namespace sluice::accuracy
