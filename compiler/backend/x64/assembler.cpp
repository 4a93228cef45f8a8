#include "compiler/backend/x64/assembler.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace sluice::x64 {

using Xbyak::Address;
using Xbyak::Label;
using Xbyak::Operand;
using Xbyak::Opmask;
using Xbyak::Reg64;
using Xbyak::RegExp;
using Xbyak::Xmm;
using Xbyak::Ymm;

namespace {

// Of vmovups and vmovupd to memory, and of vmovntps and vmovntpd: all else of the encoding is the
// same (Intel SDM volume 2).
constexpr std::uint8_t kStreamingStore = 0x2b;

// Before the opcode stands a prefix of two, three (VEX) or four bytes (EVEX), by its first.
std::size_t prefix_bytes(std::uint8_t first) { return first == 0x62 ? 4 : first == 0xc4 ? 3 : 2; }

constexpr std::size_t kCacheLine = 64;

}  // namespace

void Assembler::write(std::span<const Placed> code, Access access) {
  std::uint32_t last = Instruction::kNoValue;
  for (const Placed& placed : code) {
    if (note_nodes && placed.node != last && placed.node != Instruction::kNoValue)
      notes.push_back({getSize(), last = placed.node});
    write(placed, access);
  }
}

Ymm Assembler::target(const Placed& placed) const {
  Ymm dst = vector(placed.dst < 0 ? 0 : placed.dst);
  if (placed.mask != Placed::kNone) dst.setOpmaskIdx(placed.mask);
  if (placed.zeroing) dst.setZero();
  return dst;
}

RegExp Assembler::slot(std::uint32_t place) const { return at(frame, place * slot_bytes); }

RegExp Assembler::buffer(const Memory& memory) {
  const int scale = static_cast<int>(size_of(dtypes[memory.place]));
  if (!column_offsets.empty()) {
    const Reg64& pointer = pointers[memory.place];
    if (!has_columns[memory.place]) return pointer + rax * scale;
    const std::uint32_t column = memory.copy + group;
    return column == 0 ? RegExp(pointer) : pointer + column_offsets[column - 1] * scale;
  }
  const std::ptrdiff_t offset =
      static_cast<std::ptrdiff_t>((memory.copy + group) * machine_.lanes() * (pairs ? 2 : 1)) *
      scale;
  if (memory.place < displacements.size() && displacements[memory.place] != 0)
    return at(pointers[memory.place], displacements[memory.place]);
  if (memory.row != 0)
    return at(pointers[memory.place] + row_steps[memory.place] * memory.row, offset);
  if (memory.place < pointers.size()) return at(pointers[memory.place] + rax * scale, offset);
  mov(r15, ptr[at(rdi, memory.place * 8)]);
  return at(r15 + rax * scale, offset);
}

Address Assembler::address(const Memory& memory) {
  switch (memory.kind) {
    case Memory::Kind::element:
      return machine_.avx512 ? ptr_b[pool(memory.place)] : ptr[pool(memory.place)];
    case Memory::Kind::vector: return ptr[pool(memory.place)];
    case Memory::Kind::parameter: return ptr_b[parameter(memory.place)];
    case Memory::Kind::slot: return ptr[slot(memory.place)];
    case Memory::Kind::buffer: return ptr[buffer(memory)];
    case Memory::Kind::none: break;
  }
  throw std::logic_error("an operand without a place in memory");
}

