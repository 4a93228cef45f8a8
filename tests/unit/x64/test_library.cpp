// The loops of the library's kernels keep their values in registers: no spill with 32 of them, at
// most two with 16. The code is made for both on any processor, and not run.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

#include "compiler/driver/compile.hpp"
#include "support/target.hpp"

namespace sluice {
namespace {

bool has_number_kernels(const dsl::FunctionDef& function) {
  return !function.row_wise && !function.inputs.empty() &&
         function.outputs[0].type == dsl::Type::number &&
         std::all_of(function.inputs.begin(), function.inputs.end(),
                     [](const dsl::Input& input) { return input.kind == dsl::Kind::element; });
}

// All operands vary along the tensor; parameters are baked with their defaults.
driver::Request request_for(dsl::FunctionId id, Pass pass, Dtype dtype) {
  driver::Request request;
  request.program = &dsl::standard_library();
  request.function = id;
  request.pass = pass;
  const dsl::FunctionDef& function = request.program->function(id);
  const auto add = [&](driver::Role role, std::size_t count) {
    for (std::uint32_t i = 0; i < count; ++i) request.operands.push_back({role, i, dtype});
  };
  add(driver::Role::input, function.inputs.size());
  if (pass != Pass::forward) add(driver::Role::output_gradient, function.outputs.size());
  if (pass != Pass::backward) add(driver::Role::output, function.outputs.size());
  if (pass != Pass::forward) add(driver::Role::input_gradient, function.inputs.size());
  for (const dsl::Parameter& param : function.parameters)
    request.params.push_back({param.default_value});
  return request;
}

// How many kernels it looked at.
std::size_t check_spills(const driver::Request& request) {
  const Result<driver::Compiled> compiled = driver::compile(request);
  if (!compiled.ok()) {
    INFO(request.program->function(request.function).name << ": " << compiled.error().message);
    CHECK(compiled.error().status == Status::unsupported);  // no kernel yet
    return 0;
  }
  for (const Target& target : {Target{Level::x86_64_v3, 0}, Target{Level::x86_64_v4, 0}}) {
    INFO(compiled->program.name << " for " << to_string(target));
    const Result<object::CodeObject> code = driver::emit(compiled->program, target);
    REQUIRE(code.ok());
    // AVX2 has half the registers; a reload among eight operations costs it nothing.
    const std::size_t allowed = compiled->program.body.size() / 8;
    CHECK(code->spills_in_loop <= (target.level == Level::x86_64_v4 ? 0 : allowed));
  }
  return 2;
}

}  // namespace

TEST_CASE("the library's loops hardly spill", "[x64]") {
  const dsl::Program& library = dsl::standard_library();
  std::size_t kernels = 0;
  for (std::size_t i = 0; i < library.size(); ++i) {
    const auto id = static_cast<dsl::FunctionId>(i);
    if (!has_number_kernels(library.function(id))) continue;
    for (const Pass pass : {Pass::forward, Pass::backward, Pass::forward_backward})
      for (const Dtype dtype : {Dtype::f32, Dtype::f64})
        kernels += check_spills(request_for(id, pass, dtype));
  }
  CHECK(kernels >= 400);
}

}  // namespace sluice
