// The steps of the spine as text, for `sluice show` and for the curious.
#include <array>
#include <utility>

#include "compiler/driver/compile.hpp"
#include "compiler/driver/stages.hpp"
#include "compiler/ir/text.hpp"
#include "dsl/print.hpp"

namespace sluice::driver {
namespace {

constexpr std::array<std::string_view, 6> kSteps{"ast",  "ir",     "rewrites",
                                                 "grad", "expand", "schedule"};

Result<std::string> printed(const ir::Graph& graph) { return ir::print(graph); }

Result<std::string> show_rewrites(const Request& request) {
  std::vector<std::string> fired;
  if (request.row) {
    Result<CompiledRows> compiled = compile_rows(request);
    if (!compiled.ok()) return compiled.error();
    fired = std::move(compiled->rewrites);
  } else {
    Result<Compiled> compiled = compile(request);
    if (!compiled.ok()) return compiled.error();
    fired = std::move(compiled->rewrites);
  }
  std::string text;
  for (const std::string& rule : fired) text += rule + "\n";
  return text;
}

Result<std::string> show_schedule(const Request& request) {
  if (request.row) {
    const Result<CompiledRows> compiled = compile_rows(request);
    if (!compiled.ok()) return compiled.error();
    return schedule::to_string(compiled->program);
  }
  const Result<Compiled> compiled = compile(request);
  if (!compiled.ok()) return compiled.error();
  return schedule::to_string(compiled->program);
}

}  // namespace

std::string_view name(Step step) { return kSteps[static_cast<std::size_t>(step)]; }

std::optional<Step> step_from_name(std::string_view text) {
  for (std::size_t i = 0; i < kSteps.size(); ++i)
    if (kSteps[i] == text) return static_cast<Step>(i);
  return std::nullopt;
}

Result<std::string> show(const Request& request, Step step) {
  std::vector<std::string> fired;
  const Stabilize stable = stabilize(request, fired);
  switch (step) {
    case Step::ast:
      return dsl::print(request.program->function(request.function), *request.program);
    case Step::ir: return lower(request).and_then(printed);
    case Step::rewrites: return show_rewrites(request);
    case Step::grad:
      return lower(request)
          .and_then(stable)
          .and_then(Differentiate{request})
          .and_then(stable)
          .and_then(ReadOutput{request})
          .and_then(printed);
    case Step::expand:
      return lower(request)
          .and_then(stable)
          .and_then(Differentiate{request})
          .and_then(stable)
          .and_then(ReadOutput{request})
          .and_then(compensate(request, fired))
          .and_then(Expand{request})
          .and_then(printed);
    case Step::schedule: return show_schedule(request);
  }
  return Error{Status::unknown_name, "no such step"};
}

}  // namespace sluice::driver
