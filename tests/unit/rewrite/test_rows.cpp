// Texts of row functions that mean the same become the same graph, the gradient's too.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "compiler/driver/compile.hpp"
#include "compiler/ir/text.hpp"
#include "dsl/program.hpp"

namespace sluice::rewrite {
namespace {

// Two expressions of x, a row of logits w, a mask `open` and a class `target`.
struct Same {
  std::string text;
  std::string meant;
};

const std::vector<Same> kSame{
    {"softmax(x)", "row_softmax(x)"},
    {"exp(x) / row_sum(exp(x))", "softmax(x)"},
    {"exp(x - row_max(x)) / row_sum(exp(x - row_max(x)))", "softmax(x)"},
    {"exp(3 * x) / row_sum(exp(3 * x))", "softmax(x; scale = 3)"},
    {"exp(0.25 * x) / row_sum(exp(0.25 * x))", "softmax(x; temperature = 4)"},
    {"exp(2 * x + w) / row_sum(exp(2 * x + w))", "softmax(x, w; scale = 2)"},
    {"exp(-x) / row_sum(exp(-x))", "softmin(x)"},
    {"exp(x) / (1 + row_sum(exp(x)))", "softmax1(x)"},
    {"(if open then exp(x) else 0) / row_sum(if open then exp(x) else 0)",
     "softmax(x, -0.0, open)"},
    {"exp(if col() <= row() then x else -inf) / row_sum(exp(if col() <= row() then x else -inf))",
     "softmax(x; causal = 1)"},
    {"log(exp(x) / row_sum(exp(x)))", "log_softmax(x)"},
    {"x - log(row_sum(exp(x)))", "log_softmax(x)"},
    {"x - row_max(x) - log(row_sum(exp(x - row_max(x))))", "log_softmax(x)"},
    {"x + w - row_logsumexp(x + w)", "log_softmax(x, w)"},
    {"log(row_sum(exp(x)))", "logsumexp(x)"},
    {"row_max(x) + log(row_sum(exp(x - row_max(x))))", "logsumexp(x)"},
    {"row_logsumexp(x) - log(width())", "logmeanexp(x)"},
    {"-log(at(row_softmax(x), target))", "-at(log_softmax(x), target)"},
    {"row_logsumexp(x) - at(x, target)", "-at(log_softmax(x), target)"},
};

// The value as a formula, in which neither numbering nor the order of operands shows.
std::string formula_of(const ir::Graph& graph, ir::ValueId id) {
  const ir::Node& node = graph[id];
  std::string text = std::string(ir::name(node.op)) + "[" + std::to_string(node.payload) + "](";
  std::vector<std::string> operands;
  for (const ir::ValueId operand : node.args()) operands.push_back(formula_of(graph, operand));
  if (node.op == ir::Op::add || node.op == ir::Op::mul || node.op == ir::Op::ieq)
    std::sort(operands.begin(), operands.end());
  for (const std::string& operand : operands) text += operand + ", ";
  return text + ")";
}

std::string formula_of(const std::string& expression, Pass pass) {
  const std::string source = "fn f(x, w, open: mask, target: index) = " + expression;
  const Result<dsl::ParsedProgram> parsed =
      dsl::parse(source, "test.slu", &dsl::standard_library());
  REQUIRE(parsed.ok());
  const dsl::Program& program = parsed->program;
  driver::Request request;
  request.program = &program;
  request.function = *program.find("f");
  request.pass = pass;
  using driver::Role;
  request.operands = {{Role::input, 0, Dtype::f32},
                      {Role::input, 1, Dtype::f32},
                      {Role::input, 2, Dtype::boolean},
                      {Role::input, 3, Dtype::i64, ir::Extent::row}};
  const dsl::Extent extent = program.function(request.function).outputs[0].extent;
  const ir::Extent of_output = extent == dsl::Extent::row ? ir::Extent::row : ir::Extent::element;
  if (pass == Pass::forward) {
    request.operands.push_back({Role::output, 0, Dtype::f32, of_output});
  } else {
    request.operands.push_back({Role::output_gradient, 0, Dtype::f32, of_output});
    request.operands.push_back({Role::input_gradient, 0, Dtype::f32});
  }
  const Result<std::string> text = driver::show(request, driver::Step::grad);
  REQUIRE(text.ok());
  const Result<ir::Graph> graph = ir::parse(*text);
  REQUIRE(graph.ok());
  return formula_of(*graph, graph->outputs().front().value);
}

TEST_CASE("texts of row functions that mean the same become the same graph", "[rewrite]") {
  for (const Same& same : kSame)
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      INFO(same.text << ", " << same.meant);
      CHECK(formula_of(same.text, pass) == formula_of(same.meant, pass));
    }
}

}  // namespace
}  // namespace sluice::rewrite
