#include "compiler/backend/x64/row_kernel.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "compiler/backend/x64/row_writer.hpp"

namespace sluice::x64 {
namespace {

using schedule::RowCall;
using Xbyak::CodeGenerator;

class AlongWriter : public RowWriter {
 public:
  using RowWriter::RowWriter;

  std::size_t write() {
    lay_out_pool();
    enter();
    if (several_ != nullptr) write_several();
    if (exact()) preload(selection_, blocks_.parts.front());
    Label row;
    code_.align(32);
    code_.L(row);
    for (std::size_t i = 0; i < blocks_.parts.size(); ++i)
      if (selection_.parts[i].sweep)
        write_sweep(selection_.parts[i], blocks_.parts[i]);
      else
        code_.write(blocks_.parts[i].code.code, Access::plain);
    next_row(row);
    leave();
    return append_pool();
  }

 private:
  // While there are as many rows. Those to a vector must lie one behind the other everywhere.
  void write_several() {
    const std::uint32_t rows = several_->selection.rows;
    const RowBlock& block = several_->blocks.parts.front();
    const auto step = [&](std::size_t buffer) {
      return static_cast<std::uint32_t>(code_.row_columns) *
             static_cast<std::uint32_t>(size_of(code_.dtypes[buffer]));
    };
    Label one_by_one;
    Label loop;
    if (!side_by_side()) load_field(code_.r10, offsetof(RowCall, row_steps));
    for (std::size_t i = 0; i < operands_ && !side_by_side(); ++i) {
      code_.cmp(code_.qword[Assembler::at(code_.r10, static_cast<int>(i * 8))], step(i));
      code_.jne(one_by_one, CodeGenerator::T_NEAR);
    }
    const auto left = code_.qword[code_.rbp - kRowsLeft];
    code_.cmp(left, rows);
    code_.jl(one_by_one, CodeGenerator::T_NEAR);
    preload(several_->selection, block);
    code_.align(32);
    code_.L(loop);
    code_.write(block.code.code, Access::plain);
    for (std::size_t i = 0; i < operands_; ++i) {
      if (!side_by_side()) code_.add(code_.pointers[i], rows * step(i));
      for (std::uint32_t row = 0; row < rows && side_by_side(); ++row)
        code_.add(code_.pointers[i], code_.row_steps[i]);
    }
    code_.sub(left, rows);
    code_.cmp(left, rows);
    code_.jge(loop, CodeGenerator::T_NEAR);
    code_.cmp(left, 0);
    code_.je(done_, CodeGenerator::T_NEAR);
    code_.L(one_by_one);
  }

  // The register of an accumulator, a reduction after the other; and its slot of the frame.
  [[nodiscard]] Xbyak::Ymm accumulator(int index) const {
    return vector_register(machine_.vector_registers() - 1 - index);
  }

  void write_sweep(const RowPart& part, const RowBlock& block) {
    Label rounds, one_round, tail, done;
    const std::uint32_t step = round() * machine_.lanes();
    const bool tree = part.has_tree();
    const std::uint32_t turn = tree ? 2 * step : step;
    if (part.last_slot >= 0) leave_closed_out(part);
    code_.xor_(code_.eax, code_.eax);
    code_.cmp(code_.rcx, step);
    code_.jb(tail, CodeGenerator::T_NEAR);
    preload(selection_, block);
    for (int i = 0; i < block.reserved; ++i)
      code_.vmovups(accumulator(i), frame(static_cast<std::int32_t>(part.accumulators) + i));
    if (tree) {
      code_.cmp(code_.rcx, turn);
      code_.jb(one_round, CodeGenerator::T_NEAR);
    }
    code_.align(32);
    code_.L(rounds);
    if (tree) write_round(block, true);
    write_round(block, false);
    if (tree) merge_pair(part, block);
    code_.lea(code_.r10, code_.ptr[code_.rax + turn]);
    code_.cmp(code_.r10, code_.rcx);
    code_.jbe(rounds, CodeGenerator::T_NEAR);
    if (tree) {
      begin_round(part, block);
      Label none;
      code_.lea(code_.r10, code_.ptr[code_.rax + step]);
      code_.cmp(code_.r10, code_.rcx);
      code_.ja(none, CodeGenerator::T_NEAR);
      code_.L(one_round);
      write_round(block, true);
      code_.L(none);
    }
    for (int i = 0; i < block.reserved; ++i)
      code_.vmovups(frame(static_cast<std::int32_t>(part.accumulators) + i), accumulator(i));
    code_.L(tail);
    code_.mov(code_.r10, code_.rcx);
    code_.sub(code_.r10, code_.rax);
    code_.jle(done, CodeGenerator::T_NEAR);
    start_vector(step);
    code_.write(block.tail.code, Access::partial);
    code_.add(code_.rax, machine_.lanes());
    code_.jmp(tail, CodeGenerator::T_NEAR);
    code_.L(done);
    if (tree) merge_rest(part, turn);
    if (part.last_slot >= 0) write_closed(block);
    code_.xor_(code_.eax, code_.eax);
  }

