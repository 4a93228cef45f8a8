// The meaning of a program's text in real numbers: the syntax tree evaluated over any kind of
// number, as written, before any rewriting.
//
// What the kernel holds as constants is held here: a literal, a subexpression of literals alone
// (evaluated in f64), a parameter and whatever crosses into a called function is rounded once to
// the compute type, and so is a sum of two operands; everything else is exact. Conventions at
// kinks, clauses and limits are the language's.
//
// N is Bounded (bounded.hpp), Real (real.hpp), a Termed of those, or a Dual of any.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "compiler/ir/op.hpp"
#include "dsl/constant.hpp"
#include "dsl/program.hpp"
#include "tools/accuracy/dual.hpp"
#include "tools/accuracy/functions.hpp"
#include "tools/accuracy/order.hpp"

namespace sluice::accuracy {

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

// The function of an elementary built-in of one argument.
[[nodiscard]] std::optional<Function> function_of(dsl::Builtin builtin);

// What text evaluation could not do: decide a comparison at this precision, or at all.
struct Trouble {
  bool undecided = false;
  bool unsupported = false;  // a built-in of rows, or derivatives nested too deep
};

template <typename N>
class Text {
 public:
  struct Value {
    enum class Kind : std::uint8_t { literal, integer, boolean, number };
    Kind kind = Kind::literal;
    double literal = 0;
    std::int64_t integer = 0;
    bool boolean = false;
    N number{};
    bool operand = false;  // what the kernel is called with, which `literal` holds too

    [[nodiscard]] bool known() const { return kind == Kind::literal || kind == Kind::integer; }
    [[nodiscard]] double as_double() const {
      return kind == Kind::integer ? static_cast<double>(integer) : literal;
    }
    static Value of(double x) { return {.kind = Kind::literal, .literal = x}; }
    static Value of(std::int64_t x) { return {.kind = Kind::integer, .integer = x}; }
    static Value of(bool x) { return {.kind = Kind::boolean, .boolean = x}; }
    static Value of(N x) { return {.kind = Kind::number, .number = std::move(x)}; }
    static Value of_operand(N x, double held) {
      return {.kind = Kind::number, .literal = held, .number = std::move(x), .operand = true};
    }
  };
  struct Arguments {
    std::vector<Value> inputs;
    std::vector<Value> params;
  };

  Text(const dsl::Program& program, ir::Elem compute, Trouble& trouble)
      : program_(program), compute_(compute), trouble_(trouble) {}

  // Output `output` of a function.
  N apply(const dsl::FunctionDef& function, const Arguments& arguments, std::size_t output = 0);

 private:
  template <typename>
  friend class Text;
  using Kind = dsl::ExprKind;
  using Values = std::vector<std::vector<Value>>;  // by expression, one each of its outputs

  // One evaluation of a body.
  struct Frame {
    const dsl::FunctionDef& function;
    const Arguments& arguments;
    Values values;
    // Derivatives by a let: it is this value, whatever its text says.
    std::optional<std::uint32_t> replaced_let;
    Value replacement{};
  };

  N number(const Value& value) const {
    if (value.kind == Value::Kind::number) return value.number;
    if (value.kind == Value::Kind::integer && compute_ == ir::Elem::f32)
      return N(static_cast<double>(static_cast<float>(value.integer)));
    return N(rounded_to(compute_, value.as_double()));
  }

  Value without_slope(Value value) const {
    value.number = detached(number(value));
    value.kind = Value::Kind::number;
    return value;
  }

  std::vector<Value> call_function(const dsl::FunctionDef& function, const Arguments& arguments);
  void run(Frame& frame, std::span<const dsl::ExprId> roots);
  std::vector<Value> evaluate(Frame& frame, const dsl::Expr& expr);
  Value arithmetic(const Frame& frame, const dsl::Expr& expr);
  Value power_of(const Frame& frame, const dsl::Expr& expr);
  Value comparison(const Frame& frame, const dsl::Expr& expr);
  Value derivative(const Frame& frame, const dsl::Expr& expr);
  std::vector<Value> call(const Frame& frame, const dsl::Expr& expr);
  Value builtin(dsl::Builtin builtin, std::span<const Value> operands, bool integers);
  N builtin_number(dsl::Builtin builtin, std::span<const N> x);

  const Value& operand(const Frame& frame, const dsl::Expr& expr, std::size_t i) const {
    return frame.values[dsl::index(frame.function.operands_of(expr)[i])].front();
  }
  Order ordered(const N& a, const N& b) {
    const Order order = compare(a, b);
    if (order == Order::unknown) trouble_.undecided = true;
    return order;
  }
  N with_limits(const dsl::FunctionDef& function, const Arguments& arguments, const N& value);

  const dsl::Program& program_;
  ir::Elem compute_;
  Trouble& trouble_;
};

}  // namespace sluice::accuracy

#include "tools/accuracy/text_impl.hpp"
