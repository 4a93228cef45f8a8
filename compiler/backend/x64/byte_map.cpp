// A kernel that looks bytes up, in the order its code lies in memory:
//
//   entry:   frame, addresses, the table's parts into registers; nothing of it when n is 0
//            many elements, and not in place: to the streaming part
//   loop:    `copies` vectors a round, until fewer are left
//   rest:    what is left, under a mask (AVX-512) or byte by byte (AVX2)
//   stream:  the rest's way up to the output's next vector, then the loop with streaming stores, a
//            fence, and to the rest
//
// Registers: rsi the count, r8 the input, r9 the output, r11 the table, rax the index of the next
// element, rcx the end of a run.
//
// VBMI permutes bytes of two registers by seven bits of an index: two of that and the eighth bit
// make 256 entries. Without it a register's worth of bytes is looked up in 16 entries at a time
// (vpshufb), which gives 0 where the index has its top bit set. So the index loses 16 a step, by
// the subtraction that saturates, and step k adds by exclusive or how part k of the table differs
// from the part before: in all the steps up to the index's own, that is its entry.
#include "compiler/backend/x64/byte_map.hpp"

#include <cstring>

#include <xbyak/xbyak.h>

namespace sluice::x64 {
namespace {

using Xbyak::CodeGenerator;
using Xbyak::Label;
using Xbyak::Opmask;
using Xbyak::Reg64;
using Xbyak::Xmm;
using Xbyak::Ymm;

constexpr std::size_t kCodeBytes = 8192;
constexpr std::size_t kLoopAlignment = 32;
// As far ahead of a streaming loop as other kernels ask for their inputs (kernel.cpp).
constexpr int kPrefetchDistance = 2048;

constexpr int kParts = 16;  // of the table, of 16 entries each
constexpr std::uint8_t kPartEntries = 16;

enum class Store : std::uint8_t { cached, streaming };

class ByteMapKernel : public CodeGenerator {
 public:
  ByteMapKernel(const schedule::ByteMap& map, const Target& target,
                std::vector<std::uint8_t>& buffer)
      : CodeGenerator(buffer.size(), buffer.data()), map_(map),
        avx512_(target.level == Level::x86_64_v4), permutes_(target.has(Feature::vbmi)) {}

  // The size of the code; the table follows it.
  std::size_t write() {
    test(rsi, rsi);
    jle(nothing_, T_NEAR);
    push(rbp);
    frame_.linked = getSize();
    mov(rbp, rsp);
    frame_.set = frame_.pushed = getSize();
    mov(r8, ptr[rdi]);
    mov(r9, ptr[rdi + 8]);
    lea(r11, ptr[rip + table_]);
    xor_(eax, eax);
    load_table();
    if (map_.stream_from > 0) {
      mov(rcx, static_cast<std::uint64_t>(map_.stream_from));
      cmp(rsi, rcx);
      jae(stream_, T_NEAR);
      L(cached_);
    }
    write_loop(Store::cached);
    L(rest_);
    write_run(rsi);
    vzeroupper();
    leave();
    frame_.left = getSize();
    L(nothing_);
    ret();
    frame_.returned = getSize();
    if (map_.stream_from > 0) write_stream();
    const std::size_t code_size = getSize();
    append_table();
    return code_size;
  }
  [[nodiscard]] const object::CallFrame& frame() const { return frame_; }

 private:
  [[nodiscard]] std::uint32_t vector_bytes() const { return avx512_ ? 64 : 32; }
  // Enough independent chains to cover latency, few enough for AVX2's registers.
  [[nodiscard]] int copies() const { return permutes_ ? 4 : 2; }
  [[nodiscard]] std::uint32_t step() const {
    return static_cast<std::uint32_t>(copies()) * vector_bytes();
  }
  [[nodiscard]] std::size_t offset_of(int copy) const {
    return static_cast<std::size_t>(copy) * vector_bytes();
  }

  [[nodiscard]] Ymm vector(int index) const {
    return avx512_ ? Ymm(index, Xbyak::Operand::ZMM, 512) : Ymm(index);
  }
  // The registers of a copy: its index and result; besides, what its way of looking up needs.
  [[nodiscard]] Ymm index(int copy) const { return vector(3 * copy); }
  [[nodiscard]] Ymm upper(int copy) const { return vector(3 * copy + 1); }
  [[nodiscard]] Ymm result(int copy) const { return vector(3 * copy + 2); }
  [[nodiscard]] Ymm scratch() const { return vector(12); }
  [[nodiscard]] Ymm part_size() const { return vector(13); }
  [[nodiscard]] Ymm top_bits() const { return vector(14); }
  // AVX-512: of the table's parts.
  [[nodiscard]] Ymm part(int index) const { return vector(16 + index); }

  void load_table() {
    if (permutes_) {
      for (int quarter = 0; quarter < 4; ++quarter)
        vmovdqu64(vector(16 + quarter), ptr[r11 + static_cast<std::size_t>(quarter * 64)]);
      return;
    }
    broadcast_byte(part_size(), kPartEntries);
    broadcast_byte(top_bits(), 0x80);
    for (int k = 0; avx512_ && k < kParts; ++k) vbroadcasti32x4(part(k), difference(k));
  }

  void broadcast_byte(const Ymm& dst, std::uint8_t value) {
    mov(ecx, value);
    vmovd(Xmm(dst.getIdx()), ecx);
    vpbroadcastb(dst, Xmm(dst.getIdx()));
  }

