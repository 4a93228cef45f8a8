// The formulas in which rewrite rules are written: rules.def reads as arithmetic over variables,
// literals and the IR's functions.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "compiler/ir/op.hpp"

namespace sluice::rewrite {

struct Term {
  enum class Kind { variable, literal, operation };

  Term(double value) : kind(Kind::literal), literal(value) {}
  Term(int value) : Term(static_cast<double>(value)) {}
  Term(ir::Op operation, std::vector<Term> arguments)
      : kind(Kind::operation), op(operation), operands(std::move(arguments)) {}

  Kind kind;
  std::size_t variable = 0;
  bool attached = false;    // a variable that is not a detached value
  bool of_columns = false;  // one that varies along the row
  bool of_row = false;      // one that does not
  bool literal_only = false;
  double literal = 0;
  ir::Op op = ir::Op::constant;
  std::vector<Term> operands;  // low words of elementary functions are left out
};

inline constexpr std::size_t kMaxVariables = 4;

inline Term variable(std::size_t index) {
  Term term(0.0);
  term.kind = Term::Kind::variable;
  term.variable = index;
  return term;
}

// Whether an operation is an elementary function whose second operand is a low word.
[[nodiscard]] inline bool takes_low_word(ir::Op op) {
  const ir::OpInfo& about = ir::info(op);
  return about.op_class == ir::OpClass::primitive && !about.extent && about.arity == 2 &&
         op != ir::Op::pow && op != ir::Op::pow_less_one && op != ir::Op::squareplus &&
         op != ir::Op::squareplus_slope && op != ir::Op::integer_power &&
         op != ir::Op::derivative && op != ir::Op::corrected;
}

}  // namespace sluice::rewrite
