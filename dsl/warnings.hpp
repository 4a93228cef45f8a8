// Warnings that need the call graph: an activation applied twice.
#pragma once

#include <vector>

#include "dsl/program.hpp"
#include "dsl/reporter.hpp"

namespace sluice::dsl {

// What a function takes of an input itself, as it is or first in arithmetic and choices.
struct AppliedActivations {
  bool sigmoid = false;
  bool softmax = false;
};
// One each of its inputs.
[[nodiscard]] std::vector<AppliedActivations> applied_activations(const Program& program,
                                                                  FunctionId id);

// Reports, in the checked definitions from `first_own` on, a sigmoid fed to a loss that applies one
// itself or to a sigmoid, and a softmax fed to a function that applies one.
void warn_of_double_activations(const Program& program, Reporter& reporter);

}  // namespace sluice::dsl
