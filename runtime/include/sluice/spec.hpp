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
enum class Rung : std::uint8_t { x64, interpreter };
[[nodiscard]] std::string_view name(Rung rung);

// What a backward kernel reads: the inputs, the outputs that the forward kernel saved, or whichever
// gives the same bits for less. From outputs it is for functions of one input and one output whose
// derivative can be written in the output; the error is 2 ULP of the derivative as a function of
// the stored output.
enum class Saved : std::uint8_t { inputs, outputs, automatic };

// One buffer. Its length does not become part of the kernel; what does is whether it holds one
// element for all (shape {}, or ones where another operand has more) or broadcasts along the
// innermost dimension.
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
  std::vector<std::string> gradients = {};      // inputs; empty: every number input given
  Saved saved = Saved::inputs;
  // Gradients of inputs are added to what their buffers hold, in the type that is computed in, the
  // sum rounded once to the buffer's.
  bool accumulate = false;

  // The relative error that will do: 0 for the promises as they stand, or a bound below 1, which
  // the kernel meets by the cheapest expansions that there are for it (docs/accuracy.md). f64 is
  // always of full accuracy.
  double accuracy = 0;

  std::string target = {};        // e.g. "x86-64-v3", "interpreter"; empty: the runtime's
  std::vector<Rung> denied = {};  // not to be taken, besides those that the runtime denies
  std::optional<Program> program = std::nullopt;  // read names in this instead of the runtime's
};

}  // namespace sluice
