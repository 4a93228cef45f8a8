// Calls: of built-ins, of the library, of the program's own functions, and the special forms.
#include <algorithm>
#include <utility>

#include "dsl/expression_checker.hpp"
#include "dsl/similar.hpp"

namespace sluice::dsl {
namespace {

std::string count(std::size_t n, std::string_view noun) {
  return std::to_string(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

}  // namespace

std::string signature(const FunctionDef& function) {
  std::string out = "fn " + function.name + "(";
  for (std::size_t i = 0; i < function.inputs.size(); ++i) {
    const Input& input = function.inputs[i];
    out += (i > 0 ? ", " : "") + input.name;
    if (input.kind != Kind::element) out += ": " + std::string(name(input.kind));
    if (input.default_value) out += " = ...";
  }
  for (std::size_t i = 0; i < function.parameters.size(); ++i) {
    out += (i > 0 ? ", " : "; ") + function.parameters[i].name;
  }
  return out + ")";
}

void ExpressionChecker::check_call(ExprId id) {
  const std::string_view text = nodes_[index(id)].name;
  if (is_special_form(text)) {
    check_special_form(id, text);
    return;
  }
  if (context_.broken.contains(text)) {
    fail(id);
    return;
  }
  const auto found = context_.program.find(text);
  if (!found) {
    unknown_function(at(id), text);
    fail(id);
    return;
  }
  const FunctionDef& callee = context_.program.function(*found);
  at(id).callee = *found;
  at(id).builtin = callee.builtin;
  const bool counted = check_counts(at(id), callee);
  if (!check_named(id, callee) || !counted) {
    fail(id);
    return;
  }
  const auto arguments = function_.operands_of(at(id));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!check_argument(arguments[i], callee.inputs[i], callee)) fail(id);
  }
  if (callee.outputs.size() > 1 && id != several_) {
    error(id, at(id).mark,
          "'" + callee.name + "' has " + count(callee.outputs.size(), "output") +
              ", this place takes one value",
          "receive them by 'let (" + callee.outputs[0].name + ", " + callee.outputs[1].name +
              (callee.outputs.size() > 2 ? ", ..." : "") + ") = " + callee.name + "(...)'");
  }
  if (!failed(id)) infer_call(id, callee);
}

void ExpressionChecker::unknown_function(const Expr& e, std::string_view text) {
  const std::string shown(text);
  if (function_.find_input(text) || function_.find_parameter(text) || lets_.contains(text)) {
    context_.reporter.error(e.mark, "'" + shown + "' is a value, not a function",
                            "a product needs '*'");
  } else if (text == function_.name) {
    context_.reporter.error(e.mark, "'" + shown + "' calls itself",
                            "there is no recursion: a function may call what is defined before it");
  } else if (context_.later.contains(text)) {
    context_.reporter.error(e.mark, "'" + shown + "' is called before its definition",
                            "put its definition above this one");
  } else {
    context_.reporter.error(e.mark, "unknown function '" + shown + "'",
                            did_you_mean(text, context_.program.similar(text)));
  }
}

bool ExpressionChecker::check_counts(const Expr& e, const FunctionDef& callee) {
  const std::size_t most = callee.inputs.size();
  const std::size_t fewest = callee.required_inputs();
  const std::size_t given = e.operand_count;
  if (given >= fewest && given <= most) return true;
  const std::string takes =
      fewest == most
          ? count(most, "input")
          : std::to_string(fewest) + (most == fewest + 1 ? " or " : " to ") + count(most, "input");
  std::string hint = signature(callee);
  if (given > most && !callee.parameters.empty()) {
    hint = "parameters are given by name: '" + callee.name + "(" +
           (callee.inputs.empty() ? "" : callee.inputs[0].name) + "; " + callee.parameters[0].name +
           " = ...)'";
  }
  context_.reporter.error(e.mark,
                          "'" + callee.name + "' takes " + takes + ", " + std::to_string(given) +
                              (given == 1 ? " is given" : " are given"),
                          std::move(hint));
  return false;
}

bool ExpressionChecker::check_named(ExprId id, const FunctionDef& callee) {
  const Expr& e = at(id);
  std::vector<bool> given(callee.parameters.size());
  bool right = true;
  const auto wrong = [&](SourcePlace place, std::string message, std::string hint = {}) {
    context_.reporter.error(place, std::move(message), std::move(hint));
    right = false;
  };
  for (std::uint32_t i = e.first_named; i < e.first_named + e.named_count; ++i) {
    NamedArgument& argument = function_.named_arguments[i];
    const std::string name(parsed_.body.argument_names[i]);
    const auto found = callee.find_parameter(name);
    if (!found) {
      std::vector<std::string> known;
      for (const Parameter& parameter : callee.parameters) known.push_back(parameter.name);
      wrong(argument.place, "'" + callee.name + "' has no parameter '" + name + "'",
            callee.find_input(name) ? "'" + name + "' is an input: inputs are given by their place"
                                    : did_you_mean(name, known));
      continue;
    }
    argument.parameter = *found;
    if (given[*found]) wrong(argument.place, "the parameter '" + name + "' is given twice");
    given[*found] = true;
    const Expr& value = function_.expr(argument.value);
    if (value.type == Type::boolean) {
      wrong(value.place, "the parameter '" + name + "' is a number, this is a bool",
            "'if' makes a number of a bool: 'if c then 1 else 0'");
    } else if (callee.parameters[*found].is_integer) {
      if (flexible(argument.value)) make_integer(argument.value);
      if (value.type != Type::integer) {
        wrong(value.place, "the parameter '" + name + "' is an int, this is a number");
      }
    }
    const ExprKind kind = value.kind == ExprKind::negate
                              ? function_.expr(function_.operands_of(value)[0]).kind
                              : value.kind;
    if (callee.is_builtin && kind != ExprKind::number && kind != ExprKind::constant) {
      wrong(value.place, "'" + name + "' of '" + callee.name + "' is a literal",
            "its value chooses the code: write a number");
    }
  }
  return right;
}

bool ExpressionChecker::check_argument(ExprId argument, const Input& input,
                                       const FunctionDef& callee) {
  const Type wanted = input.type();
  if (wanted == Type::integer && flexible(argument)) make_integer(argument);
  const Expr& value = function_.expr(argument);
  const std::string which = "'" + input.name + "' of '" + callee.name + "'";
  const bool converts = wanted == Type::number && value.type == Type::integer;
  if (value.type != wanted && !converts) {
    std::string hint;
    if (value.type == Type::boolean) {
      hint = "'if' makes a number of a bool: 'if c then 1 else 0'";
    } else if (wanted == Type::boolean) {
      hint = "compare it: 'x != 0'";
    }
    context_.reporter.error(value.place,
                            which + " is " + a_type(wanted) + ", this is " + a_type(value.type),
                            std::move(hint));
    return false;
  }
  if (input.extent() == Extent::row && value.extent == Extent::element) {
    context_.reporter.error(
        value.place, which + " is one value a row, this varies along the row",
        wanted == Type::number ? "a reduction like 'row_sum' makes one value of a row" : "");
    return false;
  }
  return true;
}

void ExpressionChecker::infer_call(ExprId id, const FunctionDef& callee) {
  Expr& e = at(id);
  if (callee.is_builtin) {
    infer_builtin(id, callee);
    return;
  }
  reduces_ = reduces_ || callee.row_wise;
  e.type = callee.outputs[0].type;
  e.extent = callee.row_wise ? callee.outputs[0].extent : joined_extent(e);
}

void ExpressionChecker::infer_builtin(ExprId id, const FunctionDef& callee) {
  Expr& e = at(id);
  e.extent = joined_extent(e);
  e.type = Type::number;
  if (is_position(callee.builtin)) positions_.push_back(id);
  reduces_ = reduces_ || is_reduction(callee.builtin);
  switch (info(callee.builtin).rule) {
    case BuiltinRule::numbers: return;
    case BuiltinRule::numbers_or_integers:
      join_numbers(id, function_.operands_of(e)[0], function_.operands_of(e)[1]);
      return;
    case BuiltinRule::test: e.type = Type::boolean; return;
    case BuiltinRule::reduce_numbers:
    case BuiltinRule::at: e.extent = Extent::row; return;
    case BuiltinRule::reduce_booleans:
      e.type = Type::boolean;
      e.extent = Extent::row;
      return;
    case BuiltinRule::reduce_to_index:
      e.type = Type::integer;
      e.extent = Extent::row;
      return;
    case BuiltinRule::row_softmax: e.extent = Extent::element; return;
    case BuiltinRule::position_element:
      e.type = Type::integer;
      e.extent = Extent::element;
      return;
    case BuiltinRule::position_row:
      e.type = Type::integer;
      e.extent = Extent::row;
      return;
    case BuiltinRule::position_constant: e.type = Type::integer; return;
  }
}

void ExpressionChecker::check_special_form(ExprId id, std::string_view text) {
  Expr& e = at(id);
  const std::size_t wanted = text == kDetach ? 1 : 2;
  if (e.operand_count != wanted || e.named_count != 0) {
    error(id, e.mark, "'" + std::string(text) + "' takes " + count(wanted, "argument"),
          text == kDetach ? "detach(v)" : "derivative(expression, x)");
    return;
  }
  if (text == kDerivative) {
    check_derivative(id);
    return;
  }
  const Expr& value = function_.expr(function_.operands_of(e)[0]);
  e.kind = ExprKind::detach;
  e.type = value.type;
  e.extent = value.extent;
  nodes_[index(id)].flexible = flexible(function_.operands_of(e)[0]);
}

void ExpressionChecker::check_derivative(ExprId id) {
  Expr& e = at(id);
  const ExprId value = function_.operands_of(e)[0];
  const Expr& variable = function_.expr(function_.operands_of(e)[1]);
  const bool named = variable.kind == ExprKind::input || variable.kind == ExprKind::parameter ||
                     variable.kind == ExprKind::let;
  if (!named || variable.type != Type::number) {
    error(id, variable.place,
          "a derivative is taken by an input, a parameter or a 'let' that is a number");
    return;
  }
  if (function_.expr(value).type == Type::boolean) {
    error(id, function_.expr(value).place, "a bool has no derivative");
    return;
  }
  if (has_reduction(value)) {
    error(id, function_.expr(value).place,
          "'derivative' is of an elementwise expression, this one reduces along the row");
    return;
  }
  e.kind = ExprKind::derivative;
  e.type = Type::number;
  e.extent = function_.expr(value).extent;
}

// Whether a reduction stands in the expression or in a let that it uses.
bool ExpressionChecker::has_reduction(ExprId id) const {
  std::vector<bool> seen(function_.expressions.size());
  std::vector<ExprId> open{id};
  while (!open.empty()) {
    const ExprId current = open.back();
    open.pop_back();
    if (seen[index(current)]) continue;
    seen[index(current)] = true;
    const Expr& e = function_.expr(current);
    const bool user_call = e.kind == ExprKind::call && e.builtin == Builtin::none;
    if (is_reduction(e.builtin)) return true;
    if (user_call && context_.program.function(e.callee).row_wise) return true;
    if (e.kind == ExprKind::let) open.push_back(function_.lets[e.target].value);
    if (e.kind == ExprKind::result) open.push_back(function_.results[0]);
    for (const ExprId operand : function_.operands_of(e)) open.push_back(operand);
    for (const NamedArgument& argument : function_.named_of(e)) open.push_back(argument.value);
  }
  return false;
}

}  // namespace sluice::dsl
