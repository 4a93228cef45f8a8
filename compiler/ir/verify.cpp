#include "compiler/ir/verify.hpp"

#include <algorithm>

namespace sluice::ir {
namespace {

// What each rule demands of operand i.
bool accepts(const Graph& graph, TypeRule rule, int i, Elem elem) {
  switch (rule) {
    case TypeRule::leaf: return false;
    case TypeRule::number:
    case TypeRule::compare:
    case TypeRule::to_integer: return elem == graph.compute();
    case TypeRule::integer:
    case TypeRule::int_compare:
    case TypeRule::to_number: return elem == integer_of(graph.compute());
    case TypeRule::logic: return elem == Elem::boolean;
    case TypeRule::select: return i != 0 || elem == Elem::boolean;
    case TypeRule::element_at:
      return elem == (i == 0 ? graph.compute() : integer_of(graph.compute()));
  }
  return false;
}

class Verifier {
 public:
  Verifier(const Graph& graph, Stage stage) : graph_(graph), stage_(stage) {}

  std::vector<std::string> run() {
    for (std::uint32_t i = 0; i < graph_.size(); ++i) check({i});
    for (const GraphOutput& output : graph_.outputs())
      if (output.value.index >= graph_.size())
        problems_.push_back("output " + output.name + " has no value");
    return std::move(problems_);
  }

 private:
  void complain(ValueId id, const std::string& what) {
    problems_.push_back("%" + std::to_string(id.index) + " = " + std::string(name(graph_[id].op)) +
                        ": " + what);
  }

  void check(ValueId id) {
    const Node& node = graph_[id];
    if (info(node.op).op_class == OpClass::leaf) {
      check_leaf(id, node);
      return;
    }
    if (stage_ == Stage::machine && info(node.op).op_class == OpClass::primitive)
      complain(id, "a primitive after expansion");
    if (node.op == Op::fma && graph_.family() == Family::nofma)
      complain(id, "not an op of the family without it");
    Extent extent = Extent::scalar;
    for (int i = 0; i < node.arity(); ++i) {
      const ValueId operand = node.operand(i);
      if (operand.index >= id.index) {
        complain(id, "operand " + std::to_string(i) + " does not come before it");
        return;
      }
      const Type type = graph_[operand].type;
      extent = std::max(extent, type.extent);
      if (!accepts(graph_, info(node.op).rule, i, type.elem))
        complain(id, "operand " + std::to_string(i) + " is " + std::string(name(type.elem)));
    }
    if (node.type.extent != info(node.op).extent.value_or(extent))
      complain(id, "its extent is not what its operands give");
    check_special(id, node);
  }

  void check_leaf(ValueId id, const Node& node) {
    if (node.op == Op::input && node.payload >= graph_.inputs().size())
      complain(id, "no such input");
    if (node.op == Op::param && node.payload >= graph_.params().size())
      complain(id, "no such parameter");
    const bool narrow = node.type.elem == Elem::f32 || node.type.elem == Elem::i32;
    if (node.op == Op::constant && narrow && node.payload > 0xffffffffu)
      complain(id, "bits beyond its type");
    if (node.op == Op::constant && node.type.elem == Elem::boolean && node.payload > 1)
      complain(id, "a bool that is not 0 or 1");
  }

  void check_special(ValueId id, const Node& node) {
    if (node.op == Op::select &&
        graph_[node.operand(1)].type.elem != graph_[node.operand(2)].type.elem)
      complain(id, "its sides differ in type");
    if (node.op == Op::ishl || node.op == Op::ishr || node.op == Op::isar) {
      const Node& count = graph_[node.operand(1)];
      const std::uint64_t width = graph_.compute() == Elem::f32 ? 32 : 64;
      if (count.op != Op::constant || count.payload >= width)
        complain(id, "its count is not a constant below the width");
    }
    if ((node.op == Op::imul || node.op == Op::isar) && graph_.compute() == Elem::f64)
      complain(id, "not an op of 64-bit lanes");
    if (node.op == Op::lookup) {
      if (node.payload >= graph_.tables().size()) {
        complain(id, "no such table");
      } else {
        const std::size_t length = graph_.tables()[node.payload].entries.size();
        if (length == 0 || (length & (length - 1)) != 0)
          complain(id, "its table's length is not a power of two");
      }
    }
    if (node.op == Op::pick && graph_[node.operand(0)].op != Op::input)
      complain(id, "it does not pick from an input");
    if (node.op == Op::integer_power && !graph_.is_constant(node.operand(1)))
      complain(id, "its exponent is not a constant");
  }

  const Graph& graph_;
  Stage stage_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> verify(const Graph& graph, Stage stage) {
  return Verifier(graph, stage).run();
}

}  // namespace sluice::ir