  // rcx becomes the number of columns that are open.
  void leave_closed_out(const RowPart& part) {
    Label all, some;
    if (machine_.wide)
      code_.mov(code_.r10, frame(part.last_slot));
    else
      code_.movsxd(code_.r10, code_.dword[frame_at(part.last_slot)]);
    code_.cmp(code_.r10, code_.rcx);
    code_.jge(all);
    if (part.last_included) code_.inc(code_.r10);
    code_.test(code_.r10, code_.r10);
    code_.jns(some);
    code_.xor_(code_.r10d, code_.r10d);
    code_.L(some);
    code_.mov(code_.rcx, code_.r10);
    code_.L(all);
  }

  // From rcx on what closed columns have, and rcx is the number of all again.
  void write_closed(const RowBlock& block) {
    Label whole, rest, done;
    code_.mov(code_.rax, code_.rcx);
    code_.mov(code_.rcx, code_.qword[code_.rbp - kCall]);
    code_.mov(code_.rcx, code_.ptr[Assembler::at(
                             code_.rcx, static_cast<std::ptrdiff_t>(offsetof(RowCall, columns)))]);
    if (block.closed.code.empty()) return;
    code_.L(whole);
    code_.lea(code_.r10, code_.ptr[code_.rax + machine_.lanes()]);
    code_.cmp(code_.r10, code_.rcx);
    code_.ja(rest);
    code_.write(block.closed.code, Access::plain);
    code_.add(code_.rax, machine_.lanes());
    code_.jmp(whole);
    code_.L(rest);
    code_.mov(code_.r10, code_.rcx);
    code_.sub(code_.r10, code_.rax);
    code_.jle(done, CodeGenerator::T_NEAR);
    mask_vector();
    code_.write(block.closed_tail.code, Access::partial);
    code_.L(done);
  }

  void write_round(const RowBlock& block, bool first) {
    code_.first_round = first;
    for (code_.group = 0; code_.group < round();
         code_.group += static_cast<std::uint32_t>(block.copies))
      code_.write(block.code.code, Access::plain);
    code_.group = 0;
    code_.first_round = false;
    code_.add(code_.rax, round() * machine_.lanes());
  }

  // The register of a reduction's accumulator, where those have registers; else one that is free
  // between rounds.
  [[nodiscard]] Xbyak::Ymm accumulator(const RowBlock& block, std::size_t reduction,
                                       std::uint32_t v) const {
    if (block.reserved > 0) return accumulator(static_cast<int>(reduction * round() + v));
    return vector_register(static_cast<int>(v));
  }

  // The slot of the accumulator of a reduction's first vector.
  [[nodiscard]] std::int32_t accumulator_slot(const RowPart& part, std::size_t reduction) const {
    return static_cast<std::int32_t>(part.accumulators +
                                     static_cast<std::uint32_t>(reduction) * round());
  }

