// The IR: a hash-consed graph of typed SSA values.
//
// A Graph computes its outputs from its inputs and parameters. Values are numbered in the order
// they were made, so that operands always come before their users, and asking for a node that
// exists gives the existing one. There is no control flow: `select` chooses per element. The
// compute type (f32 or f64) is one for the whole graph, and so is the family of targets that a
// graph of machine ops is for: one without fma has no such node. Before expansion a graph is for
// any, and the family says nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/op.hpp"
#include "support/target.hpp"

namespace sluice::ir {

struct ValueId {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t index = kNone;
  [[nodiscard]] constexpr bool valid() const { return index != kNone; }
  friend constexpr auto operator<=>(ValueId, ValueId) = default;
};

struct Node {
  Op op = Op::constant;
  Type type;
  std::array<ValueId, kMaxArity> operands{};
  std::uint64_t payload = 0;  // constant: bits (bool: 0 or 1); input, param, lookup: index

  [[nodiscard]] int arity() const { return info(op).arity; }
  [[nodiscard]] ValueId operand(int i) const { return operands[static_cast<std::size_t>(i)]; }
  [[nodiscard]] std::span<const ValueId> args() const {
    return {operands.data(), static_cast<std::size_t>(arity())};
  }
  friend bool operator==(const Node&, const Node&) = default;
};

struct GraphInput {
  std::string name;
  Type type;
};

struct GraphParam {
  std::string name;
  double value = 0;  // the default or the value asked for
  bool baked =
      false;  // true: becomes a constant when the graph is baked; false: passed at each call
};

struct GraphOutput {
  std::string name;
  ValueId value;
};

// Entries as bits; the length is a power of two.
struct Table {
  std::string name;
  std::vector<std::uint64_t> entries;
};

class Graph {
 public:
  explicit Graph(Elem compute, Family family = Family::fma) : compute_(compute), family_(family) {}

  [[nodiscard]] Elem compute() const { return compute_; }
  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] const Node& operator[](ValueId id) const { return nodes_[id.index]; }
  [[nodiscard]] std::span<const Node> nodes() const { return nodes_; }

  [[nodiscard]] std::span<const GraphInput> inputs() const { return inputs_; }
  [[nodiscard]] std::span<const GraphParam> params() const { return params_; }
  [[nodiscard]] std::span<const GraphOutput> outputs() const { return outputs_; }
  [[nodiscard]] std::span<const Table> tables() const { return tables_; }

  ValueId add_input(std::string input_name, Type type);
  ValueId add_param(std::string param_name, double value, bool baked);
  void add_output(std::string output_name, ValueId value);
  // column, row_index or width.
  ValueId add_position(Op op);
  [[nodiscard]] ValueId input_value(std::size_t index) const { return input_values_[index]; }
  [[nodiscard]] ValueId param_value(std::size_t index) const { return param_values_[index]; }
  std::uint64_t add_table(Table table);  // the index of an equal table where there is one

  // The value of this node; an existing equal node where there is one. The result type follows from
  // the op's rule.
  ValueId add(Op op, std::span<const ValueId> operands, std::uint64_t payload = 0);
  ValueId add(Op op, std::initializer_list<ValueId> operands, std::uint64_t payload = 0) {
    return add(op, std::span<const ValueId>(operands.begin(), operands.size()), payload);
  }
  ValueId constant_bits(Elem elem, std::uint64_t bits);
  // Rounded once to the compute type.
  ValueId constant(double value);
  ValueId boolean(bool value);

  // The constant's value; only for number constants.
  [[nodiscard]] double constant_value(ValueId id) const;
  [[nodiscard]] bool is_constant(ValueId id) const { return (*this)[id].op == Op::constant; }
  [[nodiscard]] bool is_constant(ValueId id,
                                 double value) const;  // equal as numbers, and -0 is not 0

  // A graph with the same inputs, parameters and tables and nothing else: what a pass that rebuilds
  // starts from. Leaves come first in it, so their ids may differ from this graph's.
  [[nodiscard]] Graph empty_copy() const { return empty_copy(family_); }
  [[nodiscard]] Graph empty_copy(Family family) const;
  // The same graph, computing nothing.
  [[nodiscard]] Graph without_outputs() const;

  // The values that the outputs need, operands first.
  [[nodiscard]] std::vector<ValueId> live() const;

 private:
  ValueId intern(const Node& node);
  // Where a node's index stands in `slots_`, or would.
  [[nodiscard]] std::size_t slot_of(const Node& node) const;
  void grow_slots();

  Elem compute_;
  Family family_;
  std::vector<Node> nodes_;
  // The nodes' indices by their hash: open addressing with linear probing, at most half used.
  std::vector<std::uint32_t> slots_;
  std::vector<GraphInput> inputs_;
  std::vector<ValueId> input_values_;
  std::vector<GraphParam> params_;
  std::vector<ValueId> param_values_;
  std::vector<GraphOutput> outputs_;
  std::vector<Table> tables_;
};

}  // namespace sluice::ir
