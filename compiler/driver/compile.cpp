// The spine: what a request goes through, from text to a scheduled program.
#include "compiler/driver/compile.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "compiler/autodiff/differentiate.hpp"
#include "compiler/driver/stages.hpp"
#include "compiler/driver/tabulate.hpp"
#include "compiler/ir/mapping.hpp"
#include "compiler/lower/lower.hpp"
#include "compiler/numerics/expand.hpp"
#include "compiler/numerics/quantize.hpp"
#include "compiler/rewrite/index_reads.hpp"
#include "compiler/rewrite/low_words.hpp"
#include "compiler/rewrite/saved_output.hpp"
#include "compiler/rewrite/stabilize.hpp"
#include "compiler/rewrite/vanishing.hpp"
#if SLUICE_HAVE_X64
#include "compiler/backend/x64/emit.hpp"
#endif

namespace sluice::driver {
namespace {

bool has_role(const Request& request, Role role, std::size_t index) {
  return std::any_of(request.operands.begin(), request.operands.end(), [&](const Operand& operand) {
    return operand.role == role && operand.index == index;
  });
}

const dsl::FunctionDef& function(const Request& request) {
  return request.program->function(request.function);
}

ir::Extent extent_of_input(const Request& request, std::uint32_t index) {
  for (const Operand& operand : request.operands)
    if (operand.role == Role::input && operand.index == index) return operand.extent;
  return ir::Extent::element;  // read from the saved output
}

}  // namespace

Result<ir::Graph> lower(const Request& request) {
  const dsl::FunctionDef& definition = function(request);
  std::vector<lower::InputBinding> inputs(definition.inputs.size());
  lower::Bindings bindings;
  for (const Operand& operand : request.operands) {
    if (!is_primal(operand.role)) continue;
    if (operand.dtype == Dtype::f64) bindings.compute = ir::Elem::f64;
    if (operand.role == Role::input)
      inputs[operand.index].extent = operand.extent;
    else
      inputs.front().extent = operand.extent;  // stands in the output's place until it is read
  }
  std::vector<lower::ParameterBinding> params;
  for (const Parameter& param : request.params) params.push_back({param.value, param.baked});
  bindings.inputs = inputs;
  bindings.params = params;
  return lower::lower(*request.program, request.function, bindings);
}

Stabilize stabilize(const Request& request, std::vector<std::string>& fired) {
  return {function(request).attributes.exact, fired};
}

Result<ir::Graph> Stabilize::operator()(const ir::Graph& graph) const {
  return exact ? rewrite::simplify_exact(graph) : rewrite::stabilize(graph, fired);
}

Result<ir::Graph> Differentiate::operator()(const ir::Graph& graph) const {
  const dsl::FunctionDef& definition = function(request);
  const Result<ir::Graph> resolved = autodiff::resolve_derivatives(graph);
  if (!resolved) return resolved.error();
  std::vector<std::uint32_t> reads;
  for (const Operand& operand : request.operands)
    if (operand.role == Role::index_read) reads.push_back(operand.index);
  if (!reads.empty()) return rewrite::index_reads(*resolved, reads);
  if (request.pass == Pass::forward) {
    ir::Graph wanted = resolved->without_outputs();
    for (std::uint32_t i = 0; i < definition.outputs.size(); ++i)
      if (has_role(request, Role::output, i))
        wanted.add_output(resolved->outputs()[i].name, resolved->outputs()[i].value);
    return wanted;
  }
  autodiff::BackwardRequest backward;
  backward.gradients.resize(definition.outputs.size());
  backward.keep_output.resize(definition.outputs.size(), false);
  for (const Operand& operand : request.operands) {
    if (operand.role == Role::output_gradient) backward.gradients[operand.index] = operand.extent;
    if (operand.role == Role::output || operand.role == Role::saved_output)
      backward.keep_output[operand.index] = true;
    if (operand.role == Role::input_gradient)
      backward.wrt.push_back(definition.inputs[operand.index].name);
    if (operand.role == Role::parameter_gradient)
      backward.wrt.push_back(definition.parameters[operand.index].name);
  }
  return autodiff::backward(*resolved, backward);
}

Result<ir::Graph> ReadOutput::operator()(const ir::Graph& graph) const {
  const bool saved = std::any_of(request.operands.begin(), request.operands.end(),
                                 [](auto& each) { return each.role == Role::saved_output; });
  if (!saved) return graph;
  if (auto read = rewrite::read_output(graph)) return std::move(*read);
  const dsl::FunctionDef& definition = function(request);
  return Error{Status::invalid_argument,
               "the derivative of '" + definition.name + "' with these parameters can't be " +
                   "written in its output '" + definition.outputs.front().name +
                   "' alone: read the input instead"};
}

double allowed_error(const Request& request) {
  double stored = std::numeric_limits<double>::infinity();
  for (const Operand& operand : request.operands)
    if (!is_source(operand.role)) stored = std::min(stored, numerics::storage_bound(operand.dtype));
  return std::max(numerics::info(request.grade).bound, request.row ? 0 : stored);
}

Compensate compensate(const Request& request, std::vector<std::string>& fired) {
  const bool coarse = allowed_error(request) >= numerics::storage_bound(Dtype::f16);
  return {function(request).attributes.exact, fired,
          coarse ? rewrite::LowWords::where_unbounded : rewrite::LowWords::everywhere};
}

Result<ir::Graph> Compensate::operator()(const ir::Graph& graph) const {
  if (exact) return graph;
  return rewrite::with_low_words(rewrite::with_vanishing_products(graph), fired, carried);
}

namespace {

// The least magnitude that @range leaves to each of a graph's parameters.
std::vector<double> least_magnitudes(const Request& request, const ir::Graph& graph) {
  const dsl::FunctionDef& definition = function(request);
  std::vector<double> least(graph.params().size(), 0);
  for (const dsl::Range& range : definition.attributes.ranges)
    for (std::size_t i = 0; i < least.size(); ++i)
      if (range.of_parameter && graph.params()[i].name == definition.parameters[range.target].name)
        least[i] = std::max({0.0, range.low, -range.high});
  return least;
}

}  // namespace

Result<ir::Graph> Expand::operator()(const ir::Graph& graph) const {
  // In this order, so that no expansion can see a parameter's value: baked and passed ones give the
  // same bits.
  const Result<ir::Graph> expanded = numerics::expand(
      graph, allowed_error(request), least_magnitudes(request, graph), request.family);
  if (!expanded) return expanded.error();
  return rewrite::simplify_exact(rewrite::bake(*expanded));
}

// After expansion, so that the gradient has the bits that it has by itself.
Result<ir::Graph> Accumulate::operator()(const ir::Graph& graph) const {
  if (!request.accumulate) return graph;
  ir::Graph result = graph.empty_copy();
  ir::Mapping mapping(graph, result);
  for (const ir::ValueId id : graph.live()) mapping.copy(id);
  std::size_t output = 0;
  for (const Operand& operand : request.operands) {
    if (is_source(operand.role)) continue;
    const auto& [name, value] = graph.outputs()[output++];
    ir::ValueId sum = mapping[value];
    if (operand.role == Role::input_gradient) {
      const ir::Extent extent = extent_of_input(request, operand.index);
      const ir::ValueId held = result.add_input(name, {graph.compute(), extent});
      sum = result.add(ir::Op::add, {held, sum});
    }
    result.add_output(name, sum);
  }
  return result;
}

namespace {

// The operands behind the inputs and the outputs of the graph that is scheduled, in order.
struct Edges {
  std::vector<const Operand*> inputs;
  std::vector<const Operand*> outputs;
  std::vector<std::uint32_t> accumulated;
};

Edges edges(const Request& request) {
  Edges edges;
  for (const Operand& operand : request.operands)
    (is_source(operand.role) ? edges.inputs : edges.outputs).push_back(&operand);
  for (std::size_t i = 0; request.accumulate && i < edges.outputs.size(); ++i) {
    if (edges.outputs[i]->role != Role::input_gradient) continue;
    edges.inputs.push_back(edges.outputs[i]);
    edges.accumulated.push_back(static_cast<std::uint32_t>(i));
  }
  return edges;
}

}  // namespace

Result<ir::Graph> Quantize::operator()(const ir::Graph& graph) const {
  const auto types_of = [](const std::vector<const Operand*>& operands) {
    std::vector<std::optional<numerics::QuantisedType>> types;
    for (const Operand* operand : operands) {
      types.emplace_back();
      if (is_quantised(operand->dtype)) types.back() = {operand->dtype, operand->quantisation};
    }
    return types;
  };
  const Edges at = edges(request);
  return numerics::quantize(graph, types_of(at.inputs), types_of(at.outputs));
}

namespace {

// A bool is a byte.
std::vector<Dtype> dtypes_of(const std::vector<const Operand*>& operands) {
  std::vector<Dtype> dtypes;
  for (const Operand* operand : operands)
    dtypes.push_back(operand->dtype == Dtype::boolean ? Dtype::u8 : operand->dtype);
  return dtypes;
}

}  // namespace

Result<schedule::ElementProgram> Schedule::operator()(const ir::Graph& graph) const {
  const Edges at = edges(request);
  return schedule::schedule_elements(kernel_name(request), rewrite::simplify_exact(graph),
                                     dtypes_of(at.inputs), dtypes_of(at.outputs), at.accumulated);
}

Result<schedule::RowProgram> ScheduleRows::operator()(const ir::Graph& graph) const {
  const Edges at = edges(request);
  const ir::Graph cut = request.row->one_block  ? schedule::without_merges(graph)
                        : request.row->streamed ? schedule::without_row_ends(graph)
                                                : graph;
  schedule::RowProgram program{kernel_name(request),
                               rewrite::simplify_exact(cut),
                               dtypes_of(at.inputs),
                               dtypes_of(at.outputs),
                               at.accumulated,
                               {},
                               request.row->one_block,
                               {},
                               {}};
  program.streamed = request.row->streamed;
  const dsl::FunctionDef& definition = function(request);
  for (const Operand* output : at.outputs) {
    const bool gradient = output->role == Role::input_gradient;
    program.row_outputs.push_back(
        output->role == Role::parameter_gradient || output->role == Role::index_read ||
        (gradient ? extent_of_input(request, output->index) != ir::Extent::element
                  : definition.outputs[output->index].extent != dsl::Extent::element));
  }
  return schedule::schedule_rows(std::move(program));
}

std::string kernel_name(const Request& request) {
  const bool wide =
      std::any_of(request.operands.begin(), request.operands.end(), [](const Operand& operand) {
        return is_primal(operand.role) && operand.dtype == Dtype::f64;
      });
  return function(request).name + "." + std::string(name(request.pass)) + (wide ? ".f64" : ".f32");
}

namespace {

Result<ir::Graph> machine_graph(const Request& request, std::vector<std::string>& fired) {
  return lower(request)
      .and_then(stabilize(request, fired))
      .and_then(Differentiate{request})
      .and_then(stabilize(request, fired))
      .and_then(ReadOutput{request})
      .and_then(compensate(request, fired))
      .and_then(Expand{request})
      .and_then(Accumulate{request})
      .and_then(Quantize{request});
}

}  // namespace

Result<Compiled> compile(const Request& request) {
  std::vector<std::string> fired;
  auto program = machine_graph(request, fired).and_then(Schedule{request});
  if (!program.ok()) return program.error();
  return Compiled{std::move(program).value(), std::move(fired)};
}

Result<CompiledRows> compile_rows(const Request& request) {
  std::vector<std::string> fired;
  auto program = machine_graph(request, fired).and_then(ScheduleRows{request});
  if (!program.ok()) return program.error();
  return CompiledRows{std::move(program).value(), std::move(fired)};
}

#if SLUICE_HAVE_X64
namespace {

// "gelu.forward.f32.v4[n]": the program, the level, what buffers hold.
Result<object::CodeObject> named(Result<object::CodeObject> code, const std::string& program,
                                 const Target& target, const std::string& form) {
  if (code.ok()) code->name = program + (target.level == Level::x86_64_v4 ? ".v4" : ".v3") + form;
  return code;
}

// n rows of so many columns, or of m, or m columns of n rows.
std::string form_of(std::int64_t columns, bool across) {
  if (across) return "[m,n]";
  return columns == 0 ? "[n,m]" : "[n," + std::to_string(columns) + "]";
}

}  // namespace
#endif

Result<object::CodeObject> emit(const schedule::ElementProgram& program, const Target& target) {
#if SLUICE_HAVE_X64
  if (target.level != Level::interpreter) {
    auto code = !schedule::maps_bytes(program)
                    ? x64::emit(program, target)
                    : tabulate(program).and_then(
                          [&](const schedule::ByteMap& map) { return x64::emit(map, target); });
    return named(std::move(code), program.name, target, "[n]");
  }
#endif
  return Error{Status::unavailable, "this build has no code generator for " + to_string(target) +
                                        ": kernels of " + program.name + " run in the interpreter"};
}

Result<object::CodeObject> emit(const schedule::RowProgram& program, const RowShape& shape,
                                const Target& target) {
#if SLUICE_HAVE_X64
  if (target.level != Level::interpreter) {
    std::int64_t columns = shape.columns;
    auto code = x64::emit(program, {columns, shape.across}, target);
    if (!code.ok() && columns != 0) code = x64::emit(program, {columns = 0, shape.across}, target);
    return named(std::move(code), program.name, target, form_of(columns, shape.across));
  }
#else
  static_cast<void>(shape);
#endif
  return Error{Status::unavailable, "this build has no code generator for " + to_string(target) +
                                        ": kernels of " + program.name + " run in the interpreter"};
}

// Measured on Emerald Rapids (bench/bench_rows.cpp): rows of so many vectors are as fast in
// registers, with what does not fit in the frame, as in sweeps; shorter ones faster.
std::int64_t exact_columns(std::int64_t columns, const Target& target) {
  const std::int64_t longest = target.level == Level::x86_64_v4   ? 1024
                               : target.level == Level::x86_64_v3 ? 512
                                                                  : 0;
  return columns <= longest ? columns : 0;
}

}  // namespace sluice::driver
