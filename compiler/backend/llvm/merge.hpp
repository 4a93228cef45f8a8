// The merges of a phase over a row's blocks, as a function of the module.
#pragma once

#include <string>

#include <llvm/IR/Module.h>

#include "compiler/object/ahead.hpp"
#include "compiler/schedule/row_program.hpp"

namespace sluice::llvm_backend {

// Takes for each merge the address of the states that wait, a lane each, and then a number: the
// state of that number and the one before become that one.
llvm::Function* add_merge(const schedule::RowProgram& program, const schedule::Phase& phase,
                          const std::string& symbol, const object::AheadTarget& target,
                          llvm::Module& module);

}  // namespace sluice::llvm_backend
