// Constants of a definition's header (defaults): literals, earlier parameters, arithmetic and
// elementary built-ins, evaluated in f64 when the text is read.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "dsl/program.hpp"
#include "dsl/reporter.hpp"
#include "dsl/syntax.hpp"

namespace sluice::dsl {

struct ConstantValue {
  double value = 0.0;
  bool boolean = false;  // true or false
};

// Evaluates the default `id` of `parsed.constants`, with the first `known_parameters` parameters of
// the definition in scope; nothing where it is wrong, which is then reported.
[[nodiscard]] std::optional<ConstantValue>
evaluate_constant(const ParsedFunction& parsed, ExprId id, std::size_t known_parameters,
                  const Program& program, Reporter& reporter);

// An elementwise built-in of numbers, evaluated in f64; nothing for the others.
[[nodiscard]] std::optional<double> evaluate_builtin(Builtin builtin,
                                                     std::span<const double> operands);

// The value of a named constant: inf, nan, pi, e, true (1), false (0); nothing for other names.
struct NamedConstant {
  Constant constant;
  double value;
};
[[nodiscard]] std::optional<NamedConstant> find_constant(std::string_view name);

}  // namespace sluice::dsl