  // How part k of the table differs from the one before it; 8 begins anew.
  [[nodiscard]] Xbyak::Address difference(int k) {
    return ptr[r11 + schedule::ByteMap::kEntries + static_cast<std::size_t>(k * kPartEntries)];
  }

  void look_up(int count) {
    if (permutes_)
      for (int copy = 0; copy < count; ++copy) permute(copy);
    else
      shuffle(count);
  }

  void permute(int copy) {
    const Opmask negative(static_cast<int>(k2.getIdx()) + copy);
    vpmovb2m(negative, index(copy));
    vmovdqa64(upper(copy), index(copy));
    vmovdqa64(result(copy), index(copy));
    vpermi2b(result(copy), vector(16), vector(17));
    vpermi2b(upper(copy), vector(18), vector(19));
    vmovdqu8(result(copy) | negative, upper(copy));
  }

  void exclusive_or(const Ymm& dst, const Ymm& a, const Ymm& b) {
    avx512_ ? vpxord(dst, a, b) : vpxor(dst, a, b);
  }

  // Step by step for all copies, so that one broadcast of a part serves them.
  void shuffle(int count) {
    for (int copy = 0; copy < count; ++copy) exclusive_or(upper(copy), index(copy), top_bits());
    for (int k = 0; k < kParts; ++k) {
      const bool in_upper = k >= kParts / 2;
      const bool first = k % (kParts / 2) == 0;
      Ymm table = part(k);
      if (!avx512_) vbroadcasti128(table = scratch(), difference(k));
      for (int copy = 0; copy < count; ++copy) {
        const Ymm at = in_upper ? upper(copy) : index(copy);
        if (!first) vpsubsb(at, at, part_size());
        const Ymm found = k == 0 ? result(copy) : vector(9 + copy);
        vpshufb(found, table, at);
        if (k > 0) exclusive_or(result(copy), result(copy), found);
      }
    }
  }

  void write_loop(Store store) {
    Label round;
    lea(rcx, ptr[rsi - step()]);
    cmp(rax, rcx);
    jg(rest_, T_NEAR);
    while (getSize() % kLoopAlignment != 0) nop();
    L(round);
    for (int copy = 0; copy < copies(); ++copy) {
      const std::size_t at = offset_of(copy);
      if (store == Store::streaming && at % 64 == 0)
        prefetcht0(ptr[r8 + rax + at + kPrefetchDistance]);
      vmovups(index(copy), ptr[r8 + rax + at]);
    }
    look_up(copies());
    for (int copy = 0; copy < copies(); ++copy) {
      const Xbyak::Address to = ptr[r9 + rax + offset_of(copy)];
      store == Store::streaming ? vmovntps(to, result(copy)) : vmovups(to, result(copy));
    }
    add(rax, step());
    cmp(rax, rcx);
    jle(round, T_NEAR);
  }

  // From rax up to `end`, of any number of elements, none too.
  void write_run(const Reg64& end) {
    Label next;
    Label done;
    if (!avx512_) {
      cmp(rax, end);
      jge(done);
      L(next);
      movzx(r10d, byte[r8 + rax]);
      movzx(r10d, byte[r11 + r10]);
      mov(byte[r9 + rax], r10b);
      inc(rax);
      cmp(rax, end);
      jl(next);
      L(done);
      return;
    }
    L(next);
    mov(r10, end);
    sub(r10, rax);
    jle(done, T_NEAR);
    // Fewer than 256 are left, and of 64 or more bzhi keeps all ones.
    mov(rdx, ~std::uint64_t{0});
    bzhi(rdx, rdx, r10);
    kmovq(k1, rdx);
    vmovdqu8(index(0) | k1 | T_z, ptr[r8 + rax]);
    look_up(1);
    vmovdqu8(ptr[r9 + rax] | k1, result(0));
    add(rax, 64);
    jmp(next, T_NEAR);
    L(done);
  }

  // The run up to the output's first whole vector may be all there is.
  void write_stream() {
    L(stream_);
    cmp(r8, r9);
    je(cached_, T_NEAR);
    mov(rcx, r9);
    neg(rcx);
    and_(ecx, vector_bytes() - 1);
    cmp(rcx, rsi);
    cmova(rcx, rsi);
    write_run(rcx);
    mov(rax, rcx);
    write_loop(Store::streaming);
    sfence();
    jmp(rest_, T_NEAR);
  }

  void append_table() {
    while (getSize() % 64 != 0) int3();
    L(table_);
    db(map_.table.data(), map_.table.size());
    for (std::size_t i = 0; i < map_.table.size(); ++i) {
      const bool begins = i % (map_.table.size() / 2) < kPartEntries;
      const std::uint8_t before = begins ? std::uint8_t{0} : map_.table[i - kPartEntries];
      db(static_cast<std::uint8_t>(map_.table[i] ^ before));
    }
  }

  const schedule::ByteMap& map_;
  bool avx512_;
  bool permutes_;
  object::CallFrame frame_;
  Label nothing_, cached_, rest_, stream_, table_;
};

}  // namespace

object::CodeObject write_byte_map(const schedule::ByteMap& map, const Target& target) {
  object::CodeObject object;
  object.bytes.resize(kCodeBytes);
  ByteMapKernel kernel(map, target, object.bytes);
  object.code_size = kernel.write();
  object.frame = kernel.frame();
  object.bytes.resize(kernel.getSize());
  object.bytes.shrink_to_fit();
  return object;
}

}  // namespace sluice::x64
