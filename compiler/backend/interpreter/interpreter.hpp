// The interpreter: the definition of a program's bits, and the rung of the ladder that runs where
// no JIT may.
//
// A program is run a block of lanes at a time; each op is one call of a loop over the block,
// compiled from the op table's meaning for the instruction sets of this processor.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <sluice/status.hpp>

#include "compiler/schedule/element_program.hpp"

namespace sluice::interpreter {

enum class Loops : std::uint8_t {
  baseline,
  v3,
  v4
};  // which instruction set the loops are compiled for

// The best loops of this processor.
[[nodiscard]] Loops best_loops();

// Immutable, callable from any thread at once; no allocation, lock or system call in `run`.
class Interpreter {
 public:
  [[nodiscard]] static Result<Interpreter> prepare(const schedule::ElementProgram& program,
                                                   Loops loops = best_loops());

  void run(void* const* buffers, std::int64_t count, const std::uint64_t* params) const;
  [[nodiscard]] std::size_t bytes() const;  // memory held: instructions, constants, tables

  struct Plan;

 private:
  explicit Interpreter(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {}
  std::shared_ptr<const Plan> plan_;
};

}  // namespace sluice::interpreter
