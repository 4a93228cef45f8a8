#include "compiler/backend/llvm/storage.hpp"

#include <limits>
#include <string>

#include <llvm/IR/Constants.h>

#include "compiler/schedule/element_program.hpp"

namespace sluice::llvm_backend {

using ir::Elem;

Outcome holds(const ir::Graph& graph, std::span<const Dtype> inputs,
              std::span<const Dtype> outputs) {
  const auto held = [](const char* what, const std::string& value, Dtype dtype,
                       Elem elem) -> Outcome {
    if (schedule::is_storage_of(dtype, elem) || (ir::is_integer(elem) && !is_floating(dtype)))
      return Unit{};
    return Error{Status::unsupported, std::string("the LLVM back end can't do ") + what + " '" +
                                          value + "' of type " + std::string(name(dtype)) + " yet"};
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ir::GraphInput& input = graph.inputs()[i];
    if (Outcome done = held("an input", input.name, inputs[i], input.type.elem); !done.ok())
      return done;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const ir::GraphOutput& output = graph.outputs()[i];
    const Elem elem = graph[output.value].type.elem;
    if (Outcome done = held("an output", output.name, outputs[i], elem); !done.ok()) return done;
  }
  return Unit{};
}

llvm::Type* Storage::type_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32: return build_.getFloatTy();
    case Dtype::f64: return build_.getDoubleTy();
    case Dtype::f16:
      return target_.halves ? build_.getHalfTy() : llvm::cast<llvm::Type>(build_.getInt16Ty());
    case Dtype::bf16: return build_.getInt16Ty();
    case Dtype::i32: return build_.getInt32Ty();
    case Dtype::i64: return build_.getInt64Ty();
    default: return build_.getInt8Ty();
  }
}

llvm::Type* Storage::vector_of(llvm::Type* type, unsigned lanes) {
  return lanes == 1 ? type : llvm::FixedVectorType::get(type, lanes);
}

llvm::Type* Storage::lane_of(Elem elem) {
  if (elem == Elem::f64) return build_.getDoubleTy();
  if (elem == Elem::f32) return build_.getFloatTy();
  return build_.getIntNTy(elem == Elem::i64 ? 64 : 32);
}

// Buffers need not be aligned to anything; a GPU's are to their elements.
llvm::Align Storage::alignment(Dtype dtype) const {
  return llvm::Align(target_.is_gpu() ? size_of(dtype) : 1);
}

llvm::Value* Storage::load(Stored stored, Value* buffer, Value* at, unsigned lanes) {
  llvm::Type* const type = type_of(stored.dtype);
  Value* const from = build_.CreateGEP(type, buffer, at);
  Value* const value =
      build_.CreateAlignedLoad(vector_of(type, lanes), from, alignment(stored.dtype));
  llvm::Type* const lane = vector_of(lane_of(stored.elem), lanes);
  if (!ir::is_number(stored.elem)) return load_integer(value, stored, lane);
  if (stored.dtype == Dtype::f16) return from_half(value, lane, lanes);
  if (stored.dtype != Dtype::bf16) return value;
  llvm::Type* const bits = vector_of(build_.getInt32Ty(), lanes);
  Value* const upper = build_.CreateShl(build_.CreateZExt(value, bits), 16);
  Value* const narrow = build_.CreateBitCast(upper, vector_of(build_.getFloatTy(), lanes));
  return stored.elem == Elem::f64 ? build_.CreateFPExt(narrow, lane) : narrow;
}

llvm::Value* Storage::load_integer(Value* value, Stored stored, llvm::Type* lane) {
  if (stored.dtype == Dtype::u8) return build_.CreateZExt(value, lane);
  if (stored.dtype != Dtype::i64 || stored.elem == Elem::i64)
    return build_.CreateSExtOrTrunc(value, lane);
  const auto limit = [&](std::int64_t number) {
    return llvm::ConstantInt::get(value->getType(), static_cast<std::uint64_t>(number), true);
  };
  Value* const least = limit(std::numeric_limits<std::int32_t>::min());
  Value* const most = limit(std::numeric_limits<std::int32_t>::max());
  value = build_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, value, least);
  return build_.CreateTrunc(build_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, value, most), lane);
}

void Storage::store(Stored stored, Value* buffer, Value* at, Value* value, unsigned lanes) {
  const Dtype dtype = stored.dtype;
  llvm::Type* const type = vector_of(type_of(dtype), lanes);
  Value* const to = build_.CreateGEP(type_of(dtype), buffer, at);
  if (stored.elem == Elem::f64 && (dtype == Dtype::f16 || dtype == Dtype::bf16))
    value = to_odd(value, lanes);
  if (dtype == Dtype::f16)
    value = to_half(value, type, lanes);
  else if (dtype == Dtype::bf16)
    value = build_.CreateTrunc(to_bf16(value, lanes), type);
  else if (!ir::is_number(stored.elem))
    value = build_.CreateSExtOrTrunc(value, type);
  build_.CreateAlignedStore(value, to, alignment(dtype));
}

