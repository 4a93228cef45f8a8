// A loss is a function with an input called target or label, or with an index input. It *applies* a
// sigmoid to an input where a sigmoid, or a logarithm of one, is taken of that input: as it is, or
// as the first in arithmetic and choices, through lets and calls. A value *is* a sigmoid where the
// outermost operation is one, or a choice that may be one. The same for softmax. All are facts of a
// definition, found once and remembered.
#include "dsl/warnings.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dsl/builtins.hpp"

namespace sluice::dsl {
namespace {

enum class Activation : std::uint8_t { sigmoid, softmax };

bool applies(Builtin builtin, Activation activation) {
  if (activation == Activation::softmax) {
    return builtin == Builtin::row_softmax || builtin == Builtin::row_logsumexp;
  }
  return builtin == Builtin::sigmoid || builtin == Builtin::log_sigmoid ||
         builtin == Builtin::log1p_exp;
}

bool is(Builtin builtin, Activation activation) {
  return builtin == (activation == Activation::softmax ? Builtin::row_softmax : Builtin::sigmoid);
}

// A function that is the activation itself, or its logarithm; others may have a use for one of the
// same twice, as gates do.
bool is_or_logarithm(Builtin builtin, Activation activation) {
  return is(builtin, activation) ||
         builtin ==
             (activation == Activation::softmax ? Builtin::row_logsumexp : Builtin::log_sigmoid);
}

bool is_target(const Input& input) {
  return input.kind == Kind::index || input.name.starts_with("target") ||
         input.name.starts_with("label");
}

bool is_loss(const FunctionDef& function) {
  return std::any_of(function.inputs.begin(), function.inputs.end(), is_target);
}

class Graph {
 public:
  explicit Graph(const Program& program) : program_(program) {}

  // Whether the value of the expression is, or may be, the activation of something.
  bool is_activation(const FunctionDef& function, ExprId id, Activation activation) {
    std::set<ExprId> seen;
    std::vector<ExprId> open{id};
    while (!open.empty()) {
      const ExprId at = through_lets(function, open.back());
      open.pop_back();
      if (!seen.insert(at).second) continue;
      const Expr& e = function.expr(at);
      const auto operands = function.operands_of(e);
      if (e.kind == ExprKind::select) open.insert(open.end(), {operands[2], operands[1]});
      if (e.kind == ExprKind::call && is_activation(e, activation)) return true;
    }
    return false;
  }

  // Whether the function's result is, or may be, the activation of something.
  bool is_activation(const FunctionDef& function, Activation activation) {
    return function.results.size() == 1 && is_activation(function, function.results[0], activation);
  }

  // The inputs of the function to which it applies the activation itself.
  const std::set<std::uint32_t>& applied_to(FunctionId id, Activation activation) {
    const auto key = std::pair(id, activation);
    if (const auto known = applied_.find(key); known != applied_.end()) return known->second;
    std::set<std::uint32_t> inputs;
    const FunctionDef& function = program_.function(id);
    for (const Expr& e : function.expressions) {
      if (e.kind != ExprKind::call) continue;
      const auto operands = function.operands_of(e);
      for (std::size_t i = 0; i < operands.size(); ++i) {
        const bool applied =
            e.builtin != Builtin::none
                ? i == 0 && applies(e.builtin, activation)
                : applied_to(e.callee, activation).contains(static_cast<std::uint32_t>(i));
        if (!applied) continue;
        const auto input = first_input(function, operands[i]);
        if (input && !is_target(function.inputs[*input])) inputs.insert(*input);
      }
    }
    return applied_[key] = std::move(inputs);
  }

 private:
  bool is_activation(const Expr& call, Activation activation) {
    if (call.builtin != Builtin::none) return is(call.builtin, activation);
    const FunctionDef& callee = program_.function(call.callee);
    const auto key = std::pair(call.callee, activation);
    if (const auto known = results_.find(key); known != results_.end()) return known->second;
    const bool answer =
        callee.results.size() == 1 && is_activation(callee, callee.results[0], activation);
    return results_[key] = answer;
  }

  static ExprId through_lets(const FunctionDef& function, ExprId id) {
    while (function.expr(id).kind == ExprKind::let) {
      const Let& let = function.lets[function.expr(id).target];
      if (let.several) break;
      id = let.value;
    }
    return id;
  }

