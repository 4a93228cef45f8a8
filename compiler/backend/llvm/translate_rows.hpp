// A row function as LLVM IR: one function for rows of any length, in the order of its schedules.
#pragma once

#include <llvm/IR/Module.h>
#include <sluice/status.hpp>

#include "compiler/backend/llvm/translate.hpp"
#include "compiler/object/ahead.hpp"

namespace sluice::llvm_backend {

// Adds the function. `unsupported` for stored types that a lane can't be loaded from.
[[nodiscard]] Outcome translate(const object::AheadRows& rows, const FunctionForm& form,
                                llvm::Module& module);

}  // namespace sluice::llvm_backend
