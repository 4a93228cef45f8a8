#include "compiler/backend/x64/allocate.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <utility>

#include "compiler/backend/x64/next_uses.hpp"

namespace sluice::x64 {
namespace {

class Allocator {
 public:
  Allocator(const Block& block, std::span<const Invariant> invariants, Machine machine,
            const AllocationOptions& options)
      : block_(block), invariants_(invariants), machine_(machine), options_(options),
        copies_(static_cast<std::uint32_t>(options.copies)),
        by_divider_(block, invariants.size(), Way::divider),
        by_sequence_(options.sequences == 0 ? Block{} : block, invariants.size(), Way::sequence),
        things_(block.values.size() * copies_ + invariants.size()) {
    for (std::size_t v = 0; v < block.values.size() * copies_; ++v) {
      things_[v].bank = block.values[v / copies_].bank;
      things_[v].home = block.values[v / copies_].home;
      things_[v].narrow = block.values[v / copies_].narrow;
      things_[v].vector = block.values[v / copies_].vector;
      things_[v].partial = block.values[v / copies_].partial;
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

  Allocation run() {
    for (std::size_t i = 0; i < block_.code.size(); ++i) {
      const Instruction& instruction = block_.code[i];
      if (arm_ && instruction.arm != arm_) land();
      if (options_.jumps && instruction.arm && !arm_) jump(i);
      for (copy_ = 0; copy_ < copies_; ++copy_)
        if (uses().live(i)) place(instruction, i);
    }
    if (arm_) land();
    return std::move(result_);
  }

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
  void jump(std::size_t i) {
    const Ref arm = block_.code[i].arm;
    Placed jump;
    jump.opcode = Opcode::jump_if_none;
    jump.bank = machine_.avx512 ? Bank::mask : Bank::vector;
    std::size_t masks = 0;
    banks_[0].locked = 0;
    banks_[1].locked = 0;
    for (copy_ = 0; copy_ < copies_; ++copy_) {
      bool live = false;
      for (std::size_t j = i; j < block_.code.size() && block_.code[j].arm == arm; ++j) {
        live = live || uses().live(j);
        if (uses().live(j) && in_place(block_.code[j])) fetch(block_.code[j].merge);
      }
      if (!live) continue;
      if (masks == jump.src.size()) throw std::logic_error("more copies than a jump has masks");
      jump.src[masks++] = fetch(arm);
    }
    if (masks == 0) return;
    result_.code.push_back(jump);
    arm_ = arm;
    for (Thing& thing : things_) thing.before_arm = thing.reg >= 0;
  }

  void land() {
    banks_[0].locked = 0;
    banks_[1].locked = 0;
    for (const std::uint32_t index : loaded_) give_back(things_[index]);
    loaded_.clear();
    for (const Spilled& spilled : spilled_) put_back(spilled);
    spilled_.clear();
    arm_ = Ref{};
    Placed land;
    land.opcode = Opcode::land;
    result_.code.push_back(land);
  }

  void put_back(const Spilled& spilled) {
    Thing& thing = things_[spilled.thing];
    if (thing.next == kNever) return;
    Registers& registers = bank(thing.bank);
    if ((registers.free & bit(spilled.reg)) == 0) {
      // A result of the arm has come to be there.
      const std::uint32_t other = registers.owner(spilled.reg);
      result_.broken = result_.broken || registers.free == 0 || thing.bank == Bank::mask;
      if (result_.broken) return;
      Placed move;
      move.dst = take(thing.bank);
      move.src[0] = spilled.reg;
      result_.code.push_back(move);
      own(other, move.dst);
    }
    registers.free &= ~bit(spilled.reg);
    Placed load;
    load.opcode = Opcode::load;
    load.bank = thing.bank;
    load.dst = spilled.reg;
    load.memory = {Memory::Kind::slot, 0, false, static_cast<std::uint32_t>(thing.slot)};
    result_.code.push_back(load);
    own(spilled.thing, spilled.reg);
    free_slots_.push_back(static_cast<std::uint32_t>(thing.slot));
    thing.slot = -1;
  }

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

  // The next use of an operand once this instruction is done; another copy of it may still come.
  [[nodiscard]] std::uint32_t next_use(Ref ref, std::size_t i, std::size_t role) const {
    if (ref.is_invariant() && copy_ + 1 < copies_) return static_cast<std::uint32_t>(i);
    return uses().after(i, role);
  }
  [[nodiscard]] bool dies(Ref ref, std::size_t i, std::size_t role) const {
    return ref.is_value() && uses().after(i, role) == kNever;
  }

  // Of this copy.
  [[nodiscard]] Memory in_buffer(std::uint32_t buffer, std::uint32_t vector, bool partial) const {
    const auto row = static_cast<std::uint8_t>(options_.rows ? copy_ : 0);
    return {Memory::Kind::buffer, static_cast<std::uint8_t>(copy_ - row + vector), partial, buffer,
            row};
  }

  [[nodiscard]] Memory memory_of(Ref ref) const {
    const Thing& thing = things_[thing_of(ref)];
    if (ref.is_value()) {
      if (thing.slot >= 0)
        return {Memory::Kind::slot, 0, false, static_cast<std::uint32_t>(thing.slot)};
      if (thing.home < 0) return {};
      return in_buffer(static_cast<std::uint32_t>(thing.home), thing.vector, thing.partial);
    }
    const Invariant& invariant = invariants_[ref.index()];
    switch (invariant.kind) {
      case Invariant::Kind::zero: return {};
      case Invariant::Kind::constant: return {Memory::Kind::element, 0, false, invariant.place};
      case Invariant::Kind::vector: return {Memory::Kind::vector, 0, false, invariant.place};
      case Invariant::Kind::parameter: return {Memory::Kind::parameter, 0, false, invariant.place};
      case Invariant::Kind::uniform: return {Memory::Kind::slot, 0, false, invariant.place};
    }
    return {};
  }

  // Whether an instruction may take this operand from memory.
  [[nodiscard]] bool foldable(Ref ref) const {
    const Memory memory = memory_of(ref);
    if (things_[thing_of(ref)].bank == Bank::mask || memory.kind == Memory::Kind::none)
      return false;
    if (memory.kind == Memory::Kind::buffer)
      return !options_.partial && !memory.partial && !things_[thing_of(ref)].narrow;
    if (memory.kind == Memory::Kind::parameter)
      return machine_.avx512;  // AVX2 repeats only what it loads
    return true;
  }

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
  void evict(Bank which) {
    Registers& registers = bank(which);
    std::uint32_t victim = kNever;
    const auto rank = [&](std::uint32_t index) {
      const Thing& thing = things_[index];
      const bool clean = is_invariant(index) || thing.slot >= 0 || thing.home >= 0;
      return std::pair(clean, thing.next);
    };
    const int count = which == Bank::vector ? machine_.vector_registers() : 8;
    for (std::int8_t reg = which == Bank::vector ? 0 : 1; reg < count; ++reg) {
      const std::uint32_t index = registers.owner(reg);
      if ((registers.locked & bit(reg)) != 0 || things_[index].reg != reg ||
          things_[index].bank != which)
        continue;
      if (things_[index].pinned) continue;
      if (victim == kNever || rank(index) > rank(victim)) victim = index;
    }
    if (victim == kNever) throw std::logic_error("more operands than registers");
    Thing& thing = things_[victim];
    if (!rank(victim).first) {
      thing.slot = static_cast<std::int32_t>(take_slot());
      Placed store;
      store.opcode = Opcode::spill;
      store.bank = which;
      store.src[0] = thing.reg;
      store.memory = {Memory::Kind::slot, 0, false, static_cast<std::uint32_t>(thing.slot)};
      result_.code.push_back(store);
      if (!arm_) ++result_.spills;
      if (arm_ && thing.before_arm) spilled_.push_back({victim, thing.reg});
    }
    give_back(thing);
  }

  std::uint32_t take_slot() {
    if (free_slots_.empty()) return result_.slots_end++;
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  void load(Ref ref, std::int8_t reg) {
    Placed load;
    load.memory = memory_of(ref);
    load.opcode = load.memory.kind == Memory::Kind::none ? Opcode::zero : Opcode::load;
    load.bank = things_[thing_of(ref)].bank;
    load.dst = reg;
    result_.code.push_back(load);
  }

  std::int8_t fetch(Ref ref) {
    const std::uint32_t index = thing_of(ref);
    Thing& thing = things_[index];
    if (thing.reg < 0) {
      const std::int8_t reg = take(thing.bank);
      own(index, reg);
      load(ref, reg);
      if (arm_) loaded_.push_back(index);
    }
    bank(thing.bank).locked |= bit(thing.reg);
    return thing.reg;
  }

  // A register, or kMemory and the operand in `memory`: where it is used for the last time, where
  // loading it would cost another value its register, and for invariants, which are not pinned
  // because there was no room.
  std::int8_t operand(Ref ref, std::size_t i, std::size_t role, Memory& memory) {
    if (!in_register(ref) && foldable(ref)) {
      const bool crowded = bank(Bank::vector).free == 0;
      if (ref.is_invariant() || crowded || dies(ref, i, role)) {
        memory = memory_of(ref);
        return Placed::kMemory;
      }
    }
    return fetch(ref);
  }

  // Records that the operands have been read: registers and slots of what is not needed again are
  // free.
  void finish(const Instruction& instruction, std::size_t i) {
    const std::array<Ref, kDst> refs = operands(instruction);
    for (std::size_t role = 0; role < refs.size(); ++role) {
      if (!refs[role]) continue;
      Thing& thing = things_[thing_of(refs[role])];
      thing.next = next_use(refs[role], i, role);
      if (thing.next != kNever) continue;
      give_back(thing);
      if (refs[role].is_value() && thing.slot >= 0)
        dead_slots_.push_back(static_cast<std::uint32_t>(thing.slot));
      thing.slot = -1;
    }
  }

  void define(const Instruction& instruction, std::size_t i, std::int8_t reg) {
    const std::uint32_t index = instruction.dst * copies_ + copy_;
    own(index, reg);
    things_[index].next = uses().after(i, kDst);
  }

  // Asked for only of the allocation from which pins are chosen.
  void note_pressure() {
    if (!options_.pinned.empty() || arm_) return;
    for (const Bank which : {Bank::vector, Bank::mask}) {
      const Registers& registers = bank(which);
      const int free = std::popcount(registers.free | (registers.cached & ~registers.locked));
      int& least = which == Bank::vector ? result_.free.vectors : result_.free.masks;
      least = std::min(least, free);
    }
  }

  Placed start(const Instruction& instruction) const {
    Placed placed;
    placed.opcode = instruction.opcode;
    placed.imm = instruction.imm;
    placed.zeroing = instruction.zeroing;
    placed.one_lane = instruction.one_lane;
    placed.node = instruction.node;
    return placed;
  }

  void place(const Instruction& instruction, std::size_t i) {
    banks_[0].locked = 0;
    banks_[1].locked = 0;
    if (!dead_slots_.empty()) {
      free_slots_.insert(free_slots_.end(), dead_slots_.begin(), dead_slots_.end());
      dead_slots_.clear();
    }
    switch (instruction.opcode) {
      case Opcode::fmadd:
      case Opcode::fmsub:
      case Opcode::fnmadd:
      case Opcode::fnmsub: place_fma(instruction, i); break;
      case Opcode::store:
      case Opcode::store_row:
      case Opcode::keep: place_store(instruction, i); break;
      case Opcode::accumulate: place_accumulate(instruction, i); break;
      default: place_general(instruction, i); break;
    }
    note_pressure();
  }

  void place_store(const Instruction& instruction, std::size_t i) {
    Placed placed = start(instruction);
    placed.src[0] = fetch(instruction.src[0]);
    placed.bank = things_[thing_of(instruction.src[0])].bank;
    const bool partial = options_.partial || instruction.partial;
    const bool keeps = instruction.opcode == Opcode::keep;
    placed.memory = in_buffer(instruction.place, instruction.vector, instruction.partial);
    if (keeps) placed.memory = {Memory::Kind::slot, 0, false, instruction.place};
    // Stores of elements smaller than a lane need room to pack them, AVX2's masked stores a mask.
    if (!keeps && (instruction.narrow || (!machine_.avx512 && partial))) {
      placed.scratch = take(Bank::vector);
      bank(Bank::vector).free |= bit(placed.scratch);
    }
    finish(instruction, i);
    result_.code.push_back(placed);
  }

  // Into a register of its own, or into memory, by another register and, of a partial vector on
  // AVX2, one more for the mask; where integers of 64 bits are compared, by one more too.
  void place_accumulate(const Instruction& instruction, std::size_t i) {
    Placed placed = start(instruction);
    placed.src[0] = fetch(instruction.src[0]);
    placed.ordered = instruction.ordered;
    placed.memory = {Memory::Kind::slot, 0, false,
                     options_.first_accumulator + instruction.place + copy_};
    if (options_.reserved > 0)
      placed.dst = static_cast<std::int8_t>(
          machine_.vector_registers() - 1 -
          static_cast<int>(instruction.place / options_.accumulators * copies_ + copy_));
    const bool compares = placed.imm == static_cast<std::uint8_t>(Accumulation::least_integer);
    if (options_.reserved == 0 || compares) {
      placed.scratch = take(Bank::vector);
      placed.src[1] = take(Bank::vector);
      bank(Bank::vector).free |= bit(placed.scratch) | bit(placed.src[1]);
    }
    finish(instruction, i);
    result_.code.push_back(placed);
  }

  void place_general(const Instruction& instruction, std::size_t i) {
    const Traits& facts = traits(instruction.opcode);
    std::array<std::size_t, 3> roles{kSrc0, kSrc1, kSrc2};
    std::array<Ref, 3> src = instruction.src;
    if (facts.has(trait::Commutes) && better_swapped(src[0], src[1])) {
      std::swap(src[0], src[1]);
      std::swap(roles[0], roles[1]);
    }
    Placed placed = start(instruction);
    if (instruction.opcode == Opcode::load_scalar || instruction.opcode == Opcode::pick)
      placed.memory = in_buffer(instruction.place, 0, false);
    const std::size_t sources = src[0] ? facts.sources : 0;
    const std::size_t folded = facts.has(trait::Fold) ? sources - 1 : sources;
    for (std::size_t s = 0; s < sources; ++s)
      if (s != folded && src[s]) placed.src[s] = fetch(src[s]);
    if (instruction.mask) placed.mask = fetch(instruction.mask);
    if (instruction.merge) {
      const bool replaces = in_register(instruction.merge) && dies(instruction.merge, i, kMerge);
      if (arm_ && in_place(instruction) && !replaces) result_.broken = true;
      fetch(instruction.merge);
    }
    if (folded < sources)
      placed.src[folded] = operand(src[folded], i, roles[folded], placed.memory);
    if (instruction.opcode == Opcode::column)
      placed.memory = {Memory::Kind::vector, static_cast<std::uint8_t>(copy_), false,
                       instruction.place};
    if (instruction.opcode == Opcode::gather)
      placed.memory = {Memory::Kind::vector, 0, false, instruction.place};
    placed.dst = destination(instruction, i, placed);
    define(instruction, i, placed.dst);
    result_.code.push_back(placed);
  }

  // For a commutative instruction whose second source may be memory.
  [[nodiscard]] bool better_swapped(Ref first, Ref second) const {
    if (in_register(first) || !foldable(first)) return false;
    return in_register(second) || !foldable(second) || (first.is_invariant() && second.is_value());
  }

  // The register an instruction writes. Where it must not be a source's, it is taken before theirs
  // are given back.
  std::int8_t destination(const Instruction& instruction, std::size_t i, const Placed& placed) {
    const Traits& facts = traits(instruction.opcode);
    const Bank which = facts.has(trait::ToMask) ? Bank::mask : Bank::vector;
    if (instruction.opcode == Opcode::permute2)
      return takes_place_of(instruction.src[0], i, kSrc0, instruction);
    if (instruction.merge) return takes_place_of(instruction.merge, i, kMerge, instruction);
    if (facts.has(trait::Early)) {
      const std::int8_t dst = take(which);
      zero(dst);
      finish(instruction, i);
      return dst;
    }
    finish(instruction, i);
    if (!facts.has(trait::Stale) || !machine_.avx512) return take(which);
    // Waiting for a source is waiting anyway; another register is cleared, which costs no
    // execution.
    for (const std::int8_t reg : placed.src) {
      if (reg < 0 || (bank(which).free & bit(reg)) == 0) continue;
      bank(which).free &= ~bit(reg);
      return reg;
    }
    const std::int8_t dst = take(which);
    zero(dst);
    return dst;
  }

  // The register of `ref` where it is not needed any more, else a copy.
  std::int8_t takes_place_of(Ref ref, std::size_t i, std::size_t role,
                             const Instruction& instruction) {
    const std::int8_t reg = things_[thing_of(ref)].reg;
    if (dies(ref, i, role)) {
      finish(instruction, i);
      bank(Bank::vector).free &= ~bit(reg);
      return reg;
    }
    const std::int8_t dst = take(Bank::vector);
    Placed move;
    move.dst = dst;
    move.src[0] = reg;
    result_.code.push_back(move);
    finish(instruction, i);
    return dst;
  }

  void zero(std::int8_t reg) {
    Placed clear;
    clear.opcode = Opcode::zero;
    clear.dst = reg;
    result_.code.push_back(clear);
  }

  // dst takes the place of one source (132: src0, 231: src2, 213: src0 with src1 in the register
  // slot); one of the others may be memory. Best is a source in a register that dies; else one that
  // has to be loaded anyway; else a copy.
  void place_fma(const Instruction& instruction, std::size_t i) {
    Placed placed = start(instruction);
    const std::array<Ref, 3>& src = instruction.src;
    std::array<bool, 3> outside{};
    std::size_t count = 0;
    for (std::size_t s = 0; s < 3; ++s) {
      if (in_register(src[s])) fetch(src[s]);  // locked before anything is loaded
      outside[s] = !in_register(src[s]) && foldable(src[s]) &&
                   (src[s].is_invariant() || dies(src[s], i, s) || bank(Bank::vector).free == 0);
      for (std::size_t before = 0; before < s; ++before)
        if (src[before] == src[s]) outside[s] = outside[before] = false;
    }
    for (std::size_t s = 0; s < 3; ++s) {
      if (!outside[s]) fetch(src[s]);
      if (outside[s]) ++count;
    }
    std::size_t tied = 3;
    for (std::size_t s = 0; s < 3; ++s)
      if (!outside[s] && dies(src[s], i, s)) tied = s;
    bool loaded = false;
    for (std::size_t s = 0; s < 3 && tied == 3; ++s) {
      if (!outside[s]) continue;
      tied = s;
      loaded = true;
    }
    if (tied == 3) tied = 2;
    if (loaded) --count;
    for (std::size_t s = 0; s < 3 && count > 1; ++s) {
      if (!outside[s] || s == tied) continue;
      fetch(src[s]);
      outside[s] = false;
      --count;
    }
    if (instruction.mask) placed.mask = fetch(instruction.mask);
    for (std::size_t s = 0; s < 3; ++s) {
      if (s == tied) continue;
      if (outside[s]) placed.memory = memory_of(src[s]);
      placed.src[s] = outside[s] ? Placed::kMemory : things_[thing_of(src[s])].reg;
    }
    placed.form = static_cast<std::int8_t>(tied);
    placed.dst = loaded ? load_into_place(src[tied], instruction, i)
                        : takes_place_of(src[tied], i, tied, instruction);
    define(instruction, i, placed.dst);
    result_.code.push_back(placed);
  }

  std::int8_t load_into_place(Ref ref, const Instruction& instruction, std::size_t i) {
    const std::int8_t dst = take(Bank::vector);
    load(ref, dst);
    finish(instruction, i);
    return dst;
  }

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
  std::array<Registers, 2> banks_{};
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> dead_slots_;  // free once the instruction at hand has read them
  Allocation result_;
};

}  // namespace

Allocation allocate(const Block& block, std::span<const Invariant> invariants, Machine machine,
                    const AllocationOptions& options) {
  return Allocator(block, invariants, machine, options).run();
}

}  // namespace sluice::x64
