#include "compiler/backend/llvm/merge.hpp"

#include <vector>

#include "compiler/backend/llvm/control.hpp"
#include "compiler/backend/llvm/evaluator.hpp"

namespace sluice::llvm_backend {

using ir::ValueId;
using llvm::Value;

llvm::Function* add_merge(const schedule::RowProgram& program, const schedule::Phase& phase,
                          const std::string& symbol, const object::AheadTarget& target,
                          llvm::Module& module) {
  const ir::Graph graph = schedule::combine_states(program, phase);
  const std::size_t merges = phase.merges.size();
  llvm::IRBuilder<> build(module.getContext());
  std::vector<llvm::Type*> arguments(merges, build.getPtrTy());
  arguments.push_back(build.getInt64Ty());
  llvm::Function* const function = begin_function(build, symbol, arguments, module, target);
  function->setLinkage(llvm::GlobalValue::InternalLinkage);
  Value* const right = function->getArg(static_cast<unsigned>(merges));
  Value* const left = build.CreateSub(right, build.getInt64(1));

  Evaluator evaluator(graph, build, target, module);
  std::vector<Value*> values(graph.size());
  const auto state = [&](std::size_t merge, ValueId like, Value* number) {
    return build.CreateInBoundsGEP(evaluator.type_of(graph[like].type.elem),
                                   function->getArg(static_cast<unsigned>(merge)), number);
  };
  for (const ValueId id : graph.live()) {
    const ir::Node& node = graph[id];
    if (node.op == ir::Op::constant) {
      values[id.index] = evaluator.constant(id);
    } else if (node.op == ir::Op::input) {  // those of the left, then those of the right
      Value* const from = state(node.payload % merges, id, node.payload < merges ? left : right);
      values[id.index] = build.CreateLoad(evaluator.type_of(node.type.elem), from);
    } else {
      evaluator.compute(id, values);
    }
  }
  for (std::size_t i = 0; i < merges; ++i) {
    const ValueId result = graph.outputs()[i].value;
    build.CreateStore(values[result.index], state(i, result, left));
  }
  build.CreateRetVoid();
  return function;
}

}  // namespace sluice::llvm_backend
