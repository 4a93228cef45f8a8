// Instruction selection: the scheduled graph as machine instructions over values.
#pragma once

#include <vector>

#include <sluice/status.hpp>

#include "compiler/backend/x64/code.hpp"
#include "compiler/backend/x64/machine.hpp"
#include "compiler/schedule/element_program.hpp"

namespace sluice::x64 {

struct Selection {
  explicit Selection(Machine machine) : pool(machine) {}

  Block once;  // uniform values and scalar inputs, kept in the frame
  Block body;  // one vector of elements
  // Two vectors of bf16, the elements of even and of odd index, whose inputs and outputs are whole
  // registers in memory; empty where there is no such form.
  Block pairs;
  std::vector<Invariant> invariants;
  std::uint32_t uniform_slots = 0;
  Pool pool;
};

// `unsupported` for what the scheduled form may hold and this back end can't yet do (stored types
// other than the compute type's, row extents).
[[nodiscard]] Result<Selection> select(const schedule::ElementProgram& program, Machine machine);

}  // namespace sluice::x64
