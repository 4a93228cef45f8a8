// The back end's steps: selection, allocation with as many vectors in flight as registers allow,
// and assembly. xbyak throws; nothing of that leaves this file.
#include "compiler/backend/x64/emit.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "compiler/backend/x64/byte_map.hpp"
#include "compiler/backend/x64/kernel.hpp"
#include "compiler/backend/x64/row_kernel.hpp"
#include "compiler/backend/x64/shares.hpp"

namespace sluice::x64 {
namespace {

// What `copies` of a block leave over, if one leaves `free`: they can't need more than each by
// itself.
Room room_beside(Room free, Machine machine, int copies) {
  const int vectors = machine.vector_registers();
  const int masks = kMaskRegisters - 1;
  return {vectors - copies * (vectors - free.vectors), masks - copies * (masks - free.masks)};
}

// The loop for a number of copies. Where one copy's needs tell that all invariants have room they
// are pinned at once; else the copies are allocated without pins to see what they leave over.
void allocate_loop(const Selection& selection, Machine machine, Blocks& blocks, int sequences,
                   bool jumps) {
  const Block& body = blocks.pairs ? selection.pairs : selection.body;
  AllocationOptions options;
  options.copies = blocks.copies;
  options.sequences = sequences;
  options.jumps = jumps;
  options.first_slot = selection.uniform_slots;
  const auto allocate_with = [&](std::vector<std::int8_t> pinned) {
    options.pinned = pinned;
    blocks.loop = allocate(body, selection.invariants, machine, options);
    blocks.pinned = std::move(pinned);
    return blocks.loop.spills == 0 && !blocks.loop.broken;
  };
  const auto pins_for = [&](Room room) { return pin(body, selection.invariants, machine, room); };
  if (!blocks.pairs) {
    Pins all = pins_for(room_beside(blocks.tail.free, machine, blocks.copies));
    if (all.complete && allocate_with(std::move(all.registers))) return;
  }
  if (!allocate_with({})) return;
  Allocation unpinned = std::move(blocks.loop);
  if (allocate_with(pins_for(unpinned.free).registers)) return;
  blocks.pinned.clear();
  blocks.loop = std::move(unpinned);
}

// Whether pairs of vectors go without spills, as many at a time as do.
bool allocate_pairs(const Selection& selection, Machine machine, Blocks& blocks) {
  if (selection.pairs.code.empty()) return false;
  blocks.pairs = true;
  for (blocks.copies = share(selection.pairs).copies; blocks.copies > 0; --blocks.copies) {
    allocate_loop(selection, machine, blocks, 0, false);
    if (blocks.loop.spills == 0) return true;
  }
  blocks.pairs = false;
  return false;
}

// The tail, which may be short and hold anything in the lanes that are left over, goes by the
// divider.
Blocks allocate_blocks(Selection& selection, Machine machine) {
  Blocks blocks;
  AllocationOptions options;
  options.first_slot = selection.uniform_slots;
  blocks.once = allocate(selection.once, selection.invariants, machine, options);
  options.partial = true;
  options.jumps = true;
  blocks.tail = allocate(selection.body, selection.invariants, machine, options);
  if (blocks.tail.broken) {
    options.jumps = false;
    blocks.tail = allocate(selection.body, selection.invariants, machine, options);
  }
  if (allocate_pairs(selection, machine, blocks)) return blocks;
  for (Shares shares = share(selection.body);; shares = share(selection.body, shares.copies - 1)) {
    if (shares.sequences == 0) drop_sequences(selection.body);
    blocks.copies = shares.copies;
    allocate_loop(selection, machine, blocks, shares.sequences, true);
    if (blocks.loop.spills == 0 && !blocks.loop.broken) return blocks;
    if (blocks.copies == 1) break;
  }
  if (blocks.loop.broken) allocate_loop(selection, machine, blocks, 0, false);
  return blocks;
}

AllocationOptions options_of(const RowSelection& rows, const RowPart& part) {
  AllocationOptions options;
  options.first_slot = rows.selection.uniform_slots;
  options.last_mask = true;
  options.first_accumulator = part.accumulators;
  return options;
}

std::size_t accesses(const Allocation& allocation) {
  return static_cast<std::size_t>(
      std::count_if(allocation.code.begin(), allocation.code.end(),
                    [](const Placed& placed) { return placed.memory.kind != Memory::Kind::none; }));
}

// Pins invariants unless that costs more than it spares: of a sweep what has room in `block.code`,
// but for the registers in which its vectors are merged, at no spill; of a row in registers all but
// a few registers' worth, for a constant is read with every vector, a value that gives its register
// up once more. The last mask is the last vector's.
void pin_invariants(RowBlock& block, const RowSelection& rows, const RowPart& part, Machine machine,
                    AllocationOptions options) {
  constexpr int kMerged = 8;
  constexpr int kLeast = 12;  // registers for values
  const std::vector<Invariant>& invariants = rows.selection.invariants;
  Room room = block.code.free;
  if (part.has_tree())
    room.vectors = std::min(room.vectors, machine.vector_registers() - options.reserved - kMerged);
  if (!part.sweep) room.vectors = std::max(room.vectors, machine.vector_registers() - kLeast);
  Pins pins = pin(part.block, invariants, machine, room, {options.reserved, 1});
  options.pinned = pins.registers;
  Allocation pinned = allocate(part.block, invariants, machine, options);
  if (part.sweep ? pinned.spills > block.code.spills : accesses(pinned) > accesses(block.code))
    return;
  block.code = std::move(pinned);
  block.pinned = std::move(pins.registers);
}

// A straight part; of a row in registers its pins hold for all rows.
RowBlock allocate_straight(const RowSelection& rows, const RowPart& part, Machine machine) {
  const Selection& selection = rows.selection;
  AllocationOptions options = options_of(rows, part);
  RowBlock block;
  block.code = allocate(part.block, selection.invariants, machine, options);
  if (rows.columns == 0) return block;
  pin_invariants(block, rows, part, machine, options);
  return block;
}

// As many vectors of a round at a time as registers allow; where that is all of them, accumulators
// have registers too.
RowBlock allocate_sweep(const RowSelection& rows, const RowPart& part, Machine machine, int round) {
  constexpr int kMostReserved = 8;
  const Selection& selection = rows.selection;
  AllocationOptions options = options_of(rows, part);
  RowBlock block;
  options.partial = true;
  block.tail = allocate(part.block, selection.invariants, machine, options);
  block.closed_tail = allocate(part.closed, selection.invariants, machine, options);
  options.partial = false;
  block.closed = allocate(part.closed, selection.invariants, machine, options);
  for (block.copies = round;; block.copies /= 2) {
    const int reserved = static_cast<int>(part.reductions) * block.copies;
    options.copies = block.copies;
    options.reserved = block.copies == round && reserved <= kMostReserved ? reserved : 0;
    block.reserved = options.reserved;
    options.pinned = {};
    block.code = allocate(part.block, selection.invariants, machine, options);
    if (block.code.spills == 0 || block.copies == 1) break;
  }
  pin_invariants(block, rows, part, machine, options);
  return block;
}

// Of rows across: a whole vector of them, and what is left of one. Of four columns of a vector as
// many at a time as registers allow.
RowBlock allocate_across(const schedule::RowProgram& program, const RowSelection& rows,
                         const RowPart& part, Machine machine) {
  constexpr std::uint32_t kMostReductions = 4;
  const std::vector<Invariant>& invariants = rows.selection.invariants;
  AllocationOptions options = options_of(rows, part);
  RowBlock block;
  options.partial = true;
  block.tail = allocate(part.block, invariants, machine, options);
  options.partial = false;
  if (part.sweep && part.reductions <= kMostReductions && can_have_fours(program, rows, part)) {
    AllocationOptions columns = options;
    columns.columns = true;
    columns.reserved = 2 * static_cast<int>(part.reductions);
    for (columns.copies = kColumnsAtOnce;; columns.copies /= 2) {
      block.code = allocate(part.block, invariants, machine, columns);
      if (block.code.spills == 0 || columns.copies == 1) break;
    }
    block.copies = columns.copies;
    pin_invariants(block, rows, part, machine, columns);
    block.fours = std::move(block.code);
    options.pinned = block.pinned;
  }
  block.code = allocate(part.block, invariants, machine, options);
  if (part.sweep && block.fours.code.empty()) pin_invariants(block, rows, part, machine, options);
  return block;
}

// Several rows at once, for what is one for a row is a long chain of few instructions: as many as
// have their values in registers, instruction by instruction; else two of them, phase by phase, and
// so where rows are longer than a few vectors, for whose addresses the cache has too few ways.
std::optional<RowCode> allocate_several(const schedule::RowProgram& program, const RowCode& one,
                                        Machine machine) {
  constexpr std::int64_t kMostInterleaved = 8;
  const RowSelection& rows = one.selection;
  if (!can_have_several(program, machine, rows)) return std::nullopt;
  const RowPart& part = rows.parts.front();
  const std::uint32_t spills = one.blocks.parts.front().code.spills;
  AllocationOptions options = options_of(rows, part);
  options.rows = true;
  RowBlock block;
  options.copies =
      rows.columns <= kMostInterleaved * std::int64_t{machine.lanes()} ? kMostRowsAtOnce : 1;
  for (; options.copies > 1; --options.copies) {
    block.code = allocate(part.block, rows.selection.invariants, machine, options);
    if (block.code.spills <= spills) break;
  }
  if (options.copies == 1) {
    options.copies = 2;
    options.by_stages = true;
    block.code = allocate(part.block, rows.selection.invariants, machine, options);
  }
  pin_invariants(block, rows, part, machine, options);
  RowCode several{rows, {}};
  several.selection.rows = static_cast<std::uint32_t>(options.copies);
  several.blocks.parts.push_back(std::move(block));
  return several;
}

RowBlocks allocate_rows(const schedule::RowProgram& program, const RowSelection& rows,
                        Machine machine, int round) {
  RowBlocks blocks;
  blocks.once =
      allocate(rows.selection.once, rows.selection.invariants, machine, options_of(rows, {}));
  for (const RowPart& part : rows.parts)
    blocks.parts.push_back(rows.across  ? allocate_across(program, rows, part, machine)
                           : part.sweep ? allocate_sweep(rows, part, machine, round)
                                        : allocate_straight(rows, part, machine));
  return blocks;
}

// What `write` gives, for a target that there is code for; xbyak's exceptions as errors. Memory
// that can't be had is none: it is no reason to go on to a rung which takes more of it.
template <typename Write>
Result<object::CodeObject> guarded(const Target& target, const Write& write) {
  if (target.level == Level::interpreter)
    return Error{Status::invalid_argument, "the x64 back end makes no code for the interpreter"};
  try {
    return write();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& exception) {
    return Error{Status::limit_exceeded,
                 std::string("the x64 back end gave up: ") + exception.what()};
  }
}

}  // namespace

Result<object::CodeObject> emit(const schedule::ElementProgram& program, const Target& target,
                                EmitOptions options) {
  return guarded(target, [&]() -> Result<object::CodeObject> {
    const Machine machine{target.level == Level::x86_64_v4,
                          program.graph.compute() == ir::Elem::f64};
    Result<Selection> selection = select(program, machine);
    if (!selection) return selection.error();
    const Blocks blocks = allocate_blocks(*selection, machine);
    return write_kernel(program, machine, *selection, blocks, options.annotate);
  });
}

Result<object::CodeObject> emit(const schedule::RowProgram& program, const RowForm& form,
                                const Target& target) {
  return guarded(target, [&]() -> Result<object::CodeObject> {
    const Machine machine{target.level == Level::x86_64_v4,
                          program.graph.compute() == ir::Elem::f64};
    Result<RowSelection> rows = form.across ? select_rows_across(program, machine)
                                            : select_rows(program, machine, form.columns);
    if (!rows) return rows.error();
    if (row_pointers(program, *rows) > most_row_pointers(program, *rows))
      return Error{Status::unsupported, "a row kernel has more buffers than registers for them"};
    const auto round = static_cast<int>(round_vectors(program.graph.compute(), machine));
    RowCode code{std::move(rows).value(), {}};
    code.blocks = allocate_rows(program, code.selection, machine, round);
    if (form.across || form.columns == 0) return write_row_kernel(program, machine, code, nullptr);
    if (rows_to_vector(program, machine, form.columns) == 1) {
      std::optional<RowCode> several = allocate_several(program, code, machine);
      return write_row_kernel(program, machine, code, several ? &*several : nullptr);
    }
    Result<RowSelection> several = select_packed_rows(program, machine, code.selection);
    if (!several) return several.error();
    RowCode packed{std::move(several).value(), {}};
    packed.blocks = allocate_rows(program, packed.selection, machine, round);
    return write_row_kernel(program, machine, code, &packed);
  });
}

Result<object::CodeObject> emit(const schedule::ByteMap& map, const Target& target) {
  return guarded(target,
                 [&]() -> Result<object::CodeObject> { return write_byte_map(map, target); });
}

}  // namespace sluice::x64
