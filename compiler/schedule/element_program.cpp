// Scheduling of an elementwise graph: what is computed once a call, what is computed for each
// vector and in which order, and from which size on outputs go past the cache.
#include "compiler/schedule/element_program.hpp"

#include <charconv>
#include <span>
#include <utility>

#include "compiler/ir/scalar.hpp"
#include "compiler/schedule/arms.hpp"
#include "compiler/schedule/byte_map.hpp"
#include "compiler/schedule/order.hpp"

namespace sluice::schedule {
namespace {

using ir::Elem;
using ir::Extent;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// Streaming stores gain nothing while the outputs stay in the second-level cache, and lose their
// later reader's hits; measured on a core with 2 MiB of it (bench/), they win from about 4 MiB of
// traffic up.
constexpr std::size_t kStreamBytes = std::size_t{4} << 20;

bool is_leaf(const Node& node) { return ir::info(node.op).op_class == ir::OpClass::leaf; }

// Bytes that one element of the program moves.
std::size_t bytes_per_element(const ElementProgram& program) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < program.input_dtypes.size(); ++i)
    if (program.graph.inputs()[i].type.extent != Extent::scalar)
      bytes += size_of(program.input_dtypes[i]);
  for (const Dtype dtype : program.output_dtypes) bytes += size_of(dtype);
  return bytes;
}

void append_number(std::string& text, const Graph& graph, ValueId id) {
  const Node& node = graph[id];
  if (node.type.elem == Elem::boolean) {
    text.append(node.payload != 0 ? "true" : "false");
    return;
  }
  char digits[32];
  const double value = ir::decode(node.type.elem, node.payload);
  const auto end = node.type.elem == Elem::f32
                       ? std::to_chars(digits, digits + sizeof digits, static_cast<float>(value))
                       : std::to_chars(digits, digits + sizeof digits, value);
  text.append(digits, end.ptr);
}

void append_operand(std::string& text, const Graph& graph, ValueId id) {
  const Node& node = graph[id];
  if (node.op == Op::constant) return append_number(text, graph, id);
  if (node.op == Op::input) {
    text.append(graph.inputs()[node.payload].name);
  } else if (node.op == Op::param) {
    text.append(graph.params()[node.payload].name);
  } else if (is_leaf(node)) {
    text.append(ir::name(node.op));
  } else {
    text.append("%").append(std::to_string(id.index));
  }
}

void append_step(std::string& text, const Graph& graph, ValueId id) {
  const Node& node = graph[id];
  text.append("%").append(std::to_string(id.index)).append(" = ").append(ir::name(node.op));
  if (node.op == Op::lookup) text.append(" ").append(graph.tables()[node.payload].name);
  const char* separator = " ";
  for (const ValueId operand : node.args()) {
    text.append(separator);
    append_operand(text, graph, operand);
    separator = ", ";
  }
  text.append(" : ").append(ir::name(node.type.elem));
}

void append_steps(std::string& text, const Graph& graph, std::string_view title,
                  const std::vector<ValueId>& steps, std::span<const Arm> arms = {}) {
  if (steps.empty()) return;
  text.append(title).append(":\n");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    while (!arms.empty() && arms.front().end <= i) arms = arms.subspan(1);
    const bool in_arm = !arms.empty() && arms.front().begin <= i;
    if (in_arm && arms.front().begin == i) {
      text.append("  if any ");
      append_operand(text, graph, arms.front().condition);
      text.append(":\n");
    }
    text.append(in_arm ? "    " : "  ");
    append_step(text, graph, steps[i]);
    text.append("\n");
  }
}

}  // namespace

bool is_storage_of(Dtype dtype, ir::Elem elem) {
  switch (elem) {
    case ir::Elem::f32: return dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16;
    case ir::Elem::f64: return dtype == Dtype::f64 || dtype == Dtype::f16 || dtype == Dtype::bf16;
    case ir::Elem::i32: return dtype == Dtype::i32 || is_quantised(dtype);
    case ir::Elem::i64: return dtype == Dtype::i64 || is_quantised(dtype);
    case ir::Elem::boolean: return false;
  }
  return false;
}

Dtype lane_dtype(ir::Elem elem) {
  switch (elem) {
    case ir::Elem::f32: return Dtype::f32;
    case ir::Elem::f64: return Dtype::f64;
    case ir::Elem::i32: return Dtype::i32;
    case ir::Elem::i64: return Dtype::i64;
    case ir::Elem::boolean: break;
  }
  return Dtype::u8;
}

ElementProgram schedule_elements(std::string name, Graph graph, std::vector<Dtype> input_dtypes,
                                 std::vector<Dtype> output_dtypes,
                                 std::vector<std::uint32_t> accumulated) {
  ElementProgram program{std::move(name),
                         std::move(graph),
                         std::move(input_dtypes),
                         std::move(output_dtypes),
                         std::move(accumulated),
                         {},
                         {},
                         {},
                         0};
  const Graph& ordered = program.graph;
  std::vector<ValueId> body;
  for (const ValueId id : ordered.live()) {
    const Node& node = ordered[id];
    if (is_leaf(node)) continue;
    (node.type.extent == Extent::scalar ? program.uniform : body).push_back(id);
  }
  std::vector<ValueId> wanted;
  for (const ir::GraphOutput& output : ordered.outputs()) wanted.push_back(output.value);
  program.body = order_for_registers(ordered, body, wanted);
  program.arms = gather_arms(ordered, program.body);
  const std::size_t bytes = bytes_per_element(program);
  // What is read just before it is written is in the cache already.
  if (bytes != 0 && program.accumulated.empty())
    program.stream_from = static_cast<std::int64_t>(kStreamBytes / bytes);
  return program;
}

std::string to_string(const Graph& graph, ValueId step) {
  std::string text;
  append_step(text, graph, step);
  return text;
}

std::string operand_text(const Graph& graph, ValueId value) {
  std::string text;
  append_operand(text, graph, value);
  return text;
}

std::string to_string(const ElementProgram& program) {
  const Graph& graph = program.graph;
  std::string text = program.name;
  text.append("\n");
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    const ir::GraphInput& input = graph.inputs()[i];
    text.append("input ")
        .append(input.name)
        .append(": ")
        .append(sluice::name(program.input_dtypes[i]));
    text.append(" ").append(ir::name(input.type.extent));
    if (i >= program.sources()) text.append(" as the output's buffer holds it");
    text.append("\n");
  }
  for (const ir::GraphParam& param : graph.params())
    if (!param.baked) text.append("param ").append(param.name).append("\n");
  append_steps(text, graph, "once", program.uniform);
  append_steps(text, graph, "each vector", program.body, program.arms);
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const ir::GraphOutput& output = graph.outputs()[i];
    text.append("output ")
        .append(output.name)
        .append(": ")
        .append(sluice::name(program.output_dtypes[i]));
    text.append(" = ");
    append_operand(text, graph, output.value);
    text.append("\n");
  }
  if (maps_bytes(program)) text.append("in machine code by a table of 256 entries\n");
  if (program.stream_from != 0)
    text.append("streamed from ").append(std::to_string(program.stream_from)).append(" elements\n");
  return text;
}

}  // namespace sluice::schedule
