// Rows that lie next to each other: lanes are rows, a few vectors of them at a time, each with a
// frame of its own. A sweep goes over columns one after the other, or where an order of reductions
// is to be kept in that of the walk (schedule/tree_order.hpp).
#include "compiler/backend/x64/row_writer.hpp"

#include <algorithm>
#include <bit>

namespace sluice::x64 {
namespace {

using schedule::RowCall;
using schedule::TreeVisit;
using Xbyak::CodeGenerator;

class AcrossWriter : public RowWriter {
 public:
  using RowWriter::RowWriter;

  std::size_t write() {
    lay_out_pool();
    code_.across = true;
    write_rows();
    return append_pool();
  }

 private:
  // Of a visit.
  static constexpr std::uint32_t kColumns = (1u << TreeVisit::kLevelsBegin) - 1;
  static constexpr std::uint32_t kLevels = (1u << TreeVisit::kTargetBegin) - 1 - kColumns;

  // rax is the first row of the vector at hand, rcx one past the last row, rsi the column steps.
  void write_rows() {
    enter();
    Label next;
    Label fits;
    Label rest;
    code_.L(next);
    code_.mov(code_.r10, code_.rcx);
    code_.sub(code_.r10, code_.rax);
    code_.and_(code_.r10, 0 - machine_.lanes());
    code_.jz(rest, CodeGenerator::T_NEAR);
    code_.cmp(code_.r10, vectors_ * machine_.lanes());
    code_.jle(fits);
    code_.mov(code_.r10d, vectors_ * machine_.lanes());
    code_.L(fits);
    code_.add(code_.r10, code_.rax);
    code_.mov(code_.qword[code_.rbp - kBegin], code_.rax);
    code_.mov(code_.qword[code_.rbp - kEnd], code_.r10);
    write_parts(Access::plain);
    code_.mov(code_.rax, code_.qword[code_.rbp - kEnd]);
    code_.jmp(next, CodeGenerator::T_NEAR);
    code_.L(rest);
    code_.cmp(code_.rax, code_.rcx);
    code_.jge(done_, CodeGenerator::T_NEAR);
    write_parts(Access::partial);
    leave();
  }

  void write_parts(Access access) {
    for (std::size_t i = 0; i < blocks_.parts.size(); ++i) {
      const RowBlock& block = blocks_.parts[i];
      const Allocation& code = access == Access::plain ? block.code : block.tail;
      if (selection_.parts[i].sweep)
        write_sweep_across(selection_.parts[i], block, access);
      else
        write_vectors(code, access);
    }
  }

  // For each vector of rows at hand; of less than a vector for that alone.
  void write_vectors(const Allocation& code, Access access) {
    if (access == Access::partial) {
      mask_rows();
      return code_.write(code.code, access);
    }
    Label vector;
    code_.L(vector);
    code_.write(code.code, access);
    if (vectors_ == 1) return;
    code_.add(code_.r15, machine_.vector_bytes());
    code_.add(code_.rax, machine_.lanes());
    code_.cmp(code_.rax, code_.qword[code_.rbp - kEnd]);
    code_.jl(vector, CodeGenerator::T_NEAR);
    code_.mov(code_.rax, code_.qword[code_.rbp - kBegin]);
    code_.mov(code_.r15, code_.rsp);
  }

  void mask_rows() {
    code_.mov(code_.r10, code_.rcx);
    code_.sub(code_.r10, code_.rax);
    mask_vector();
  }

  // Columns one after the other, or where an order is to be kept in that of the walk.
  void write_sweep_across(const RowPart& part, const RowBlock& block, Access access) {
    const Allocation& code = access == Access::plain ? block.code : block.tail;
    Label loop;
    Label done;
    code_.mov(column(), 0);
    load_field(code_.r10, offsetof(RowCall, columns));
    code_.test(code_.r10, code_.r10);
    code_.jle(done, CodeGenerator::T_NEAR);
    if (access == Access::plain) preload(selection_, block);
    if (part.has_tree()) {
      load_field(code_.r10, offsetof(RowCall, visits));
      code_.mov(code_.qword[code_.rbp - kVisit], code_.r10);
    }
    code_.align(32);
    code_.L(loop);
    if (part.has_tree()) {
      visit_column();
      write_vectors(code, access);
      merge_visit(part, access == Access::plain ? vectors_ : 1);
      next_visit(loop);
    } else {
      write_vectors(code, access);
      next_column(loop);
    }
    load_field(code_.r10, offsetof(RowCall, buffers));
    for (std::size_t i = 0; i < operands_; ++i)
      code_.mov(code_.pointers[i], code_.ptr[Assembler::at(code_.r10, static_cast<int>(i * 8))]);
    code_.L(done);
  }

