// A graph's values as LLVM's, single ones and vectors alike.
#pragma once

#include <vector>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "compiler/backend/llvm/operations.hpp"
#include "compiler/ir/graph.hpp"
#include "compiler/object/ahead.hpp"

namespace sluice::llvm_backend {

class Evaluator {
 public:
  // Adds the graph's tables to the module.
  Evaluator(const ir::Graph& graph, llvm::IRBuilder<>& builder, const object::AheadTarget& target,
            llvm::Module& module);

  [[nodiscard]] llvm::Type* type_of(ir::Elem elem) { return operations_.type_of(elem); }
  // Of one element.
  [[nodiscard]] llvm::Constant* constant(ir::ValueId id);
  // `values`, by value, have the operands, and then the result.
  void compute(ir::ValueId id, std::vector<llvm::Value*>& values);

 private:
  llvm::Value* add_table(const ir::Table& table, llvm::Module& module, unsigned memory);

  const ir::Graph& graph_;
  Operations operations_;
  std::vector<TableInMemory> tables_;
};

}  // namespace sluice::llvm_backend
