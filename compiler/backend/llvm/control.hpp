// Functions, loops and branches of LLVM IR.
#pragma once

#include <string>

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "compiler/object/ahead.hpp"

namespace sluice::llvm_backend {

// A function that returns nothing, with its first block, where the builder goes on.
llvm::Function* begin_function(llvm::IRBuilder<>& build, const std::string& symbol,
                               llvm::ArrayRef<llvm::Type*> arguments, llvm::Module& module,
                               const object::AheadTarget& target);

// Of a GPU one that is launched over a grid; elsewhere as it is.
void make_kernel(llvm::Function& function, const object::AheadTarget& target);

// Numbers of the threads of a GPU, of 64 bits: this one's among all, and how many there are.
struct Grid {
  llvm::Value* thread = nullptr;
  llvm::Value* threads = nullptr;
};
[[nodiscard]] Grid grid_of(llvm::IRBuilder<>& build);

// Numbers of 64 bits: `from`, `from + step` and so on, as long as `width` of them from there on lie
// before `end`.
struct Range {
  llvm::Value* from = nullptr;
  llvm::Value* end = nullptr;
  unsigned width = 1;
  llvm::Value* step = nullptr;  // null: the width
};
// Gives the first number that it was not done for.
llvm::Value* write_loop(llvm::IRBuilder<>& build, const Range& range,
                        llvm::function_ref<void(llvm::Value* at)> body);

void write_if(llvm::IRBuilder<>& build, llvm::Value* condition, llvm::function_ref<void()> body);
void write_if(llvm::IRBuilder<>& build, llvm::Value* condition, llvm::function_ref<void()> body,
              llvm::function_ref<void()> otherwise);

}  // namespace sluice::llvm_backend
