#include "compiler/backend/x64/allocate.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <utility>

#include "compiler/backend/x64/allocator.hpp"

namespace sluice::x64 {

Allocation Allocator::run() {
  if (options_.by_stages) {
    for (std::size_t stage = 0; stage <= block_.stages.size(); ++stage)
      for (copy_ = 0; copy_ < copies_; ++copy_)
        for (std::size_t i = stage_begin(stage); i < stage_begin(stage + 1); ++i)
          if (uses().live(i)) place(block_.code[i], i);
    return std::move(result_);
  }
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

void Allocator::jump(std::size_t i) {
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

void Allocator::land() {
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

void Allocator::put_back(const Spilled& spilled) {
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

std::uint32_t Allocator::time(std::uint32_t i) const {
  if (!options_.by_stages || i == kNever) return i;
  const auto stage = static_cast<std::size_t>(
      std::upper_bound(block_.stages.begin(), block_.stages.end(), i) - block_.stages.begin());
  const std::uint32_t begin = stage_begin(stage);
  return begin * copies_ + copy_ * (stage_begin(stage + 1) - begin) + (i - begin);
}

Memory Allocator::in_buffer(std::uint32_t buffer, std::uint32_t vector, bool partial) const {
  const auto row = static_cast<std::uint8_t>(options_.rows ? copy_ : 0);
  return {Memory::Kind::buffer, static_cast<std::uint8_t>(copy_ - row + vector), partial, buffer,
          row};
}

Memory Allocator::memory_of(Ref ref) const {
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

bool Allocator::foldable(Ref ref) const {
  const Memory memory = memory_of(ref);
  if (things_[thing_of(ref)].bank == Bank::mask || memory.kind == Memory::Kind::none) return false;
  if (memory.kind == Memory::Kind::buffer)
    return !options_.partial && !memory.partial && !things_[thing_of(ref)].narrow;
  if (memory.kind == Memory::Kind::parameter)
    return machine_.avx512;  // AVX2 repeats only what it loads
  return true;
}

void Allocator::put_away(std::uint32_t index) {
  Thing& thing = things_[index];
  Placed store;
  store.bank = thing.bank;
  store.src[0] = thing.reg;
  if (thing.shelter >= 0 && next_[index % copies_] >= thing.shelter_from) {
    thing.home = thing.shelter;
    store.opcode = Opcode::store;
    store.memory = {Memory::Kind::buffer, thing.vector, false,
                    static_cast<std::uint32_t>(thing.home),
                    static_cast<std::uint8_t>(index % copies_)};
  } else {
    thing.slot = static_cast<std::int32_t>(take_slot());
    store.opcode = Opcode::spill;
    store.memory = {Memory::Kind::slot, 0, false, static_cast<std::uint32_t>(thing.slot)};
    if (arm_ && thing.before_arm) spilled_.push_back({index, thing.reg});
  }
  result_.code.push_back(store);
  if (!arm_) ++result_.spills;
}

void Allocator::evict(Bank which) {
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
  if (!rank(victim).first) put_away(victim);
  give_back(thing);
}

void Allocator::load(Ref ref, std::int8_t reg) {
  Placed load;
  load.memory = memory_of(ref);
  load.opcode = load.memory.kind == Memory::Kind::none ? Opcode::zero : Opcode::load;
  load.bank = things_[thing_of(ref)].bank;
  load.dst = reg;
  result_.code.push_back(load);
}

std::int8_t Allocator::fetch(Ref ref) {
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

Allocation allocate(const Block& block, std::span<const Invariant> invariants, Machine machine,
                    const AllocationOptions& options) {
  return Allocator(block, invariants, machine, options).run();
}

}  // namespace sluice::x64
