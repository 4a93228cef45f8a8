// A processor that LLVM makes code for.
#pragma once

#include <memory>
#include <string>

#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>
#include <sluice/status.hpp>

#include "compiler/object/ahead.hpp"

namespace sluice::llvm_backend {

// `unavailable` where this LLVM lacks it.
[[nodiscard]] Result<std::unique_ptr<llvm::TargetMachine>>
make_machine(const object::AheadTarget& target);

// Gives the module the machine's layout; the object file of it.
[[nodiscard]] Result<std::string> object_file(llvm::Module& module, llvm::TargetMachine& machine);
// The same as assembly.
[[nodiscard]] Result<std::string> assembly(llvm::Module& module, llvm::TargetMachine& machine);

}  // namespace sluice::llvm_backend
