// Bytes for allocated instructions, by xbyak.
//
// Registers of a kernel: rax the index of the first element of this step, rcx the end of the
// present run of steps, rsi the count, rdx the parameters, rdi the buffers' addresses, r11 the
// constant pool, r10 free between uses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include <sluice/dtype.hpp>
#include <xbyak/xbyak.h>

#include "compiler/backend/x64/allocate.hpp"
#include "compiler/object/code_object.hpp"

namespace sluice::x64 {

// How a block's element loads and stores are done.
enum class Access : std::uint8_t { plain, partial };

class Assembler : public Xbyak::CodeGenerator {
 public:
  Assembler(Machine machine, std::vector<std::uint8_t>& buffer)
      : CodeGenerator(buffer.size(), buffer.data()), slot_bytes(machine.vector_bytes()),
        machine_(machine) {}

  // By the code's own size, for code is placed at the start of a page. xbyak's goes by the address
  // of the buffer, and where that lies must not show in the bytes.
  void align(std::size_t to) {
    if (const std::size_t past = getSize() % to; past != 0) nop(to - past);
  }

  // The address `offset` bytes from a base.
  static Xbyak::RegExp at(const Xbyak::RegExp& base, std::ptrdiff_t offset) {
    return base + static_cast<std::size_t>(offset);
  }

  // Where the kernel keeps each buffer's address; buffers beyond the registers are fetched into r15
  // at each use.
  std::vector<Xbyak::Reg64> pointers;
  // Of a row kernel that does several rows at once, which has no index in rax then: a register each
  // for how far the next row is.
  std::vector<Xbyak::Reg64> row_steps;
  // How far from there it is; of a row kernel's cells.
  std::vector<std::int32_t> displacements;

  // What each buffer holds.
  std::vector<Dtype> dtypes;

  // The pool's address is r11 minus this, so that more of the pool is in reach of a one-byte
  // displacement.
  static constexpr int kPoolBias = 128;
  // For a partial vector on AVX2, r10 is minus the elements left; lanes' masks lie around this
  // place of the pool.
  std::uint32_t mask_edge = 0;
  // On AVX-512: the indices of the upper halves of a vector's lanes, at this place of the pool; for
  // outputs of bf16.
  std::uint32_t upper_words = 0;

  // Whether buffers are read and written by whole registers of bf16, two vectors each.
  bool pairs = false;

  // Of a row kernel for rows of one length: that, in rcx as well, while rax is 0.
  std::int64_t row_columns = 0;
  // Of a row kernel's sweep: how many vectors on in the round the code is that is being written.
  std::uint32_t group = 0;
  // Whether that is the first of two rounds: what has an order begins anew with it.
  bool first_round = false;
  // Of a row kernel whose rows lie across, the index of the column is this far below rbp.
  bool across = false;
  // Of four columns at once, how many elements on the second and the others are, in every buffer
  // that has columns, whose address is that of the rows at hand. Else none.
  std::vector<Xbyak::Reg64> column_offsets;
  std::vector<bool> has_columns;
  // The frame's slots, and how far they are from each other: of rows across each vector of them has
  // its own, next to each other.
  Xbyak::Reg64 frame = rsp;
  std::uint32_t slot_bytes;
  static constexpr int kColumn = 24;

  void write(std::span<const Placed> code, Access access);

  // Where the instructions for a value of the graph begin; filled where `note_nodes` is set.
  struct Note {
    std::size_t offset;
    std::uint32_t node;
  };
  bool note_nodes = false;
  std::vector<Note> notes;

  // A stretch of code written before.
  struct Stretch {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  // That code once more, with streaming stores in place of plain ones. It must refer to nothing
  // outside but through registers.
  void repeat_streaming(Stretch stretch);

  // For outputs of bf16, on AVX-512.
  void lay_out_upper_words(Pool& pool);

  // The kernel's frame, in this order.
  void link_frame();
  void keep(const Xbyak::Reg64& reg);  // a value of the kernel's own, eight bytes further down
  void save(std::span<const Xbyak::Reg64> registers);
  // Saved registers back, and the return; to `bare` comes who has made no frame.
  void leave_frame(Xbyak::Label& bare);
  object::CallFrame call_frame;

  // Below what is saved; aligned to a vector, and touched page by page, for a guard page may follow
  // the stack.
  void reserve_frame(std::uint32_t bytes);

  // Asks for the lines of an element input that the round `distance` bytes on will read.
  void prefetch(std::size_t buffer, std::size_t bytes, std::size_t distance);

 private:
  // Of vcvtps2ph: to nearest, ties to even, whatever the caller's mode.
  static constexpr std::uint8_t kNearestEven = 0;

