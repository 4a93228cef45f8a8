// Register allocation for one block: values become registers, slots of the frame, or memory
// operands.
//
// The block is straight-line code, so the next use of everything is known: what is used furthest in
// the future gives up its register (Belady's rule). Several copies of the block, for several
// vectors of elements, are interleaved instruction by instruction, which gives the processor
// independent work next to each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compiler/backend/x64/code.hpp"
#include "compiler/backend/x64/machine.hpp"

namespace sluice::x64 {

// Where an operand in memory lies.
struct Memory {
  enum class Kind : std::uint8_t {
    none,
    element,    // of the pool, at `place`: repeated in every lane
    vector,     // of the pool: a register's worth
    parameter,  // slot `place` of the parameters
    slot,       // of the frame, a register's worth or a mask
    buffer,     // elements of buffer `place`, `copy` vectors on
  };
  Kind kind = Kind::none;
  std::uint8_t copy = 0;
  bool partial = false;  // the row's last vector, which is not a whole one
  std::uint32_t place = 0;
  std::uint8_t row = 0;  // of rows side by side
};

// An instruction with its registers. A source of kMemory is the operand `memory`.
struct Placed {
  static constexpr std::int8_t kNone = -1;
  static constexpr std::int8_t kMemory = -2;

  Opcode opcode = Opcode::move;
  std::uint8_t imm = 0;
  std::int8_t dst = kNone;
  std::array<std::int8_t, 3> src{kNone, kNone, kNone};
  std::int8_t mask = kNone;
  std::int8_t scratch = kNone;  // a vector register that a store may overwrite
  std::int8_t form = 0;         // fma: which source dst stands for
  bool zeroing = false;
  bool one_lane = false;     // in the first lane, and from there in all
  bool ordered = false;      // accumulate: as a tree says (row_select.hpp)
  Bank bank = Bank::vector;  // load and spill: of what
  Memory memory;  // also: where a load, a spill, a keep or a store goes, and a gather's table
  std::uint32_t node = Instruction::kNoValue;
};

struct AllocationOptions {
  int copies = 1;
  bool rows = false;       // copies are rows, not vectors next to each other
  bool columns = false;    // copies are columns of rows across
  bool by_stages = false;  // copies take turns by the block's stages, not by instructions
  int sequences = 0;     // the first so many copies go by Way::sequence, the others by Way::divider
  bool jumps = false;    // over arms; up to three copies. Else they are always done
  bool partial = false;  // the vector reaches past the buffers' end: loads and stores under a mask
  // The last vector registers, for accumulators: one a reduction and copy, of columns two a
  // reduction.
  int reserved = 0;
  std::uint32_t first_accumulator = 0;  // slot of the frame, of the first reduction's first vector
  bool last_mask = false;               // the mask of a partial vector is in use throughout
  std::uint32_t first_slot = 0;         // of the frame, for spilled values
  std::span<const std::int8_t>
      pinned;  // by invariant: the register that holds it throughout, or Placed::kNone
};

// Registers that a block leaves over.
struct Room {
  int vectors = 0;
  int masks = 0;
};

struct Allocation {
  std::vector<Placed> code;
  std::uint32_t slots_end = 0;  // one past the last slot used
  // Outside of arms: stores of values, and reloads of invariants that no instruction takes from
  // memory.
  std::uint32_t spills = 0;
  bool broken = false;  // what a jump passes over leaves something that is needed: not to be used
  Room free;            // what nothing needed anywhere in the block; told where nothing is pinned
};

[[nodiscard]] Allocation allocate(const Block& block, std::span<const Invariant> invariants,
                                  Machine machine, const AllocationOptions& options);

// A register for each of the invariants of most use, as long as there is room: taken from the top.
struct Pins {
  std::vector<std::int8_t> registers;  // by invariant, or Placed::kNone
  bool complete = true;                // none that the block uses was left out
};
// The last registers of a bank, which are not to be pinned.
struct Reserved {
  int vectors = 0;
  int masks = 0;
};

// The loads that put pinned invariants there.
[[nodiscard]] std::vector<Placed> preload_of(std::span<const Invariant> invariants,
                                             std::span<const std::int8_t> pinned);
[[nodiscard]] Pins pin(const Block& block, std::span<const Invariant> invariants, Machine machine,
                       Room room, Reserved reserved = {});

}  // namespace sluice::x64
