// An element program as LLVM IR: one function with the signature of schedule::KernelEntry, a loop
// over fixed vectors and a loop over the elements that are left. No flag lets LLVM change a value:
// additions and products stay as they are, and what is one rounding says fma.
#pragma once

#include <memory>
#include <string>

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <sluice/status.hpp>

#include "compiler/schedule/element_program.hpp"

namespace sluice::llvm_backend {

inline constexpr const char* kEntry = "kernel";

// For x86-64 with vectors of so many bytes. `unsupported` for stored types that a lane can't be
// loaded from.
[[nodiscard]] Result<std::unique_ptr<llvm::Module>>
translate(const schedule::ElementProgram& program, unsigned vector_bytes,
          llvm::LLVMContext& context);

}  // namespace sluice::llvm_backend
