#include "compiler/backend/x64/row_writer.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace sluice::x64 {

using schedule::RowCall;
using Xbyak::CodeGenerator;

namespace {

bool passes_parameters(const schedule::RowProgram& program) {
  const std::span<const ir::GraphParam> params = program.graph.params();
  return std::any_of(params.begin(), params.end(),
                     [](const ir::GraphParam& param) { return !param.baked; });
}

// Of rows across r15 is the frame and rsi has the columns' steps; of rows along the call's address
// is needed in sweeps alone, and parameters' only where there are any.
std::vector<Xbyak::Reg64> pointer_registers(const schedule::RowProgram& program,
                                            const RowSelection& selection) {
  using Xbyak::Operand;
  std::vector<Xbyak::Reg64> registers;
  for (const int index :
       {Operand::R8, Operand::R9, Operand::RBX, Operand::R12, Operand::R13, Operand::R14})
    registers.emplace_back(index);
  if (!selection.across) {
    registers.emplace_back(Operand::R15);
    registers.emplace_back(Operand::RSI);
    if (selection.columns != 0) registers.emplace_back(Operand::RDI);
  }
  if (!passes_parameters(program)) registers.emplace_back(Operand::RDX);
  return registers;
}

}  // namespace

std::size_t most_row_pointers(const schedule::RowProgram& program, const RowSelection& selection) {
  return pointer_registers(program, selection).size();
}

RowWriter::RowWriter(const RowJob& job, std::vector<std::uint8_t>& buffer)
    : program_(job.program), machine_(job.machine), selection_(job.rows.selection),
      blocks_(job.rows.blocks), several_(job.several),
      pool_bytes_((several_ != nullptr ? *several_ : job.rows).selection.selection.pool),
      code_(job.machine, buffer) {
  const RowSelection& selection = selection_;
  code_.row_columns = selection.columns;
  code_.dtypes.assign(program_.input_dtypes.begin(),
                      program_.input_dtypes.begin() +
                          static_cast<std::ptrdiff_t>(program_.sources()));
  code_.dtypes.insert(code_.dtypes.end(), program_.output_dtypes.begin(),
                      program_.output_dtypes.end());
  operands_ = code_.dtypes.size();
  code_.has_columns.assign(operands_, true);
  for (std::size_t i = 0; i < program_.sources(); ++i)
    code_.has_columns[i] = program_.graph.inputs()[i].type.extent == ir::Extent::element;
  for (std::size_t i = 0; i < program_.graph.outputs().size(); ++i)
    if (program_.is_row_output(i)) code_.has_columns[program_.output_buffer(i)] = false;
  code_.dtypes.resize(operands_ + selection.kept_in_workspace,
                      machine_.wide ? Dtype::f64 : Dtype::f32);
}

std::size_t RowWriter::append_pool() {
  const std::size_t code_size = code_.getSize();
  while (code_.getSize() % 64 != 0) code_.int3();
  code_.L(pool_);
  const std::vector<std::uint8_t>& bytes = pool_bytes_.bytes();
  code_.db(bytes.data(), bytes.size());
  return code_size;
}

