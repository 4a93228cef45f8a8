// What a Kernel refers to: its code or its plan, and what it was made from.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sluice/kernel.hpp>

#include "compiler/backend/interpreter/interpreter.hpp"
#include "compiler/object/executable_memory.hpp"
#include "runtime/broadcast.hpp"
#include "runtime/resolved_spec.hpp"

namespace sluice {

// Bytes of a runtime's kernels that are alive, in its cache or elsewhere.
using LiveBytes = std::shared_ptr<std::atomic<std::uint64_t>>;

class KernelState {
 public:
  KernelState() = default;
  KernelState(const KernelState&) = delete;
  KernelState& operator=(const KernelState&) = delete;
  ~KernelState();

  // Climbs the ladder: the highest allowed rung on which the spec can be compiled. Errors are those
  // of the compiler, or of the last rung tried.
  [[nodiscard]] static Result<Kernel> build(std::shared_ptr<const ResolvedSpec> spec,
                                            const LiveBytes& live);

  std::shared_ptr<const ResolvedSpec> spec;
  std::vector<OperandInfo> operands;
  std::vector<std::string> passed;
  std::vector<std::size_t> passed_indices;  // of the passed, among the function's parameters
  OperandSet scalars = 0;                   // the operands with one element for all

  Rung rung = Rung::interpreter;
  std::string rung_reason;
  std::optional<object::ExecutableMemory> memory;  // on the rung x64
  std::size_t code_bytes = 0;
  std::optional<interpreter::Interpreter> interpreter;  // on the rung interpreter
  std::size_t bytes = 0;
  LiveBytes live;

 private:
  void describe_operands();
  [[nodiscard]] Outcome try_x64(const schedule::ElementProgram& program);
  [[nodiscard]] Outcome try_interpreter(const schedule::ElementProgram& program);
  void count_bytes();
};

// The checked call: everything that may be wrong with it, then the loops.
[[nodiscard]] Outcome checked_call(const Kernel& kernel, const KernelState& state,
                                   std::span<const TensorView> operands,
                                   std::span<const double> params);

}  // namespace sluice
