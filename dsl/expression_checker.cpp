// Names and operators.
#include "dsl/expression_checker.hpp"

#include <algorithm>
#include <utility>

#include "dsl/constant.hpp"
#include "dsl/similar.hpp"

namespace sluice::dsl {
namespace {

constexpr double kLargestInteger = 9007199254740992.0;  // 2^53: a literal is held as f64
constexpr std::string_view kSelectHint = "'if' makes a number of a bool: 'if c then 1 else 0'";

}  // namespace

std::string a_type(Type type) {
  switch (type) {
    case Type::number: return "a number";
    case Type::integer: return "an int";
    case Type::boolean: return "a bool";
  }
  return {};
}

ExpressionChecker::ExpressionChecker(ParsedFunction& parsed, const CheckContext& context)
    : parsed_(parsed), function_(parsed.body.function), nodes_(parsed.body.nodes),
      context_(context), used_inputs_(function_.inputs.size()),
      used_parameters_(function_.parameters.size()) {}

void ExpressionChecker::check_until(ExprId last, bool several) {
  several_ = several ? last : kNoExpr;
  while (last != kNoExpr && next_ <= index(last)) {
    const ExprId id{static_cast<std::uint32_t>(next_)};
    if (context_.reporter.full()) fail(id);
    check(id);
    ++next_;
  }
}

void ExpressionChecker::open_let() {
  lets_.emplace(function_.lets[open_lets_].name, open_lets_);
  ++open_lets_;
}

void ExpressionChecker::error(ExprId id, SourcePlace place, std::string message, std::string hint) {
  context_.reporter.error(place, std::move(message), std::move(hint));
  fail(id);
}

bool ExpressionChecker::operands_failed(ExprId id) const {
  const Expr& e = function_.expr(id);
  const auto failed_one = [&](ExprId operand) { return failed(operand); };
  const auto operands = function_.operands_of(e);
  const auto named = function_.named_of(e);
  return std::any_of(operands.begin(), operands.end(), failed_one) ||
         std::any_of(named.begin(), named.end(),
                     [&](const NamedArgument& argument) { return failed(argument.value); });
}

Extent ExpressionChecker::joined_extent(const Expr& e) const {
  Extent extent = Extent::constant;
  for (const ExprId operand : function_.operands_of(e)) {
    extent = std::max(extent, function_.expr(operand).extent);
  }
  for (const NamedArgument& argument : function_.named_of(e)) {
    extent = std::max(extent, function_.expr(argument.value).extent);
  }
  return extent;
}

// The text of an operand without the parentheses around it, for hints.
std::string ExpressionChecker::text_of(ExprId id) const {
  const SourcePlace place = function_.expr(id).place;
  std::string_view text = context_.program.source(place.file).text();
  text = text.substr(place.offset, place.length);
  const auto enclosed = [&] {
    std::ptrdiff_t depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '(') ++depth;
      if (text[i] == ')' && --depth == 0) return i > 0 && i + 1 == text.size();
      if (depth == 0) return false;
    }
    return false;
  };
  while (enclosed()) text = text.substr(1, text.size() - 2);
  return text.find('\n') == std::string_view::npos ? std::string(text) : "...";
}

void ExpressionChecker::check(ExprId id) {
  if (nodes_[index(id)].failed) return;
  if (operands_failed(id)) {
    fail(id);
    return;
  }
  Expr& e = at(id);
  switch (e.kind) {
    case ExprKind::number: nodes_[index(id)].flexible = e.integer_literal; return;
    case ExprKind::input: resolve_name(id); return;
    case ExprKind::negate:
    case ExprKind::logical_not: check_prefix(id); return;
    case ExprKind::add:
    case ExprKind::subtract:
    case ExprKind::multiply:
    case ExprKind::divide:
    case ExprKind::power: check_arithmetic(id); return;
    case ExprKind::less:
    case ExprKind::less_equal:
    case ExprKind::greater:
    case ExprKind::greater_equal:
    case ExprKind::equal:
    case ExprKind::not_equal: check_comparison(id); return;
    case ExprKind::logical_and:
    case ExprKind::logical_or: check_logical(id); return;
    case ExprKind::select: check_select(id); return;
    case ExprKind::call: check_call(id); return;
    case ExprKind::constant:
    case ExprKind::parameter:
    case ExprKind::let:
    case ExprKind::result:
    case ExprKind::detach:
    case ExprKind::derivative: return;  // made by this checker only
  }
}