void Assembler::write(const Placed& placed, Access access) {
  const std::size_t sources = traits(placed.opcode).sources;
  const bool in_memory = sources != 0 && placed.src[sources - 1] == Placed::kMemory;
  static const Address nowhere = ptr[rsp];
  const Address memory = in_memory ? address(placed.memory) : nowhere;
  const Ymm first = vector(std::max<int>(placed.src[0], 0));
  const Ymm last_register = vector(sources != 0 ? std::max<int>(placed.src[sources - 1], 0) : 0);
  const Operand& last = in_memory ? static_cast<const Operand&>(memory) : last_register;
  const Ymm dst = target(placed);
  const bool wide = machine_.wide;
  if (placed.one_lane && placed.mask == Placed::kNone) return write_one_lane(placed, last);
  switch (placed.opcode) {
#define ARGUMENTS_unary (dst, last)
#define ARGUMENTS_unary_imm (dst, last, placed.imm)
#define ARGUMENTS_binary (dst, first, last)
#define ARGUMENTS_binary_imm (dst, first, last, placed.imm)
#define ARGUMENTS_shift (dst, first, placed.imm)
#define VECTOR(name, form, traits, avx2_32, avx2_64, avx512_32, avx512_64)                         \
  case Opcode::name:                                                                               \
    if (machine_.avx512 && wide)                                                                   \
      avx512_64 ARGUMENTS_##form;                                                                  \
    else if (machine_.avx512)                                                                      \
      avx512_32 ARGUMENTS_##form;                                                                  \
    else if (wide)                                                                                 \
      avx2_64 ARGUMENTS_##form;                                                                    \
    else                                                                                           \
      avx2_32 ARGUMENTS_##form;                                                                    \
    break;
#define SPECIAL(name, sources, traits) case Opcode::name:
#include "compiler/backend/x64/instructions.def"
    write_special(placed, last, access);
    break;
  }
}

void Assembler::write_special(const Placed& placed, const Operand& last, Access access) {
  switch (placed.opcode) {
    case Opcode::fmadd:
    case Opcode::fmsub:
    case Opcode::fnmadd:
    case Opcode::fnmsub: return write_fma(placed);
    case Opcode::blendv: {
      const Ymm no = vector(placed.src[0]);
      const Ymm yes = vector(placed.src[1]);
      const Ymm condition = vector(placed.src[2]);
      return machine_.wide ? vblendvpd(vector(placed.dst), no, yes, condition)
                           : vblendvps(vector(placed.dst), no, yes, condition);
    }
    case Opcode::blend: {
      const Ymm no = vector(placed.src[0]);
      return machine_.wide ? vblendmpd(target(placed), no, last)
                           : vblendmps(target(placed), no, last);
    }
    case Opcode::move:
      // A move takes no repeated element; the load that repeats one takes a mask as well.
      if (placed.memory.kind == Memory::Kind::element)
        return broadcast(target(placed), pool(placed.memory.place));
      if (placed.memory.kind == Memory::Kind::parameter)
        return broadcast(target(placed), parameter(placed.memory.place));
      return write_move(target(placed), last);
    case Opcode::permute2: {
      const Ymm low = vector(placed.src[1]);
      return machine_.wide ? vpermi2pd(target(placed), low, last)
                           : vpermi2ps(target(placed), low, last);
    }
    case Opcode::gather_ones:
      return vpcmpeqd(vector(placed.dst), vector(placed.dst), vector(placed.dst));
    case Opcode::gather: return write_gather(placed);
    case Opcode::mask_compare:
    case Opcode::mask_icompare:
    case Opcode::mask_test: return write_mask_compare(placed, last);
    case Opcode::mask_and:
    case Opcode::mask_or:
    case Opcode::mask_andn:
    case Opcode::mask_not:
    case Opcode::mask_set: return write_mask_logic(placed);
    case Opcode::load_scalar: return write_load_scalar(placed);
    case Opcode::pick: return write_pick(placed);
    case Opcode::swap: return write_swap(placed);
    case Opcode::column: return write_columns(placed);
    case Opcode::accumulate: return write_accumulate(placed, access);
    case Opcode::store_row: return write_store_row(placed);
    case Opcode::load: return in_last_vector(placed, access, &Assembler::write_load);
    case Opcode::zero:
      // The idiom that needs no execution; with a short encoding where the register has one.
      if (placed.dst < 16) return vxorps(Xmm(placed.dst), Xmm(placed.dst), Xmm(placed.dst));
      return vpxord(vector(placed.dst), vector(placed.dst), vector(placed.dst));
    case Opcode::store: return in_last_vector(placed, access, &Assembler::write_store);
    case Opcode::keep:
    case Opcode::spill: return write_spill(placed);
    case Opcode::jump_if_none: return write_jump(placed);
    case Opcode::land: return L(*landing_);
#define VECTOR(name, form, traits, avx2_32, avx2_64, avx512_32, avx512_64) case Opcode::name:
#include "compiler/backend/x64/instructions.def"
      return;  // written by the table
  }
}

