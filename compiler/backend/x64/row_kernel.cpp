#include "compiler/backend/x64/row_kernel.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "compiler/backend/x64/assembler.hpp"

namespace sluice::x64 {
namespace {

using schedule::RowCall;
using Xbyak::CodeGenerator;
using Xbyak::Label;
using Xbyak::Reg64;

// Registers: rdi the call, rsi the row steps, rdx the parameters, rcx the columns, rax 0, r10 free
// between uses, r11 the pool; the rows left are counted in memory.
class RowKernel {
 public:
  RowKernel(const schedule::RowProgram& program, Machine machine, RowCode& rows, RowCode* packed,
            std::vector<std::uint8_t>& buffer)
      : program_(program), machine_(machine), selection_(rows.selection), blocks_(rows.blocks),
        packed_(packed), pool_bytes_((packed != nullptr ? *packed : rows).selection.selection.pool),
        code_(machine, buffer) {
    const RowSelection& selection = selection_;
    code_.row_columns = selection.columns;
    code_.dtypes.assign(program.input_dtypes.begin(),
                        program.input_dtypes.begin() +
                            static_cast<std::ptrdiff_t>(program.sources()));
    code_.dtypes.insert(code_.dtypes.end(), program.output_dtypes.begin(),
                        program.output_dtypes.end());
    operands_ = code_.dtypes.size();
    code_.dtypes.resize(operands_ + selection.kept_in_workspace,
                        machine.wide ? Dtype::f64 : Dtype::f32);
  }

