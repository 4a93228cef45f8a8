// A function's text as a list of steps over registers, for evaluation over any kind of number at
// many points (evaluate.hpp).
//
// In: the syntax tree as written, before any rewriting. Calls and lets are gone, and so is what is
// known without the inputs. What the kernel holds as constants is held here: a literal, a
// subexpression of literals alone (evaluated in f64), a parameter and whatever crosses into a
// called function is rounded once to the compute type; so is a sum of two operands. Conventions at
// kinks, clauses and limits are the language's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <sluice/dtype.hpp>

#include "compiler/ir/op.hpp"
#include "compiler/numerics/grade.hpp"
#include "dsl/program.hpp"
#include "support/target.hpp"
#include "tools/accuracy/functions.hpp"

namespace sluice::accuracy {

// What a step does with its operands a, b, c: registers, unless said otherwise. Each register holds
// a number and a truth; a step sets one of them.
enum class Step : std::uint8_t {
  input,   // number a of the inputs
  import,  // register a of the tape around this one; b: whether to derive by it
  add,
  subtract,
  multiply,
  divide,
  one_and,  // the sum b = 1 + tanh(a) or of the function code; c: the difference
  negate,
  power,
  function,  // code: Function
  rounding,  // code: Rounding
  absolute,
  sign,
  minimum,
  maximum,
  clamp,
  detach,
  choose,       // b or c by the truth of a
  clause,       // value a; its derivative by c is b
  limits,       // entry a of `limits` where c is infinite, else b
  rounded_sum,  // the sum a, rounded as that of the operands b and c; code 1: difference
  derivative,   // of entry a of `inner`
  column,       // of row functions (row_evaluate.hpp): the index along the row
  width,
  row_sum,  // and what follows: of a along the row
  row_max,
  row_min,
  row_prod,
  row_argmax,
  row_at,        // a at column b
  row_greatest,  // about the greatest a, without slope: what exponentials are shifted by
  about,         // a double near a, without slope
  away,          // a - b, where b is such a shift; a where that is -inf
  weigh,         // a, with more terms: code 1: 1/2 at least; else |b - c| / 32 of its own size
  less,          // and what follows: truths
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  same_truth,
  logical_not,
  logical_and,
  logical_or,
  choose_truth,
  is_nan,
  is_infinite,
  is_finite,
  row_any,  // of a along the row
  row_all,
  unsupported,  // a built-in that is not known here, or derivatives nested too deep
};

// What of a row function has a bound of its own: softmax, its logarithm, and logsumexp.
enum class Form : std::uint8_t { none, softmax, log_softmax, logsumexp };

struct Tape {
  struct Instruction {
    Step step;
    std::uint8_t code = 0;
    std::uint32_t target = 0;
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::uint32_t c = 0;
  };
  struct Constant {
    std::uint32_t target;
    double value;
    bool truth;
  };
  struct Limits {  // registers, for -inf and +inf
    std::uint32_t value[2];
    std::uint32_t slope[2];
  };

  ir::Elem compute = ir::Elem::f32;
  std::uint32_t registers = 0;
  std::uint32_t result = 0;
  std::vector<Constant> constants = {};
  std::vector<Instruction> steps = {};
  std::vector<Limits> limits = {};
  std::vector<Tape> inner = {};     // derivatives inside the text
  std::vector<double> params = {};  // operands beyond the inputs
  // Of row functions: what the result is, of the exponents z, and z - shift.
  struct Exponents {
    Form form = Form::none;
    std::uint32_t z = 0, away = 0, shift = 0, log_sum = 0;
  };
  Exponents exponents = {};
};

// What is measured: an output of a function, or its partial derivative by an input.
struct Subject {
  const dsl::Program* program = nullptr;
  dsl::FunctionId function = dsl::kNoFunction;
  ir::Elem compute = ir::Elem::f32;
  std::optional<std::uint32_t> derived_by;  // an input; nothing: the value
  std::uint32_t output = 0;
  std::vector<double> params;        // one each; empty: the defaults
  std::optional<Dtype> narrow = {};  // f16 or bf16: what operands are held in, compute being f32
  numerics::Grade grade = numerics::Grade::full;  // of the kernel
  Family family = Family::fma;                    // likewise

  [[nodiscard]] const dsl::FunctionDef& definition() const { return program->function(function); }
  [[nodiscard]] Dtype dtype() const {
    return narrow ? *narrow : compute == ir::Elem::f32 ? Dtype::f32 : Dtype::f64;
  }
};

// The function of an elementary built-in of one argument.
[[nodiscard]] std::optional<Function> function_of(dsl::Builtin builtin);

// Clauses are left out where `slopes` says that no derivative will be asked for.
[[nodiscard]] Tape record(const Subject& subject, bool slopes);

// Of a row function, how many inputs are given: those that must be, the first at least.
[[nodiscard]] std::size_t given_inputs(const dsl::FunctionDef& definition);

// A literal as the kernel holds it.
inline double rounded_to(ir::Elem compute, double value) {
  return compute == ir::Elem::f32 ? static_cast<double>(static_cast<float>(value)) : value;
}
// A sum of two numbers of the compute type, as the kernel makes it.
inline double rounded_sum(ir::Elem compute, double a, double b) {
  return compute == ir::Elem::f32
             ? static_cast<double>(static_cast<float>(a) + static_cast<float>(b))
             : a + b;
}

}  // namespace sluice::accuracy