void Assembler::write_move(const Address& to, const Xmm& source) {
  machine_.wide ? vmovupd(to, source) : vmovups(to, source);
}

void Assembler::write_move(const Xmm& dst, const Operand& source) {
  if (source.isMEM())
    machine_.wide ? vmovupd(dst, source) : vmovups(dst, source);
  else
    machine_.wide ? vmovapd(dst, source) : vmovaps(dst, source);
}

void Assembler::write_fma(const Placed& placed) {
  // dst stands for a multiplicand (213: times the second, plus the third; 132: times the third,
  // plus the second) or for the addend (231). Only the third may be memory.
  const auto in_memory = [&](std::size_t s) { return placed.src[s] == Placed::kMemory; };
  const auto other = static_cast<std::size_t>(placed.form == 0 ? 1 : 0);
  enum { k132, k213, k231 } form = k231;
  std::size_t second = 0;
  std::size_t third = 1;
  if (placed.form == 2) {
    if (in_memory(0)) std::swap(second, third);
  } else {
    form = in_memory(other) ? k132 : k213;
    second = form == k132 ? 2 : other;
    third = form == k132 ? other : 2;
  }
  using Method = void (CodeGenerator::*)(const Xmm&, const Xmm&, const Operand&);
#define FORMS(name, suffix)                                                                        \
  {                                                                                                \
    &CodeGenerator::name##132##suffix, &CodeGenerator::name##213##suffix,                          \
        &CodeGenerator::name##231##suffix                                                          \
  }
  static constexpr Method kMethods[2][4][3] = {
      {FORMS(vfmadd, ps), FORMS(vfmsub, ps), FORMS(vfnmadd, ps), FORMS(vfnmsub, ps)},
      {FORMS(vfmadd, pd), FORMS(vfmsub, pd), FORMS(vfnmadd, pd), FORMS(vfnmsub, pd)}};
#undef FORMS
  const auto kind =
      static_cast<std::size_t>(placed.opcode) - static_cast<std::size_t>(Opcode::fmadd);
  const Method method = kMethods[machine_.wide ? 1 : 0][kind][form];
  if (in_memory(third))
    (this->*method)(target(placed), vector(placed.src[second]), address(placed.memory));
  else
    (this->*method)(target(placed), vector(placed.src[second]), vector(placed.src[third]));
}

void Assembler::write_gather(const Placed& placed) {
  const Ymm index = vector(placed.src[0]);
  const int scale = static_cast<int>(machine_.lane_bytes());
  const Address table =
      ptr[at(r11 + index * scale, static_cast<int>(placed.memory.place) - kPoolBias)];
  if (machine_.avx512)
    return machine_.wide ? vgatherqpd(target(placed), table) : vgatherdps(target(placed), table);
  const Ymm lanes = vector(placed.src[1]);
  return machine_.wide ? vgatherqpd(vector(placed.dst), table, lanes)
                       : vgatherdps(vector(placed.dst), table, lanes);
}

void Assembler::write_mask_compare(const Placed& placed, const Operand& last) {
  Opmask dst(placed.dst);
  if (placed.mask != Placed::kNone) dst.setOpmaskIdx(placed.mask);
  const Ymm first = vector(placed.src[0]);
  if (placed.opcode == Opcode::mask_test)
    return machine_.wide ? vptestmq(dst, first, last) : vptestmd(dst, first, last);
  if (placed.opcode == Opcode::mask_compare)
    return machine_.wide ? vcmppd(dst, first, last, placed.imm)
                         : vcmpps(dst, first, last, placed.imm);
  return machine_.wide ? vpcmpq(dst, first, last, placed.imm)
                       : vpcmpd(dst, first, last, placed.imm);
}

// On 16 bits: a mask has at most as many lanes, and none of the others is ever looked at.
void Assembler::write_mask_logic(const Placed& placed) {
  const Opmask dst(placed.dst);
  const Opmask a(std::max<int>(placed.src[0], 0));
  const Opmask b(std::max<int>(placed.src[1], 0));
  if (placed.opcode == Opcode::mask_and) return kandw(dst, a, b);
  if (placed.opcode == Opcode::mask_or) return korw(dst, a, b);
  if (placed.opcode == Opcode::mask_andn) return kandnw(dst, a, b);
  if (placed.opcode == Opcode::mask_not) return knotw(dst, a);
  return placed.imm != 0 ? kxnorw(dst, dst, dst) : kxorw(dst, dst, dst);
}

