#include "compiler/rewrite/facts.hpp"

#include "compiler/rewrite/term.hpp"

namespace sluice::rewrite {
namespace {

using ir::Node;
using ir::Op;
using ir::ValueId;

Sign opposite(Sign a) {
  if (a == Sign::unknown) return a;
  return a == Sign::positive ? Sign::negative : Sign::positive;
}

Sign times(Sign a, Sign b) {
  if (a == Sign::unknown || b == Sign::unknown) return Sign::unknown;
  return a == b ? Sign::positive : Sign::negative;
}

Sign both(Sign a, Sign b) { return a == b ? a : Sign::unknown; }

}  // namespace

Facts::Fact Facts::of(ValueId value) {
  // Operands come before their users, so that one pass in order learns everything.
  for (std::uint32_t i = static_cast<std::uint32_t>(known_.size()); i <= value.index; ++i)
    known_.push_back(learn(graph_[{i}]));
  return known_[value.index];
}

int Facts::input_count(ValueId value) { return of(value).inputs; }

Facts::Fact Facts::learn(const Node& node) const {
  Fact fact;
  for (const ValueId operand : node.args()) {
    const Fact& other = known_[operand.index];
    fact.has_function = fact.has_function || other.has_function;
    if (fact.inputs == 0) {
      fact.inputs = other.inputs;
      fact.input = other.input;
    } else if (other.inputs > 1 || (other.inputs == 1 && other.input != fact.input)) {
      fact.inputs = 2;
    }
  }
  if (node.op == Op::input) {
    fact.inputs = 1;
    fact.input = node.payload;
  }
  fact.is_operand = node.op == Op::input || node.op == Op::param ||
                    (node.op == Op::detach && known_[node.operand(0).index].is_operand);
  if (takes_low_word(node.op)) fact.has_function = true;
  // What comes from other columns is an operand of its own, whose error is not carried.
  if (ir::info(node.op).extent) {
    fact.inputs = 2;
    fact.has_function = false;
  }
  fact.sign = ir::is_number(node.type.elem) ? sign_of(node) : Sign::unknown;
  return fact;
}

Sign Facts::sign_of(const Node& node) const {
  const auto operand = [&](int i) { return known_[node.operand(i).index].sign; };
  switch (node.op) {
    case Op::constant: return is_negative(node) ? Sign::negative : Sign::positive;
    case Op::neg: return opposite(operand(0));
    case Op::mul:
      return node.operand(0) == node.operand(1) ? Sign::positive : times(operand(0), operand(1));
    case Op::div: return times(operand(0), operand(1));
    case Op::add: return both(operand(0), operand(1));
    case Op::sub: return both(operand(0), opposite(operand(1)));
    case Op::select: return both(operand(1), operand(2));
    case Op::limits:
    case Op::clause:
    case Op::detach: return operand(0);
    case Op::abs:
    case Op::sqrt:
    case Op::rsqrt:
    case Op::exp:
    case Op::exp2:
    case Op::cosh:
    case Op::erfc:
    case Op::sigmoid:
    case Op::log1p_exp:
    case Op::normal_cdf:
    case Op::normal_pdf:
    case Op::tanh_squared:
    case Op::tanh_log1p_exp:
    case Op::sigmoid_derivative:
    case Op::tanh_log1p_exp_derivative: return Sign::positive;
    case Op::log_sigmoid: return Sign::negative;
    case Op::tanh:
    case Op::tanhshrink:
    case Op::erf:
    case Op::expm1:
    case Op::log1p:
    case Op::sinh: return operand(0);
    default: return Sign::unknown;
  }
}

bool Facts::is_negative(const Node& constant) const {
  const int sign_bit = graph_.compute() == ir::Elem::f32 ? 31 : 63;
  return (constant.payload >> sign_bit & 1) != 0;
}

}  // namespace sluice::rewrite
