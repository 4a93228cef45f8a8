// A loss is a function with an input called target or label, or with an index input. It *applies* a
// sigmoid to an input where a sigmoid, or a logarithm of one, is taken of that input (as it is,
// negated, or through lets and calls); a value *is* a sigmoid where the outermost operation is one.
// The same for softmax. Both are facts of a definition, found once and remembered.
#include "dsl/warnings.hpp"

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

bool is_loss(const FunctionDef& function) {
  for (const Input& input : function.inputs) {
    if (input.kind == Kind::index || input.name.starts_with("target") ||
        input.name.starts_with("label")) {
      return true;
    }
  }
  return false;
}

class Graph {
 public:
  explicit Graph(const Program& program) : program_(program) {}

  // Whether the value of the expression is the activation of something.
  bool is_activation(const FunctionDef& function, ExprId id, Activation activation) {
    const Expr& e = function.expr(through_lets(function, id));
    if (e.kind != ExprKind::call) return false;
    if (e.builtin != Builtin::none) return is(e.builtin, activation);
    const FunctionDef& callee = program_.function(e.callee);
    const auto key = std::pair(e.callee, activation);
    if (const auto known = results_.find(key); known != results_.end()) return known->second;
    const bool answer =
        callee.results.size() == 1 && is_activation(callee, callee.results[0], activation);
    return results_[key] = answer;
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
        if (const auto input = plain_input(function, operands[i])) inputs.insert(*input);
      }
    }
    return applied_[key] = std::move(inputs);
  }

 private:
  static ExprId through_lets(const FunctionDef& function, ExprId id) {
    while (function.expr(id).kind == ExprKind::let) {
      const Let& let = function.lets[function.expr(id).target];
      if (let.several) break;
      id = let.value;
    }
    return id;
  }

  // The input that the expression is, perhaps negated.
  static std::optional<std::uint32_t> plain_input(const FunctionDef& function, ExprId id) {
    id = through_lets(function, id);
    while (function.expr(id).kind == ExprKind::negate) {
      id = through_lets(function, function.operands_of(function.expr(id))[0]);
    }
    const Expr& e = function.expr(id);
    return e.kind == ExprKind::input ? std::optional(e.target) : std::nullopt;
  }

  const Program& program_;
  std::map<std::pair<FunctionId, Activation>, bool> results_;
  std::map<std::pair<FunctionId, Activation>, std::set<std::uint32_t>> applied_;
};

void check_call(Graph& graph, const Program& program, const FunctionDef& function, const Expr& e,
                Reporter& reporter) {
  const FunctionDef& callee = program.function(e.callee);
  if (!is_loss(callee)) return;
  const auto operands = function.operands_of(e);
  for (const Activation activation : {Activation::sigmoid, Activation::softmax}) {
    const std::string word = activation == Activation::sigmoid ? "sigmoid" : "softmax";
    for (const std::uint32_t i : graph.applied_to(e.callee, activation)) {
      if (i >= operands.size() || !graph.is_activation(function, operands[i], activation)) continue;
      reporter.warning(function.expr(operands[i]).place,
                       "a " + word + " is fed to '" + callee.name + "', which applies one itself",
                       "give it the value before the " + word);
    }
  }
}

}  // namespace

void warn_of_double_activations(const Program& program, Reporter& reporter) {
  Graph graph(program);
  for (std::size_t i = program.first_own(); i < program.size(); ++i) {
    const FunctionDef& function = program.function(FunctionId{static_cast<std::uint32_t>(i)});
    for (const Expr& e : function.expressions) {
      if (e.kind == ExprKind::call && e.builtin == Builtin::none) {
        check_call(graph, program, function, e, reporter);
      }
    }
  }
}

}  // namespace sluice::dsl