// f64 as f32 rounded to odd, so that a second rounding is the only one that counts
// (support/half.hpp).
llvm::Value* Storage::to_odd(Value* value, unsigned lanes) {
  llvm::Type* const narrow = vector_of(build_.getFloatTy(), lanes);
  llvm::Type* const word = vector_of(build_.getInt32Ty(), lanes);
  const auto magnitude = [&](Value* of) {
    return build_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, of);
  };
  Value* const nearest = build_.CreateFPTrunc(value, narrow);
  Value* const back = build_.CreateFPExt(nearest, value->getType());
  Value* const bits = build_.CreateBitCast(nearest, word);
  Value* const one = llvm::ConstantInt::get(word, 1);
  Value* const away = build_.CreateFCmpOGT(magnitude(back), magnitude(value));
  Value* const toward = build_.CreateSelect(away, build_.CreateSub(bits, one), bits);
  Value* const exact = build_.CreateFCmpUEQ(back, value);
  return build_.CreateBitCast(build_.CreateSelect(exact, bits, build_.CreateOr(toward, one)),
                              narrow);
}

// By exact steps where there is no instruction: the bits in place are 2^112 times too small, and
// an exponent of ones is infinity's or a NaN's.
llvm::Value* Storage::from_half(Value* value, llvm::Type* lane, unsigned lanes) {
  if (target_.halves) return build_.CreateFPExt(value, lane);
  llvm::Type* const number = vector_of(build_.getFloatTy(), lanes);
  llvm::Type* const type = vector_of(build_.getInt32Ty(), lanes);
  const auto word = [&](std::uint64_t bits) { return llvm::ConstantInt::get(type, bits); };
  Value* const bits = build_.CreateZExt(value, type);
  Value* const magnitude = build_.CreateShl(build_.CreateAnd(bits, word(0x7fff)), 13);
  Value* const finite =
      build_.CreateBitCast(build_.CreateFMul(build_.CreateBitCast(magnitude, number),
                                             llvm::ConstantFP::get(number, 0x1p112)),
                           type);
  Value* const special = build_.CreateICmpUGE(magnitude, word(0x7c00u << 13));
  Value* const all =
      build_.CreateSelect(special, build_.CreateOr(magnitude, word(0x7f800000)), finite);
  Value* const sign = build_.CreateShl(build_.CreateAnd(bits, word(0x8000)), 16);
  Value* const single = build_.CreateBitCast(build_.CreateOr(all, sign), number);
  return number == lane ? single : build_.CreateFPExt(single, lane);
}

// Likewise: 1/2 is added to what becomes a denormal number, whose last bit is then the sum's.
llvm::Value* Storage::to_half(Value* value, llvm::Type* stored, unsigned lanes) {
  if (target_.halves) return build_.CreateFPTrunc(value, stored);
  llvm::Type* const number = vector_of(build_.getFloatTy(), lanes);
  llvm::Type* const type = vector_of(build_.getInt32Ty(), lanes);
  const auto word = [&](std::uint64_t bits) { return llvm::ConstantInt::get(type, bits); };
  Value* const bits = build_.CreateBitCast(value, type);
  Value* const magnitude = build_.CreateAnd(bits, word(0x7fffffff));
  Value* const half = llvm::ConstantFP::get(number, 0.5);
  Value* const shifted =
      build_.CreateBitCast(build_.CreateFAdd(build_.CreateBitCast(magnitude, number), half), type);
  Value* const denormal = build_.CreateSub(shifted, build_.CreateBitCast(half, type));
  Value* const odd = build_.CreateAnd(build_.CreateLShr(magnitude, 13), word(1));
  Value* const rounded = build_.CreateAdd(
      build_.CreateAdd(magnitude, word(0xfff - (std::uint64_t{127 - 15} << 23))), odd);
  Value* const finite =
      build_.CreateSelect(build_.CreateICmpULT(magnitude, word(std::uint64_t{127 - 14} << 23)),
                          denormal, build_.CreateLShr(rounded, 13));
  Value* const beyond = build_.CreateICmpUGE(magnitude, word(0x477ff000));  // 65520
  Value* const nan = build_.CreateICmpUGT(magnitude, word(0x7f800000));
  Value* const all =
      build_.CreateSelect(nan, word(0x7e00), build_.CreateSelect(beyond, word(0x7c00), finite));
  Value* const sign = build_.CreateAnd(build_.CreateLShr(bits, 16), word(0x8000));
  return build_.CreateTrunc(build_.CreateOr(all, sign), stored);
}

// Rounded to nearest even, a NaN quiet (support/half.hpp).
llvm::Value* Storage::to_bf16(Value* value, unsigned lanes) {
  llvm::Type* const type = vector_of(build_.getInt32Ty(), lanes);
  const auto word = [&](std::uint64_t bits) { return llvm::ConstantInt::get(type, bits); };
  Value* const bits = build_.CreateBitCast(value, type);
  Value* const odd = build_.CreateAnd(build_.CreateLShr(bits, 16), word(1));
  Value* const rounded =
      build_.CreateLShr(build_.CreateAdd(build_.CreateAdd(bits, word(0x7fff)), odd), 16);
  return build_.CreateSelect(build_.CreateFCmpUNO(value, value), word(0x7fc0), rounded);
}

}  // namespace sluice::llvm_backend