void Assembler::broadcast(const Ymm& dst, const RegExp& from) {
  machine_.wide ? vbroadcastsd(dst, ptr[from]) : vbroadcastss(dst, ptr[from]);
}

void Assembler::write_load_scalar(const Placed& placed) {
  // Before the loop rax is zero, so that this is the buffer's first element.
  write_element(vector(placed.dst), placed.memory, buffer(placed.memory));
}

void Assembler::write_load(const Placed& placed, Access access) {
  const Memory& memory = placed.memory;
  if (placed.bank == Bank::mask) return kmovw(Opmask(placed.dst), ptr[slot(memory.place)]);
  Ymm dst = vector(placed.dst);
  if (memory.kind == Memory::Kind::parameter) return broadcast(dst, parameter(memory.place));
  if (memory.kind == Memory::Kind::element && machine_.avx512)
    return broadcast(dst, pool(memory.place));
  if (memory.kind == Memory::Kind::buffer && is_narrow(memory))
    return write_narrow_load(dst, memory, access);
  const Address from = address(memory);
  if (memory.kind != Memory::Kind::buffer || access != Access::partial)
    return write_move(dst, from);
  if (machine_.avx512) return write_move(dst | lanes_left() | T_z, from);
  write_lane_mask(dst);
  machine_.wide ? vmaskmovpd(dst, dst, from) : vmaskmovps(dst, dst, from);
}

void Assembler::write_store(const Placed& placed, Access access) {
  const Ymm source = vector(placed.src[0]);
  if (is_narrow(placed.memory)) return write_narrow_store(placed, access);
  if (access == Access::partial && !machine_.avx512) return write_partial_store(placed);
  const Address to = address(placed.memory);
  if (access == Access::plain) return write_whole_store(to, source);
  machine_.wide ? vmovupd(to | lanes_left(), source) : vmovups(to | lanes_left(), source);
}

void Assembler::write_whole_store(const Address& to, const Xmm& source) {
  const std::size_t begin = getSize();
  machine_.wide ? vmovupd(to, source) : vmovups(to, source);
  stores_.push_back(begin + prefix_bytes(top_[begin]));
}

void Assembler::lay_out_upper_words(Pool& pool) {
  upper_words = pool.add_lanes(machine_.lanes());
  for (std::uint32_t i = 0; i < machine_.lanes() / 2; ++i)
    pool.put(upper_words, i, (4 * i + 1) | (4 * i + 3) << 16);
}

void Assembler::link_frame() {
  push(rbp);
  call_frame.linked = getSize();
  mov(rbp, rsp);
  call_frame.set = getSize();
}

void Assembler::keep(const Xbyak::Reg64& reg) {
  push(reg);
  frame_bytes_ += 8;
}

void Assembler::save(std::span<const Xbyak::Reg64> registers) {
  for (const Xbyak::Reg64& reg : registers) {
    keep(reg);
    call_frame.saved.push_back({reg.getIdx(), frame_bytes_});
  }
  call_frame.pushed = getSize();
}

void Assembler::leave_frame(Xbyak::Label& bare) {
  for (const object::CallFrame::Saved& saved : call_frame.saved)
    mov(Xbyak::Reg64(saved.reg), ptr[at(rbp, -std::ptrdiff_t{saved.below_rbp})]);
  leave();
  call_frame.left = getSize();
  L(bare);
  ret();
  call_frame.returned = getSize();
}

void Assembler::reserve_frame(std::uint32_t bytes) {
  constexpr std::uint32_t kPage = 4096;
  and_(rsp, 0 - machine_.vector_bytes());
  for (; bytes > kPage; bytes -= kPage) {
    sub(rsp, kPage);
    or_(qword[rsp], 0);
  }
  sub(rsp, bytes);
}

