// Operands and results of one instruction, as its form wants them.
#include <algorithm>
#include <bit>
#include <utility>

#include "compiler/backend/x64/allocator.hpp"

namespace sluice::x64 {

std::int8_t Allocator::operand(Ref ref, std::size_t i, std::size_t role, Memory& memory) {
  if (!in_register(ref) && foldable(ref)) {
    const bool crowded = bank(Bank::vector).free == 0;
    if (ref.is_invariant() || crowded || dies(ref, i, role)) {
      memory = memory_of(ref);
      return Placed::kMemory;
    }
  }
  return fetch(ref);
}

void Allocator::finish(const Instruction& instruction, std::size_t i) {
  const std::array<Ref, kDst> refs = operands(instruction);
  for (std::size_t role = 0; role < refs.size(); ++role) {
    if (!refs[role]) continue;
    Thing& thing = things_[thing_of(refs[role])];
    thing.next = time(next_use(refs[role], i, role));
    if (thing.next != kNever) continue;
    give_back(thing);
    if (refs[role].is_value() && thing.slot >= 0)
      dead_slots_.push_back(static_cast<std::uint32_t>(thing.slot));
    thing.slot = -1;
  }
}

void Allocator::define(const Instruction& instruction, std::size_t i, std::int8_t reg) {
  const std::uint32_t index = instruction.dst * copies_ + copy_;
  own(index, reg);
  things_[index].next = time(uses().after(i, kDst));
}

void Allocator::note_pressure() {
  if (!options_.pinned.empty() || arm_) return;
  for (const Bank which : {Bank::vector, Bank::mask}) {
    const Registers& registers = bank(which);
    const int free = std::popcount(registers.free | (registers.cached & ~registers.locked));
    int& least = which == Bank::vector ? result_.free.vectors : result_.free.masks;
    least = std::min(least, free);
  }
}

Placed Allocator::start(const Instruction& instruction) const {
  Placed placed;
  placed.opcode = instruction.opcode;
  placed.imm = instruction.imm;
  placed.zeroing = instruction.zeroing;
  placed.one_lane = instruction.one_lane;
  placed.node = instruction.node;
  return placed;
}

void Allocator::place(const Instruction& instruction, std::size_t i) {
  next_[copy_] = static_cast<std::uint32_t>(i);
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

void Allocator::place_store(const Instruction& instruction, std::size_t i) {
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

void Allocator::place_accumulate(const Instruction& instruction, std::size_t i) {
  Placed placed = start(instruction);
  placed.src[0] = fetch(instruction.src[0]);
  placed.ordered = instruction.ordered;
  const std::uint32_t slot = options_.first_accumulator + instruction.place;
  std::uint32_t reserved = instruction.reduction * copies_ + copy_;
  if (options_.columns) {
    placed.memory = {Memory::Kind::slot, static_cast<std::uint8_t>(copy_), false, slot};
    reserved = instruction.reduction * 2u;
  } else {
    placed.memory = {Memory::Kind::slot, 0, false, slot + copy_};
  }
  if (options_.reserved > 0)
    placed.dst =
        static_cast<std::int8_t>(machine_.vector_registers() - 1 - static_cast<int>(reserved));
  const bool compares = placed.imm == static_cast<std::uint8_t>(Accumulation::least_integer);
  if (options_.reserved == 0 || compares) {
    placed.scratch = take(Bank::vector);
    placed.src[1] = take(Bank::vector);
    bank(Bank::vector).free |= bit(placed.scratch) | bit(placed.src[1]);
  }
  finish(instruction, i);
  result_.code.push_back(placed);
}

void Allocator::place_general(const Instruction& instruction, std::size_t i) {
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
  if (folded < sources) placed.src[folded] = operand(src[folded], i, roles[folded], placed.memory);
  if (instruction.opcode == Opcode::column)
    placed.memory = {Memory::Kind::vector, static_cast<std::uint8_t>(copy_), false,
                     instruction.place};
  if (instruction.opcode == Opcode::gather)
    placed.memory = {Memory::Kind::vector, 0, false, instruction.place};
  placed.dst = destination(instruction, i, placed);
  define(instruction, i, placed.dst);
  result_.code.push_back(placed);
}

bool Allocator::better_swapped(Ref first, Ref second) const {
  if (in_register(first) || !foldable(first)) return false;
  return in_register(second) || !foldable(second) || (first.is_invariant() && second.is_value());
}

std::int8_t Allocator::destination(const Instruction& instruction, std::size_t i,
                                   const Placed& placed) {
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

std::int8_t Allocator::takes_place_of(Ref ref, std::size_t i, std::size_t role,
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

void Allocator::zero(std::int8_t reg) {
  Placed clear;
  clear.opcode = Opcode::zero;
  clear.dst = reg;
  result_.code.push_back(clear);
}

void Allocator::place_fma(const Instruction& instruction, std::size_t i) {
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

std::int8_t Allocator::load_into_place(Ref ref, const Instruction& instruction, std::size_t i) {
  const std::int8_t dst = take(Bank::vector);
  load(ref, dst);
  finish(instruction, i);
  return dst;
}

}  // namespace sluice::x64
