// As compiler/ir/meaning.hpp has them, step by step.
#include "compiler/backend/llvm/operations.hpp"

#include <limits>
#include <vector>

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

namespace sluice::llvm_backend {

using ir::Elem;
using ir::Op;
using llvm::CmpInst;
using llvm::Intrinsic::ID;

llvm::Type* Operations::type_of(Elem elem) {
  switch (elem) {
    case Elem::f32: return build_.getFloatTy();
    case Elem::f64: return build_.getDoubleTy();
    case Elem::i32: return build_.getInt32Ty();
    case Elem::i64: return build_.getInt64Ty();
    case Elem::boolean: return build_.getInt1Ty();
  }
  return nullptr;
}

llvm::Constant* Operations::constant(Elem elem, std::uint64_t bits) {
  llvm::Type* type = type_of(elem);
  if (!ir::is_number(elem)) return llvm::ConstantInt::get(type, bits);
  const llvm::APInt all(elem == Elem::f64 ? 64 : 32, bits);
  return llvm::ConstantFP::get(type, llvm::APFloat(type->getFltSemantics(), all));
}

llvm::Type* Operations::shaped(Elem elem, Value* like) {
  llvm::Type* const type = type_of(elem);
  const auto* vector = llvm::dyn_cast<llvm::VectorType>(like->getType());
  return vector == nullptr ? type : llvm::VectorType::get(type, vector->getElementCount());
}

Operations::Value* Operations::number(Value* like, double value) {
  return llvm::ConstantFP::get(shaped(compute_, like), value);
}

Operations::Value* Operations::integer(Value* like, std::uint64_t value) {
  return llvm::ConstantInt::get(like->getType(), value);
}

// b where it is better than a or NaN.
Operations::Value* Operations::extremum(Value* a, Value* b, CmpInst::Predicate better) {
  Value* const taken = build_.CreateOr(build_.CreateFCmp(better, b, a), build_.CreateFCmpUNO(b, b));
  return build_.CreateSelect(taken, b, a);
}

// LLVM 19 takes a vector's `a <= b ? b : a` for WebAssembly's pmax(a, b), which is `a < b ? b : a`
// and has the other zero; by bits it is bitselect, as other selects are.
Operations::Value* Operations::select(Value* condition, Value* a, Value* b) {
  if (!target_.is_wasm() || !a->getType()->isFPOrFPVectorTy() || !a->getType()->isVectorTy())
    return build_.CreateSelect(condition, a, b);
  Value* const mask = build_.CreateSExt(condition, shaped(ir::integer_of(compute_), a));
  return as_number(build_.CreateOr(build_.CreateAnd(mask, as_integer(a)),
                                   build_.CreateAnd(build_.CreateNot(mask), as_integer(b))));
}

// Where no instruction does it: numbers that have places after the point lose them to one so large
// that its last place is 1.
Operations::Value* Operations::round_even(Value* a) {
  if (target_.round_even) return unary(llvm::Intrinsic::roundeven, a);
  Value* const large = number(a, static_cast<double>(std::uint64_t{1} << mantissa_bits()));
  Value* const magnitude = unary(llvm::Intrinsic::fabs, a);
  Value* const rounded = build_.CreateFSub(build_.CreateFAdd(magnitude, large), large);
  return build_.CreateSelect(build_.CreateFCmpOLT(magnitude, large),
                             build_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, rounded, a),
                             a);
}

Operations::Value* Operations::round_to_int(Value* a) {
  Value* const rounder = number(a, 1.5 * static_cast<double>(std::uint64_t{1} << mantissa_bits()));
  return build_.CreateSub(as_integer(build_.CreateFAdd(a, rounder)), as_integer(rounder));
}

Operations::Value* Operations::to_float(Value* a) {
  if (!wide()) return build_.CreateSIToFP(a, shaped(compute_, a));
  Value* const rounder = number(a, 0x1.8p52);
  return build_.CreateFSub(as_number(build_.CreateAdd(a, as_integer(rounder))), rounder);
}

Operations::Value* Operations::power_of_two(Value* k) {
  Value* const biased = build_.CreateAdd(k, integer(k, wide() ? 1023 : 127));
  return as_number(build_.CreateShl(biased, integer(k, mantissa_bits())));
}

Operations::Value* Operations::ldexp(Value* a, Value* b) {
  Value* const half = round_to_int(build_.CreateFMul(b, number(b, 0.5)));
  Value* const rest = build_.CreateSub(round_to_int(b), half);
  return build_.CreateFMul(build_.CreateFMul(a, power_of_two(half)), power_of_two(rest));
}

