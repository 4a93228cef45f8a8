#include "compiler/ir/graph.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "support/hash.hpp"

namespace sluice::ir {
namespace {

Elem result_elem(const Graph& graph, Op op, std::span<const ValueId> operands) {
  switch (info(op).rule) {
    case TypeRule::leaf: return graph.compute();
    case TypeRule::number: return graph.compute();
    case TypeRule::integer: return integer_of(graph.compute());
    case TypeRule::compare:
    case TypeRule::int_compare:
    case TypeRule::logic: return Elem::boolean;
    case TypeRule::select: return graph[operands[1]].type.elem;
    case TypeRule::to_integer: return integer_of(graph.compute());
    case TypeRule::to_number:
    case TypeRule::element_at: return graph.compute();
  }
  return graph.compute();
}

// Operands that a node has not are none in all nodes.
std::size_t hash_of(const Node& node) {
  static_assert(kMaxArity == 6);
  const auto both = [&node](std::size_t i) {
    return std::uint64_t{node.operands[i].index} << 32 | node.operands[i + 1].index;
  };
  const std::uint64_t words[] = {static_cast<std::uint64_t>(node.op) |
                                     static_cast<std::uint64_t>(node.type.elem) << 8 |
                                     static_cast<std::uint64_t>(node.type.extent) << 16,
                                 node.payload, both(0), both(2), both(4)};
  return static_cast<std::size_t>(mix(words));
}

}  // namespace

std::size_t Graph::slot_of(const Node& node) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = hash_of(node) & mask;
  while (slots_[i] != ValueId::kNone && nodes_[slots_[i]] != node) i = (i + 1) & mask;
  return i;
}

void Graph::grow_slots() {
  constexpr std::size_t kFirst = 128;
  nodes_.reserve(std::max(kFirst, slots_.size() * 2) / 2);
  slots_.assign(std::max(kFirst, slots_.size() * 2), ValueId::kNone);
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) slots_[slot_of(nodes_[i])] = i;
}

ValueId Graph::intern(const Node& node) {
  if ((nodes_.size() + 1) * 2 > slots_.size()) grow_slots();
  std::uint32_t& slot = slots_[slot_of(node)];
  if (slot == ValueId::kNone) {
    nodes_.push_back(node);
    slot = static_cast<std::uint32_t>(nodes_.size() - 1);
  }
  return {slot};
}

ValueId Graph::add_input(std::string input_name, Type type) {
  Node node;
  node.op = Op::input;
  node.type = type;
  node.payload = inputs_.size();
  inputs_.push_back({std::move(input_name), type});
  input_values_.push_back(intern(node));
  return input_values_.back();
}

ValueId Graph::add_param(std::string param_name, double value, bool baked) {
  Node node;
  node.op = Op::param;
  node.type = {compute_, Extent::scalar};
  node.payload = params_.size();
  params_.push_back({std::move(param_name), value, baked});
  param_values_.push_back(intern(node));
  return param_values_.back();
}

ValueId Graph::add_position(Op op) {
  Node node;
  node.op = op;
  node.type.elem = integer_of(compute_);
  node.type.extent = op == Op::column      ? Extent::element
                     : op == Op::row_index ? Extent::row
                                           : Extent::scalar;
  return intern(node);
}

void Graph::add_output(std::string output_name, ValueId value) {
  outputs_.push_back({std::move(output_name), value});
}

std::uint64_t Graph::add_table(Table table) {
  const auto same = std::find_if(tables_.begin(), tables_.end(), [&](const Table& known) {
    return known.name == table.name && known.entries == table.entries;
  });
  const auto index = static_cast<std::uint64_t>(same - tables_.begin());
  if (same == tables_.end()) tables_.push_back(std::move(table));
  return index;
}

ValueId Graph::add(Op op, std::span<const ValueId> operands, std::uint64_t payload) {
  if (op == Op::column || op == Op::row_index || op == Op::width) return add_position(op);
  Node node;
  node.op = op;
  node.payload = payload;
  node.type.elem = result_elem(*this, op, operands);
  std::copy(operands.begin(), operands.end(), node.operands.begin());
  for (const ValueId operand : operands)
    node.type.extent = std::max(node.type.extent, (*this)[operand].type.extent);
  node.type.extent = info(op).extent.value_or(node.type.extent);
  return intern(node);
}

ValueId Graph::constant_bits(Elem elem, std::uint64_t bits) {
  Node node;
  node.op = Op::constant;
  node.type = {elem, Extent::scalar};
  node.payload = bits;
  return intern(node);
}

ValueId Graph::constant(double value) {
  if (compute_ == Elem::f64) return constant_bits(Elem::f64, std::bit_cast<std::uint64_t>(value));
  return constant_bits(Elem::f32, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
}

ValueId Graph::boolean(bool value) { return constant_bits(Elem::boolean, value ? 1 : 0); }

double Graph::constant_value(ValueId id) const {
  const Node& node = (*this)[id];
  if (node.type.elem == Elem::f64) return std::bit_cast<double>(node.payload);
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(node.payload)));
}

bool Graph::is_constant(ValueId id, double value) const {
  if (!is_constant(id) || !is_number((*this)[id].type.elem)) return false;
  return std::bit_cast<std::uint64_t>(constant_value(id)) == std::bit_cast<std::uint64_t>(value);
}

Graph Graph::empty_copy(Family family) const {
  Graph copy(compute_, family);
  copy.tables_ = tables_;
  for (std::size_t i = 0; i < inputs_.size(); ++i) copy.add_input(inputs_[i].name, inputs_[i].type);
  for (const GraphParam& param : params_) copy.add_param(param.name, param.value, param.baked);
  return copy;
}

Graph Graph::without_outputs() const {
  Graph copy = *this;
  copy.outputs_.clear();
  return copy;
}

std::vector<ValueId> Graph::live() const {
  std::vector<bool> needed(nodes_.size(), false);
  for (const GraphOutput& output : outputs_) needed[output.value.index] = true;
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const ValueId operand : nodes_[i].args()) needed[operand.index] = true;
  }
  std::vector<ValueId> order;
  order.reserve(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (needed[i]) order.push_back({static_cast<std::uint32_t>(i)});
  return order;
}

}  // namespace sluice::ir
