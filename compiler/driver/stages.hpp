// The steps of the spine as values that can be chained or stopped after: each takes what the one
// before it gives.
#pragma once

#include <string>
#include <vector>

#include <sluice/status.hpp>

#include "compiler/driver/request.hpp"
#include "compiler/ir/graph.hpp"
#include "compiler/rewrite/low_words.hpp"
#include "compiler/schedule/element_program.hpp"
#include "compiler/schedule/row_program.hpp"

namespace sluice::driver {

[[nodiscard]] Result<ir::Graph> lower(const Request& request);

// To stable forms; the exact rules alone for an @exact function.
struct Stabilize {
  bool exact;
  std::vector<std::string>& fired;
  Result<ir::Graph> operator()(const ir::Graph& graph) const;
};
[[nodiscard]] Stabilize stabilize(const Request& request, std::vector<std::string>& fired);

// To the outputs or gradients that the request's operands ask for.
struct Differentiate {
  const Request& request;
  Result<ir::Graph> operator()(const ir::Graph& graph) const;
};

// Where the request saves the output, the gradient as a function of it. `invalid_argument` where it
// cannot be written so.
struct ReadOutput {
  const Request& request;
  Result<ir::Graph> operator()(const ir::Graph& graph) const;
};

// What a request's results may be off by before they are stored, as compiler/numerics/grade.hpp has
// bounds: what its grade allows or what all types of an elementwise function's results do,
// whichever is more. 0: nothing but what the definitions promise.
[[nodiscard]] double allowed_error(const Request& request);

// What rounding takes away is carried where the results would feel it; not in an @exact function.
struct Compensate {
  bool exact;
  std::vector<std::string>& fired;
  rewrite::LowWords carried;
  Result<ir::Graph> operator()(const ir::Graph& graph) const;
};
[[nodiscard]] Compensate compensate(const Request& request, std::vector<std::string>& fired);

// Primitives become machine ops, then parameters are baked.
struct Expand {
  const Request& request;
  Result<ir::Graph> operator()(const ir::Graph& graph) const;
};

// Gradients are added to what their buffers hold: further inputs of the graph, in the order of the
// gradients.
struct Accumulate {
  const Request& request;
  Result<ir::Graph> operator()(const ir::Graph& graph) const;
};

// Operands of 8 bits and bools become integers at the graph's edges.
struct Quantize {
  const Request& request;
  Result<ir::Graph> operator()(const ir::Graph& graph) const;
};

struct Schedule {
  const Request& request;
  Result<schedule::ElementProgram> operator()(const ir::Graph& graph) const;
};

struct ScheduleRows {
  const Request& request;
  Result<schedule::RowProgram> operator()(const ir::Graph& graph) const;
};

// "gelu.backward.f32"
[[nodiscard]] std::string kernel_name(const Request& request);

}  // namespace sluice::driver
