// The back end's steps: selection, allocation with as many vectors in flight as registers allow,
// and assembly. xbyak throws; nothing of that leaves this file.
#include "compiler/backend/x64/emit.hpp"

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "compiler/backend/x64/kernel.hpp"

namespace sluice::x64 {
namespace {

// Vectors of elements in one round of the loop. Two give a processor that reorders instructions as
// much to do as it can take, and a loop's overhead is small beside them; only bodies of a few
// instructions gain from more (bench/). Fewer where two would spill.
int most_copies(std::size_t instructions) { return instructions <= 6 ? 4 : 2; }

// What `copies` of a block leave over, if one leaves `free`: they can't need more than each by
// itself.
Room room_beside(Room free, Machine machine, int copies) {
  const int vectors = machine.vector_registers();
  const int masks = kMaskRegisters - 1;
  return {vectors - copies * (vectors - free.vectors), masks - copies * (masks - free.masks)};
}

// The loop for a number of copies. Where one copy's needs tell that all invariants have room they
// are pinned at once; else the copies are allocated without pins to see what they leave over.
void allocate_loop(const Selection& selection, Machine machine, Blocks& blocks) {
  AllocationOptions options;
  options.copies = blocks.copies;
  options.first_slot = selection.uniform_slots;
  const auto allocate_with = [&](std::vector<std::int8_t> pinned) {
    options.pinned = pinned;
    blocks.loop = allocate(selection.body, selection.invariants, machine, options);
    blocks.pinned = std::move(pinned);
    return blocks.loop.spills == 0;
  };
  const auto pins_for = [&](Room room) {
    return pin(selection.body, selection.invariants, machine, room);
  };
  Pins all = pins_for(room_beside(blocks.tail.free, machine, blocks.copies));
  if (all.complete && allocate_with(std::move(all.registers))) return;
  if (!allocate_with({})) return;
  Allocation unpinned = std::move(blocks.loop);
  if (allocate_with(pins_for(unpinned.free).registers)) return;
  blocks.pinned.clear();
  blocks.loop = std::move(unpinned);
}

Blocks allocate_blocks(const Selection& selection, Machine machine) {
  Blocks blocks;
  AllocationOptions options;
  options.first_slot = selection.uniform_slots;
  blocks.once = allocate(selection.once, selection.invariants, machine, options);
  options.partial = true;
  blocks.tail = allocate(selection.body, selection.invariants, machine, options);
  blocks.copies = most_copies(selection.body.code.size());
  for (;; --blocks.copies) {
    allocate_loop(selection, machine, blocks);
    if (blocks.loop.spills == 0 || blocks.copies == 1) return blocks;
  }
}

Error failure(const std::exception& exception) {
  return {Status::limit_exceeded, std::string("the x64 back end gave up: ") + exception.what()};
}

}  // namespace

Result<object::CodeObject> emit(const schedule::ElementProgram& program, const Target& target,
                                EmitOptions options) {
  if (target.level == Level::interpreter)
    return Error{Status::invalid_argument, "the x64 back end makes no code for the interpreter"};
  const Machine machine{target.level == Level::x86_64_v4, program.graph.compute() == ir::Elem::f64};
  try {
    Result<Selection> selection = select(program, machine);
    if (!selection) return selection.error();
    const Blocks blocks = allocate_blocks(*selection, machine);
    return write_kernel(program, machine, *selection, blocks, options.annotate);
  } catch (const std::bad_alloc&) {
    return Error{Status::out_of_memory, "out of memory while emitting x64 code"};
  } catch (const std::exception& exception) {
    return failure(exception);
  }
}

}  // namespace sluice::x64
