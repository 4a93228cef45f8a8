#include "compiler/driver/warnings.hpp"

#include <cmath>
#include <optional>
#include <vector>

#include "compiler/driver/stages.hpp"
#include "compiler/rewrite/intervals.hpp"

namespace sluice::driver {
namespace {

constexpr double kLargest = 3.4028234663852886e38;  // of f32

// The least argument at which the function passes the largest f32.
std::optional<double> overflow_from(ir::Op op) {
  if (op == ir::Op::exp || op == ir::Op::expm1) return std::log(kLargest);
  if (op == ir::Op::exp2) return 128;
  return std::nullopt;
}

Request forward_request(const dsl::Program& program, dsl::FunctionId id) {
  Request request;
  request.program = &program;
  request.function = id;
  const dsl::FunctionDef& function = program.function(id);
  for (std::uint32_t i = 0; i < function.inputs.size(); ++i)
    request.operands.push_back({Role::input, i, Dtype::f32, ir::Extent::element});
  for (const dsl::Parameter& param : function.parameters)
    request.params.push_back({param.default_value, true});
  return request;
}

std::optional<Diagnostic> overflow(const dsl::Program& program, dsl::FunctionId id) {
  const dsl::FunctionDef& function = program.function(id);
  const Request request = forward_request(program, id);
  std::vector<std::string> fired;
  const Result<ir::Graph> graph = lower(request).and_then(stabilize(request, fired));
  if (!graph.ok()) return std::nullopt;
  const dsl::Interval domain = *function.attributes.domain;
  const std::vector<rewrite::Interval> inputs(graph->inputs().size(), {domain.low, domain.high});
  const std::vector<rewrite::Interval> known = rewrite::intervals(*graph, inputs);
  for (const ir::ValueId value : graph->live()) {
    const ir::Node& node = (*graph)[value];
    const std::optional<double> from = overflow_from(node.op);
    if (!from || known[node.operand(0).index].high <= *from) continue;
    return Diagnostic{Severity::warning, function.place,
                      "an " + std::string(ir::name(node.op)) + " in '" + function.name +
                          "' overflows f32 within the declared domain",
                      "narrow @domain, or write the formula so that the exponent stays below " +
                          std::to_string(static_cast<int>(*from)),
                      Status::invalid_source};
  }
  return std::nullopt;
}

}  // namespace

std::string warnings(const dsl::Program& program) {
  std::string text;
  for (std::size_t i = program.first_own(); i < program.size(); ++i) {
    const auto id = static_cast<dsl::FunctionId>(i);
    const dsl::FunctionDef& function = program.function(id);
    if (!function.attributes.domain || function.row_wise || function.is_builtin) continue;
    if (const std::optional<Diagnostic> found = overflow(program, id))
      text += render(*found, program.source(function.place.file));
  }
  return text;
}

}  // namespace sluice::driver