  // Of the level that rdi is the address of.
  Xbyak::Address level(std::uint32_t v) {
    return code_.ptr[Assembler::at(code_.rdi, v * machine_.vector_bytes())];
  }

  // The counter over pairs of rounds takes one more, which ends at rax.
  void merge_pair(const RowPart& part, const RowBlock& block) {
    const std::uint32_t turn = 2 * round() * machine_.lanes();
    for (std::size_t r = 0; r < part.trees.size(); ++r) {
      const RowTree& tree = part.trees[r];
      if (tree.slot == RowTree::kNone) continue;
      Label next, store;
      if (block.reserved == 0)
        for (std::uint32_t v = 0; v < round(); ++v)
          code_.vmovups(accumulator(block, r, v),
                        frame(accumulator_slot(part, r) + static_cast<std::int32_t>(v)));
      code_.lea(code_.rdi, frame(static_cast<std::int32_t>(tree.slot)));
      code_.lea(code_.r10, code_.ptr[Assembler::at(code_.rax, -static_cast<std::ptrdiff_t>(turn))]);
      code_.shr(code_.r10d, std::countr_zero(turn));
      code_.L(next);
      code_.test(code_.r10d, 1);
      code_.jz(store);
      for (std::uint32_t v = 0; v < round(); ++v) combine(tree, accumulator(block, r, v), level(v));
      code_.add(code_.rdi, round() * machine_.vector_bytes());
      code_.shr(code_.r10d, 1);
      code_.jmp(next);
      code_.L(store);
      for (std::uint32_t v = 0; v < round(); ++v) code_.vmovups(level(v), accumulator(block, r, v));
    }
  }

  // Accumulators as they are before the first round.
  void begin_round(const RowPart& part, const RowBlock& block) {
    for (std::size_t r = 0; r < part.trees.size(); ++r) {
      if (part.trees[r].slot == RowTree::kNone) continue;
      const auto start = static_cast<std::int32_t>(part.trees[r].slot) - 1;
      if (block.reserved == 0) code_.vmovups(first_vector(), frame(start));
      for (std::uint32_t v = 0; v < round(); ++v) {
        const std::int32_t slot = accumulator_slot(part, r) + static_cast<std::int32_t>(v);
        if (block.reserved > 0)
          code_.vmovups(accumulator(block, r, v), frame(start));
        else
          code_.vmovups(frame(slot), first_vector());
      }
    }
  }

  // What the counter is left with, from the right, to the accumulators.
  void merge_rest(const RowPart& part, std::uint32_t turn) {
    for (std::size_t r = 0; r < part.trees.size(); ++r) {
      const RowTree& tree = part.trees[r];
      if (tree.slot == RowTree::kNone) continue;
      Label next, skip, none;
      const auto slot = [&](std::uint32_t v) {
        return frame(accumulator_slot(part, r) + static_cast<std::int32_t>(v));
      };
      code_.mov(code_.r10, code_.rcx);
      code_.shr(code_.r10, std::countr_zero(turn));
      code_.jz(none, CodeGenerator::T_NEAR);
      code_.lea(code_.rdi, frame(static_cast<std::int32_t>(tree.slot)));
      for (std::uint32_t v = 0; v < round(); ++v)
        code_.vmovups(vector_register(static_cast<int>(v)), slot(v));
      code_.L(next);
      code_.test(code_.r10d, 1);
      code_.jz(skip);
      for (std::uint32_t v = 0; v < round(); ++v)
        combine(tree, vector_register(static_cast<int>(v)), level(v));
      code_.L(skip);
      code_.add(code_.rdi, round() * machine_.vector_bytes());
      code_.shr(code_.r10, 1);
      code_.jnz(next);
      for (std::uint32_t v = 0; v < round(); ++v)
        code_.vmovups(slot(v), vector_register(static_cast<int>(v)));
      code_.L(none);
    }
  }

