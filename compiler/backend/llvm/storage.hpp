// Elements as buffers hold them, as lanes and back, with LLVM instructions.
#pragma once

#include <span>

#include <llvm/IR/IRBuilder.h>
#include <sluice/dtype.hpp>
#include <sluice/status.hpp>

#include "compiler/ir/graph.hpp"
#include "compiler/object/ahead.hpp"

namespace sluice::llvm_backend {

// Memory that buffers and tables lie in, by LLVM's number.
[[nodiscard]] inline unsigned memory_of(const object::AheadTarget& target) {
  constexpr unsigned kGlobal = 1;  // of NVPTX
  return target.is_gpu() ? kGlobal : 0;
}

// An element's type in its buffer, and as a lane, which is the compute type or its integer.
struct Stored {
  Dtype dtype = Dtype::f32;
  ir::Elem elem = ir::Elem::f32;
};

// Whether lanes can be loaded and stored as these types: `unsupported`, of the first that can't.
[[nodiscard]] Outcome holds(const ir::Graph& graph, std::span<const Dtype> inputs,
                            std::span<const Dtype> outputs);

class Storage {
 public:
  Storage(llvm::IRBuilder<>& builder, const object::AheadTarget& target)
      : build_(builder), target_(target) {}

  // So many elements from number `at` of the buffer on. An integer is the lane's, the nearest of
  // its range.
  [[nodiscard]] llvm::Value* load(Stored stored, llvm::Value* buffer, llvm::Value* at,
                                  unsigned lanes);
  void store(Stored stored, llvm::Value* buffer, llvm::Value* at, llvm::Value* value,
             unsigned lanes);

  // Of one element.
  [[nodiscard]] llvm::Type* type_of(Dtype dtype);

 private:
  using Value = llvm::Value;

  [[nodiscard]] llvm::Type* vector_of(llvm::Type* type, unsigned lanes);
  [[nodiscard]] llvm::Type* lane_of(ir::Elem elem);
  [[nodiscard]] llvm::Align alignment(Dtype dtype) const;
  Value* load_integer(Value* value, Stored stored, llvm::Type* lane);
  Value* to_odd(Value* value, unsigned lanes);
  Value* from_half(Value* value, llvm::Type* lane, unsigned lanes);
  Value* to_half(Value* value, llvm::Type* stored, unsigned lanes);
  Value* to_bf16(Value* value, unsigned lanes);

  llvm::IRBuilder<>& build_;
  const object::AheadTarget& target_;
};

}  // namespace sluice::llvm_backend
