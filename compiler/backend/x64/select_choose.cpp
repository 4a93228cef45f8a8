// Selection of comparisons, logic and select. A condition is a mask register on AVX-512 and a
// vector of all ones or all zeros in each lane on AVX2.
//
// An instruction may be made anew where its only user stands, with another predicate or under a
// mask; the first one then has no use left and the allocator drops it.
#include <utility>

#include "compiler/backend/x64/selector.hpp"

namespace sluice::x64 {

using ir::Elem;
using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

// The predicate that b has to a when a has `predicate` to b.
std::uint8_t swapped(std::uint8_t predicate) {
  switch (predicate) {
    case kLess: return kGreater;
    case kLessEqual: return kGreaterEqual;
    default: return predicate;  // the symmetric ones
  }
}
std::uint8_t swapped_integer(std::uint8_t predicate) {
  return predicate == kIntLess ? std::uint8_t{kIntNotLessEqual} : predicate;
}

}  // namespace

Ref Selector::compare(std::uint8_t predicate, Ref a, Ref b) {
  return emit(machine_.avx512 ? Opcode::mask_compare : Opcode::compare, a, b, predicate);
}

// Invariants go second, where they may stay in memory.
Ref Selector::compare(std::uint8_t predicate, const Node& node) {
  const Ref a = ref(node.operand(0));
  const Ref b = ref(node.operand(1));
  if (a.is_invariant() && !b.is_invariant()) return compare(swapped(predicate), b, a);
  return compare(predicate, a, b);
}

Ref Selector::icompare(std::uint8_t predicate, const Node& node) {
  const Ref a = ref(node.operand(0));
  const Ref b = ref(node.operand(1));
  if (!machine_.avx512)
    return predicate == kIntEqual ? emit(Opcode::icompare_eq, a, b)
                                  : emit(Opcode::icompare_gt, b, a);
  if (!a.is_invariant() || b.is_invariant()) return emit(Opcode::mask_icompare, a, b, predicate);
  return emit(Opcode::mask_icompare, b, a, swapped_integer(predicate));
}

// The instruction that makes a value of this block, if the value has one use and the instruction
// the trait and no mask.
Instruction* Selector::only_use(ValueId id, unsigned wanted_trait) {
  const Ref made = refs_[id.index];
  if (uses_[id.index] != 1 || !made.is_value() || maker_[made.index()] == Instruction::kNoValue)
    return nullptr;
  Instruction& maker = block_->code[maker_[made.index()]];
  const bool fits = maker.node == id.index && traits(maker.opcode).has(wanted_trait) &&
                    !maker.mask && !maker.zeroing;
  return fits ? &maker : nullptr;
}

bool Selector::invertible(ValueId condition) const {
  const Ref made = refs_[condition.index];
  if (uses_[condition.index] != 1 || !made.is_value() ||
      maker_[made.index()] == Instruction::kNoValue)
    return false;
  const Instruction& maker = block_->code[maker_[made.index()]];
  const bool compares = maker.opcode == Opcode::mask_compare ||
                        maker.opcode == Opcode::mask_icompare || maker.opcode == Opcode::compare;
  return compares && !maker.mask;
}

Ref Selector::opposite(ValueId condition) {
  if (invertible(condition)) {
    Instruction again = block_->code[maker_[refs_[condition.index].index()]];
    again.imm ^= kOpposite;
    again.dst = new_value(machine_.avx512 ? Bank::mask : Bank::vector);
    return push(again);
  }
  if (machine_.avx512) return emit(Opcode::mask_not, ref(condition));
  return emit(Opcode::bit_xor, ref(condition), bits(all_ones()));
}

Ref Selector::both(const Node& node) {
  ValueId a = node.operand(0);
  ValueId b = node.operand(1);
  if (!machine_.avx512) return emit(Opcode::bit_and, ref(a), ref(b));
  if (!invertible(b)) std::swap(a, b);
  if (!invertible(b)) return emit(Opcode::mask_and, ref(a), ref(b));
  Instruction again = block_->code[maker_[refs_[b.index].index()]];
  again.mask = ref(a);
  again.dst = new_value(Bank::mask);
  return push(again);
}

Ref Selector::either(const Node& node) {
  return emit(machine_.avx512 ? Opcode::mask_or : Opcode::bit_or, ref(node.operand(0)),
              ref(node.operand(1)));
}

Ref Selector::choose_masks(Ref condition, Ref a, Ref b) {
  const Ref taken = emit(Opcode::mask_and, condition, a);
  const Ref left = emit(Opcode::mask_andn, condition, b);
  return emit(Opcode::mask_or, taken, left);
}

Ref Selector::blend_avx2(Ref condition, Ref a, Ref b) {
  const auto zero = [&](Ref side) {
    return side.is_invariant() && result_.invariants[side.index()].kind == Invariant::Kind::zero;
  };
  if (zero(b)) return emit(Opcode::bit_and, condition, a);
  if (zero(a)) return emit(Opcode::bit_andn, condition, b);
  return emit(Opcode::blendv, b, a, condition);
}

Ref Selector::blend_avx512(ValueId condition, ValueId a, ValueId b) {
  const auto masked = [&](Instruction instruction, Ref mask, Ref merge) {
    instruction.mask = mask;
    instruction.merge = merge;
    instruction.zeroing = !merge;
    instruction.dst = new_value(Bank::vector);
    return push(instruction);
  };
  Instruction move;
  move.opcode = Opcode::move;
  const bool swap = (is_zero(a) && !is_zero(b)) ||
                    (refs_[b.index].is_invariant() && !refs_[a.index].is_invariant());
  const bool inverted = swap && !is_zero(b) && invertible(condition);
  const Ref mask = inverted ? opposite(condition) : ref(condition);
  if (inverted) std::swap(a, b);
  const Ref chosen = ref(a);
  const Ref other = ref(b);
  const Instruction* maker = only_use(a, trait::Maskable);
  if (is_zero(b)) {
    if (maker != nullptr) return masked(*maker, mask, Ref{});
    move.src[0] = chosen;
    return masked(move, mask, Ref{});
  }
  // The lanes not chosen stay what they were: dst takes the place of `other`. An fma's dst has a
  // source's place already.
  const bool fma = maker != nullptr && traits(maker->opcode).sources == 3;
  if (maker != nullptr && !fma && other.is_value()) return masked(*maker, mask, other);
  Instruction blend;
  blend.opcode = Opcode::blend;
  blend.src = {other, chosen, Ref{}};
  blend.mask = mask;
  blend.dst = new_value(Bank::vector);
  return push(blend);
}

Ref Selector::choose_lanes(const Node& node) {
  ValueId condition = node.operand(0);
  ValueId a = node.operand(1);
  ValueId b = node.operand(2);
  while (graph()[condition].op == Op::logic_not && selected_here(condition)) {
    condition = graph()[condition].operand(0);
    std::swap(a, b);
  }
  if (graph().is_constant(condition)) return ref(graph()[condition].payload != 0 ? a : b);
  if (!machine_.avx512) return blend_avx2(ref(condition), ref(a), ref(b));
  if (node.type.elem == Elem::boolean) return choose_masks(ref(condition), ref(a), ref(b));
  ref(a);
  ref(b);
  return blend_avx512(condition, a, b);
}

}  // namespace sluice::x64