void RowWriter::lay_out_pool() {
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

void RowWriter::enter() {
  code_.mov(code_.r10, field(offsetof(RowCall, rows)));
  code_.test(code_.r10, code_.r10);
  code_.jle(nothing_, CodeGenerator::T_NEAR);
  code_.link_frame();
  code_.keep(code_.r10);
  code_.keep(code_.rdi);
  for (int below = kCall; below < kLastKept; below += 8) code_.keep(code_.rax);
  code_.save(saved_);
  reserve_frame();
  code_.lea(code_.r11, code_.ptr[code_.rip + pool_ + Assembler::kPoolBias]);
  if (selection_.across) code_.mov(code_.rsi, field(offsetof(RowCall, column_steps)));
  if (passes_parameters(program_)) code_.mov(code_.rdx, field(offsetof(RowCall, params)));
  if (exact())
    code_.mov(code_.rcx, static_cast<std::uint64_t>(code_.row_columns));
  else
    code_.mov(code_.rcx, selection_.across ? field(offsetof(RowCall, rows))
                                           : field(offsetof(RowCall, columns)));
  code_.mov(code_.r10, field(offsetof(RowCall, buffers)));
  choose_pointers();
  const auto load_pointers = [&](bool of_call) {
    for (std::size_t i = 0; i < operands_; ++i)
      if (!in_cells(i) && (code_.pointers[i] == code_.rdi) == of_call)
        code_.mov(code_.pointers[i], code_.ptr[Assembler::at(code_.r10, static_cast<int>(i * 8))]);
  };
  load_pointers(false);
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
  if (several_ != nullptr) code_.write(several_->blocks.once.code, Access::plain);
  // The call's own register comes last.
  load_field(code_.r10, offsetof(RowCall, buffers));
  load_pointers(true);
  if (!code_.row_steps.empty()) load_field(code_.r10, offsetof(RowCall, row_steps));
  for (std::size_t i = 0; i < code_.row_steps.size(); ++i)
    code_.mov(code_.row_steps[i], code_.ptr[Assembler::at(code_.r10, static_cast<int>(i * 8))]);
}

void RowWriter::choose_pointers() {
  const std::vector<Reg64> registers = pointer_registers(program_, selection_);
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
  for (std::size_t i = 0; i < operands_ && side_by_side(); ++i)
    code_.row_steps.push_back(registers[next++]);
  const bool fours = std::any_of(blocks_.parts.begin(), blocks_.parts.end(),
                                 [](const RowBlock& part) { return !part.fours.code.empty(); });
  for (int i = 1; i < kColumnsAtOnce && fours; ++i) column_offsets_.push_back(registers[next++]);
}

void RowWriter::enter_frame(std::uint32_t v) {
  if (selection_.across) {
    code_.frame = code_.r15;
    code_.lea(code_.r15, code_.ptr[code_.rsp + v * machine_.vector_bytes()]);
  }
  if (selection_.row_index_slot >= 0)
    start_slot(selection_.row_index_slot, field(offsetof(RowCall, row_index)));
  if (selection_.width_slot >= 0)
    start_slot(selection_.width_slot, field(offsetof(RowCall, columns)));
  code_.write(blocks_.once.code, Access::plain);
  if (selection_.across) code_.mov(code_.r15, code_.rsp);
}

void RowWriter::start_slot(std::int32_t place, const Xbyak::Address& from) {
  const Xbyak::Ymm vector = first_vector();
  machine_.wide ? code_.vpbroadcastq(vector, from) : code_.vpbroadcastd(vector, from);
  code_.vmovups(frame(place), vector);
}

void RowWriter::next_row_index() {
  const Xbyak::Ymm vector = first_vector();
  const Xbyak::Address index = frame(selection_.row_index_slot);
  code_.mov(code_.r10, code_.ptr[code_.rbp - kCall]);
  const auto step = code_.ptr[Assembler::at(
      code_.r10, static_cast<std::ptrdiff_t>(offsetof(RowCall, row_index_step)))];
  machine_.wide ? code_.vpbroadcastq(vector, step) : code_.vpbroadcastd(vector, step);
  machine_.wide ? code_.vpaddq(vector, vector, index) : code_.vpaddd(vector, vector, index);
  code_.vmovups(index, vector);
}

void RowWriter::reserve_frame() {
  std::uint32_t slots = std::max(selection_.selection.uniform_slots, blocks_.once.slots_end);
  for (const RowBlock& part : blocks_.parts)
    slots = std::max({slots, part.code.slots_end, part.fours.slots_end, part.tail.slots_end,
                      part.closed.slots_end, part.closed_tail.slots_end});
  if (several_ != nullptr)
    slots =
        std::max({slots, several_->selection.selection.uniform_slots,
                  several_->blocks.once.slots_end, several_->blocks.parts.front().code.slots_end});
  if (slots == 0) return;
  // Neighbouring vectors of rows across, as many as find room in the first-level cache: what is
  // read of a column then is more than one line, and what is done for each column once counts less.
  constexpr std::uint32_t kFrame = 32 * 1024;
  if (selection_.across)
    vectors_ = std::bit_floor(
        std::clamp<std::uint32_t>(kFrame / (slots * machine_.vector_bytes()), 1, kMostVectors));
  code_.slot_bytes = vectors_ * machine_.vector_bytes();
  code_.reserve_frame(slots * code_.slot_bytes);
}

void RowWriter::combine(const RowTree& tree, const Xbyak::Ymm& sum, const Xbyak::Operand& value) {
  if (tree.kind == Accumulation::product)
    machine_.wide ? code_.vmulpd(sum, sum, value) : code_.vmulps(sum, sum, value);
  else
    machine_.wide ? code_.vaddpd(sum, sum, value) : code_.vaddps(sum, sum, value);
}

void RowWriter::mask_vector() {
  if (machine_.avx512) {
    code_.bzhi(code_.r10d,
               code_.ptr[Assembler::at(code_.r11, static_cast<int>(ones_) - Assembler::kPoolBias)],
               code_.r10d);
    code_.kmovw(code_.k7, code_.r10d);
  } else {
    code_.neg(code_.r10);
  }
}

void RowWriter::leave() {
  code_.L(done_);
  code_.vzeroupper();
  code_.leave_frame(nothing_);
}

}  // namespace sluice::x64
