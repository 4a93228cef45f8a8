// The syntax tree of one definition: what the parser builds, the checker completes, and lowering
// reads.
//
// Plain values. A FunctionDef owns its expressions in one vector, so an ExprId means something only
// together with its function; operands always have smaller ids than the expression that uses them,
// so a loop from 0 up visits operands first and no walk needs recursion. After checking every name
// is resolved, every expression has a type and an extent, and a checked FunctionDef is never
// changed again (programs share them).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"

namespace sluice::dsl {

enum class ExprId : std::uint32_t {};
enum class FunctionId : std::uint32_t {};  // index into Program's functions

inline constexpr ExprId kNoExpr{0xffffffffU};
inline constexpr FunctionId kNoFunction{0xffffffffU};

[[nodiscard]] constexpr std::size_t index(ExprId id) { return static_cast<std::size_t>(id); }
[[nodiscard]] constexpr std::size_t index(FunctionId id) { return static_cast<std::size_t>(id); }

// number: the compute type. integer: 64-bit in meaning. An integer operand of a number operation
// converts, round to nearest even; the tree has no node for it: lowering converts wherever an
// operand's type is integer and the operation's is number.
enum class Type : std::uint8_t { number, integer, boolean };

// What a value varies along, ordered: an operation's extent is the largest of its operands'.
enum class Extent : std::uint8_t { constant, row, element };

// The kinds of inputs and outputs, as they stand after ':'.
enum class Kind : std::uint8_t { element, row, index, mask };

// Calls of built-ins carry which one; the table is dsl/builtins.def.
enum class Builtin : std::uint8_t {
  none,
#define SLUICE_BUILTIN(name, min_arity, max_arity, rule) name,
#include "dsl/builtins.def"
#undef SLUICE_BUILTIN
};

enum class Constant : std::uint8_t { inf, nan, pi, e, true_value, false_value };

enum class ExprKind : std::uint8_t {
  number,     // a literal: value, integer_literal
  constant,   // a named constant: constant, value (1 and 0 for true and false)
  input,      // target: index into inputs
  parameter,  // target: index into parameters
  let,        // target: index into lets
  result,     // `y` in a derivative clause: the value of results[0]
  negate,
  logical_not,
  add,
  subtract,
  multiply,
  divide,
  power,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  logical_and,
  logical_or,
  select,      // operands: condition, then, else
  call,        // callee, builtin; operands in the order of the callee's inputs; named arguments
  detach,      // operand: the value
  derivative,  // operands: the expression, and the input, parameter or let it is derived by
};

// A parameter given in a call: `f(x; beta = 2)`.
struct NamedArgument {
  std::uint32_t parameter = 0;  // index into the callee's parameters
  ExprId value = kNoExpr;
  SourcePlace place;  // of the name
};

struct Expr {
  ExprKind kind = ExprKind::number;
  Type type = Type::number;
  Extent extent = Extent::constant;
  bool integer_literal = false;       // number: written as an integer (2, not 2.0)
  Constant constant = Constant::inf;  // constant
  Builtin builtin = Builtin::none;    // call: which built-in, or none
  std::uint32_t target = 0;           // input, parameter, let
  FunctionId callee = kNoFunction;    // call
  double value = 0.0;                 // number, constant
  std::uint32_t first_operand = 0;    // into FunctionDef::operands
  std::uint32_t operand_count = 0;
  std::uint32_t first_named = 0;  // into FunctionDef::named_arguments
  std::uint32_t named_count = 0;
  SourcePlace place;  // the whole expression
  SourcePlace mark;   // the operator or the name that diagnostics point to
};

struct Input {
  std::string name;
  Kind kind = Kind::element;
  std::optional<double> default_value;
  SourcePlace place;

  [[nodiscard]] Type type() const;      // element, row: number; index: integer; mask: boolean
  [[nodiscard]] Extent extent() const;  // element, mask: element; row, index: row
};

struct Parameter {
  std::string name;
  bool is_integer = false;
  double default_value = 0.0;
  SourcePlace place;
};

// `let (a, b) = f(x)` makes two entries with one `value`; their `output` tells them apart.
struct Let {
  std::string name;
  ExprId value = kNoExpr;
  std::uint32_t output = 0;  // which output of the call; 0 for a plain let
  bool several = false;      // bound by the form with parentheses
  Type type = Type::number;
  Extent extent = Extent::constant;
  SourcePlace place;
};

// Where `type` is number and the result's own type is integer, the result is converted. Where
// `extent` is larger than the result's own, the result is repeated.
struct Output {
  std::string name;
  std::optional<Kind> kind;  // as written; nothing where the text gives none
  Type type = Type::number;
  Extent extent = Extent::element;
  SourcePlace place;
};

// `with d/dNAME = value`. In its expression the lets of the body are in scope.
struct Clause {
  bool by_parameter = false;
  std::uint32_t target = 0;  // index into inputs or parameters
  ExprId value = kNoExpr;
  SourcePlace place;  // of the d-name
};

struct UlpPromise {
  double forward = 0.0;
  double derivative = 0.0;
};

// @range(name, low, high), of a parameter or an input.
struct Range {
  bool of_parameter = true;
  std::uint32_t target = 0;
  double low = 0.0;
  double high = 0.0;