void Assembler::repeat_streaming(Stretch stretch) {
  const std::size_t size = stretch.end - stretch.begin;
  const std::size_t start = getSize();
  if (start + size > maxSize_) throw std::length_error("code longer than its buffer");
  std::memcpy(top_ + start, top_ + stretch.begin, size);
  setSize(start + size);
  for (const std::size_t store : stores_)
    if (store >= stretch.begin && store < stretch.end)
      top_[start + (store - stretch.begin)] = kStreamingStore;
}

void Assembler::prefetch(std::size_t which, std::size_t bytes, std::size_t distance) {
  const RegExp base = buffer({Memory::Kind::buffer, 0, false, static_cast<std::uint32_t>(which)});
  for (std::size_t line = 0; line < bytes; line += kCacheLine)
    prefetcht0(ptr[at(base, static_cast<std::ptrdiff_t>(distance + line))]);
}

// A full vector goes the short way: masked stores are slow on some processors.
void Assembler::write_partial_store(const Placed& placed) {
  const Ymm source = vector(placed.src[0]);
  const Ymm lanes = vector(placed.scratch);
  const Address to = address(placed.memory);
  write_up_to_end([&] { machine_.wide ? vmovupd(to, source) : vmovups(to, source); },
                  [&] {
                    write_lane_mask(lanes);
                    machine_.wide ? vmaskmovpd(to, lanes, source) : vmaskmovps(to, lanes, source);
                  });
}

bool Assembler::is_narrow(const Memory& memory) const {
  return !pairs && size_of(dtypes[memory.place]) < machine_.lane_bytes();
}

// Elements of 16 bits, in a register or in memory, to lanes of f32: exact. Integers to lanes of
// integers.
void Assembler::widen(const Ymm& dst, const Operand& elements, Dtype dtype) {
  if (machine_.wide) {
    if (dtype == Dtype::i32) return vpmovsxdq(dst, elements);
    return dtype == Dtype::i8 ? vpmovsxbq(dst, elements) : vpmovzxbq(dst, elements);
  }
  if (dtype == Dtype::i8) return vpmovsxbd(dst, elements);
  if (dtype == Dtype::u8) return vpmovzxbd(dst, elements);
  if (dtype == Dtype::f16) return vcvtph2ps(dst, elements);
  vpmovzxwd(dst, elements);
  const Ymm whole = vector(dst.getIdx());
  vpslld(whole, whole, 16);
}

// AVX2 has no masked moves of 8 or 16 bits: what is left of a vector goes element by element, by
// r10, from the last to the first.
void Assembler::write_narrow_load(const Ymm& dst, const Memory& memory, Access access) {
  const Dtype dtype = dtypes[memory.place];
  const Address from = ptr[buffer(memory)];
  if (access == Access::plain) return widen(dst, from, dtype);
  if (machine_.avx512) return widen(dst | lanes_left() | T_z, from, dtype);
  const Reg64 base = memory.place < pointers.size() ? pointers[memory.place] : r15;
  const Xmm elements(dst.getIdx());
  const auto bytes = static_cast<std::uint8_t>(size_of(dtype));
  write_up_to_end([&] { widen(dst, from, dtype); },
                  [&] {
                    Label next;
                    vpxor(elements, elements, elements);
                    lea(r10, ptr[rcx - 1]);
                    L(next);
                    vpslldq(elements, elements, bytes);
                    if (bytes == 1)
                      vpinsrb(elements, elements, byte[base + r10], 0);
                    else if (bytes == 2)
                      vpinsrw(elements, elements, word[base + r10 * 2], 0);
                    else
                      vpinsrd(elements, elements, dword[base + r10 * 4], 0);
                    dec(r10);
                    cmp(r10, rax);
                    jge(next);
                    mov(r10, rax);
                    sub(r10, rcx);
                    widen(dst, elements, dtype);
                  });
}

