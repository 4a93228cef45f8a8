#include "compiler/backend/llvm/fold.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IntrinsicsNVPTX.h>

#include "compiler/backend/llvm/control.hpp"
#include "compiler/schedule/row_program.hpp"

namespace sluice::llvm_backend {

using ir::Op;
using llvm::Constant;
using llvm::ConstantFP;
using llvm::Value;

namespace {

Constant* greatest_integer(llvm::Type* lane) {
  return llvm::ConstantInt::get(lane, llvm::APInt::getSignedMaxValue(lane->getIntegerBitWidth()));
}

}  // namespace

Constant* of_nothing(Op op, llvm::Type* lane) {
  switch (op) {
    case Op::block_prod:
    case Op::merge_prod: return ConstantFP::get(lane, 1);
    case Op::block_imin:
    case Op::merge_imin: return greatest_integer(lane);
    case Op::block_greatest:
    case Op::merge_greatest: return ConstantFP::getInfinity(lane, true);
    default: return ConstantFP::get(lane, 0);
  }
}

unsigned threads_of(const object::AheadTarget& target) { return target.is_gpu() ? 32 : 1; }

unsigned partials_of(const llvm::Type* lane) {
  const bool wide = lane->getScalarSizeInBits() == 64;
  return static_cast<unsigned>(schedule::partial_count(wide ? ir::Elem::f64 : ir::Elem::f32));
}

namespace {

bool is_ordered(Op op) { return op == Op::block_sum || op == Op::block_prod; }

// What changes nothing that it is combined with.
Constant* identity(Op op, llvm::Type* lane) {
  return op == Op::block_sum ? ConstantFP::getNegativeZero(lane) : of_nothing(op, lane);
}

// Free of order, `a` is no NaN.
Value* combined(llvm::IRBuilder<>& build, Op op, Value* a, Value* b) {
  switch (op) {
    case Op::block_sum: return build.CreateFAdd(a, b);
    case Op::block_prod: return build.CreateFMul(a, b);
    case Op::block_imin: return build.CreateSelect(build.CreateICmpSLT(b, a), b, a);
    default: return build.CreateSelect(build.CreateFCmpOGT(b, a), b, a);
  }
}

}  // namespace

// Writes the functions' bodies. Memory has the sums, then the group, then the counter's levels.
class Fold::Writer {
 public:
  Writer(llvm::IRBuilder<>& builder, Op op, llvm::Type* lane, const object::AheadTarget& target)
      : build_(builder), op_(op), lane_(lane), threads_(threads_of(target)),
        partials_(partials_of(lane) / threads_),
        lanes_(std::max(target.vector_bytes * 8 / lane->getScalarSizeInBits(), 1u)) {}

  void start(Value* memory) { fill(memory); }
  void start_group(Value* memory) { fill(group(memory)); }

  // Free of order, the groups go to the sums, in which there is never a NaN. Else the group goes up
  // the counter past those that wait; one that is not whole is kept for the end.
  void add_group(Value* memory, Value* number, Value* whole) {
    if (!is_ordered(op_)) return add(memory, group(memory), memory);
    write_if(
        build_, whole, [&] { count(memory, number, 0); }, [&] { copy(group(memory), memory); });
  }
  void add_together(Value* memory, Value* number) {
    if (!is_ordered(op_)) return add(memory, group(memory), memory);
    count(memory, number, std::countr_zero(kTogether));
  }

  // The result is the first of the memory.
  void finish(Value* memory, Value* columns) {
    if (is_ordered(op_)) {
      Value* const groups = build_.CreateUDiv(columns, build_.getInt64(partials_of(lane_)));
      Value* const leading =
          build_.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, groups, build_.getFalse());
      Value* const depths = build_.CreateSub(build_.getInt64(64), leading);
      write_loop(build_, {build_.getInt64(0), depths}, [&](Value* depth) {
        Value* const waits =
            build_.CreateTrunc(build_.CreateLShr(groups, depth), build_.getInt1Ty());
        write_if(build_, waits, [&] { add(level(memory, depth), memory, memory); });
      });
    }
    build_.CreateStore(result(halved(memory)), memory);
  }

