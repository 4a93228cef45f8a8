// The derivative rules of rules.def as a function.
#pragma once

#include <array>
#include <optional>

#include "compiler/ir/expr.hpp"

namespace sluice::autodiff {

// The partial derivatives of an operation by its first three operands; nothing where an operand
// has no gradient.
using Slopes = std::array<std::optional<ir::Expr>, 3>;

[[nodiscard]] Slopes slopes(ir::Expr y);

}  // namespace sluice::autodiff
