// Lowering: a checked function and all it calls become one graph over its inputs and parameters.
//
// Calls are inlined. Literals and literal-only expressions are evaluated in f64 and rounded once to
// the compute type; integers known from int parameters and literals are evaluated here, those of
// positions and index inputs are lanes of the graph. Parameters stay parameters, baked ones too, so
// that later steps cannot look at their values.
#pragma once

#include <optional>
#include <span>

#include <sluice/status.hpp>

#include "compiler/ir/graph.hpp"
#include "dsl/program.hpp"

namespace sluice::lower {

// How one input of the function reaches the graph: as an operand of this extent, or, with no
// extent, left out, when its default stands in for it as a baked parameter of the same name does.
struct InputBinding {
  std::optional<ir::Extent> extent;
};

struct ParameterBinding {
  double value = 0;
  bool baked = true;
};

struct Bindings {
  ir::Elem compute = ir::Elem::f32;
  std::span<const InputBinding> inputs;      // one each of the function's
  std::span<const ParameterBinding> params;  // one each of the function's
};

// The graph's inputs are the operands in order, its parameters the number parameters in order and
// then the inputs left out, its outputs the function's. Errors: `unsupported` for a threshold
// whose alpha is not known, `limit_exceeded` when inlining passes the limit on nodes.
[[nodiscard]] Result<ir::Graph> lower(const dsl::Program& program, dsl::FunctionId function,
                                      const Bindings& bindings);

// Nodes a graph may have after inlining.
inline constexpr std::size_t kMaxNodes = 100'000;

}  // namespace sluice::lower
