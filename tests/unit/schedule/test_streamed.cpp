// Schedules of rows that are never whole in memory: what they may not keep, and what comes when.
#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

#include "compiler/driver/compile.hpp"
#include "dsl/program.hpp"

namespace sluice::schedule {
namespace {

using driver::Role;

// Of a text with one function: its inputs, then its outputs.
RowProgram streamed(const std::string& text) {
  auto parsed = dsl::parse(text, "test.slu", &dsl::standard_library());
  if (!parsed.ok()) FAIL(parsed.error().message);
  const dsl::Program& program = parsed->program;
  driver::Request request;
  request.program = &program;
  request.function = *program.find("f");
  request.row = driver::RowShape{false, false, 0, true};
  const dsl::FunctionDef& function = program.function(request.function);
  for (std::uint32_t i = 0; i < function.inputs.size(); ++i) {
    const bool column = function.inputs[i].extent() == dsl::Extent::element;
    request.operands.push_back({Role::input, i, column ? Dtype::f32 : Dtype::i64,
                                column ? ir::Extent::element : ir::Extent::row});
  }
  for (std::uint32_t i = 0; i < function.outputs.size(); ++i)
    request.operands.push_back({Role::output, i, Dtype::f32});
  auto compiled = driver::compile_rows(request);
  if (!compiled.ok()) FAIL(compiled.error().message);
  return std::move(compiled->program);
}

bool has(const RowProgram& program, ir::Op op) {
  const auto live = program.graph.live();
  return std::any_of(live.begin(), live.end(),
                     [&](ir::ValueId id) { return program.graph[id].op == op; });
}

TEST_CASE("a streamed row keeps no columns, and has its outputs in a phase of their own",
          "[schedule]") {
  for (const char* text :
       {"fn f(x) = row_softmax(x)", "fn f(x) = exp(x - row_max(x)) / row_sum(exp(x - row_max(x)))",
        "fn f(x) -> (y, s: row) = (exp(exp(x)), row_sum(exp(exp(x))))"}) {
    INFO(text);
    const RowProgram program = streamed(text);
    CHECK(program.streamed);
    for (std::size_t p = 0; p < program.phases.size(); ++p)
      for (const Pass& pass : program.phases[p].passes) {
        CHECK(pass.kept.empty());
        CHECK(pass.outputs.empty() == (p + 1 < program.phases.size()));
        CHECK((pass.outputs.empty() || pass.reductions.empty()));
      }
  }
}

TEST_CASE("a streamed row's pick is taken as its column goes by", "[schedule]") {
  const RowProgram program = streamed("fn f(x, i: index) -> (y: row) = at(x, i) + row_sum(x)");
  REQUIRE(program.phases.size() == 2);
  CHECK(program.phases[0].picks.size() == 1);
  CHECK(program.phases[0].merges.size() == 1);
  CHECK(program.phases[1].passes.empty());
  const RowProgram after = streamed("fn f(x) -> (y: row) = at(x, row_argmax(x))");
  CHECK(after.phases[0].picks.empty());
  CHECK(std::any_of(after.phases.begin(), after.phases.end(),
                    [](const Phase& phase) { return !phase.picks.empty(); }));
}

TEST_CASE("a streamed row's length is known after its first phase", "[schedule]") {
  const RowProgram mean = streamed("fn f(x) -> (y: row) = row_mean(x)");
  REQUIRE(mean.phases.size() == 2);
  CHECK_FALSE(mean.phases[0].passes.empty());
  const RowProgram early = streamed("fn f(x) -> (y: row) = row_sum(x * (col() / width()))");
  CHECK(early.phases[0].passes.empty());
  // Every column lies before the row's end.
  CHECK_FALSE(has(streamed("fn f(x) -> (y: row) = row_sum(if col() < width() then x else 0)"),
                  ir::Op::width));
  const RowProgram limited = streamed("fn f(x, n: index) -> (y: row) = "
                                      "row_sum(if col() < (if n < 0 then width() else n) then x "
                                      "else 0)");
  CHECK_FALSE(has(limited, ir::Op::width));
  CHECK_FALSE(limited.phases[0].passes.empty());
}

}  // namespace
}  // namespace sluice::schedule
