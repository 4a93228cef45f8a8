// What records a text as a tape (tape.hpp): the expressions of function bodies, calls and lets
// gone.
//
// tape.cpp has what every function has, tape_rows.cpp what row functions have besides.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "tools/accuracy/tape.hpp"

namespace sluice::accuracy {

using dsl::Builtin;

// What an expression is to the recorder: known, or in a register.
struct Held {
  enum class Kind : std::uint8_t { literal, integer, boolean, number, truth };
  Kind kind = Kind::literal;
  double literal = 0;
  std::int64_t integer = 0;
  bool boolean = false;
  std::uint32_t place = 0;
  std::optional<std::uint32_t> operand = {};  // what the kernel is called with: which

  [[nodiscard]] bool known() const { return kind == Kind::literal || kind == Kind::integer; }
  [[nodiscard]] bool is_truth() const { return kind == Kind::boolean || kind == Kind::truth; }
  [[nodiscard]] double as_double() const {
    return kind == Kind::integer ? static_cast<double>(integer) : literal;
  }
  [[nodiscard]] friend bool is_one(const Held& held) {
    return held.known() && held.as_double() == 1;
  }
  static Held of(double x) { return {.kind = Kind::literal, .literal = x}; }
  static Held of(std::int64_t x) { return {.kind = Kind::integer, .integer = x}; }
  static Held of(bool x) { return {.kind = Kind::boolean, .boolean = x}; }
};

struct Arguments {
  std::vector<Held> inputs;
  std::vector<Held> params;
};

// One function body being recorded.
struct Frame {
  const dsl::FunctionDef& function;
  const Arguments& arguments;
  std::vector<std::vector<Held>> values;  // by expression, one each of its outputs
  // Derivatives by a let: it is this value, whatever its text says.
  std::optional<std::uint32_t> replaced_let = {};
  Held replacement = {};

  Frame(const dsl::FunctionDef& def, const Arguments& args)
      : function(def), arguments(args), values(def.expressions.size()) {}
  [[nodiscard]] const Held& at(dsl::ExprId id) const { return values[dsl::index(id)].front(); }
  [[nodiscard]] const Held& operand(const dsl::Expr& expr, std::size_t i) const {
    return at(function.operands_of(expr)[i]);
  }
};

class Recorder {
 public:
  Recorder(const dsl::Program& program, Tape& tape, bool slopes)
      : program_(program), tape_(tape), slopes_(slopes) {}

  std::vector<Held> call(const dsl::FunctionDef& function, const Arguments& arguments);
  Held emit(Step step, std::uint32_t a = 0, std::uint32_t b = 0, std::uint32_t c = 0,
            std::uint8_t code = 0);
  Held constant(double value) {
    tape_.constants.push_back({tape_.registers, value, false});
    return {.kind = Held::Kind::number, .place = tape_.registers++};
  }
  Held given_input(const dsl::Input& input, std::uint32_t index) {
    Held held = emit(Step::input, index);
    if (input.type() == dsl::Type::boolean)
      return emit(Step::not_equal, held.place, constant(0).place);
    if (input.type() == dsl::Type::number) held.operand = index;
    return held;
  }
  Held left_out(const dsl::Input& input) {
    const double value = input.default_value.value_or(0);
    if (input.type() == dsl::Type::boolean) return Held::of(value != 0);
    if (input.type() == dsl::Type::integer) return Held::of(static_cast<std::int64_t>(value));
    return Held::of(rounded_to(tape_.compute, value));
  }
  // The register of a number, rounded to the compute type where it is known.
  std::uint32_t number(const Held& held) {
    if (held.kind == Held::Kind::number) return held.place;
    return constant(rounded_to(tape_.compute, held.as_double())).place;
  }
  std::uint32_t truth(const Held& held) {
    if (held.kind == Held::Kind::truth) return held.place;
    tape_.constants.push_back({tape_.registers, 0, held.boolean});
    return tape_.registers++;
  }

 private:
  void run(Frame& frame, std::span<const dsl::ExprId> roots);
  std::vector<Held> expression(Frame& frame, const dsl::Expr& expr);
  Held literal(const dsl::Expr& expr);
  Held arithmetic(const Frame& frame, const dsl::Expr& expr);
  [[nodiscard]] std::optional<Tape::Instruction> made(std::uint32_t place) const;
  [[nodiscard]] bool holds(std::uint32_t place, double value) const;
  std::uint32_t by_root_half(std::uint32_t place);
  std::uint32_t normal_erf(std::uint32_t term);
  [[nodiscard]] std::optional<std::uint32_t> bounded_part(std::uint32_t term, double c) const;
  std::optional<Held> literal_and(const Held& c, std::uint32_t term, bool is_add);
  Held sharper(const Held& sum, std::uint32_t term, bool minus);
  Held power(const Frame& frame, const dsl::Expr& expr);
  Held comparison(const Frame& frame, const dsl::Expr& expr);
  Held logical(const Frame& frame, const dsl::Expr& expr);
  Held choice(const Frame& frame, const dsl::Expr& expr);
  Held derivative(const Frame& frame, const dsl::Expr& expr);
  std::vector<Held> user_call(const Frame& frame, const dsl::Expr& expr);
  Held builtin(Builtin builtin, std::span<const Held> operands, bool integers);
  Held builtin_number(Builtin builtin, std::span<const std::uint32_t> x);
  Held row_builtin(Builtin builtin, std::span<const Held> operands);
  Tape::Exponents exponents_of(std::uint32_t z, const Held* sink);
  Held threshold(std::uint32_t z, double alpha);
  Held weighed_exponential(std::uint32_t x);
  Held row_exponential(Builtin builtin, std::span<const Held> operands);
  Held with_limits(const dsl::FunctionDef& function, const Arguments& arguments, Held value);
  Held without_slope(const Held& held);
  Held as_argument(const Held& held, bool integer);

  const dsl::Program& program_;
  Tape& tape_;
  bool slopes_;

 public:
  bool row_wise = false;
  std::map<std::uint32_t, Tape::Exponents> exponents;  // by what is made of them
};

}  // namespace sluice::accuracy
