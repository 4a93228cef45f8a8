// Which invariants get a register for the whole loop: those of most use outside of arms.
#include <algorithm>

#include "compiler/backend/x64/allocate.hpp"

namespace sluice::x64 {
namespace {

// What a use costs while the invariant is in memory: a memory operand shares an instruction's slot
// with it, where one can; else a load of its own.
constexpr std::uint32_t kOperandCost = 1;
constexpr std::uint32_t kLoadCost = 4;

std::uint32_t cost(const Instruction& instruction, std::size_t source, const Invariant& invariant,
                   Machine machine) {
  const Traits& facts = traits(instruction.opcode);
  const bool in_memory = invariant.kind != Invariant::Kind::zero &&
                         invariant.bank == Bank::vector &&
                         (machine.avx512 || invariant.kind != Invariant::Kind::parameter);
  if (!in_memory || !facts.has(trait::Fold)) return kLoadCost;
  if (facts.sources == 3 && instruction.opcode != Opcode::permute2) {
    const auto first = std::find_if(instruction.src.begin(), instruction.src.end(),
                                    [](const Ref& ref) { return ref.is_invariant(); });
    return first == instruction.src.begin() + static_cast<std::ptrdiff_t>(source) ? kOperandCost
                                                                                  : kLoadCost;
  }
  if (source + 1 == facts.sources) return kOperandCost;
  return facts.has(trait::Commutes) && !instruction.src[1].is_invariant() ? kOperandCost
                                                                          : kLoadCost;
}

}  // namespace

std::vector<Placed> preload_of(std::span<const Invariant> invariants,
                               std::span<const std::int8_t> pinned) {
  std::vector<Placed> loads;
  for (std::size_t i = 0; i < pinned.size(); ++i) {
    if (pinned[i] == Placed::kNone) continue;
    const Invariant& invariant = invariants[i];
    Placed load;
    load.opcode = invariant.kind == Invariant::Kind::zero ? Opcode::zero : Opcode::load;
    load.bank = invariant.bank;
    load.dst = pinned[i];
    load.memory.place = invariant.place;
    switch (invariant.kind) {
      case Invariant::Kind::zero: break;
      case Invariant::Kind::constant: load.memory.kind = Memory::Kind::element; break;
      case Invariant::Kind::vector: load.memory.kind = Memory::Kind::vector; break;
      case Invariant::Kind::parameter: load.memory.kind = Memory::Kind::parameter; break;
      case Invariant::Kind::uniform: load.memory.kind = Memory::Kind::slot; break;
    }
    loads.push_back(load);
  }
  return loads;
}

Pins pin(const Block& block, std::span<const Invariant> invariants, Machine machine, Room room,
         Reserved reserved) {
  std::vector<std::uint32_t> costs(invariants.size(), 0);
  for (const Instruction& instruction : block.code) {
    if (instruction.arm) continue;
    for (std::size_t s = 0; s < instruction.src.size(); ++s) {
      const Ref ref = instruction.src[s];
      if (ref.is_invariant() && !invariants[ref.index()].by_row)
        costs[ref.index()] += cost(instruction, s, invariants[ref.index()], machine);
    }
    for (const Ref ref : {instruction.mask, instruction.merge})
      if (ref.is_invariant() && !invariants[ref.index()].by_row) costs[ref.index()] += kLoadCost;
  }
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < invariants.size(); ++i)
    if (costs[i] != 0) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return costs[a] > costs[b]; });
  Pins pins{std::vector<std::int8_t>(invariants.size(), Placed::kNone), true};
  int next_vector = machine.vector_registers() - reserved.vectors;
  int next_mask = kMaskRegisters - reserved.masks;
  for (const std::uint32_t i : order) {
    const bool vector = invariants[i].bank == Bank::vector;
    int& left = vector ? room.vectors : room.masks;
    if (left-- > 0)
      pins.registers[i] = static_cast<std::int8_t>(vector ? --next_vector : --next_mask);
    else
      pins.complete = false;
  }
  return pins;
}

}  // namespace sluice::x64
