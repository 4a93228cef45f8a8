// The standard library as a whole: every entry is complete, and the table of built-ins and the text
// that documents them agree.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "dsl/builtins.hpp"
#include "dsl/library_sources.hpp"
#include "tests/unit/dsl/program_of.hpp"

namespace sluice::dsl {
namespace {

TEST_CASE("the library parses without errors and without warnings", "[dsl]") {
  Program program;
  ParseOptions options;
  options.library = true;
  for (const LibrarySource& source : library_sources()) {
    const Analysis analysis = analyze(source.text, source.path, &program, options);
    INFO(analysis.rendered(Severity::error) << analysis.rendered(Severity::warning));
    CHECK(analysis.diagnostics.empty());
    REQUIRE(analysis.program);
    program = *analysis.program;
  }
  CHECK(program.size() == standard_library().size());
}

TEST_CASE("every built-in of the table has its entry", "[dsl]") {
  const Program& library = standard_library();
  std::set<Builtin> seen;
  for (std::uint32_t i = 0; i < library.size(); ++i) {
    const FunctionDef& function = library.function(FunctionId{i});
    if (!function.is_builtin) continue;
    INFO(function.name);
    CHECK(find_builtin(function.name) == function.builtin);
    const BuiltinInfo& entry = info(function.builtin);
    CHECK(entry.name == function.name);
    CHECK(function.inputs.size() == entry.max_arity);
    CHECK(function.required_inputs() == entry.min_arity);
    CHECK(seen.insert(function.builtin).second);
  }
  std::size_t table = 0;
#define SLUICE_BUILTIN(name, min_arity, max_arity, rule) ++table;
#include "dsl/builtins.def"
#undef SLUICE_BUILTIN
  CHECK(seen.size() == table);
}

TEST_CASE("every entry has documentation, and a promise where it is elementwise", "[dsl]") {
  const Program& library = standard_library();
  for (std::uint32_t i = 0; i < library.size(); ++i) {
    const FunctionDef& function = library.function(FunctionId{i});
    INFO(function.name);
    CHECK(function.from_library);
    CHECK_FALSE(function.documentation.empty());
    const bool number = function.outputs[0].type == Type::number;
    if (!function.row_wise && number) CHECK(function.attributes.ulp.has_value());
  }
}

TEST_CASE("the entries have the names and parameters of PyTorch", "[dsl]") {
  const Program& library = standard_library();
  const auto find = [&](std::string_view name) -> const FunctionDef& {
    INFO(name);
    REQUIRE(library.find(name));
    return library.function(*library.find(name));
  };
  for (const std::string_view name :
       {"identity", "relu", "gelu", "gelu_tanh", "quick_gelu", "silu", "mish", "hardswish",
        "hardsigmoid", "softsign", "sigmoid", "tanh", "logsigmoid"}) {
    CHECK(find(name).parameters.empty());
    REQUIRE(find(name).inputs.size() == 1);
    CHECK(find(name).inputs[0].name == "x");
  }
  const auto has = [&](std::string_view name, std::string_view parameter, double value) {
    const auto at = find(name).find_parameter(parameter);
    return at && find(name).parameters[*at].default_value == value;
  };
  CHECK(has("leaky_relu", "negative_slope", 0.01));
  CHECK(has("elu", "alpha", 1.0));
  CHECK(has("swish", "beta", 1.0));
  CHECK(has("softplus", "beta", 1.0));
  CHECK(has("softplus", "threshold", 20.0));
  CHECK(find("prelu").find_input("weight") == 1U);
  CHECK(library.find("swish_beta") == library.find("swish"));
}

TEST_CASE("special forms are no entries", "[dsl]") {
  CHECK_FALSE(standard_library().find("detach"));
  CHECK_FALSE(standard_library().find("derivative"));
}

TEST_CASE("a built-in that the table does not have is an error", "[dsl]") {
  ParseOptions options;
  options.library = true;
  CHECK(test::contains(
      analyze("fn frob(x) = builtin", "l.slu", nullptr, options).rendered(Severity::error),
      "there is no built-in 'frob'"));
  CHECK(test::contains(
      analyze("fn exp(x, z) = builtin", "l.slu", nullptr, options).rendered(Severity::error),
      "the built-in 'exp' has other inputs"));
  CHECK(test::contains(analyze("fn exp(x) = builtin", "l.slu", &standard_library(), options)
                           .rendered(Severity::error),
                       "'exp' is defined twice in the library"));
}

}  // namespace
}  // namespace sluice::dsl