  std::size_t write() {
    lay_out_pool();
    if (selection_.across) {
      code_.across = true;
      write_across();
      return append_pool();
    }
    enter();
    if (packed_ != nullptr) write_packed();
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

  [[nodiscard]] std::size_t size() const { return code_.getSize(); }

 private:
  static constexpr int kRowsLeft = 8;  // below rbp
  static constexpr int kCall = 16;
  // Of rows across: the first of the rows at hand, and one past the last.
  static constexpr int kBegin = Assembler::kColumn + 8;
  static constexpr int kEnd = kBegin + 8;

  // The size of the code before it.
  std::size_t append_pool() {
    const std::size_t code_size = code_.getSize();
    while (code_.getSize() % 64 != 0) code_.int3();
    code_.L(pool_);
    const std::vector<std::uint8_t>& bytes = pool_bytes_.bytes();
    code_.db(bytes.data(), bytes.size());
    return code_size;
  }

  // What the assembler's partial vectors need.
  void lay_out_pool() {
    Pool& pool = pool_bytes_;
    if (machine_.avx512) {
      ones_ = static_cast<std::uint32_t>(pool.add_constant(~std::uint64_t{0}));
      const auto& outputs = program_.output_dtypes;
      if (std::find(outputs.begin(), outputs.end(), Dtype::bf16) == outputs.end()) return;
      code_.lay_out_upper_words(pool);
      return;
    }
    // A window of one vector ends up to a round's columns before the edge between ones and zeros.
    const std::uint32_t before = round() * machine_.lanes();
    const std::uint32_t place = pool.add_lanes(before + machine_.lanes());
    for (std::uint32_t i = 0; i < before; ++i) pool.put(place, i, ~std::uint64_t{0});
    code_.mask_edge = place + before * machine_.lane_bytes();
  }

  // Of the call.
  Xbyak::Address field(std::size_t offset) {
    return code_.ptr[Assembler::at(code_.rdi, static_cast<std::ptrdiff_t>(offset))];
  }

  void enter() {
    code_.mov(code_.r10, field(offsetof(RowCall, rows)));
    code_.test(code_.r10, code_.r10);
    code_.jle(nothing_, CodeGenerator::T_NEAR);
    code_.push(code_.rbp);
    code_.mov(code_.rbp, code_.rsp);
    code_.push(code_.r10);
    code_.push(code_.rdi);
    for (int i = 0; i < 3; ++i) code_.push(code_.rax);  // kColumn, kBegin, kEnd
    for (const Reg64& reg : saved_) code_.push(reg);
    reserve_frame();
    code_.lea(code_.r11, code_.ptr[code_.rip + pool_ + Assembler::kPoolBias]);
    code_.mov(code_.rsi, selection_.across ? field(offsetof(RowCall, column_steps))
                                           : field(offsetof(RowCall, row_steps)));
    code_.mov(code_.rdx, field(offsetof(RowCall, params)));
    if (exact())
      code_.mov(code_.rcx, static_cast<std::uint64_t>(code_.row_columns));
    else
      code_.mov(code_.rcx, selection_.across ? field(offsetof(RowCall, rows))
                                             : field(offsetof(RowCall, columns)));
    code_.mov(code_.r10, field(offsetof(RowCall, buffers)));
    choose_pointers();
    for (std::size_t i = 0; i < operands_; ++i)
      if (!in_cells(i))
        code_.mov(code_.pointers[i], code_.ptr[Assembler::at(code_.r10, static_cast<int>(i * 8))]);
    if (cells_) code_.mov(*cells_, field(offsetof(RowCall, cells)));
    for (std::size_t i = operands_; i < code_.pointers.size(); ++i) {
      const std::size_t before = (i - operands_) * schedule::kBlockColumns * machine_.lane_bytes();
      code_.mov(code_.pointers[i], field(offsetof(RowCall, workspace)));
      if (before != 0) code_.add(code_.pointers[i], static_cast<std::uint32_t>(before));
    }
    code_.xor_(code_.eax, code_.eax);
    const auto rest = static_cast<std::uint32_t>(code_.row_columns % machine_.lanes());
    if (machine_.avx512 && exact() && rest != 0) {
      code_.mov(code_.r10d, (1u << rest) - 1);
      code_.kmovw(code_.k7, code_.r10d);
    }
    for (std::uint32_t v = 0; v < vectors_; ++v) enter_frame(v);
    if (packed_ != nullptr) code_.write(packed_->blocks.once.code, Access::plain);
  }

  [[nodiscard]] bool in_cells(std::size_t buffer) const {
    return buffer < program_.cells.size() &&
           program_.cells[buffer] != schedule::RowProgram::kNoCell;
  }

  // A register for each buffer, one for all cells.
  void choose_pointers() {
    const std::array<Reg64, kMostRowBuffers> registers{code_.r8,  code_.r9,  code_.rbx, code_.r12,
                                                       code_.r13, code_.r14, code_.r15};
    std::size_t next = 0;
    code_.displacements.assign(code_.dtypes.size(), 0);
    for (std::size_t i = 0; i < code_.dtypes.size(); ++i) {
      if (in_cells(i)) {
        if (!cells_) cells_ = registers[next++];
        code_.pointers.push_back(*cells_);
        code_.displacements[i] = program_.cells[i];
      } else {
        code_.pointers.push_back(registers[next++]);
      }
    }
  }

  // What is one for the call, in the frame of one of the vectors of rows across.
  void enter_frame(std::uint32_t v) {
    if (selection_.across) {
      code_.frame = code_.r15;
      code_.lea(code_.r15, code_.ptr[code_.rsp + v * frame_bytes_]);
    }
    if (selection_.row_index_slot >= 0)
      start_slot(selection_.row_index_slot, field(offsetof(RowCall, row_index)));
    if (selection_.width_slot >= 0)
      start_slot(selection_.width_slot, field(offsetof(RowCall, columns)));
    code_.write(blocks_.once.code, Access::plain);
    if (selection_.across) code_.mov(code_.r15, code_.rsp);
  }

  [[nodiscard]] bool exact() const { return selection_.columns != 0; }
  [[nodiscard]] Xbyak::Ymm first_vector() const {
    return machine_.avx512 ? Xbyak::Ymm(0, Xbyak::Operand::ZMM, 512) : Xbyak::Ymm(0);
  }

  // An integer in every lane, of as many bits as those have.
  void start_slot(std::int32_t place, const Xbyak::Address& from) {
    const Xbyak::Ymm vector = first_vector();
    machine_.wide ? code_.vpbroadcastq(vector, from) : code_.vpbroadcastd(vector, from);
    code_.vmovups(frame(place), vector);
  }
  // The call's address is in the frame, below the rows left.
  void next_row_index() {
    const Xbyak::Ymm vector = first_vector();
    const Xbyak::Address index = frame(selection_.row_index_slot);
    code_.mov(code_.r10, code_.ptr[code_.rbp - kCall]);
    const auto step = code_.ptr[Assembler::at(
        code_.r10, static_cast<std::ptrdiff_t>(offsetof(RowCall, row_index_step)))];
    machine_.wide ? code_.vpbroadcastq(vector, step) : code_.vpbroadcastd(vector, step);
    machine_.wide ? code_.vpaddq(vector, vector, index) : code_.vpaddd(vector, vector, index);
    code_.vmovups(index, vector);
  }
  Xbyak::Address frame(std::int32_t place) {
    return code_.ptr[Assembler::at(code_.frame,
                                   place * static_cast<std::ptrdiff_t>(machine_.vector_bytes()))];
  }

  void reserve_frame() {
    std::uint32_t slots = std::max(selection_.selection.uniform_slots, blocks_.once.slots_end);
    for (const RowBlock& part : blocks_.parts)
      slots = std::max({slots, part.code.slots_end, part.tail.slots_end});
    if (packed_ != nullptr)
      slots =
          std::max({slots, packed_->selection.selection.uniform_slots,
                    packed_->blocks.once.slots_end, packed_->blocks.parts.front().code.slots_end});
    if (slots == 0) return;
    frame_bytes_ = slots * machine_.vector_bytes();
    // Neighbouring vectors of rows across, as many as find room in the first-level cache: what is
    // read of a column then is more than one line.
    constexpr std::uint32_t kFrames = 24 * 1024;
    if (selection_.across) vectors_ = std::clamp<std::uint32_t>(kFrames / frame_bytes_, 1, 4);
    code_.reserve_frame(vectors_ * frame_bytes_);
  }

  void preload(const RowSelection& selection, const RowBlock& part) {
    code_.write(preload_of(selection.selection.invariants, part.pinned), Access::plain);
  }

  // While there are rows for a vector, and the next row lies behind this one everywhere.
  void write_packed() {
    const std::uint32_t rows = packed_->selection.rows;
    const auto step = [&](std::size_t buffer) {
      return static_cast<std::uint32_t>(code_.row_columns) *
             static_cast<std::uint32_t>(size_of(code_.dtypes[buffer]));
    };
    Label one_by_one;
    Label loop;
    for (std::size_t i = 0; i < operands_; ++i) {
      code_.cmp(code_.qword[Assembler::at(code_.rsi, static_cast<int>(i * 8))], step(i));
      code_.jne(one_by_one, CodeGenerator::T_NEAR);
    }
    const auto left = code_.qword[code_.rbp - kRowsLeft];
    code_.cmp(left, rows);
    code_.jl(one_by_one, CodeGenerator::T_NEAR);
    preload(packed_->selection, packed_->blocks.parts.front());
    code_.align(32);
    code_.L(loop);
    code_.write(packed_->blocks.parts.front().code.code, Access::plain);
    for (std::size_t i = 0; i < operands_; ++i) code_.add(code_.pointers[i], rows * step(i));
    code_.sub(left, rows);
    code_.cmp(left, rows);
    code_.jge(loop, CodeGenerator::T_NEAR);
    code_.cmp(left, 0);
    code_.je(done_, CodeGenerator::T_NEAR);
    code_.L(one_by_one);
  }

  [[nodiscard]] std::uint32_t round() const {
    return round_vectors(program_.graph.compute(), machine_);
  }
  // The register of an accumulator, a reduction after the other; and its slot of the frame.
  [[nodiscard]] Xbyak::Ymm accumulator(int index) const {
    const int reg = machine_.vector_registers() - 1 - index;
    return machine_.avx512 ? Xbyak::Ymm(reg, Xbyak::Operand::ZMM, 512) : Xbyak::Ymm(reg);
  }

  void write_sweep(const RowPart& part, const RowBlock& block) {
    Label round_loop;
    Label tail;
    Label done;
    const std::uint32_t step = round() * machine_.lanes();
    code_.xor_(code_.eax, code_.eax);
    code_.cmp(code_.rcx, step);
    code_.jb(tail, CodeGenerator::T_NEAR);
    preload(selection_, block);
    for (int i = 0; i < block.reserved; ++i)
      code_.vmovups(accumulator(i), frame(static_cast<std::int32_t>(part.accumulators) + i));
    code_.align(32);
    code_.L(round_loop);
    for (code_.group = 0; code_.group < round();
         code_.group += static_cast<std::uint32_t>(block.copies))
      code_.write(block.code.code, Access::plain);
    code_.group = 0;
    code_.add(code_.rax, step);
    code_.lea(code_.r10, code_.ptr[code_.rax + step]);
    code_.cmp(code_.r10, code_.rcx);
    code_.jbe(round_loop, CodeGenerator::T_NEAR);
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
    code_.xor_(code_.eax, code_.eax);
  }

  // rax is the first row of the vector at hand, rcx one past the last row, rsi the column steps.
  void write_across() {
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
    write_rows(Access::plain);
    code_.mov(code_.rax, code_.qword[code_.rbp - kEnd]);
    code_.jmp(next, CodeGenerator::T_NEAR);
    code_.L(rest);
    code_.cmp(code_.rax, code_.rcx);
    code_.jge(done_, CodeGenerator::T_NEAR);
    write_rows(Access::partial);
    leave();
  }

  void write_rows(Access access) {
    for (std::size_t i = 0; i < blocks_.parts.size(); ++i) {
      const RowBlock& block = blocks_.parts[i];
      const Allocation& code = access == Access::plain ? block.code : block.tail;
      if (selection_.parts[i].sweep)
        write_sweep_across(block, code, access);
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
    code_.add(code_.r15, frame_bytes_);
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

  // One column after the other; buffers of rows have the column step 0.
  void write_sweep_across(const RowBlock& block, const Allocation& code, Access access) {
    const std::uint32_t accumulators =
        static_cast<std::uint32_t>(schedule::partial_count(program_.graph.compute())) *
        machine_.vector_bytes();
    const auto column = code_.qword[code_.rbp - Assembler::kColumn];
    const auto columns = [&] {
      code_.mov(code_.r10, code_.ptr[code_.rbp - kCall]);
      code_.mov(code_.r10, code_.ptr[Assembler::at(code_.r10, static_cast<std::ptrdiff_t>(
                                                                  offsetof(RowCall, columns)))]);
    };
    Label loop;
    Label done;
    code_.mov(column, 0);
    code_.xor_(code_.edi, code_.edi);
    columns();
    code_.test(code_.r10, code_.r10);
    code_.jle(done, CodeGenerator::T_NEAR);
    if (access == Access::plain) preload(selection_, block);
    code_.align(32);
    code_.L(loop);
    write_vectors(code, access);
    code_.add(code_.edi, machine_.vector_bytes());
    code_.and_(code_.edi, accumulators - 1);
    for (std::size_t i = 0; i < operands_; ++i)
      code_.add(code_.pointers[i], code_.ptr[Assembler::at(code_.rsi, static_cast<int>(i * 8))]);
    code_.inc(column);
    columns();
    code_.cmp(code_.r10, column);
    code_.jg(loop, CodeGenerator::T_NEAR);
    code_.mov(code_.r10, code_.ptr[code_.rbp - kCall]);
    code_.mov(code_.r10, code_.ptr[Assembler::at(
                             code_.r10, static_cast<std::ptrdiff_t>(offsetof(RowCall, buffers)))]);
    for (std::size_t i = 0; i < operands_; ++i)
      code_.mov(code_.pointers[i], code_.ptr[Assembler::at(code_.r10, static_cast<int>(i * 8))]);
    code_.L(done);
  }

  // r10: the columns left. The accumulator of this vector is as far from the first as the vector is
  // from its round's first.
  void start_vector(std::uint32_t step) {
    code_.mov(code_.rdi, code_.rax);
    code_.and_(code_.edi, step - 1);
    code_.shl(code_.rdi, machine_.wide ? 3 : 2);
    mask_vector();
  }

  // As many lanes as r10 says, which may be more than there are.
  void mask_vector() {
    if (machine_.avx512) {
      code_.bzhi(
          code_.r10d,
          code_.ptr[Assembler::at(code_.r11, static_cast<int>(ones_) - Assembler::kPoolBias)],
          code_.r10d);
      code_.kmovw(code_.k7, code_.r10d);
    } else {
      code_.neg(code_.r10);
    }
  }

  // Between rows no value is alive but those pinned, in higher registers than the first.
  void next_row(const Label& row) {
    if (selection_.row_index_slot >= 0) next_row_index();
    for (std::size_t i = 0; i < operands_; ++i)
      if (!in_cells(i))
        code_.add(code_.pointers[i], code_.ptr[Assembler::at(code_.rsi, static_cast<int>(i * 8))]);
    code_.dec(code_.qword[code_.rbp - kRowsLeft]);
    code_.jnz(row, CodeGenerator::T_NEAR);
  }

  void leave() {
    code_.L(done_);
    code_.vzeroupper();
    for (std::size_t i = 0; i < saved_.size(); ++i)
      code_.mov(
          saved_[i],
          code_.ptr[Assembler::at(code_.rbp, -kEnd - 8 * static_cast<std::ptrdiff_t>(i + 1))]);
    code_.leave();
    code_.L(nothing_);
    code_.ret();
  }

  const schedule::RowProgram& program_;
  Machine machine_;
  const RowSelection& selection_;
  const RowBlocks& blocks_;
  RowCode* packed_;
  Pool& pool_bytes_;
  Assembler code_;
  std::size_t operands_ = 0;
  std::optional<Reg64> cells_;
  std::uint32_t ones_ = 0;
  std::uint32_t frame_bytes_ = 0;
  std::uint32_t vectors_ = 1;  // of rows across, at a time; each has a frame
  std::array<Reg64, 5> saved_{Reg64(Xbyak::Operand::RBX), Reg64(Xbyak::Operand::R12),
                              Reg64(Xbyak::Operand::R13), Reg64(Xbyak::Operand::R14),
                              Reg64(Xbyak::Operand::R15)};
  Label nothing_, done_, pool_;
};

}  // namespace

std::size_t row_pointers(const schedule::RowProgram& program, const RowSelection& selection) {
  const std::size_t operands = program.sources() + program.graph.outputs().size();
  const auto cells = static_cast<std::size_t>(
      std::count_if(program.cells.begin(), program.cells.end(),
                    [](std::int32_t cell) { return cell != schedule::RowProgram::kNoCell; }));
  return operands - cells + (cells == 0 ? 0 : 1) + selection.kept_in_workspace;
}

object::CodeObject write_row_kernel(const schedule::RowProgram& program, Machine machine,
                                    RowCode& rows, RowCode* packed) {
  object::CodeObject object;
  std::size_t instructions = 0;
  std::size_t constants = 0;
  for (const RowCode* code : {&std::as_const(rows), const_cast<const RowCode*>(packed)}) {
    if (code == nullptr) continue;
    instructions += code->blocks.once.code.size();
    constants += code->selection.selection.pool.bytes().size();
    for (const RowBlock& part : code->blocks.parts) {
      instructions += part.code.code.size() * round_vectors(program.graph.compute(), machine) +
                      part.tail.code.size();
      object.spills_in_loop += part.code.spills;
    }
  }
  object.bytes.resize(8192 + instructions * 40 + 2 * constants);
  RowKernel kernel(program, machine, rows, packed, object.bytes);
  object.code_size = kernel.write();
  object.workspace_bytes = rows.selection.kept_in_workspace * std::size_t{schedule::kBlockColumns} *
                           machine.lane_bytes();
  object.bytes.resize(kernel.size());
  object.bytes.shrink_to_fit();
  return object;
}

}  // namespace sluice::x64
