// What the code of rows along and of rows across has in common: entry and exit, the frame, the
// addresses of buffers, the constants' pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/backend/x64/assembler.hpp"
#include "compiler/backend/x64/row_kernel.hpp"

namespace sluice::x64 {

// As in write_row_kernel().
struct RowJob {
  const schedule::RowProgram& program;
  Machine machine;
  RowCode& rows;
  RowCode* several;
};

// Into object.bytes, which have room for it.
void write_rows_across(RowJob job, object::CodeObject& object);

// Registers: rdi the call, rdx the parameters, rcx the columns, rax 0, r10 free between uses, r11
// the pool, others the buffers' addresses; the rows left are counted in memory.
class RowWriter {
 public:
  RowWriter(const RowJob& job, std::vector<std::uint8_t>& buffer);
  [[nodiscard]] std::size_t size() const { return code_.getSize(); }
  [[nodiscard]] const object::CallFrame& call_frame() const { return code_.call_frame; }

 protected:
  using Reg64 = Xbyak::Reg64;
  using Label = Xbyak::Label;

  // Below rbp.
  static constexpr int kRowsLeft = 8;
  static constexpr int kCall = 16;
  // Of rows across: the first of the rows at hand, and one past the last.
  static constexpr int kBegin = Assembler::kColumn + 8;
  static constexpr int kEnd = kBegin + 8;
  static constexpr int kVisit = kEnd + 8;  // the address of the walk's next column
  // How many elements on the next column is in every buffer that has columns, and TreeVisit::kFour;
  // 0 where that is not the same for all.
  static constexpr int kStride = kVisit + 8;
  static constexpr int kFours = kStride + 8;
  static constexpr int kLastKept = kFours;

  // The size of the code before it.
  std::size_t append_pool();
  // What the assembler's partial vectors need.
  void lay_out_pool();
  // Of the call.
  Xbyak::Address field(std::size_t offset) {
    return code_.ptr[Assembler::at(code_.rdi, static_cast<std::ptrdiff_t>(offset))];
  }
  // Once the call's register has another use.
  void load_field(const Reg64& to, std::size_t offset) {
    code_.mov(to, code_.ptr[code_.rbp - kCall]);
    code_.mov(to, code_.ptr[Assembler::at(to, static_cast<std::ptrdiff_t>(offset))]);
  }
  void enter();
  [[nodiscard]] bool in_cells(std::size_t buffer) const {
    return buffer < program_.cells.size() &&
           program_.cells[buffer] != schedule::RowProgram::kNoCell;
  }
  // A register for each buffer, one for all cells.
  void choose_pointers();
  // What is one for the call, in the frame of one of the vectors of rows across.
  void enter_frame(std::uint32_t v);
  // Several rows at once that are not packed to a vector: a program of one vector at most has
  // those.
  [[nodiscard]] bool side_by_side() const {
    return several_ != nullptr && rows_to_vector(program_, machine_, selection_.columns) == 1;
  }
  [[nodiscard]] bool exact() const { return selection_.columns != 0; }
  [[nodiscard]] Xbyak::Ymm vector_register(int index) const {
    return machine_.avx512 ? Xbyak::Ymm(index, Xbyak::Operand::ZMM, 512) : Xbyak::Ymm(index);
  }
  [[nodiscard]] Xbyak::Ymm first_vector() const { return vector_register(0); }

  // An integer in every lane, of as many bits as those have.
  void start_slot(std::int32_t place, const Xbyak::Address& from);
  // The call's address is in the frame, below the rows left.
  void next_row_index();
  [[nodiscard]] Xbyak::RegExp frame_at(std::int32_t place) const {
    return Assembler::at(code_.frame, place * static_cast<std::ptrdiff_t>(code_.slot_bytes));
  }
  Xbyak::Address frame(std::int32_t place) { return code_.ptr[frame_at(place)]; }
  void reserve_frame();
  void preload(const RowSelection& selection, const RowBlock& part) {
    code_.write(preload_of(selection.selection.invariants, part.pinned), Access::plain);
  }
  [[nodiscard]] std::uint32_t round() const {
    return round_vectors(program_.graph.compute(), machine_);
  }
  void combine(const RowTree& tree, const Xbyak::Ymm& sum, const Xbyak::Operand& value);
  // As many lanes as r10 says, which may be more than there are.
  void mask_vector();
  void leave();

  const schedule::RowProgram& program_;
  Machine machine_;
  const RowSelection& selection_;
  const RowBlocks& blocks_;
  RowCode* several_;
  Pool& pool_bytes_;
  Assembler code_;
  std::size_t operands_ = 0;
  std::optional<Reg64> cells_;
  std::vector<Reg64> column_offsets_;  // as the assembler's
  std::uint32_t ones_ = 0;
  static constexpr std::uint32_t kMostVectors = 16;
  std::uint32_t vectors_ = 1;  // of rows across, at a time; a power of two
  std::array<Reg64, 5> saved_{Reg64(Xbyak::Operand::RBX), Reg64(Xbyak::Operand::R12),
                              Reg64(Xbyak::Operand::R13), Reg64(Xbyak::Operand::R14),
                              Reg64(Xbyak::Operand::R15)};
  Label nothing_, done_, pool_;
};

}  // namespace sluice::x64