// f32 is rounded here; bf16 has been (select.cpp) and lies in the upper half of each lane, on AVX2
// in the lower, and so have 8 bits, whose saturation here changes nothing.
void Assembler::pack(const Xmm& packed, const Ymm& lanes, Dtype dtype) {
  if (dtype == Dtype::f16) return vcvtps2ph(packed, lanes, kNearestEven);
  if (machine_.avx512) {
    if (size_of(dtype) == 1) return machine_.wide ? vpmovqb(packed, lanes) : vpmovdb(packed, lanes);
    // One permutation is cheaper than a shift and vpmovdw.
    const Ymm words = vector(packed.getIdx());
    vmovups(words, ptr[pool(upper_words)]);
    return vpermw(words, words, lanes);
  }
  const Xmm low(lanes.getIdx());
  const Xmm words(packed.getIdx());
  vextracti128(words, lanes, 1);
  if (machine_.wide) {
    // The upper half of a lane is zero, and makes a word of its own.
    vpackusdw(words, low, words);
    vpackusdw(words, words, words);
    return vpackuswb(words, words, words);
  }
  dtype == Dtype::i8 ? vpackssdw(words, low, words) : vpackusdw(words, low, words);
  if (dtype == Dtype::i8) vpacksswb(words, words, words);
  if (dtype == Dtype::u8) vpackuswb(words, words, words);
}

// Packed in a register first, so that the store is one that can be a streaming store.
void Assembler::write_narrow_store(const Placed& placed, Access access) {
  const Ymm source = vector(placed.src[0]);
  const Memory& memory = placed.memory;
  const Dtype dtype = dtypes[memory.place];
  const bool is_byte = size_of(dtype) == 1;
  const Address to = ptr[buffer(memory)];
  const std::size_t bytes = machine_.lanes() * size_of(dtype);
  const Xmm packed = bytes == 32 ? Xmm(Ymm(placed.scratch)) : Xmm(placed.scratch);
  const auto whole = [&] {
    pack(packed, source, dtype);
    if (bytes == 4)
      vmovd(to, packed);
    else if (bytes == 8)
      vmovq(to, packed);
    else if (access == Access::plain)
      write_whole_store(to, packed);
    else
      vmovups(to, packed);
  };
  if (access == Access::plain) return whole();
  if (machine_.avx512) {
    pack(packed, source, dtype);
    return is_byte ? vmovdqu8(to | lanes_left(), packed) : vmovdqu16(to | lanes_left(), packed);
  }
  const Reg64 base = memory.place < pointers.size() ? pointers[memory.place] : r15;
  write_up_to_end(whole, [&] {
    Label next;
    pack(packed, source, dtype);
    mov(r10, rax);
    L(next);
    if (is_byte)
      vpextrb(byte[base + r10], packed, 0);
    else
      vpextrw(word[base + r10 * 2], packed, 0);
    vpsrldq(packed, packed, static_cast<std::uint8_t>(size_of(dtype)));
    inc(r10);
    cmp(r10, rcx);
    jl(next);
    mov(r10, rax);
    sub(r10, rcx);
  });
}

// As many leading lanes of ones as there are elements left: a window on ones followed by zeros.
void Assembler::write_lane_mask(const Xmm& dst) {
  const int scale = static_cast<int>(machine_.lane_bytes());
  vmovups(dst, ptr[at(r11 + r10 * scale, static_cast<int>(mask_edge) - kPoolBias)]);
}

// Two masks a test. Jumps within the block alone, so that the block may be copied elsewhere.
void Assembler::write_jump(const Placed& placed) {
  Label some;
  landing_.emplace();
  if (!machine_.avx512) {
    for (const std::int8_t mask : placed.src) {
      if (mask < 0) continue;
      machine_.wide ? vtestpd(vector(mask), vector(mask)) : vtestps(vector(mask), vector(mask));
      jnz(some);
    }
    jmp(*landing_, T_NEAR);
    L(some);
    return;
  }
  const Opmask first(placed.src[0]);
  const Opmask second(placed.src[1] < 0 ? placed.src[0] : placed.src[1]);
  kortestw(first, second);
  if (placed.src[2] >= 0) {
    jnz(some);
    kortestw(Opmask(placed.src[2]), Opmask(placed.src[2]));
  }
  jz(*landing_, T_NEAR);
  L(some);
}

void Assembler::write_spill(const Placed& placed) {
  if (placed.bank == Bank::mask)
    return kmovw(ptr[slot(placed.memory.place)], Opmask(placed.src[0]));
  vmovups(ptr[slot(placed.memory.place)], vector(placed.src[0]));
}

}  // namespace sluice::x64