Operations::Split Operations::split(Value* a) {
  const unsigned bits = mantissa_bits();
  const std::uint64_t lift = std::uint64_t{1} << (bits + (wide() ? 10 : 7));
  const double least =
      wide() ? std::numeric_limits<double>::min() : double{std::numeric_limits<float>::min()};
  Value* const magnitude =
      build_.CreateSelect(build_.CreateFCmpOLT(a, number(a, 0)), build_.CreateFNeg(a), a);
  Value* const tiny = build_.CreateFCmpOLT(magnitude, number(a, least));
  Value* const scale = number(a, static_cast<double>(std::uint64_t{1} << bits));
  Value* const scaled =
      as_integer(build_.CreateSelect(tiny, build_.CreateFMul(magnitude, scale), magnitude));
  Value* const from_three_quarters = build_.CreateAdd(
      build_.CreateSub(scaled, as_integer(number(a, 0.75))), integer(scaled, lift));
  Value* const exponent = build_.CreateSub(
      build_.CreateLShr(from_three_quarters, integer(scaled, bits)), integer(scaled, lift >> bits));
  return {scaled, exponent, tiny, magnitude};
}

Operations::Value* Operations::exponent(Value* a) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Split parts = split(a);
  Value* const shift = build_.CreateSelect(parts.tiny, number(a, mantissa_bits()), number(a, 0));
  Value* const finite = build_.CreateFSub(to_float(parts.exponent), shift);
  Value* const zero = build_.CreateFCmpOEQ(parts.magnitude, number(a, 0));
  Value* const low = build_.CreateSelect(zero, number(a, -kInf), finite);
  return build_.CreateSelect(build_.CreateFCmpOLT(parts.magnitude, number(a, kInf)), low,
                             parts.magnitude);
}

Operations::Value* Operations::mantissa(Value* a) {
  const Split parts = split(a);
  Value* const finite = as_number(build_.CreateSub(
      parts.scaled, build_.CreateShl(parts.exponent, integer(parts.exponent, mantissa_bits()))));
  Value* const special =
      build_.CreateOr(build_.CreateFCmpOEQ(a, number(a, 0)),
                      build_.CreateFCmpOEQ(a, number(a, std::numeric_limits<double>::infinity())));
  Value* const nonzero = build_.CreateSelect(special, number(a, 1), finite);
  return build_.CreateSelect(build_.CreateFCmpOGE(a, number(a, 0)), nonzero,
                             number(a, std::numeric_limits<double>::quiet_NaN()));
}

// Entries from the first on, and again from the start where they do not fill the register.
llvm::Constant* Operations::register_of(std::span<const std::uint64_t> entries, std::size_t first,
                                        unsigned lanes) {
  std::vector<llvm::Constant*> all;
  for (std::size_t lane = 0; lane < lanes; ++lane)
    all.push_back(constant(compute_, entries[(first + lane) & (entries.size() - 1)]));
  return llvm::ConstantVector::get(all);
}

// A table of up to two registers, or with AVX2 of up to four; null where no instruction serves. A
// permutation looks at as many low bits of an index as number the lanes.
Operations::Value* Operations::permuted(Value* index, std::span<const std::uint64_t> entries,
                                        unsigned lanes) {
  namespace Id = llvm::Intrinsic;
  if (!target_.is_x86() || target_.vector_bytes < 32) return nullptr;
  if (lanes * (wide() ? 8 : 4) != target_.vector_bytes) return nullptr;
  const bool avx512 = target_.vector_bytes == 64;
  const std::size_t registers = (entries.size() + lanes - 1) / lanes;
  const auto part = [&](std::size_t i) { return register_of(entries, i * lanes, lanes); };
  if (avx512) {
    if (registers > 2) return nullptr;
    if (registers == 2)
      return build_.CreateIntrinsic(wide() ? Id::x86_avx512_vpermi2var_pd_512
                                           : Id::x86_avx512_vpermi2var_ps_512,
                                    {}, {part(0), index, part(1)});
    return build_.CreateIntrinsic(wide() ? Id::x86_avx512_permvar_df_512
                                         : Id::x86_avx512_permvar_sf_512,
                                  {}, {part(0), index});
  }
  if (wide() || registers > 4) return nullptr;
  const auto found = [&](std::size_t i) {
    return build_.CreateIntrinsic(Id::x86_avx2_permps, {}, {part(i), index});
  };
  const auto by_bit = [&](std::uint64_t bit, Value* clear, Value* set) {
    Value* const masked = build_.CreateAnd(index, integer(index, bit));
    return build_.CreateSelect(build_.CreateICmpEQ(masked, integer(index, 0)), clear, set);
  };
  if (registers == 1) return found(0);
  if (registers == 2) return by_bit(lanes, found(0), found(1));
  return by_bit(2 * std::uint64_t{lanes}, by_bit(lanes, found(0), found(1)),
                by_bit(lanes, found(2), found(3)));
}

