// Rows that lie next to each other: lanes are rows, a few vectors of them at a time, each with a
// frame of its own. A sweep goes over columns one after the other, or where an order of reductions
// is to be kept in that of the walk (schedule/tree_order.hpp); four at a time where it can, whose
// sums are merged in registers.
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
  static constexpr std::uint32_t kTarget = TreeVisit::kFour - 1 - kLevels - kColumns;

  // rax is the first row of the vector at hand, rcx one past the last row, rsi the column steps.
  void write_rows() {
    enter();
    if (!column_offsets_.empty()) measure_columns();
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
    if (vectors_ > 1) next_vector(vector);
  }

  void next_vector(const Label& vector) {
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

  // Columns one after the other, or where an order is to be kept in that of the walk. Of whole
  // vectors of rows four at a time where there are as many, and all buffers have the same stride.
  void write_sweep_across(const RowPart& part, const RowBlock& block, Access access) {
    Label done;
    code_.mov(column(), 0);
    load_field(code_.r10, offsetof(RowCall, columns));
    code_.test(code_.r10, code_.r10);
    code_.jle(done, CodeGenerator::T_NEAR);
    if (access == Access::plain) preload(selection_, block);
    const bool fours = access == Access::plain && !block.fours.code.empty();
    if (fours) load_column_offsets(part.has_tree());
    if (part.has_tree())
      write_walk(part, block, access, fours);
    else
      write_columns_in_turn(part, block, access, fours);
    load_field(code_.r10, offsetof(RowCall, buffers));
    for (std::size_t i = 0; i < operands_; ++i)
      code_.mov(code_.pointers[i], code_.ptr[Assembler::at(code_.r10, static_cast<int>(i * 8))]);
    code_.L(done);
  }

  void write_columns_in_turn(const RowPart& part, const RowBlock& block, Access access,
                             bool fours) {
    Label loop, one, next;
    code_.align(32);
    code_.L(loop);
    load_field(code_.r10, offsetof(RowCall, columns));
    if (fours) {
      code_.sub(code_.r10, column());
      code_.cmp(code_.r10, kColumnsAtOnce);
      code_.jl(one, CodeGenerator::T_NEAR);
      code_.cmp(code_.dword[code_.rbp - kFours], 0);
      code_.je(one, CodeGenerator::T_NEAR);
      point_at_column();
      write_four_columns(part, block);
      code_.add(column(), kColumnsAtOnce);
      code_.jmp(next, CodeGenerator::T_NEAR);
      code_.L(one);
    }
    point_at_column();
    write_vectors(access == Access::plain ? block.code : block.tail, access);
    code_.inc(column());
    code_.L(next);
    load_field(code_.r10, offsetof(RowCall, columns));
    code_.cmp(code_.r10, column());
    code_.jg(loop, CodeGenerator::T_NEAR);
  }

  void write_walk(const RowPart& part, const RowBlock& block, Access access, bool fours) {
    constexpr std::uint32_t kBelowFour = 3u << TreeVisit::kLevelsBegin;
    Label loop, four, next;
    load_field(code_.r10, offsetof(RowCall, visits));
    code_.mov(code_.qword[code_.rbp - kVisit], code_.r10);
    code_.align(32);
    code_.L(loop);
    load_visit();
    if (fours) {
      code_.test(code_.dword[code_.rbp - kFours], code_.r10d);
      code_.jnz(four, CodeGenerator::T_NEAR);
    }
    visit_column();
    choose_place(kLevels);
    write_vectors(access == Access::plain ? block.code : block.tail, access);
    merge_visit(part, access == Access::plain ? vectors_ : 1, kLevels);
    if (fours) {
      code_.jmp(next, CodeGenerator::T_NEAR);
      code_.L(four);
      visit_column();
      code_.add(code_.qword[code_.rbp - kVisit],
                static_cast<std::uint32_t>((kColumnsAtOnce - 1) * sizeof(TreeVisit)));
      choose_place(kLevels & ~kBelowFour);
      write_four_columns(part, block);
      merge_visit(part, vectors_, kLevels & ~kBelowFour);
      code_.L(next);
    }
    load_visit();
    code_.add(code_.qword[code_.rbp - kVisit], static_cast<std::uint32_t>(sizeof(TreeVisit)));
    code_.and_(code_.r10d, kTarget);
    code_.cmp(code_.r10d, schedule::kTreeResult << TreeVisit::kTargetBegin);
    code_.jne(loop, CodeGenerator::T_NEAR);
  }

  // For each vector of rows at hand: sums of the four columns go where rdi says.
  void write_four_columns(const RowPart& part, const RowBlock& block) {
    for (std::size_t i = 0; i < operands_; ++i)
      if (code_.has_columns[i])
        code_.lea(code_.pointers[i], code_.ptr[code_.pointers[i] + code_.rax * element_size(i)]);
    Label vector;
    code_.L(vector);
    each_accumulator(part, [&](const RowTree& tree, int index, std::uint32_t slot) {
      if (tree.slot == RowTree::kNone)
        code_.vmovups(accumulator(index), frame(static_cast<std::int32_t>(slot)));
    });
    code_.column_offsets = column_offsets_;
    for (code_.group = 0; code_.group < std::uint32_t{kColumnsAtOnce};
         code_.group += static_cast<std::uint32_t>(block.copies))
      code_.write(block.fours.code, Access::plain);
    code_.group = 0;
    code_.column_offsets.clear();
    each_accumulator(part, [&](const RowTree& tree, int index, std::uint32_t slot) {
      const Xbyak::RegExp place = frame_at(static_cast<std::int32_t>(slot));
      const bool ordered = tree.slot != RowTree::kNone;
      if (ordered) combine(tree, accumulator(index), accumulator(index + 1));
      code_.vmovups(ordered ? code_.ptr[place + code_.rdi] : code_.ptr[place], accumulator(index));
    });
    if (vectors_ > 1) {
      for (std::size_t i = 0; i < operands_; ++i)
        if (code_.has_columns[i])
          code_.add(code_.pointers[i],
                    static_cast<std::uint32_t>(element_size(i)) * machine_.lanes());
      next_vector(vector);
    }
  }

  // A reduction's tree, the first of its two accumulators, and its first slot of the frame.
  template <typename Do>
  static void each_accumulator(const RowPart& part, const Do& apply) {
    std::uint32_t slot = part.accumulators;
    int index = 0;
    for (const RowTree& tree : part.trees) {
      apply(tree, index, slot);
      slot += tree.slot == RowTree::kNone ? 1 : schedule::kTreePlaces;
      index += 2;
    }
  }
  [[nodiscard]] Xbyak::Ymm accumulator(int index) const {
    return vector_register(machine_.vector_registers() - 1 - index);
  }
  [[nodiscard]] int element_size(std::size_t buffer) const {
    return static_cast<int>(size_of(code_.dtypes[buffer]));
  }

  // The stride of the columns, where all buffers have the same, in whole elements.
  void measure_columns() {
    const auto first = static_cast<std::size_t>(
        std::find(code_.has_columns.begin(), code_.has_columns.end(), true) -
        code_.has_columns.begin());
    const auto bits = [&](std::size_t i) { return std::countr_zero(size_of(code_.dtypes[i])); };
    const auto step = [&](std::size_t i) {
      return code_.qword[Assembler::at(code_.rsi, static_cast<int>(i * 8))];
    };
    Label differ;
    code_.mov(code_.dword[code_.rbp - kFours], 0);
    code_.mov(code_.r10, step(first));
    code_.sar(code_.r10, bits(first));
    code_.mov(code_.qword[code_.rbp - kStride], code_.r10);
    for (std::size_t i = first; i < operands_; ++i) {
      if (!code_.has_columns[i]) continue;
      code_.mov(code_.rdi, code_.r10);
      code_.shl(code_.rdi, bits(i));
      code_.cmp(code_.rdi, step(i));
      code_.jne(differ);
    }
    code_.mov(code_.dword[code_.rbp - kFours], TreeVisit::kFour);
    code_.L(differ);
  }

  // From a column to the second, the third and the fourth that are done with it.
  void load_column_offsets(bool of_tree) {
    const auto& steps = column_offsets_;
    if (of_tree) {
      load_field(steps[0], offsetof(RowCall, tree_steps));
      load_field(steps[1], offsetof(RowCall, tree_steps) + sizeof(std::int64_t));
    } else {
      code_.mov(steps[0], 1);
      code_.mov(steps[1], 2);
    }
    for (int i = 0; i < 2; ++i)
      code_.imul(steps[static_cast<std::size_t>(i)], code_.qword[code_.rbp - kStride]);
    code_.lea(steps[2], code_.ptr[steps[0] + steps[1]]);
  }

  Xbyak::Address column() { return code_.qword[code_.rbp - Assembler::kColumn]; }
  // Buffers of rows have the column step 0.
  void point_at_column() {
    code_.mov(code_.r10, column());
    load_field(code_.rdi, offsetof(RowCall, buffers));
    for (std::size_t i = 0; i < operands_; ++i) {
      const Reg64& pointer = code_.pointers[i];
      const auto offset = static_cast<int>(i * 8);
      code_.mov(pointer, code_.ptr[Assembler::at(code_.rsi, offset)]);
      code_.imul(pointer, code_.r10);
      code_.add(pointer, code_.ptr[Assembler::at(code_.rdi, offset)]);
    }
  }

  // Into r10.
  void load_visit() {
    code_.mov(code_.r10, code_.qword[code_.rbp - kVisit]);
    code_.mov(code_.r10d, code_.ptr[code_.r10]);
  }
  // In r10.
  void visit_column() {
    code_.and_(code_.r10d, kColumns);
    code_.mov(column(), code_.r10);
    point_at_column();
  }
  // In rdi how far from the walk's first place the visit's value goes: to that of the result where
  // there is more to do, for any of `levels`.
  void choose_place(std::uint32_t levels) {
    Label direct;
    load_visit();
    code_.mov(code_.edi, code_.r10d);
    code_.and_(code_.edi, kTarget);
    code_.shr(code_.edi, TreeVisit::kTargetBegin);
    code_.test(code_.r10d, levels);
    code_.jz(direct);
    code_.mov(code_.edi, schedule::kTreeResult);
    code_.L(direct);
    code_.shl(code_.edi, place_bits());
  }

  // A place of the walk has a slot.
  [[nodiscard]] int place_bits() const { return std::countr_zero(code_.slot_bytes); }

  void merge_visit(const RowPart& part, std::uint32_t vectors, std::uint32_t levels) {
    constexpr std::uint32_t kAtOnce = 8;
    Label merged;
    load_visit();
    code_.test(code_.r10d, levels);
    code_.jz(merged, CodeGenerator::T_NEAR);
    for (std::uint32_t first = 0; first < vectors; first += kAtOnce) {
      if (first != 0) {
        code_.lea(code_.r10, code_.ptr[code_.rax + first * machine_.lanes()]);
        code_.cmp(code_.r10, code_.qword[code_.rbp - kEnd]);
        code_.jge(merged, CodeGenerator::T_NEAR);
      }
      for (const RowTree& tree : part.trees)
        if (tree.slot != RowTree::kNone)
          merge_vectors(tree, levels, first, std::min(vectors - first, kAtOnce));
    }
    code_.L(merged);
  }

  void merge_vectors(const RowTree& tree, std::uint32_t which, std::uint32_t first,
                     std::uint32_t count) {
    const auto place = [&](std::uint32_t v, std::uint32_t index) {
      return Assembler::at(code_.r15, (first + v) * machine_.vector_bytes() +
                                          (tree.slot + index) * code_.slot_bytes);
    };
    Label levels;
    load_visit();
    code_.and_(code_.r10d, which);
    code_.shr(code_.r10d, TreeVisit::kLevelsBegin);
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
    code_.and_(code_.r10d, kTarget);
    code_.shr(code_.r10d, TreeVisit::kTargetBegin);
    code_.shl(code_.r10d, place_bits());
    for (std::uint32_t v = 0; v < count; ++v)
      code_.vmovups(code_.ptr[place(v, 0) + code_.r10], vector_register(static_cast<int>(v)));
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