  // Both ends belong to it, also as f32 rounds them.
  [[nodiscard]] bool holds(double value) const {
    const auto narrow = static_cast<float>(value);
    return narrow >= static_cast<float>(low) && narrow <= static_cast<float>(high);
  }
};

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

// One place of @limits: a number, or a parameter, perhaps negated.
struct LimitValue {
  std::optional<std::uint32_t> parameter;
  bool negated = false;  // of the parameter; a number has its sign in `value`
  double value = 0.0;
};

struct Attributes {
  std::optional<UlpPromise> ulp;
  std::optional<Interval> domain;  // of every number input
  std::vector<Range> ranges;
  std::vector<std::string> aliases;
  std::optional<std::uint32_t> mean_output;         // @mean: the output that divides a mean
  std::optional<std::array<LimitValue, 4>> limits;  // f(-inf), f(inf), f'(-inf), f'(inf)
  bool exact = false;  // no stable forms: step 1 of the meaning is left out
  bool terms = false;  // the ulp is that of the largest term
};

// 128 bits of a definition's canonical text and of the digests of all it calls. Stable across
// machines and runs; changes when the meaning of the text may (see dsl/digest.hpp).
struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const Digest&, const Digest&) = default;
};

struct FunctionDef {
  std::string name;
  std::string documentation;  // the ## lines, without the marks, joined by newlines
  Attributes attributes;
  std::vector<Input> inputs;
  std::vector<Parameter> parameters;
  std::vector<Output> outputs;  // never empty after checking; `y` where the text names none
  bool outputs_named = false;   // the text has `-> (...)`
  bool is_builtin = false;      // `= builtin`; then there are no lets, results and clauses
  Builtin builtin = Builtin::none;
  std::vector<Let> lets;
  std::vector<ExprId> results;  // one per output
  std::vector<Clause> clauses;

  std::vector<Expr> expressions;
  std::vector<ExprId> operands;
  std::vector<NamedArgument> named_arguments;

  bool row_wise = false;             // reduces along the row, itself or through what it calls
  bool from_library = false;         // part of the standard library
  std::uint64_t expanded_nodes = 0;  // expressions once every call is expanded (saturating)
  std::uint32_t call_depth = 0;  // longest chain of calls below; 0 when only built-ins are called
  Digest digest;
  SourcePlace place;  // of the name

  [[nodiscard]] const Expr& expr(ExprId id) const { return expressions[dsl::index(id)]; }
  [[nodiscard]] std::span<const ExprId> operands_of(const Expr& e) const {
    return std::span(operands).subspan(e.first_operand, e.operand_count);
  }
  [[nodiscard]] std::span<const NamedArgument> named_of(const Expr& e) const {
    return std::span(named_arguments).subspan(e.first_named, e.named_count);
  }
  [[nodiscard]] std::size_t required_inputs() const;  // the inputs without a default
  [[nodiscard]] std::optional<std::uint32_t> find_input(std::string_view wanted) const;
  [[nodiscard]] std::optional<std::uint32_t> find_parameter(std::string_view wanted) const;
};

// The value of an integer literal, also a negated one (`-2`), as exponents need it: nothing where
// the expression is anything else.
[[nodiscard]] std::optional<double> integer_literal_value(const FunctionDef& function, ExprId id);

// The name of a built-in as the text has it, and back (none where there is none).
[[nodiscard]] std::string_view name(Builtin builtin);
[[nodiscard]] Builtin find_builtin(std::string_view name);

[[nodiscard]] std::string_view name(Type type);          // "number", "int", "bool"
[[nodiscard]] std::string_view name(Extent extent);      // "constant", "row", "element"
[[nodiscard]] std::string_view name(Kind kind);          // as written after ':'
[[nodiscard]] std::string_view name(Constant constant);  // as written in the text
[[nodiscard]] std::string_view name(ExprKind kind);      // as in the dump: "add", "select"

}  // namespace sluice::dsl
