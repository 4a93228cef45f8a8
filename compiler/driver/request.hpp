// What the driver is asked to compile: one pass of one function, for operands of given types.
//
// A request is resolved: names have become indices, defaults have been filled in. Compilation is a
// pure function of it; a target is chosen only when code is emitted, so that one scheduled program
// serves every rung.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <sluice/dtype.hpp>
#include <sluice/pass.hpp>

#include "compiler/ir/op.hpp"
#include "compiler/numerics/grade.hpp"
#include "dsl/program.hpp"
#include "support/target.hpp"

namespace sluice::driver {

// What a buffer of the kernel holds. The order is that of the kernel's buffers; within a role they
// come by index.
enum class Role : std::uint8_t {
  input,            // index: into the function's inputs
  saved_output,     // index: into its outputs; a backward pass may read it in place of the input
  output_gradient,  // index: into its outputs; passes with a backward part only
  output,           // index: into its outputs; passes with a forward part only
  input_gradient,   // index: into its inputs; passes with a backward part only. Of an elementwise
                    // function one value for each element; of a row function one a row where the
                    // input has no more
  parameter_gradient,  // index: into its parameters; passes with a backward part only, likewise
  index_read,  // index: into its outputs; written by checks of indices alone, one a row: what
               // compiler/rewrite/index_reads.hpp says of it
};

// Read by the kernel; the others are written.
[[nodiscard]] constexpr bool is_source(Role role) {
  return role == Role::input || role == Role::saved_output || role == Role::output_gradient;
}
// The compute type follows from these.
[[nodiscard]] constexpr bool is_primal(Role role) {
  return role == Role::input || role == Role::saved_output;
}

struct Operand {
  Role role = Role::input;
  std::uint32_t index = 0;
  Dtype dtype = Dtype::f32;  // as stored
  ir::Extent extent =
      ir::Extent::element;  // inputs and output gradients: scalar (one element for all), row (one
                            // for each row, of row functions) or element
  Quantisation quantisation = {};  // of i8 and u8; the scale has been rounded to the compute type
};

struct Parameter {
  double value = 0;   // of a baked one; the default of a passed one, for listings only
  bool baked = true;  // false: a slot of the kernel's parameters, in the order of the function's
};

// What of the rows' shape changes a row function's code.
struct RowShape {
  bool across = false;       // the axis is not the innermost: rows lie next to each other
  bool one_block = true;     // rows have at most schedule::kBlockColumns columns
  std::int64_t columns = 0;  // exactly, of short rows, whose length is part of the code; 0: any
  bool streamed = false;     // rows come in pieces and are never whole in memory; not one block
  friend bool operator==(const RowShape&, const RowShape&) = default;
};

struct Request {
  const dsl::Program* program = nullptr;
  dsl::FunctionId function = dsl::kNoFunction;
  Pass pass = Pass::forward;
  bool accumulate = false;  // gradients of inputs are added to what their buffers hold

  // The graph's inputs and then its outputs, one each, in order. An input of the function that is
  // not here takes its default; an output that is not here is not computed; one without an output
  // gradient has the gradient 0. The compute type is f64 where a primal operand is, else f32.
  std::vector<Operand> operands;
  std::vector<Parameter>
      params;  // one each of the function's, in order; int parameters are always baked

  numerics::Grade grade = numerics::Grade::full;  // f64 is always of full accuracy
  Family family = Family::fma;                    // of the targets that code is made for

  std::optional<RowShape> row;  // of row-wise functions, and of no others
};

}  // namespace sluice::driver