void ExpressionChecker::resolve_name(ExprId id) {
  Expr& e = at(id);
  const std::string_view text = nodes_[index(id)].name;
  if (const auto found = lets_.find(text); found != lets_.end()) {
    const Let& let = function_.lets[found->second];
    e.kind = ExprKind::let;
    e.target = static_cast<std::uint32_t>(found->second);
    e.type = let.type;
    e.extent = let.extent;
    if (let.value == kNoExpr || failed(let.value)) fail(id);
    return;
  }
  if (const auto input = function_.find_input(text)) {
    e.target = *input;
    e.type = function_.inputs[*input].type();
    e.extent = function_.inputs[*input].extent();
    used_inputs_[*input] = true;
    return;
  }
  if (const auto parameter = function_.find_parameter(text)) {
    e.kind = ExprKind::parameter;
    e.target = *parameter;
    e.type = function_.parameters[*parameter].is_integer ? Type::integer : Type::number;
    used_parameters_[*parameter] = true;
    return;
  }
  if (in_clause_ && text == "y" && !function_.results.empty()) {
    e.kind = ExprKind::result;
    e.type = Type::number;
    e.extent = Extent::element;
    return;
  }
  if (const auto constant = find_constant(text)) {
    e.kind = ExprKind::constant;
    e.constant = constant->constant;
    e.value = constant->value;
    const bool boolean =
        constant->constant == Constant::true_value || constant->constant == Constant::false_value;
    e.type = boolean ? Type::boolean : Type::number;
    return;
  }
  unknown_name(e, text);
  fail(id);
}

void ExpressionChecker::unknown_name(const Expr& e, std::string_view text) {
  if (parsed_.names_missing) return;
  const std::string shown(text);
  for (std::size_t i = open_lets_; i < function_.lets.size(); ++i) {
    if (function_.lets[i].name != text) continue;
    context_.reporter.error(e.place, "'" + shown + "' is used before its 'let'",
                            "a 'let' is in scope on the lines after it");
    return;
  }
  if (const auto found = context_.program.find(text);
      found || is_special_form(text) || context_.broken.contains(text)) {
    context_.reporter.error(e.place, "'" + shown + "' is a function, not a value",
                            "call it: '" + shown + "(x)'");
    return;
  }
  std::vector<std::string> known;
  for (const Input& input : function_.inputs) known.push_back(input.name);
  for (const Parameter& parameter : function_.parameters) known.push_back(parameter.name);
  for (std::size_t i = 0; i < open_lets_; ++i) known.push_back(function_.lets[i].name);
  for (const std::string_view constant : {"inf", "nan", "pi", "true", "false"}) {
    known.emplace_back(constant);
  }
  std::string hint = did_you_mean(text, known);
  if (text == "y" && hint.empty()) hint = "'y' is the result in a derivative clause only";
  context_.reporter.error(e.place, "unknown name '" + shown + "'", std::move(hint));
}

void ExpressionChecker::check_prefix(ExprId id) {
  Expr& e = at(id);
  const ExprId operand = function_.operands_of(e)[0];
  const Expr& value = function_.expr(operand);
  e.extent = value.extent;
  const bool boolean = value.type == Type::boolean;
  if (e.kind == ExprKind::logical_not) {
    e.type = Type::boolean;
    if (!boolean) {
      error(id, value.place, "'not' needs a bool, this is " + a_type(value.type),
            "compare it: 'x == 0'");
    }
    return;
  }
  e.type = value.type;
  nodes_[index(id)].flexible = flexible(operand);
  if (boolean) {
    error(id, value.place, "a bool is not a number: '-' needs a number", std::string(kSelectHint));
  }
}

