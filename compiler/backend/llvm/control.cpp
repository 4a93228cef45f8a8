#include "compiler/backend/llvm/control.hpp"

#include <llvm/IR/IntrinsicsNVPTX.h>

namespace sluice::llvm_backend {

using llvm::BasicBlock;

llvm::Function* begin_function(llvm::IRBuilder<>& build, const std::string& symbol,
                               llvm::ArrayRef<llvm::Type*> arguments, llvm::Module& module,
                               const object::AheadTarget& target) {
  auto* const type = llvm::FunctionType::get(build.getVoidTy(), arguments, false);
  auto* const function =
      llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, module);
  if (target.is_gpu()) function->addFnAttr(llvm::Attribute::Convergent);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addFnAttr("frame-pointer", "all");
  function->addFnAttr("prefer-vector-width", "512");
  function->addFnAttr("min-legal-vector-width", "512");
  build.SetInsertPoint(BasicBlock::Create(build.getContext(), "entry", function));
  return function;
}

void make_kernel(llvm::Function& function, const object::AheadTarget& target) {
  if (target.is_gpu()) function.setCallingConv(llvm::CallingConv::PTX_Kernel);
}

Grid grid_of(llvm::IRBuilder<>& build) {
  namespace Id = llvm::Intrinsic;
  const auto special = [&](Id::ID id) {
    return build.CreateZExt(build.CreateIntrinsic(id, {}, {}), build.getInt64Ty());
  };
  llvm::Value* const block = special(Id::nvvm_read_ptx_sreg_ntid_x);
  llvm::Value* const before = build.CreateMul(special(Id::nvvm_read_ptx_sreg_ctaid_x), block);
  return {build.CreateAdd(before, special(Id::nvvm_read_ptx_sreg_tid_x)),
          build.CreateMul(special(Id::nvvm_read_ptx_sreg_nctaid_x), block)};
}

llvm::Value* write_loop(llvm::IRBuilder<>& build, const Range& range,
                        llvm::function_ref<void(llvm::Value* at)> body) {
  BasicBlock* const before = build.GetInsertBlock();
  llvm::Function* const function = before->getParent();
  auto* const head = BasicBlock::Create(build.getContext(), "loop", function);
  auto* const inside = BasicBlock::Create(build.getContext(), "body", function);
  auto* const after = BasicBlock::Create(build.getContext(), "after", function);
  build.CreateBr(head);
  build.SetInsertPoint(head);
  llvm::PHINode* const at = build.CreatePHI(build.getInt64Ty(), 2);
  at->addIncoming(range.from, before);
  llvm::Value* const end = build.CreateAdd(at, build.getInt64(range.width));
  build.CreateCondBr(build.CreateICmpSLE(end, range.end), inside, after);
  build.SetInsertPoint(inside);
  body(at);
  llvm::Value* const next = range.step == nullptr ? end : build.CreateAdd(at, range.step);
  at->addIncoming(next, build.GetInsertBlock());
  build.CreateBr(head);
  build.SetInsertPoint(after);
  return at;
}

void write_if(llvm::IRBuilder<>& build, llvm::Value* condition, llvm::function_ref<void()> body) {
  write_if(build, condition, body, [] {});
}

void write_if(llvm::IRBuilder<>& build, llvm::Value* condition, llvm::function_ref<void()> body,
              llvm::function_ref<void()> otherwise) {
  llvm::Function* const function = build.GetInsertBlock()->getParent();
  auto* const inside = BasicBlock::Create(build.getContext(), "then", function);
  auto* const other = BasicBlock::Create(build.getContext(), "else", function);
  auto* const after = BasicBlock::Create(build.getContext(), "joined", function);
  build.CreateCondBr(condition, inside, other);
  build.SetInsertPoint(inside);
  body();
  build.CreateBr(after);
  build.SetInsertPoint(other);
  otherwise();
  build.CreateBr(after);
  build.SetInsertPoint(after);
}

}  // namespace sluice::llvm_backend
