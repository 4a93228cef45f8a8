// Warnings that need the call graph: an activation applied twice.
#pragma once

#include "dsl/program.hpp"
#include "dsl/reporter.hpp"

namespace sluice::dsl {

// Reports, in the checked definitions from `first_own` on, a sigmoid fed to a loss that applies one
// itself and a softmax fed to a loss that does.
void warn_of_double_activations(const Program& program, Reporter& reporter);

}  // namespace sluice::dsl