 private:
  Value* both(Value* a, Value* b) { return combined(build_, op_, a, b); }

  // A greatest zero is +0.
  Value* result(Value* a) {
    return op_ == Op::block_greatest ? build_.CreateFAdd(a, ConstantFP::get(lane_, 0)) : a;
  }

  // From so high a level on.
  void count(Value* memory, Value* number, int lowest) {
    Value* const from = build_.getInt64(static_cast<std::uint64_t>(lowest));
    Value* const waiting = build_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz,
                                                        build_.CreateNot(number), build_.getTrue());
    Value* const free = build_.CreateAdd(from, waiting);
    write_loop(build_, {from, free},
               [&](Value* depth) { add(level(memory, depth), group(memory), group(memory)); });
    copy(group(memory), level(memory, free));
  }

  Value* lanes_at(Value* memory, Value* first) {
    return build_.CreateInBoundsGEP(lane_, memory, first);
  }
  Value* group(Value* memory) { return lanes_at(memory, build_.getInt64(partials_)); }
  Value* level(Value* memory, Value* depth) {
    Value* const index = build_.CreateAdd(depth, build_.getInt64(2));
    return lanes_at(memory, build_.CreateMul(index, build_.getInt64(partials_)));
  }

  [[nodiscard]] llvm::Type* chunk() const {
    return lanes_ == 1 ? lane_ : llvm::FixedVectorType::get(lane_, lanes_);
  }
  void each_chunk(llvm::function_ref<void(Value* first)> act) {
    for (unsigned first = 0; first < partials_; first += lanes_) act(build_.getInt64(first));
  }
  Value* load(Value* memory, Value* first) {
    return build_.CreateLoad(chunk(), lanes_at(memory, first));
  }

  void fill(Value* memory) {
    Value* value = identity(op_, lane_);
    if (lanes_ > 1) value = build_.CreateVectorSplat(lanes_, value);
    each_chunk([&](Value* first) { build_.CreateStore(value, lanes_at(memory, first)); });
  }
  void copy(Value* from, Value* to) {
    each_chunk([&](Value* first) { build_.CreateStore(load(from, first), lanes_at(to, first)); });
  }
  void add(Value* left, Value* right, Value* to) {
    each_chunk([&](Value* first) {
      build_.CreateStore(both(load(left, first), load(right, first)), lanes_at(to, first));
    });
  }

  Value* halved(Value* memory) {
    std::vector<Value*> sums;
    each_chunk([&](Value* first) { sums.push_back(load(memory, first)); });
    for (std::size_t half = sums.size() / 2; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i) sums[i] = both(sums[i], sums[i + half]);
    Value* sum = sums.front();
    for (unsigned half = threads_ / 2; half > 0; half /= 2) sum = both(sum, of_thread(sum, half));
    if (lanes_ == 1) return sum;
    for (unsigned half = lanes_ / 2; half > 1; half /= 2) {
      llvm::SmallVector<int> low, high;
      for (unsigned i = 0; i < half; ++i) {
        low.push_back(static_cast<int>(i));
        high.push_back(static_cast<int>(half + i));
      }
      sum = both(build_.CreateShuffleVector(sum, low), build_.CreateShuffleVector(sum, high));
    }
    return both(build_.CreateExtractElement(sum, std::uint64_t{0}),
                build_.CreateExtractElement(sum, std::uint64_t{1}));
  }

  // What the thread has whose number differs in this bit.
  Value* of_thread(Value* value, unsigned bit) {
    const unsigned bits = lane_->getScalarSizeInBits();
    llvm::Type* const word = build_.getInt32Ty();
    Value* const whole = build_.CreateBitCast(value, build_.getIntNTy(bits));
    Value* given = llvm::ConstantInt::get(whole->getType(), 0);
    for (unsigned first = 0; first < bits; first += 32) {
      Value* const part = build_.CreateIntrinsic(
          llvm::Intrinsic::nvvm_shfl_sync_bfly_i32, {},
          {build_.getInt32(~0u), build_.CreateTrunc(build_.CreateLShr(whole, first), word),
           build_.getInt32(bit), build_.getInt32(31)});
      given = build_.CreateOr(given,
                              build_.CreateShl(build_.CreateZExt(part, whole->getType()), first));
    }
    return build_.CreateBitCast(given, lane_);
  }

  llvm::IRBuilder<>& build_;
  Op op_;
  llvm::Type* lane_;
  unsigned threads_;
  unsigned partials_;  // of a thread
  unsigned lanes_;
};

