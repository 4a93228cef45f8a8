// The spine: one request to a scheduled program, and a scheduled program to machine code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/status.hpp>

#include "compiler/driver/request.hpp"
#include "compiler/object/code_object.hpp"
#include "compiler/schedule/element_program.hpp"
#include "compiler/schedule/row_program.hpp"
#include "support/target.hpp"

namespace sluice::driver {

struct Compiled {
  schedule::ElementProgram program;   // buffers: the request's operands, in order
  std::vector<std::string> rewrites;  // the names of the rules that fired, in order
};

// Of a function that is elementwise. Errors: `unsupported` for what cannot be lowered yet,
// `limit_exceeded` for a graph beyond the limits.
[[nodiscard]] Result<Compiled> compile(const Request& request);

struct CompiledRows {
  schedule::RowProgram program;  // buffers: the request's operands, in order
  std::vector<std::string> rewrites;
};

// The same of a row-wise function, whose request has a row shape.
[[nodiscard]] Result<CompiledRows> compile_rows(const Request& request);

// Machine code for a target that has a level; `unavailable` where this build has no back end for
// it.
[[nodiscard]] Result<object::CodeObject> emit(const schedule::ElementProgram& program,
                                              const Target& target);

// The same for whole rows of one block, of this shape, perhaps of any length. `unsupported` or
// `limit_exceeded` where that cannot be done; such programs run sweep by sweep
// (compiler/backend/composed).
[[nodiscard]] Result<object::CodeObject> emit(const schedule::RowProgram& program,
                                              const RowShape& shape, const Target& target);
// What RowShape::columns should be for rows of this length: the length itself where the target's
// code is best made for it.
[[nodiscard]] std::int64_t exact_columns(std::int64_t columns, const Target& target);

// The steps that can be shown, each as text, in the order of the compiler. Machine code is shown by
// those who can disassemble what `emit` gives.
enum class Step : std::uint8_t { ast, ir, rewrites, grad, expand, schedule };
[[nodiscard]] std::string_view name(Step step);
[[nodiscard]] std::optional<Step> step_from_name(std::string_view text);

// The text of a step of a request; compiles as far as that.
[[nodiscard]] Result<std::string> show(const Request& request, Step step);

}  // namespace sluice::driver