  Xbyak::Address column() { return code_.qword[code_.rbp - Assembler::kColumn]; }
  // Buffers of rows have the column step 0.
  void next_column(const Label& loop) {
    for (std::size_t i = 0; i < operands_; ++i)
      code_.add(code_.pointers[i], code_.ptr[Assembler::at(code_.rsi, static_cast<int>(i * 8))]);
    code_.inc(column());
    load_field(code_.r10, offsetof(RowCall, columns));
    code_.cmp(code_.r10, column());
    code_.jg(loop, CodeGenerator::T_NEAR);
  }

  // Into r10.
  void load_visit() {
    code_.mov(code_.r10, code_.qword[code_.rbp - kVisit]);
    code_.mov(code_.r10d, code_.ptr[code_.r10]);
  }

  // Addresses of the visit's column, and in rdi how far from the walk's first place its value goes:
  // to that of the result where there is more to do.
  void visit_column() {
    load_visit();
    code_.and_(code_.r10d, kColumns);
    code_.mov(column(), code_.r10);
    load_field(code_.rdi, offsetof(RowCall, buffers));
    for (std::size_t i = 0; i < operands_; ++i) {
      const Reg64& pointer = code_.pointers[i];
      const auto offset = static_cast<int>(i * 8);
      code_.mov(pointer, code_.ptr[Assembler::at(code_.rsi, offset)]);
      code_.imul(pointer, code_.r10);
      code_.add(pointer, code_.ptr[Assembler::at(code_.rdi, offset)]);
    }
    Label direct;
    load_visit();
    code_.mov(code_.edi, code_.r10d);
    code_.shr(code_.edi, TreeVisit::kTargetBegin);
    code_.test(code_.r10d, kLevels);
    code_.jz(direct);
    code_.mov(code_.edi, schedule::kTreeResult);
    code_.L(direct);
    code_.shl(code_.edi, place_bits());
  }

  // A place of the walk has a slot.
  [[nodiscard]] int place_bits() const { return std::countr_zero(code_.slot_bytes); }

  void merge_visit(const RowPart& part, std::uint32_t vectors) {
    constexpr std::uint32_t kAtOnce = 8;
    Label merged;
    load_visit();
    code_.test(code_.r10d, kLevels);
    code_.jz(merged, CodeGenerator::T_NEAR);
    for (std::uint32_t first = 0; first < vectors; first += kAtOnce) {
      if (first != 0) {
        code_.lea(code_.r10, code_.ptr[code_.rax + first * machine_.lanes()]);
        code_.cmp(code_.r10, code_.qword[code_.rbp - kEnd]);
        code_.jge(merged, CodeGenerator::T_NEAR);
      }
      for (const RowTree& tree : part.trees)
        if (tree.slot != RowTree::kNone)
          merge_vectors(tree, first, std::min(vectors - first, kAtOnce));
    }
    code_.L(merged);
  }

  void merge_vectors(const RowTree& tree, std::uint32_t first, std::uint32_t count) {
    const auto place = [&](std::uint32_t v, std::uint32_t index) {
      return Assembler::at(code_.r15, (first + v) * machine_.vector_bytes() +
                                          (tree.slot + index) * code_.slot_bytes);
    };
    Label levels;
    load_visit();
    code_.shr(code_.r10d, TreeVisit::kLevelsBegin);
    code_.and_(code_.r10d, (1u << schedule::kTreeLevels) - 1);
    for (std::uint32_t v = 0; v < count; ++v)
      code_.vmovups(vector_register(static_cast<int>(v)),
                    code_.ptr[place(v, schedule::kTreeResult)]);
    code_.L(levels);
    code_.tzcnt(code_.edi, code_.r10d);
    code_.shl(code_.edi, place_bits());
    for (std::uint32_t v = 0; v < count; ++v)
      combine(tree, vector_register(static_cast<int>(v)), code_.ptr[place(v, 0) + code_.rdi]);
    code_.blsr(code_.r10d, code_.r10d);
    code_.jnz(levels);
    load_visit();
    code_.shr(code_.r10d, TreeVisit::kTargetBegin);
    code_.shl(code_.r10d, place_bits());
    for (std::uint32_t v = 0; v < count; ++v)
      code_.vmovups(code_.ptr[place(v, 0) + code_.r10], vector_register(static_cast<int>(v)));
  }

  void next_visit(const Label& loop) {
    load_visit();
    code_.add(code_.qword[code_.rbp - kVisit], static_cast<std::uint32_t>(sizeof(TreeVisit)));
    code_.shr(code_.r10d, TreeVisit::kTargetBegin);
    code_.cmp(code_.r10d, schedule::kTreeResult);
    code_.jne(loop, CodeGenerator::T_NEAR);
  }
};

}  // namespace

void write_rows_across(RowJob job, object::CodeObject& object) {
  AcrossWriter writer(job, object.bytes);
  object.code_size = writer.write();
  object.frame = writer.call_frame();
  object.bytes.resize(writer.size());
}

}  // namespace sluice::x64
