// The allocator's state, for the two files that its work is in: registers, memory and arms
// (allocate.cpp), and instructions of each form (allocate_place.cpp).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compiler/backend/x64/allocate.hpp"
#include "compiler/backend/x64/next_uses.hpp"

namespace sluice::x64 {

class Allocator {
 public:
  Allocator(const Block& block, std::span<const Invariant> invariants, Machine machine,
            const AllocationOptions& options)
      : block_(block), invariants_(invariants), machine_(machine), options_(options),
        copies_(static_cast<std::uint32_t>(options.copies)),
        by_divider_(block, invariants.size(), Way::divider),
        by_sequence_(options.sequences == 0 ? Block{} : block, invariants.size(), Way::sequence),
        things_(block.values.size() * copies_ + invariants.size()), next_(copies_, 0) {
    for (std::size_t v = 0; v < block.values.size() * copies_; ++v) {
      things_[v].bank = block.values[v / copies_].bank;
      things_[v].home = block.values[v / copies_].home;
      things_[v].narrow = block.values[v / copies_].narrow;
      things_[v].vector = block.values[v / copies_].vector;
      things_[v].partial = block.values[v / copies_].partial;
      things_[v].shelter = block.values[v / copies_].shelter;
      things_[v].shelter_from = block.values[v / copies_].shelter_from;
    }
    bank(Bank::vector).free = static_cast<std::uint32_t>(
        (std::uint64_t{1} << (machine.vector_registers() - options.reserved)) - 1);
    // k0 can't be a mask; the last one holds the lanes of a partial vector.
    bank(Bank::mask).free = options.partial || options.last_mask ? 0x7e : 0xfe;
    for (std::size_t i = 0; i < invariants.size(); ++i) {
      Thing& thing = things_[first_invariant() + i];
      thing.bank = invariants[i].bank;
      if (options.pinned.empty() || options.pinned[i] == Placed::kNone) continue;
      thing.reg = options.pinned[i];
      thing.pinned = true;
      bank(thing.bank).free &= ~bit(thing.reg);
    }
    result_.free.vectors = std::popcount(bank(Bank::vector).free);
    result_.free.masks = std::popcount(bank(Bank::mask).free);
    result_.slots_end = options.first_slot;
    result_.code.reserve(block.code.size() * copies_ * 2 + 16);
  }

  Allocation run();

 private:
  // A value of one copy, or an invariant.
  struct Thing {
    std::int8_t reg = Placed::kNone;
    bool pinned = false;
    Bank bank = Bank::vector;
    std::int32_t slot = -1;
    std::int32_t home = Value::kNoHome;
    bool narrow = false;
    std::uint8_t vector = 0;
    bool partial = false;
    std::int32_t shelter = Value::kNoHome;
    std::uint32_t shelter_from = 0;
    bool before_arm = false;  // in its register since before the jump
    std::uint32_t next = kNever;
  };
  struct Spilled {
    std::uint32_t thing;
    std::int8_t reg;
  };
  struct Registers {
    std::uint32_t free = 0;
    std::uint32_t locked = 0;  // operands of the instruction at hand
    std::uint32_t cached = 0;  // hold invariants that are not pinned
    std::array<std::uint32_t, 32> owners{};

    [[nodiscard]] std::uint32_t& owner(std::int8_t reg) {
      return owners[static_cast<std::uint8_t>(reg)];
    }
  };

  [[nodiscard]] const NextUses& uses() const {
    return copy_ < static_cast<std::uint32_t>(options_.sequences) ? by_sequence_ : by_divider_;
  }

  // Begins the arm of the i-th instruction, in all copies. What is in registers where it ends must
  // be there whether it was done or not: what it loads is forgotten then, what it spills put back,
  // and where its lanes alone are computed that has to be in place of what they are merged into.
  void jump(std::size_t i);
  void land();
  void put_back(const Spilled& spilled);

  // Whether lanes outside of the instruction's arm need its result.
  [[nodiscard]] static bool in_place(const Instruction& instruction) {
    return instruction.merge && instruction.arm && instruction.mask == instruction.arm;
  }

  static std::uint32_t bit(std::int8_t reg) { return std::uint32_t{1} << reg; }
  Registers& bank(Bank which) { return banks_[static_cast<std::size_t>(which)]; }
  [[nodiscard]] std::uint32_t first_invariant() const {
    return static_cast<std::uint32_t>(block_.values.size()) * copies_;
  }
  [[nodiscard]] std::uint32_t thing_of(Ref ref) const {
    return ref.is_value() ? ref.index() * copies_ + copy_ : first_invariant() + ref.index();
  }
  [[nodiscard]] bool is_invariant(std::uint32_t thing) const { return thing >= first_invariant(); }
  [[nodiscard]] bool in_register(Ref ref) const { return things_[thing_of(ref)].reg >= 0; }

