// Numbers of bf16: how they are rounded, and on AVX2 loops that take two vectors of them at once.
//
// bf16 is the upper half of an f32. Loading a vector widens 16 bits to 32, and storing one narrows
// them, which AVX2 does by shuffles. Of a register full of bf16 the elements of even index make a
// vector by a shift and those of odd index one by a mask, and their results come back together by
// a blend: no element changes its lane. So a loop over bf16 alone computes the two vectors one
// after the other, and its memory is that of whole registers.
#include <algorithm>
#include <utility>
#include <vector>

#include "compiler/backend/x64/selector.hpp"

namespace sluice::x64 {

// Not by vcvtneps2bf16, which takes denormals for zeros.
Ref Selector::rounded_to_bf16(Ref a, LowHalf known) {
  if (known == LowHalf::zero) return a;
  const bool any_nan = known == LowHalf::any;
  const Ref is_nan = any_nan ? compare(kUnordered, a, a) : Ref{};
  const Ref down = emit(Opcode::iadd, a, bits(0x7fff));
  if (!machine_.avx512) {
    const Ref odd = emit(Opcode::iand, emit(Opcode::shr, a, 16), bits(1));
    const Ref rounded = emit(Opcode::iadd, down, odd);
    // All ones are a NaN.
    return any_nan ? emit(Opcode::ior, rounded, is_nan) : rounded;
  }
  Instruction up;
  up.opcode = Opcode::iadd;
  up.src = {a, bits(0x8000), Ref{}};
  up.mask = emit(Opcode::mask_test, a, bits(0x10000));
  up.merge = down;
  up.dst = new_value(Bank::vector);
  const Ref rounded = push(up);
  if (!any_nan) return rounded;
  Instruction blend;
  blend.opcode = Opcode::blend;
  blend.src = {rounded, bits(0x7fc00000), Ref{}};
  blend.mask = is_nan;
  blend.dst = new_value(Bank::vector);
  return push(blend);
}

Ref Selector::to_bf16(Ref a, LowHalf known) {
  const Ref rounded = rounded_to_bf16(a, known);
  return machine_.avx512 ? rounded : emit(Opcode::shr, rounded, 16);
}

// Arms are jumped over for a vector alone.
bool Selector::has_pairs() const {
  if (machine_.avx512 || machine_.wide || !program_.arms.empty()) return false;
  const auto is_bf16 = [](Dtype dtype) { return dtype == Dtype::bf16; };
  for (std::size_t i = 0; i < graph().inputs().size(); ++i)
    if (graph().inputs()[i].type.extent == ir::Extent::element &&
        !is_bf16(program_.input_dtypes[i]))
      return false;
  return std::all_of(program_.output_dtypes.begin(), program_.output_dtypes.end(), is_bf16);
}

namespace {

// Instructions of two halves one by one, so that there is independent work next to each other.
void take_turns(std::vector<Instruction>& code, std::size_t half) {
  std::vector<Instruction> mixed;
  mixed.reserve(code.size());
  for (std::size_t i = 0; i < half || half + i < code.size(); ++i) {
    if (i < half) mixed.push_back(code[i]);
    if (half + i < code.size()) mixed.push_back(code[half + i]);
  }
  code = std::move(mixed);
}

}  // namespace

// Stores come last: an output may be the same buffer as an input.
void Selector::select_pairs() {
  constexpr std::uint64_t kUpper = 0xffff0000;
  constexpr std::uint8_t kOddWords = 0xaa;
  Block& pairs = result_.pairs;
  block_ = &pairs;
  maker_.clear();
  std::vector<Ref> whole(graph().size());
  for (std::uint32_t i = 0; i < graph().size(); ++i) {
    const ir::Node& node = graph()[ValueId{i}];
    if (node.op != ir::Op::input || is_uniform(ValueId{i}) || uses_[i] == 0) continue;
    whole[i] = Ref::value(static_cast<std::uint32_t>(pairs.values.size()));
    const std::uint32_t buffer = program_.input_buffer(node.payload);
    pairs.values.push_back({Bank::vector, static_cast<std::int32_t>(buffer)});
    maker_.push_back(Instruction::kNoValue);
  }
  const std::vector<LowHalf> known = low_halves(graph(), program_.input_dtypes);
  std::vector<Ref> words;  // by output
  std::size_t first_odd = 0;
  for (const bool odd : {false, true}) {
    first_odd = odd ? pairs.code.size() : 0;
    for (std::uint32_t i = 0; i < graph().size(); ++i)
      if (whole[i])
        refs_[i] =
            odd ? emit(Opcode::iand, whole[i], bits(kUpper)) : emit(Opcode::shl, whole[i], 16);
    fill(pairs, program_.body, {});
    for (std::size_t i = 0; i < graph().outputs().size(); ++i) {
      const ValueId output = graph().outputs()[i].value;
      const Ref value = rounded_to_bf16(ref(output), known[output.index]);
      if (odd)
        words[i] = emit(Opcode::blend_words, words[i], value, kOddWords);
      else
        words.push_back(emit(Opcode::shr, value, 16));
    }
  }
  take_turns(pairs.code, first_odd);
  for (std::size_t i = 0; i < words.size(); ++i) {
    Instruction store;
    store.opcode = Opcode::store;
    store.place = program_.output_buffer(i);
    store.src[0] = words[i];
    push(store);
  }
}

}  // namespace sluice::x64
