// Kernel specifications: which function, which pass, for which operands, on what.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/dtype.hpp>
#include <sluice/pass.hpp>
#include <sluice/program.hpp>

namespace sluice {

using enum Pass;

// The ways to run a kernel, the highest first.
enum class Rung : std::uint8_t { x64, llvm, interpreter };
inline constexpr Rung kRungs[] = {Rung::x64, Rung::llvm, Rung::interpreter};
[[nodiscard]] std::string_view name(Rung rung);

// What a backward kernel reads: the inputs, the outputs that the forward kernel saved, or whichever
// gives the same bits for less. From outputs it is for functions of one input and one output whose
// derivative can be written in the output; the error is 2 ULP of the derivative as a function of
// the stored output.
enum class Saved : std::uint8_t { inputs, outputs, automatic };

// What becomes of the first output: every element of it, or their sum or mean, one number. A mean
// divides by their count, or by the sum of the output that the function's @mean names; its gradient
// takes the divisor for a constant.
enum class Reduction : std::uint8_t { none, sum, mean };

// What the mean of nothing is.
enum class Empty : std::uint8_t { nan, zero };

// Two inputs that are the halves of one operand along the spec's axis, as gated units have them.
// The operand stands in their place: `name` in that of the inputs, "d" and it in that of their
// gradients.
struct Split {
  std::string name = {};
  std::string first = {};  // the inputs, in the order of the halves
  std::string second = {};
};

// One buffer. Its length does not become part of the kernel; what does is whether it holds one
// element for all (shape {}, or ones where another operand has more) or broadcasts along the
// innermost dimension. In a row function elements, masks, and outputs that vary along the row have
// the axis; what is one value a row (inputs of the kinds row and index, and outputs) has the other
// dimensions alone, or broadcasts to them.
struct OperandSpec {
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape = {};
  std::string name = {};  // of the function's signature; "grad_y" and "dx" for gradients of y and x
  std::optional<Quantisation> quantisation = {};  // of i8 and u8, which must have one; of no other
};

[[nodiscard]] inline OperandSpec f32(std::vector<std::int64_t> shape, std::string name = {}) {
  return {Dtype::f32, std::move(shape), std::move(name)};
}
[[nodiscard]] inline OperandSpec f64(std::vector<std::int64_t> shape, std::string name = {}) {
  return {Dtype::f64, std::move(shape), std::move(name)};
}
[[nodiscard]] inline OperandSpec i8(std::vector<std::int64_t> shape, Quantisation quantisation,
                                    std::string name = {}) {
  return {Dtype::i8, std::move(shape), std::move(name), quantisation};
}
[[nodiscard]] inline OperandSpec u8(std::vector<std::int64_t> shape, Quantisation quantisation,
                                    std::string name = {}) {
  return {Dtype::u8, std::move(shape), std::move(name), quantisation};
}

struct ParameterValue {
  std::string name;
  double value = 0;
};

struct KernelSpec {
  std::string function = {};
  Pass pass = forward;

  // In the order of a call: inputs (or the saved output, under its name), gradients of the outputs
  // (backward), outputs (forward), gradients of the inputs (backward). Without names every output
  // must be here, and inputs with a default may be left out from the end. With names, which all or
  // none must have, any order will do and outputs may be missing too; a call still takes the
  // buffers in the order above.
  std::vector<OperandSpec> operands = {};

  std::vector<ParameterValue> parameters = {};  // baked into the code; others take their defaults
  std::vector<std::string> passed = {};         // parameters given at each call
  // Inputs and parameters; empty: every number input given. That of a parameter has the shape {}.
  std::vector<std::string> gradients = {};

  // Of a row function: the dimension that rows lie along, of the shape that all operands broadcast
  // to; negative counts from the end. In an elementwise function it is that of `split` alone.
  int axis = -1;
  // The first output, and the gradient that comes in for it, then have the shape {}.
  Reduction reduction = Reduction::none;
  Empty empty = Empty::nan;
  std::optional<Split> split = std::nullopt;

  Saved saved = Saved::inputs;
  // Gradients of inputs are added to what their buffers hold, in the type that is computed in, the
  // sum rounded once to the buffer's.
  bool accumulate = false;

  // Of a row function: a call fails, and writes nothing, where `at` reads a column that there is
  // none of in a row whose outputs depend on it; the error names the row, the input and its value.
  // Otherwise `at` is NaN there.
  // The check allocates an integer a row and output.
  bool check_indices = false;

  // The relative error that will do: 0 for the promises as they stand, or a bound below 1, which
  // the kernel meets by the cheapest expansions that there are for it (docs/accuracy.md). f64 is
  // always of full accuracy.
  double accuracy = 0;

  std::string target = {};        // e.g. "x86-64-v3", "interpreter"; empty: the runtime's
  std::vector<Rung> denied = {};  // not to be taken, besides those that the runtime denies
  std::optional<Program> program = std::nullopt;  // read names in this instead of the runtime's
};

}  // namespace sluice
