// A spec with its names resolved: what the compiler is asked for, and what the key consists of.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sluice/spec.hpp>
#include <sluice/status.hpp>

#include "compiler/driver/request.hpp"
#include "dsl/program.hpp"
#include "support/target.hpp"

namespace sluice {

// The rungs a kernel may take, a bit per Rung.
struct RungSet {
  std::uint32_t bits = 0;
  [[nodiscard]] bool has(Rung rung) const {
    return (bits >> static_cast<unsigned>(rung) & 1u) != 0;
  }
  void add(Rung rung) { bits |= 1u << static_cast<unsigned>(rung); }
  void remove(Rung rung) { bits &= ~(1u << static_cast<unsigned>(rung)); }
  friend bool operator==(RungSet, RungSet) = default;
};

// Parameters that a kernel may take at each call.
inline constexpr std::size_t kMaxPassed = 32;

// What an operand of a call is to the kernel's code.
enum class Way : std::uint8_t {
  direct,   // the buffer of the kernel's operand
  halves,   // two of the kernel's operands, its halves along the axis
  summed,   // the kernel's operand is as large as the full shape, or has one value a row, and is
            // added up: a reduced output, the gradient of an input that broadcasts
  divided,  // the gradient of a mean: what the kernel reads is divided
};

// An operand as a call has it; the kernel's own are ResolvedSpec::operands.
struct Argument {
  std::uint32_t operand = 0;  // the kernel's; of halves, the first
  std::uint32_t second = 0;   // of halves, the other
  Way way = Way::direct;
  bool single = false;  // one number: a reduced output or its gradient
  Dtype dtype = Dtype::f32;
  Quantisation quantisation = {};
};

struct ResolvedSpec {
  // The key: what visit_key names.
  dsl::Digest definition;  // of the function and all it calls
  Pass pass = Pass::forward;
  bool accumulate = false;
  std::vector<driver::Operand> operands;
  std::vector<Argument> arguments;
  std::vector<driver::Parameter> params;
  std::optional<driver::RowShape> row;    // of row functions
  std::optional<std::uint32_t> axis;      // of row functions and splits: 0 is the innermost
  Reduction reduction = Reduction::none;  // of the first output
  Empty empty = Empty::nan;
  std::string split;  // the name of the operand that has two halves
  Target target;
  RungSet allowed;
  numerics::Grade grade = numerics::Grade::full;
  bool check_indices = false;  // of row functions

  // Where the definition stands. Equal keys may differ here: in a function's name, in what else a
  // program defines.
  std::shared_ptr<const dsl::Program> program;
  dsl::FunctionId function = dsl::kNoFunction;

  // Of a mean that another output's sum divides: the kernel that gives it, of the same inputs. It
  // follows from the rest.
  std::shared_ptr<const ResolvedSpec> divisor;
  // Where indices are checked: the kernel of the same inputs that finds those which are no columns.
  std::shared_ptr<const ResolvedSpec> index_check;

  std::vector<std::uint64_t> words;  // the key's fields, encoded; made by seal()
  std::uint64_t hash = 0;            // of the words

  [[nodiscard]] const dsl::FunctionDef& definition_text() const {
    return program->function(function);
  }
  [[nodiscard]] driver::Request request() const {
    return {program.get(), function, pass, accumulate, operands, params, grade, target.family, row};
  }
  [[nodiscard]] Dtype compute_type() const;
};

// What a runtime adds to a spec.
struct SpecDefaults {
  Target target;
  bool target_forced = false;  // by option or environment
  RungSet allowed;
};

// Errors name what is wrong: the function, a parameter, an operand, a shape, a target.
[[nodiscard]] Result<std::shared_ptr<const ResolvedSpec>>
resolve(std::shared_ptr<const dsl::Program> program, const KernelSpec& spec,
        const SpecDefaults& defaults);

// A target by name that this processor runs. "llvm" is this processor, and of the rungs that one
// alone.
[[nodiscard]] Outcome choose_by_name(std::string_view text, Target& target, RungSet& allowed);

// The name of an operand in the function's signature: "x", "grad_y", "y", "dx".
[[nodiscard]] std::string operand_name(const dsl::FunctionDef& function,
                                       const driver::Operand& operand);
// The name of a call's operand: the same, but for halves.
[[nodiscard]] std::string argument_name(const ResolvedSpec& spec, const Argument& argument);

// Whether an operand of a row function has one value a row: its shape lacks the axis.
[[nodiscard]] bool lacks_axis(const dsl::FunctionDef& function, const driver::Operand& operand);

// The parameters of a spec: their values or that they are passed. Errors: `unknown_name`,
// `invalid_argument` for a value or a use that a parameter does not take, `limit_exceeded`.
[[nodiscard]] Outcome resolve_params(ResolvedSpec& resolved, const KernelSpec& spec);

// The shapes of a spec, one for each argument: fills in what of them the code depends on, and which
// arguments are sums. Errors: `invalid_operands` for shapes that do not go together,
// `invalid_argument` for a misused axis, `limit_exceeded` for rows that are too long,
// `unsupported`.
[[nodiscard]] Outcome resolve_shapes(ResolvedSpec& resolved, const KernelSpec& spec,
                                     std::span<const OperandSpec* const> given);

// Columns of a row, at most.
inline constexpr std::int64_t kMaxColumns = (std::int64_t{1} << 31) - 1;

// Whether a parameter may have this value; the error, `invalid_argument`, names the declared range.
[[nodiscard]] Outcome check_range(const dsl::FunctionDef& function, std::size_t parameter,
                                  double value);

// The shortest text that reads back to the same number.
[[nodiscard]] std::string to_text(double value);

// "(2, 3)"
[[nodiscard]] std::string to_string(std::span<const std::int64_t> shape);

}  // namespace sluice