// The type of a + b and its like: int where both are, integer literals being what is next to them.
void ExpressionChecker::join_numbers(ExprId id, ExprId a, ExprId b) {
  Expr& e = at(id);
  if (flexible(a) && flexible(b)) {
    nodes_[index(id)].flexible = true;
    e.type = Type::number;
    return;
  }
  const Type type_a = function_.expr(a).type;
  const Type type_b = function_.expr(b).type;
  if (flexible(a) && type_b == Type::integer) make_integer(a);
  if (flexible(b) && type_a == Type::integer) make_integer(b);
  const bool integer =
      function_.expr(a).type == Type::integer && function_.expr(b).type == Type::integer;
  e.type = integer ? Type::integer : Type::number;
}

void ExpressionChecker::make_integer(ExprId id) {
  std::vector<ExprId> open{id};
  while (!open.empty()) {
    const ExprId current = open.back();
    open.pop_back();
    if (!flexible(current)) continue;
    nodes_[index(current)].flexible = false;
    Expr& e = at(current);
    e.type = Type::integer;
    if (e.kind == ExprKind::number && e.value >= kLargestInteger) {
      error(current, e.place, "an int literal is less than 2^53");
    }
    for (const ExprId operand : function_.operands_of(e)) open.push_back(operand);
  }
}

void ExpressionChecker::check_arithmetic(ExprId id) {
  Expr& e = at(id);
  const ExprId left = function_.operands_of(e)[0];
  const ExprId right = function_.operands_of(e)[1];
  e.extent = joined_extent(e);
  const std::string sign(context_.program.source(e.mark.file).text(), e.mark.offset, e.mark.length);
  for (const ExprId operand : {left, right}) {
    if (function_.expr(operand).type != Type::boolean) continue;
    const ExprId other = operand == left ? right : left;
    const bool product =
        e.kind == ExprKind::multiply && function_.expr(other).type != Type::boolean;
    error(id, function_.expr(operand).place, "a bool is not a number: '" + sign + "' needs numbers",
          product ? "write 'if " + text_of(operand) + " then " + text_of(other) + " else 0'"
                  : std::string(kSelectHint));
    return;
  }
  if (e.kind == ExprKind::divide || e.kind == ExprKind::power) {
    e.type = Type::number;
    return;
  }
  join_numbers(id, left, right);
}

void ExpressionChecker::check_comparison(ExprId id) {
  Expr& e = at(id);
  const ExprId left = function_.operands_of(e)[0];
  const ExprId right = function_.operands_of(e)[1];
  e.extent = joined_extent(e);
  for (const ExprId operand : {left, right}) {
    if (function_.expr(operand).type != Type::boolean) continue;
    error(id, function_.expr(operand).place, "a comparison needs numbers, this is a bool",
          "bools are combined with 'and', 'or' and 'not'");
    return;
  }
  join_numbers(id, left, right);
  nodes_[index(id)].flexible = false;
  e.type = Type::boolean;
}

void ExpressionChecker::check_logical(ExprId id) {
  Expr& e = at(id);
  e.type = Type::boolean;
  e.extent = joined_extent(e);
  const std::string word = e.kind == ExprKind::logical_and ? "'and'" : "'or'";
  for (const ExprId operand : function_.operands_of(e)) {
    const Expr& value = function_.expr(operand);
    if (value.type == Type::boolean) continue;
    error(id, value.place, word + " needs bools, this is " + a_type(value.type),
          "compare it: 'x != 0'");
    return;
  }
}

void ExpressionChecker::check_select(ExprId id) {
  Expr& e = at(id);
  const auto operands = function_.operands_of(e);
  const Expr& condition = function_.expr(operands[0]);
  e.extent = joined_extent(e);
  if (condition.type != Type::boolean) {
    error(id, condition.place,
          "the condition of an 'if' is a bool, this is " + a_type(condition.type),
          "compare it: 'x != 0'");
    return;
  }
  const Expr& taken = function_.expr(operands[1]);
  const Expr& other = function_.expr(operands[2]);
  const bool booleans = taken.type == Type::boolean;
  if (booleans != (other.type == Type::boolean)) {
    error(id, other.place,
          "the sides of an 'if' differ: " + a_type(taken.type) + " and " + a_type(other.type),
          std::string(kSelectHint));
    return;
  }
  if (booleans) {
    e.type = Type::boolean;
  } else {
    join_numbers(id, operands[1], operands[2]);
  }
}

}  // namespace sluice::dsl
