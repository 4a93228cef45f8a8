// An element program as LLVM IR: one function, a loop over fixed vectors and a loop over the
// elements that are left. No flag lets LLVM change a value: additions and products stay as they
// are, and what is one rounding says fma.
#pragma once

#include <string>

#include <llvm/IR/Module.h>
#include <sluice/status.hpp>

#include "compiler/object/ahead.hpp"
#include "compiler/schedule/element_program.hpp"

namespace sluice::llvm_backend {

struct FunctionForm {
  std::string symbol = "kernel";
  bool typed = false;  // as an object::AheadFunction; else with a schedule::KernelEntry's signature
  object::AheadTarget target;
};

// Adds the function. `unsupported` for stored types that a lane can't be loaded from.
[[nodiscard]] Outcome translate(const schedule::ElementProgram& program, const FunctionForm& form,
                                llvm::Module& module);

}  // namespace sluice::llvm_backend