  [[nodiscard]] std::uint32_t stage_begin(std::size_t stage) const {
    if (stage == 0) return 0;
    return stage > block_.stages.size() ? static_cast<std::uint32_t>(block_.code.size())
                                        : block_.stages[stage - 1];
  }

  // When the i-th instruction is placed for this copy, on a scale that all copies have in common.
  [[nodiscard]] std::uint32_t time(std::uint32_t i) const;

  // The next use of an operand once this instruction is done; another copy of it may still come.
  [[nodiscard]] std::uint32_t next_use(Ref ref, std::size_t i, std::size_t role) const {
    if (ref.is_invariant() && copy_ + 1 < copies_) return static_cast<std::uint32_t>(i);
    return uses().after(i, role);
  }
  [[nodiscard]] bool dies(Ref ref, std::size_t i, std::size_t role) const {
    return ref.is_value() && uses().after(i, role) == kNever;
  }

  // Of this copy.
  [[nodiscard]] Memory in_buffer(std::uint32_t buffer, std::uint32_t vector, bool partial) const;
  [[nodiscard]] Memory memory_of(Ref ref) const;
  // Whether an instruction may take this operand from memory.
  [[nodiscard]] bool foldable(Ref ref) const;

  std::int8_t take(Bank which) {
    Registers& registers = bank(which);
    if (registers.free == 0) evict(which);
    const auto reg = static_cast<std::int8_t>(std::countr_zero(registers.free));
    registers.free &= ~bit(reg);
    return reg;
  }

  void give_back(Thing& thing) {
    if (thing.reg < 0 || thing.pinned) return;
    Registers& registers = bank(thing.bank);
    registers.free |= bit(thing.reg);
    registers.cached &= ~bit(thing.reg);
    thing.reg = Placed::kNone;
  }

  void own(std::uint32_t index, std::int8_t reg) {
    Thing& thing = things_[index];
    thing.reg = reg;
    Registers& registers = bank(thing.bank);
    registers.owner(reg) = index;
    registers.locked |= bit(reg);
    if (is_invariant(index)) registers.cached |= bit(reg);
  }

  // What is in memory anyway goes first, since it costs no store; among equals what is used last.
  void evict(Bank which);
  void put_away(std::uint32_t index);

  std::uint32_t take_slot() {
    if (free_slots_.empty()) return result_.slots_end++;
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  void load(Ref ref, std::int8_t reg);
  std::int8_t fetch(Ref ref);
  // A register, or kMemory and the operand in `memory`: where it is used for the last time, where
  // loading it would cost another value its register, and for invariants, which are not pinned
  // because there was no room.
  std::int8_t operand(Ref ref, std::size_t i, std::size_t role, Memory& memory);

  // Records that the operands have been read: registers and slots of what is not needed again are
  // free.
  void finish(const Instruction& instruction, std::size_t i);
  void define(const Instruction& instruction, std::size_t i, std::int8_t reg);

  // Asked for only of the allocation from which pins are chosen.
  void note_pressure();

  [[nodiscard]] Placed start(const Instruction& instruction) const;
  void place(const Instruction& instruction, std::size_t i);
  void place_store(const Instruction& instruction, std::size_t i);
  // Into a register of its own, or into memory, by another register and, of a partial vector on
  // AVX2, one more for the mask; where integers of 64 bits are compared, by one more too.
  void place_accumulate(const Instruction& instruction, std::size_t i);
  void place_general(const Instruction& instruction, std::size_t i);

  // For a commutative instruction whose second source may be memory.
  [[nodiscard]] bool better_swapped(Ref first, Ref second) const;

  // The register an instruction writes. Where it must not be a source's, it is taken before theirs
  // are given back.
  std::int8_t destination(const Instruction& instruction, std::size_t i, const Placed& placed);

  // The register of `ref` where it is not needed any more, else a copy.
  std::int8_t takes_place_of(Ref ref, std::size_t i, std::size_t role,
                             const Instruction& instruction);
  void zero(std::int8_t reg);

  // dst takes the place of one source (132: src0, 231: src2, 213: src0 with src1 in the register
  // slot); one of the others may be memory. Best is a source in a register that dies; else one that
  // has to be loaded anyway; else a copy.
  void place_fma(const Instruction& instruction, std::size_t i);
  std::int8_t load_into_place(Ref ref, const Instruction& instruction, std::size_t i);

  const Block& block_;
  std::span<const Invariant> invariants_;
  Machine machine_;
  const AllocationOptions& options_;
  std::uint32_t copies_;
  std::uint32_t copy_ = 0;
  NextUses by_divider_;
  NextUses by_sequence_;
  Ref arm_;                            // that a jump passes over
  std::vector<std::uint32_t> loaded_;  // in it
  std::vector<Spilled> spilled_;       // likewise, from where they have to be again
  std::vector<Thing> things_;
  std::vector<std::uint32_t> next_;  // by copy: the instruction that is placed now, or next
  std::array<Registers, 2> banks_{};
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> dead_slots_;  // free once the instruction at hand has read them
  Allocation result_;
};

}  // namespace sluice::x64
