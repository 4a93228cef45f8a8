// The op table's operations as LLVM instructions, on single values and on vectors alike.
#pragma once

#include <cstdint>
#include <span>

#include <llvm/IR/IRBuilder.h>

#include "compiler/ir/graph.hpp"
#include "compiler/object/ahead.hpp"

namespace sluice::llvm_backend {

// A lookup's entries, and where they lie in memory, of the lanes' width.
struct TableInMemory {
  std::span<const std::uint64_t> entries;
  llvm::Value* address = nullptr;
};

class Operations {
 public:
  Operations(llvm::IRBuilder<>& builder, ir::Elem compute, const object::AheadTarget& target)
      : build_(builder), compute_(compute), target_(target) {}

  [[nodiscard]] llvm::Value* apply(const ir::Node& node, std::span<llvm::Value* const> operands,
                                   const TableInMemory& table);

  // Of one element: the compute type, its integer, or a bool.
  [[nodiscard]] llvm::Type* type_of(ir::Elem elem);
  [[nodiscard]] llvm::Constant* constant(ir::Elem elem, std::uint64_t bits);

 private:
  using Value = llvm::Value;

  [[nodiscard]] bool wide() const { return compute_ == ir::Elem::f64; }
  [[nodiscard]] unsigned mantissa_bits() const { return wide() ? 52 : 23; }
  // In as many lanes as `like` has.
  llvm::Type* shaped(ir::Elem elem, Value* like);
  Value* number(Value* like, double value);
  Value* integer(Value* like, std::uint64_t value);
  Value* as_integer(Value* a) {
    return build_.CreateBitCast(a, shaped(ir::integer_of(compute_), a));
  }
  Value* as_number(Value* a) { return build_.CreateBitCast(a, shaped(compute_, a)); }
  Value* unary(llvm::Intrinsic::ID id, Value* a) { return build_.CreateUnaryIntrinsic(id, a); }
  Value* extremum(Value* a, Value* b, llvm::CmpInst::Predicate better);
  Value* select(Value* condition, Value* a, Value* b);
  Value* round_even(Value* a);
  Value* round_to_int(Value* a);
  Value* to_float(Value* a);
  Value* power_of_two(Value* k);
  Value* ldexp(Value* a, Value* b);
  struct Split {
    Value *scaled, *exponent, *tiny, *magnitude;
  };
  Split split(Value* a);
  Value* exponent(Value* a);
  Value* mantissa(Value* a);
  Value* lookup(Value* index, const TableInMemory& table);
  Value* permuted(Value* index, std::span<const std::uint64_t> entries, unsigned lanes);
  llvm::Constant* register_of(std::span<const std::uint64_t> entries, std::size_t first,
                              unsigned lanes);

  llvm::IRBuilder<>& build_;
  ir::Elem compute_;
  const object::AheadTarget& target_;
};

}  // namespace sluice::llvm_backend