  // k7 holds the lanes of a partial vector on AVX-512.
  [[nodiscard]] static const Xbyak::Opmask& lanes_left() {
    static const Xbyak::Opmask mask(7);
    return mask;
  }
  // The register of half the width.
  [[nodiscard]] static Xbyak::Xmm half_of(const Xbyak::Ymm& vector) {
    return vector.isZMM() ? Xbyak::Xmm(Xbyak::Ymm(vector.getIdx())) : Xbyak::Xmm(vector.getIdx());
  }
  [[nodiscard]] Xbyak::Ymm vector(int index) const {
    return machine_.avx512 ? Xbyak::Ymm(index, Xbyak::Operand::ZMM, 512) : Xbyak::Ymm(index);
  }
  // The destination, with its mask where there is one.
  [[nodiscard]] Xbyak::Ymm target(const Placed& placed) const;
  [[nodiscard]] Xbyak::RegExp pool(std::uint32_t place) const {
    return at(r11, static_cast<int>(place) - kPoolBias);
  }
  [[nodiscard]] Xbyak::RegExp parameter(std::uint32_t place) const { return at(rdx, place * 8); }
  [[nodiscard]] Xbyak::RegExp slot(std::uint32_t place) const;
  [[nodiscard]] Xbyak::RegExp buffer(const Memory& memory);
  [[nodiscard]] Xbyak::Address address(const Memory& memory);

  void write(const Placed& placed, Access access);
  void write_special(const Placed& placed, const Xbyak::Operand& last, Access access);
  void write_one_lane(const Placed& placed, const Xbyak::Operand& last);
  void write_fma(const Placed& placed);
  void write_move(const Xbyak::Address& to, const Xbyak::Xmm& source);
  void write_move(const Xbyak::Xmm& dst, const Xbyak::Operand& source);
  void write_gather(const Placed& placed);
  void write_mask_compare(const Placed& placed, const Xbyak::Operand& last);
  void write_mask_logic(const Placed& placed);
  void write_load_scalar(const Placed& placed);
  void write_element(const Xbyak::Ymm& dst, const Memory& memory, const Xbyak::RegExp& at);
  void write_index(const Xbyak::Ymm& dst, Dtype dtype, const Xbyak::RegExp& at);
  void write_lane(const Xbyak::Ymm& dst, const Xbyak::Reg64& lane);
  void write_pick(const Placed& placed);
  void write_swap(const Placed& placed);
  void write_columns(const Placed& placed);
  void write_accumulate(const Placed& placed, Access access);
  void write_accumulation(const Xbyak::Ymm& dst, const Xbyak::Ymm& accumulator,
                          const Xbyak::Ymm& value, const Placed& placed);
  void write_store_row(const Placed& placed);
  using Writer = void (Assembler::*)(const Placed&, Access);
  void in_last_vector(Placed placed, Access access, Writer writer);
  void write_load(const Placed& placed, Access access);
  void write_store(const Placed& placed, Access access);
  void write_partial_store(const Placed& placed);
  [[nodiscard]] bool is_narrow(const Memory& memory) const;
  void write_narrow_load(const Xbyak::Ymm& dst, const Memory& memory, Access access);
  void write_narrow_store(const Placed& placed, Access access);
  void write_whole_store(const Xbyak::Address& to, const Xbyak::Xmm& source);
  void pack(const Xbyak::Xmm& packed, const Xbyak::Ymm& lanes, Dtype dtype);
  void widen(const Xbyak::Ymm& dst, const Xbyak::Operand& elements, Dtype dtype);
  // On AVX2 r10 is minus the elements left, which may fill a vector.
  template <typename Full, typename Rest>
  void write_up_to_end(Full full, Rest rest) {
    Xbyak::Label partial;
    Xbyak::Label done;
    cmp(r10, 0 - machine_.lanes());
    jg(partial);
    full();
    jmp(done);
    L(partial);
    rest();
    L(done);
  }
  void write_spill(const Placed& placed);
  void write_jump(const Placed& placed);
  void write_lane_mask(const Xbyak::Xmm& dst);
  void broadcast(const Xbyak::Ymm& dst, const Xbyak::RegExp& from);

  // An instruction that the level lacks; selection asks for none.
  template <typename... Operands>
  [[noreturn]] void absent(const Operands&...) {
    throw std::logic_error("an instruction that the target lacks");
  }

  Machine machine_;
  int frame_bytes_ = 0;                  // kept and saved, below rbp
  std::vector<std::size_t> stores_;      // offsets of plain stores' opcodes
  std::optional<Xbyak::Label> landing_;  // of the jump written last
};

}  // namespace sluice::x64