  // r10: the columns left. The accumulator of this vector is as far from the first as the vector is
  // from its round's first.
  void start_vector(std::uint32_t step) {
    code_.mov(code_.rdi, code_.rax);
    code_.and_(code_.edi, step - 1);
    code_.shl(code_.rdi, machine_.wide ? 3 : 2);
    mask_vector();
  }

  // Between rows no value is alive but those pinned, in higher registers than the first.
  void next_row(const Label& row) {
    if (selection_.row_index_slot >= 0) next_row_index();
    load_field(code_.r10, offsetof(RowCall, row_steps));
    for (std::size_t i = 0; i < operands_; ++i)
      if (!in_cells(i))
        code_.add(code_.pointers[i], code_.ptr[Assembler::at(code_.r10, static_cast<int>(i * 8))]);
    code_.dec(code_.qword[code_.rbp - kRowsLeft]);
    code_.jnz(row, CodeGenerator::T_NEAR);
  }
};

}  // namespace

std::size_t row_pointers(const schedule::RowProgram& program, const RowSelection& selection) {
  const std::size_t operands = program.sources() + program.graph.outputs().size();
  const auto cells = static_cast<std::size_t>(
      std::count_if(program.cells.begin(), program.cells.end(),
                    [](std::int32_t cell) { return cell != schedule::RowProgram::kNoCell; }));
  return operands - cells + (cells == 0 ? 0 : 1) + selection.kept_in_workspace;
}

// A row is more than its address: no index of its own, nothing picked from it, and where there are
// no masks no vector that is not whole, which has an index in rax.
bool can_have_several(const schedule::RowProgram& program, Machine machine,
                      const RowSelection& selection) {
  const std::vector<ir::ValueId> live = program.graph.live();
  return selection.columns != 0 && selection.row_index_slot < 0 && program.cells.empty() &&
         2 * row_pointers(program, selection) <= most_row_pointers(program, selection) &&
         (machine.avx512 || selection.columns % machine.lanes() == 0) &&
         std::none_of(live.begin(), live.end(),
                      [&](ir::ValueId id) { return program.graph[id].op == ir::Op::pick; });
}

bool can_have_fours(const schedule::RowProgram& program, const RowSelection& selection,
                    const RowPart& part) {
  const std::vector<Instruction>& code = part.block.code;
  return row_pointers(program, selection) + kColumnsAtOnce - 1 <=
             most_row_pointers(program, selection) &&
         std::none_of(code.begin(), code.end(), [](const Instruction& instruction) {
           return instruction.opcode == Opcode::column;
         });
}

object::CodeObject write_row_kernel(const schedule::RowProgram& program, Machine machine,
                                    RowCode& rows, RowCode* several) {
  object::CodeObject object;
  std::size_t instructions = 0;
  std::size_t constants = 0;
  for (const RowCode* code : {&std::as_const(rows), const_cast<const RowCode*>(several)}) {
    if (code == nullptr) continue;
    instructions += code->blocks.once.code.size();
    constants += code->selection.selection.pool.bytes().size();
    for (const RowBlock& part : code->blocks.parts) {
      // Of a sweep two rounds and one.
      instructions += 3 * part.code.code.size() * round_vectors(program.graph.compute(), machine) +
                      part.tail.code.size() + part.closed.code.size() +
                      part.closed_tail.code.size() + 4 * part.fours.code.size();
      object.spills_in_loop += part.code.spills + part.fours.spills;
    }
  }
  object.bytes.resize(8192 + instructions * 40 + 2 * constants);
  const RowJob job{program, machine, rows, several};
  if (rows.selection.across) {
    write_rows_across(job, object);
  } else {
    AlongWriter writer(job, object.bytes);
    object.code_size = writer.write();
    object.frame = writer.call_frame();
    object.bytes.resize(writer.size());
  }
  object.workspace_bytes = rows.selection.kept_in_workspace * std::size_t{schedule::kBlockColumns} *
                           machine.lane_bytes();
  object.bytes.shrink_to_fit();
  return object;
}

}  // namespace sluice::x64
