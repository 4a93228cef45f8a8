// What only row kernels have: values of a row in every lane, accumulators, columns' indices, the
// last vector of a row whose length is part of the code.
#include <algorithm>
#include <stdexcept>

#include "compiler/backend/x64/assembler.hpp"

namespace sluice::x64 {

using Xbyak::Address;
using Xbyak::Label;
using Xbyak::Reg64;
using Xbyak::RegExp;
using Xbyak::Xmm;
using Xbyak::Ymm;

// An element in every lane.
void Assembler::write_element(const Ymm& dst, const Memory& memory, const RegExp& at) {
  const Dtype dtype = dtypes[memory.place];
  if (dtype == Dtype::i64 || dtype == Dtype::i32) return write_index(dst, dtype, at);
  if (!is_narrow(memory)) return broadcast(dst, at);
  const Xmm elements = half_of(dst);
  size_of(dtype) == 1 ? vpbroadcastb(elements, ptr[at]) : vpbroadcastw(elements, ptr[at]);
  widen(dst, elements, dtype);
}

// An integer of 64 bits that a lane cannot hold becomes the nearest that it can.
void Assembler::write_index(const Ymm& dst, Dtype dtype, const RegExp& at) {
  if (dtype == Dtype::i64)
    mov(r10, ptr[at]);
  else
    movsxd(r10, dword[at]);
  if (!machine_.wide) {
    Label fits;
    movsxd(rax, r10d);
    cmp(rax, r10);
    je(fits);
    sar(r10, 63);
    xor_(r10d, 0x7fffffff);
    L(fits);
    xor_(eax, eax);
  }
  write_lane(dst, r10);
}

void Assembler::write_lane(const Ymm& dst, const Reg64& lane) {
  const Xmm low(dst.getIdx());
  if (machine_.avx512)
    return machine_.wide ? vpbroadcastq(dst, lane) : vpbroadcastd(dst, lane.cvt32());
  machine_.wide ? vmovq(low, lane) : vmovd(low, lane.cvt32());
  machine_.wide ? vpbroadcastq(dst, low) : vpbroadcastd(dst, low);
}

void Assembler::write_pick(const Placed& placed) {
  const Xmm index(placed.src[0]);
  const Ymm dst = vector(placed.dst);
  const int scale = static_cast<int>(size_of(dtypes[placed.memory.place]));
  Label outside;
  Label done;
  machine_.wide ? vmovq(r10, index) : vmovd(r10d, index);
  cmp(r10, rcx);
  jae(outside, T_NEAR);
  write_element(dst, placed.memory, pointers[placed.memory.place] + r10 * scale);
  jmp(done, T_NEAR);
  L(outside);
  if (machine_.avx512)
    vpternlogd(dst, dst, dst, 0xff);
  else
    vpcmpeqd(dst, dst, dst);
  L(done);
}

void Assembler::write_columns(const Placed& placed) {
  const Ymm dst = vector(placed.dst);
  if (across) return broadcast(dst, at(rbp, -kColumn));
  lea(r10,
      ptr[at(rax, static_cast<std::ptrdiff_t>((placed.memory.copy + group) * machine_.lanes()))]);
  write_lane(dst, r10);
  const Address numbers = ptr[pool(placed.memory.place)];
  machine_.wide ? vpaddq(dst, dst, numbers) : vpaddd(dst, dst, numbers);
  if (machine_.avx512) return;
  mov(r10, rax);  // minus the columns left, again
  sub(r10, rcx);
}

// Accumulators in memory are those of the round's vectors; of a partial vector the one that is rdi
// bytes on. Lanes beyond the row stay as they are. Where a value is the first of what is merged it
// is only put there: of rows across at the place of the walk that is rdi bytes on. Of four columns
// of those two registers sum two each.
void Assembler::write_accumulate(const Placed& placed, Access access) {
  const Ymm value = vector(placed.src[0]);
  const bool partial = access == Access::partial;
  if (across && placed.dst != Placed::kNone) {
    const std::uint32_t column = placed.memory.copy + group;
    const Ymm sum = vector(placed.ordered ? placed.dst - static_cast<int>(column / 2) : placed.dst);
    if (placed.ordered && column % 2 == 0) return write_move(sum, value);
    return write_accumulation(sum, sum, value, placed);
  }
  if (across && placed.ordered) return write_move(ptr[slot(placed.memory.place) + rdi], value);
  if (placed.dst != Placed::kNone && !partial) {
    const Ymm accumulator = vector(placed.dst);
    if (placed.ordered && first_round) return write_move(accumulator, value);
    return write_accumulation(accumulator, accumulator, value, placed);
  }
  const bool by_rdi = partial && !across;
  const RegExp place = slot(placed.memory.place + (partial ? 0 : group));
  const Address accumulator = by_rdi ? ptr[place + rdi] : ptr[place];
  if (!partial && placed.ordered && first_round) return write_move(accumulator, value);
  const Ymm result = vector(placed.scratch);
  write_move(result, accumulator);
  write_accumulation(result, result, value, placed);
  if (!partial) return write_move(accumulator, result);
  if (machine_.avx512)
    return machine_.wide ? vmovupd(accumulator | lanes_left(), result)
                         : vmovups(accumulator | lanes_left(), result);
  const Ymm mask = vector(placed.src[1]);
  write_up_to_end([&] { write_move(accumulator, result); },
                  [&] {
                    write_lane_mask(mask);
                    machine_.wide ? vmaskmovpd(accumulator, mask, result)
                                  : vmaskmovps(accumulator, mask, result);
                  });
}

// vmaxps gives its second source where one is NaN, and an accumulator never is.
void Assembler::write_accumulation(const Ymm& dst, const Ymm& accumulator, const Ymm& value,
                                   const Placed& placed) {
  const bool wide = machine_.wide;
  switch (static_cast<Accumulation>(placed.imm)) {
    case Accumulation::sum:
      return wide ? vaddpd(dst, accumulator, value) : vaddps(dst, accumulator, value);
    case Accumulation::product:
      return wide ? vmulpd(dst, accumulator, value) : vmulps(dst, accumulator, value);
    case Accumulation::greatest:
      return wide ? vmaxpd(dst, value, accumulator) : vmaxps(dst, value, accumulator);
    case Accumulation::least_integer: break;
  }
  if (!wide) return vpminsd(dst, accumulator, value);
  if (machine_.avx512) return vpminsq(dst, accumulator, value);
  const Ymm greater = vector(placed.src[1]);
  vpcmpgtq(greater, accumulator, value);
  vblendvpd(dst, accumulator, value, greater);
}

// A quarter of the register, at most, keeps the divider for a quarter of the time.
void Assembler::write_one_lane(const Placed& placed, const Xbyak::Operand& last) {
  const Xmm dst(placed.dst);
  const Xmm first(std::max<int>(placed.src[0], 0));
  const Xmm last_register(last.getIdx());
  const Xbyak::Operand& divisor =
      last.isMEM() ? last : static_cast<const Xbyak::Operand&>(last_register);
  if (placed.opcode == Opcode::sqrt)
    machine_.wide ? vsqrtpd(dst, divisor) : vsqrtps(dst, divisor);
  else
    machine_.wide ? vdivpd(dst, first, divisor) : vdivps(dst, first, divisor);
  machine_.wide ? vbroadcastsd(vector(placed.dst), dst) : vbroadcastss(vector(placed.dst), dst);
}

// By the distance in bytes: halves of the register, of its halves, and so on.
void Assembler::write_swap(const Placed& placed) {
  const Ymm dst = vector(placed.dst);
  const Ymm src = vector(placed.src[0]);
  switch (placed.imm * machine_.lane_bytes()) {
    case 32: return vshuff64x2(dst, src, src, 0x4e);
    case 16:
      return machine_.avx512 ? vshuff64x2(dst, src, src, 0xb1) : vperm2f128(dst, src, src, 1);
    case 8: return vpermilpd(dst, src, 0x55);
    case 4: return vpermilps(dst, src, 0xb1);
    default: throw std::logic_error("lanes that no instruction swaps");
  }
}

void Assembler::write_store_row(const Placed& placed) {
  const Xmm lane(placed.src[0]);
  const Dtype dtype = dtypes[placed.memory.place];
  const RegExp to = buffer(placed.memory);
  switch (dtype) {
    case Dtype::f32: return vmovss(dword[to], lane);
    case Dtype::f64: return vmovsd(qword[to], lane);
    case Dtype::bf16: return vpextrw(word[to], lane, machine_.avx512 ? 1 : 0);
    case Dtype::f16: {
      const Xmm packed(placed.scratch);
      vcvtps2ph(packed, lane, kNearestEven);
      return vpextrw(word[to], packed, 0);
    }
    case Dtype::i8:
    case Dtype::u8:
    case Dtype::boolean:
    case Dtype::i32:
    case Dtype::i64: break;
  }
  machine_.wide ? vmovq(r10, lane) : vmovd(r10d, lane);
  if (dtype == Dtype::i64) {
    if (!machine_.wide) movsxd(r10, r10d);
    mov(ptr[to], r10);
  } else if (dtype == Dtype::i32) {
    mov(dword[to], r10d);
  } else {
    mov(byte[to], r10b);
  }
}

// The last vector of a row whose length is part of the code is reached by its first column in rax,
// where there are no masks by which its place alone would do.
void Assembler::in_last_vector(Placed placed, Access access, Writer writer) {
  const bool last = placed.memory.kind == Memory::Kind::buffer && placed.memory.partial;
  if (!last || machine_.avx512) return (this->*writer)(placed, last ? Access::partial : access);
  const std::uint32_t first = placed.memory.copy * machine_.lanes();
  mov(eax, first);
  mov(r10, static_cast<std::uint64_t>(std::int64_t{first} - row_columns));
  placed.memory.copy = 0;
  (this->*writer)(placed, Access::partial);
  xor_(eax, eax);
}

}  // namespace sluice::x64
