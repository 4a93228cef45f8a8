// The LLVM back end: scheduled programs as machine code, by way of LLVM IR.
#pragma once

#include <sluice/status.hpp>

#include "compiler/object/code_object.hpp"
#include "compiler/schedule/element_program.hpp"
#include "support/target.hpp"

namespace sluice::llvm_backend {

// For this machine's instruction set, of the target's level.
[[nodiscard]] Result<object::CodeObject> emit(const schedule::ElementProgram& program,
                                              const Target& target);

}  // namespace sluice::llvm_backend
