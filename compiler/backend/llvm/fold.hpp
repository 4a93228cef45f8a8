// A block's reductions in the defined order (schedule/tree_order.hpp), as LLVM instructions.
//
// A group is as many columns as there are partials. What waits of the counter over groups lies in
// memory, which functions of the module work on: a kernel calls them once or twice a group. On a
// GPU the threads of a warp have a row: each has the columns of its own number and those 32 further
// on, and the partials of as many in its own memory.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "compiler/ir/op.hpp"
#include "compiler/object/ahead.hpp"

namespace sluice::llvm_backend {

// What a block reduction or a merge gives of no columns.
[[nodiscard]] llvm::Constant* of_nothing(ir::Op op, llvm::Type* lane);

// The columns of a group.
[[nodiscard]] unsigned partials_of(const llvm::Type* lane);

// That have a row together: those of a GPU's warp, or the one.
[[nodiscard]] unsigned threads_of(const object::AheadTarget& target);

class Fold {
 public:
  // What the memory takes, aligned to 64; one memory may serve one reduction after another.
  [[nodiscard]] static std::uint64_t bytes(const object::AheadTarget& target) {
    constexpr std::uint64_t kGroup = 256, kGroups = 10;  // sums, group and levels
    return kGroups * kGroup / threads_of(target);
  }

  // Of a block reduction of such lanes. The builder is at work in the module.
  Fold(llvm::IRBuilder<>& builder, const object::AheadTarget& target, ir::Op op, llvm::Type* lane)
      : build_(builder), target_(target), op_(op), lane_(lane) {}

  // Before the first column of a block.
  void start(llvm::Value* memory);
  // Before a group that is not whole.
  void start_group(llvm::Value* memory);
  // Columns from so many of the group on; each thread counts its own.
  void set(llvm::Value* memory, llvm::Value* at, llvm::Value* values);
  // The group of this number is there, as a whole or not; only the last one may not be.
  void add_group(llvm::Value* memory, llvm::Value* number, llvm::Value* whole);
  // Whole groups that follow one another: of each what lies at one place in it, as one; and then,
  // when that is set for all places, the number of these groups counted by so many.
  static constexpr unsigned kTogether = 4;
  [[nodiscard]] llvm::Value* together(llvm::ArrayRef<llvm::Value*> values);
  void add_together(llvm::Value* memory, llvm::Value* number);
  // Every thread has the result.
  [[nodiscard]] llvm::Value* finish(llvm::Value* memory, llvm::Value* columns);

 private:
  class Writer;
  using Write = llvm::function_ref<void(Writer& writer, llvm::Function& function)>;
  // Calls the module's function of this name, which is written if it is not there.
  void call(const char* name, llvm::ArrayRef<llvm::Value*> arguments, Write write);
  [[nodiscard]] unsigned partials() const { return partials_of(lane_) / threads_of(target_); }

  llvm::IRBuilder<>& build_;
  const object::AheadTarget& target_;
  ir::Op op_;
  llvm::Type* lane_;
};

}  // namespace sluice::llvm_backend