  // The first input in the expression's arithmetic and choices. Built-ins and conditions count as
  // none.
  std::optional<std::uint32_t> first_input(const FunctionDef& function, ExprId id) {
    std::set<ExprId> seen;
    std::vector<ExprId> open{id};
    while (!open.empty()) {
      const ExprId at = open.back();
      open.pop_back();
      if (!seen.insert(at).second) continue;
      const Expr& e = function.expr(at);
      const auto operands = function.operands_of(e);
      switch (e.kind) {
        case ExprKind::input: return e.target;
        case ExprKind::let: {
          const Let& let = function.lets[e.target];
          const Expr& value = function.expr(let.value);
          if (!let.several) open.push_back(let.value);
          if (let.several) follow_call(function, value, let.output, open);
          break;
        }
        case ExprKind::call: follow_call(function, e, 0, open); break;
        case ExprKind::select: open.insert(open.end(), {operands[2], operands[1]}); break;
        case ExprKind::negate:
        case ExprKind::add:
        case ExprKind::subtract:
        case ExprKind::multiply:
        case ExprKind::divide: open.insert(open.end(), operands.rbegin(), operands.rend()); break;
        case ExprKind::number:
        case ExprKind::constant:
        case ExprKind::parameter:
        case ExprKind::result:
        case ExprKind::power:
        case ExprKind::less:
        case ExprKind::less_equal:
        case ExprKind::greater:
        case ExprKind::greater_equal:
        case ExprKind::equal:
        case ExprKind::not_equal:
        case ExprKind::logical_not:
        case ExprKind::logical_and:
        case ExprKind::logical_or:
        case ExprKind::detach:
        case ExprKind::derivative: break;
      }
    }
    return std::nullopt;
  }

  // The argument for the first input of the callee's output.
  void follow_call(const FunctionDef& function, const Expr& call, std::uint32_t output,
                   std::vector<ExprId>& open) {
    if (call.builtin != Builtin::none) return;
    const auto key = std::pair(call.callee, output);
    auto known = first_.find(key);
    if (known == first_.end()) {
      const FunctionDef& callee = program_.function(call.callee);
      known = first_.emplace(key, first_input(callee, callee.results[output])).first;
    }
    if (known->second && *known->second < call.operand_count)
      open.push_back(function.operands_of(call)[*known->second]);
  }

  const Program& program_;
  std::map<std::pair<FunctionId, Activation>, bool> results_;
  std::map<std::pair<FunctionId, std::uint32_t>, std::optional<std::uint32_t>> first_;
  std::map<std::pair<FunctionId, Activation>, std::set<std::uint32_t>> applied_;
};

constexpr Activation kActivations[] = {Activation::sigmoid, Activation::softmax};

void report(Reporter& reporter, const SourcePlace& place, const std::string& callee,
            Activation activation) {
  const std::string word = activation == Activation::sigmoid ? "sigmoid" : "softmax";
  reporter.warning(place, "a " + word + " is fed to '" + callee + "', which applies one itself",
                   "give it the value before the " + word);
}

void check_call(Graph& graph, const Program& program, const FunctionDef& function, const Expr& e,
                Reporter& reporter) {
  const FunctionDef& callee = program.function(e.callee);
  const auto operands = function.operands_of(e);
  for (const Activation activation : kActivations) {
    // A softmax that a function applies to its input is what it is for; a sigmoid may be a gate.
    if (!is_loss(callee) && activation == Activation::sigmoid &&
        !graph.is_activation(program.function(e.callee), activation))
      continue;
    for (const std::uint32_t i : graph.applied_to(e.callee, activation))
      if (i < operands.size() && graph.is_activation(function, operands[i], activation))
        report(reporter, function.expr(operands[i]).place, callee.name, activation);
  }
}

void check_builtin(Graph& graph, const FunctionDef& function, const Expr& e, Reporter& reporter) {
  for (const Activation activation : kActivations) {
    if (!is_or_logarithm(e.builtin, activation)) continue;
    const ExprId operand = function.operands_of(e)[0];
    if (graph.is_activation(function, operand, activation))
      report(reporter, function.expr(operand).place, std::string(name(e.builtin)), activation);
  }
}

}  // namespace

std::vector<AppliedActivations> applied_activations(const Program& program, FunctionId id) {
  const FunctionDef& function = program.function(id);
  std::vector<AppliedActivations> applied(function.inputs.size());
  if (function.is_builtin && !applied.empty())
    applied[0] = {applies(function.builtin, Activation::sigmoid),
                  applies(function.builtin, Activation::softmax)};
  Graph graph(program);
  for (const std::uint32_t i : graph.applied_to(id, Activation::sigmoid)) applied[i].sigmoid = true;
  for (const std::uint32_t i : graph.applied_to(id, Activation::softmax)) applied[i].softmax = true;
  return applied;
}

void warn_of_double_activations(const Program& program, Reporter& reporter) {
  Graph graph(program);
  for (std::size_t i = program.first_own(); i < program.size(); ++i) {
    const FunctionDef& function = program.function(FunctionId{static_cast<std::uint32_t>(i)});
    for (const Expr& e : function.expressions) {
      if (e.kind != ExprKind::call) continue;
      if (e.builtin == Builtin::none)
        check_call(graph, program, function, e, reporter);
      else
        check_builtin(graph, function, e, reporter);
    }
  }
}

}  // namespace sluice::dsl
