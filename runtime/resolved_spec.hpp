// A spec with its names resolved: what the compiler is asked for, and what the key consists of.
#pragma once

#include <cstdint>
#include <memory>
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

struct ResolvedSpec {
  // The key: what visit_key names.
  dsl::Digest definition;  // of the function and all it calls
  Pass pass = Pass::forward;
  bool accumulate = false;
  std::vector<driver::Operand> operands;
  std::vector<driver::Parameter> params;
  Target target;
  RungSet allowed;
  numerics::Grade grade = numerics::Grade::full;

  // Where the definition stands. Equal keys may differ here: in a function's name, in what else a
  // program defines.
  std::shared_ptr<const dsl::Program> program;
  dsl::FunctionId function = dsl::kNoFunction;

  std::vector<std::uint64_t> words;  // the key's fields, encoded; made by seal()
  std::uint64_t hash = 0;            // of the words

  [[nodiscard]] const dsl::FunctionDef& definition_text() const {
    return program->function(function);
  }
  [[nodiscard]] driver::Request request() const {
    return {program.get(), function, pass, accumulate, operands, params, grade};
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

// A target by name that this processor runs.
[[nodiscard]] Result<Target> usable_target(std::string_view text);

// The name of an operand in the function's signature: "x", "grad_y", "y", "dx".
[[nodiscard]] std::string operand_name(const dsl::FunctionDef& function,
                                       const driver::Operand& operand);

// Whether a parameter may have this value; the error, `invalid_argument`, names the declared range.
[[nodiscard]] Outcome check_range(const dsl::FunctionDef& function, std::size_t parameter,
                                  double value);

// The shortest text that reads back to the same number.
[[nodiscard]] std::string to_text(double value);

// "(2, 3)"
[[nodiscard]] std::string to_string(std::span<const std::int64_t> shape);

}  // namespace sluice