void Fold::call(const char* name, llvm::ArrayRef<Value*> arguments, Write write) {
  llvm::Module& module = *build_.GetInsertBlock()->getModule();
  const std::string symbol = std::string("fold.") + std::string(ir::name(op_)) + "." + name +
                             std::to_string(lane_->getScalarSizeInBits());
  llvm::Function* function = module.getFunction(symbol);
  if (function == nullptr) {
    llvm::IRBuilder<> inside(module.getContext());
    std::vector<llvm::Type*> types;
    for (const Value* argument : arguments) types.push_back(argument->getType());
    function = begin_function(inside, symbol, types, module, target_);
    function->setLinkage(llvm::GlobalValue::InternalLinkage);
    Writer writer(inside, op_, lane_, target_);
    write(writer, *function);
    inside.CreateRetVoid();
  }
  build_.CreateCall(function, arguments);
}

void Fold::start(Value* memory) {
  call("start", {memory}, [](Writer& writer, auto& self) { writer.start(self.getArg(0)); });
}

void Fold::start_group(Value* memory) {
  call("group", {memory}, [](Writer& writer, auto& self) { writer.start_group(self.getArg(0)); });
}

void Fold::set(Value* memory, Value* at, Value* values) {
  Value* const own = build_.CreateUDiv(at, build_.getInt64(threads_of(target_)));
  Value* const index = build_.CreateAdd(own, build_.getInt64(partials()));
  build_.CreateAlignedStore(values, build_.CreateInBoundsGEP(lane_, memory, index),
                            llvm::Align(lane_->getScalarSizeInBits() / 8));
}

void Fold::add_group(Value* memory, Value* number, Value* whole) {
  call("add", {memory, number, whole}, [](Writer& writer, auto& self) {
    writer.add_group(self.getArg(0), self.getArg(1), self.getArg(2));
  });
}

// As the counter would, or from what is no NaN.
Value* Fold::together(llvm::ArrayRef<Value*> values) {
  std::vector<Value*> sums = values.vec();
  if (!is_ordered(op_)) {
    Value* most = identity(op_, lane_);
    if (const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(sums.front()->getType()))
      most = build_.CreateVectorSplat(type->getNumElements(), most);
    for (Value* const value : sums) most = combined(build_, op_, most, value);
    return most;
  }
  for (; sums.size() > 1; sums.resize(sums.size() / 2))
    for (std::size_t i = 0; i < sums.size() / 2; ++i)
      sums[i] = combined(build_, op_, sums[2 * i], sums[2 * i + 1]);
  return sums.front();
}

void Fold::add_together(Value* memory, Value* number) {
  call("together", {memory, number},
       [](Writer& writer, auto& self) { writer.add_together(self.getArg(0), self.getArg(1)); });
}

Value* Fold::finish(Value* memory, Value* columns) {
  call("finish", {memory, columns},
       [](Writer& writer, auto& self) { writer.finish(self.getArg(0), self.getArg(1)); });
  return build_.CreateLoad(lane_, memory);
}

}  // namespace sluice::llvm_backend
