#include "compiler/backend/llvm/evaluator.hpp"

#include <array>

#include <llvm/IR/Constants.h>

#include "compiler/backend/llvm/storage.hpp"

namespace sluice::llvm_backend {

using llvm::Value;

Evaluator::Evaluator(const ir::Graph& graph, llvm::IRBuilder<>& builder,
                     const object::AheadTarget& target, llvm::Module& module)
    : graph_(graph), operations_(builder, graph.compute(), target) {
  for (const ir::Table& table : graph.tables())
    tables_.push_back({table.entries, add_table(table, module, memory_of(target))});
}

Value* Evaluator::add_table(const ir::Table& table, llvm::Module& module, unsigned memory) {
  std::vector<llvm::Constant*> entries;
  for (const std::uint64_t bits : table.entries)
    entries.push_back(operations_.constant(graph_.compute(), bits));
  auto* const type = llvm::ArrayType::get(type_of(graph_.compute()), entries.size());
  auto* const global =
      new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::PrivateLinkage,
                               llvm::ConstantArray::get(type, entries), "table", nullptr,
                               llvm::GlobalValue::NotThreadLocal, memory);
  global->setAlignment(llvm::Align(64));
  return global;
}

llvm::Constant* Evaluator::constant(ir::ValueId id) {
  const ir::Node& node = graph_[id];
  return operations_.constant(node.type.elem, node.payload);
}

void Evaluator::compute(ir::ValueId id, std::vector<Value*>& values) {
  const ir::Node& node = graph_[id];
  std::array<Value*, ir::kMaxArity> operands{};
  for (int i = 0; i < node.arity(); ++i)
    operands[static_cast<std::size_t>(i)] = values[node.operand(i).index];
  values[id.index] =
      operations_.apply(node, {operands.data(), static_cast<std::size_t>(node.arity())},
                        node.op == ir::Op::lookup ? tables_[node.payload] : TableInMemory{});
}

}  // namespace sluice::llvm_backend