Operations::Value* Operations::lookup(Value* index, const TableInMemory& table) {
  llvm::Type* const entry = type_of(compute_);
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(index->getType());
  if (vector != nullptr)
    if (Value* const found = permuted(index, table.entries, vector->getNumElements())) return found;
  Value* const within = build_.CreateAnd(index, integer(index, table.entries.size() - 1));
  Value* const at = build_.CreateInBoundsGEP(entry, table.address, within);
  const llvm::Align align(wide() ? 8 : 4);
  if (vector == nullptr) return build_.CreateAlignedLoad(entry, at, align);
  return build_.CreateMaskedGather(llvm::VectorType::get(entry, vector->getElementCount()), at,
                                   align);
}

Operations::Value* Operations::apply(const ir::Node& node, std::span<Value* const> operands,
                                     const TableInMemory& table) {
  const auto a = [&] { return operands[0]; };
  const auto b = [&] { return operands[1]; };
  const auto c = [&] { return operands[2]; };
  switch (node.op) {
    case Op::add: return build_.CreateFAdd(a(), b());
    case Op::sub: return build_.CreateFSub(a(), b());
    case Op::mul: return build_.CreateFMul(a(), b());
    case Op::div: return build_.CreateFDiv(a(), b());
    case Op::fma:
      return build_.CreateIntrinsic(a()->getType(), llvm::Intrinsic::fma, {a(), b(), c()});
    case Op::sqrt: return unary(llvm::Intrinsic::sqrt, a());
    case Op::neg: return build_.CreateFNeg(a());
    case Op::abs: return unary(llvm::Intrinsic::fabs, a());
    case Op::max: return extremum(a(), b(), CmpInst::FCMP_OGT);
    case Op::min: return extremum(a(), b(), CmpInst::FCMP_OLT);
    case Op::floor: return unary(llvm::Intrinsic::floor, a());
    case Op::ceil: return unary(llvm::Intrinsic::ceil, a());
    case Op::trunc: return unary(llvm::Intrinsic::trunc, a());
    case Op::round_even: return round_even(a());
    case Op::ldexp: return ldexp(a(), b());
    case Op::scale: return build_.CreateFMul(a(), power_of_two(round_to_int(b())));
    case Op::exponent: return exponent(a());
    case Op::mantissa: return mantissa(a());
    case Op::lt: return build_.CreateFCmpOLT(a(), b());
    case Op::le: return build_.CreateFCmpOLE(a(), b());
    case Op::eq: return build_.CreateFCmpOEQ(a(), b());
    case Op::ne: return build_.CreateFCmpUNE(a(), b());
    case Op::logic_and: return build_.CreateAnd(a(), b());
    case Op::logic_or: return build_.CreateOr(a(), b());
    case Op::logic_not: return build_.CreateNot(a());
    case Op::unlikely: return a();
    case Op::select: return select(a(), b(), c());
    case Op::iadd: return build_.CreateAdd(a(), b());
    case Op::isub: return build_.CreateSub(a(), b());
    case Op::imul: return build_.CreateMul(a(), b());
    case Op::iand: return build_.CreateAnd(a(), b());
    case Op::ior: return build_.CreateOr(a(), b());
    case Op::ixor: return build_.CreateXor(a(), b());
    case Op::ishl: return build_.CreateShl(a(), b());
    case Op::ishr: return build_.CreateLShr(a(), b());
    case Op::isar: return build_.CreateAShr(a(), b());
    case Op::ieq: return build_.CreateICmpEQ(a(), b());
    case Op::ilt: return build_.CreateICmpSLT(a(), b());
    case Op::to_bits: return as_integer(a());
    case Op::from_bits: return as_number(a());
    case Op::round_to_int: return round_to_int(a());
    case Op::to_float: return to_float(a());
    case Op::lookup: return lookup(a(), table);
    default: return nullptr;
  }
}

}  // namespace sluice::llvm_backend
