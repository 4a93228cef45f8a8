// The tables of names behind dsl/ast.hpp and dsl/builtins.hpp.
#include "dsl/ast.hpp"

#include <array>

#include "dsl/builtins.hpp"

namespace sluice::dsl {
namespace {

constexpr BuiltinInfo kBuiltins[] = {
#define SLUICE_BUILTIN(name, min_arity, max_arity, rule)                                           \
  {Builtin::name, #name, min_arity, max_arity, BuiltinRule::rule},
#include "dsl/builtins.def"
#undef SLUICE_BUILTIN
};

}  // namespace

const BuiltinInfo& info(Builtin builtin) {
  return kBuiltins[static_cast<std::size_t>(builtin) - 1];  // `none` stands before the table
}

bool is_reduction(Builtin builtin) {
  if (builtin == Builtin::none) return false;
  switch (info(builtin).rule) {
    case BuiltinRule::reduce_numbers:
    case BuiltinRule::reduce_booleans:
    case BuiltinRule::reduce_to_index:
    case BuiltinRule::row_softmax:
    case BuiltinRule::at: return true;
    case BuiltinRule::numbers:
    case BuiltinRule::numbers_or_integers:
    case BuiltinRule::test:
    case BuiltinRule::position_element:
    case BuiltinRule::position_row:
    case BuiltinRule::position_constant: return false;
  }
  return false;
}

bool is_position(Builtin builtin) {
  return builtin == Builtin::col || builtin == Builtin::row || builtin == Builtin::width;
}

std::string_view name(Builtin builtin) {
  return builtin == Builtin::none ? std::string_view() : info(builtin).name;
}

Builtin find_builtin(std::string_view name) {
  for (const BuiltinInfo& candidate : kBuiltins) {
    if (candidate.name == name) return candidate.builtin;
  }
  return Builtin::none;
}

Type Input::type() const {
  switch (kind) {
    case Kind::element:
    case Kind::row: return Type::number;
    case Kind::index: return Type::integer;
    case Kind::mask: return Type::boolean;
  }
  return Type::number;
}

Extent Input::extent() const {
  return kind == Kind::row || kind == Kind::index ? Extent::row : Extent::element;
}

std::size_t FunctionDef::required_inputs() const {
  std::size_t count = 0;
  for (const Input& input : inputs) {
    if (!input.default_value) ++count;
  }
  return count;
}

std::optional<std::uint32_t> FunctionDef::find_input(std::string_view wanted) const {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name == wanted) return static_cast<std::uint32_t>(i);
  }
  return std::nullopt;
}

std::optional<std::uint32_t> FunctionDef::find_parameter(std::string_view wanted) const {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].name == wanted) return static_cast<std::uint32_t>(i);
  }
  return std::nullopt;
}

std::optional<double> integer_literal_value(const FunctionDef& function, ExprId id) {
  const Expr* e = &function.expr(id);
  double sign = 1.0;
  while (e->kind == ExprKind::negate) {
    sign = -sign;
    e = &function.expr(function.operands_of(*e)[0]);
  }
  if (e->kind != ExprKind::number || !e->integer_literal) return std::nullopt;
  return sign * e->value;
}

std::string_view name(Type type) {
  constexpr std::string_view kNames[] = {"number", "int", "bool"};
  return kNames[static_cast<std::size_t>(type)];
}

std::string_view name(Extent extent) {
  constexpr std::string_view kNames[] = {"constant", "row", "element"};
  return kNames[static_cast<std::size_t>(extent)];
}

std::string_view name(Kind kind) {
  constexpr std::string_view kNames[] = {"element", "row", "index", "mask"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view name(Constant constant) {
  constexpr std::string_view kNames[] = {"inf", "nan", "pi", "e", "true", "false"};
  return kNames[static_cast<std::size_t>(constant)];
}

std::string_view name(ExprKind kind) {
  constexpr std::string_view kNames[] = {
      "number",     "constant",      "input",       "parameter", "let",
      "result",     "negate",        "logical_not", "add",       "subtract",
      "multiply",   "divide",        "power",       "less",      "less_equal",
      "greater",    "greater_equal", "equal",       "not_equal", "logical_and",
      "logical_or", "select",        "call",        "detach",    "derivative"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace sluice::dsl
