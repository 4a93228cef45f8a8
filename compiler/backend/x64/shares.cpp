// An estimate of what a round of the loop costs. The processor has two ports for vectors of 512
// bits and, behind one of them, a divider; all work side by side, so that the busiest is what a
// round waits for:
//
//   max(cycles of the divider, half the slots on the ports)
//
// A copy that goes by a sequence takes slots instead of the divider. Few instructions beside a
// division: one copy of two or three goes by the divider while the others go by sequences. Many:
// the ports are busy as it is, and all copies divide.
#include "compiler/backend/x64/shares.hpp"

#include <algorithm>

namespace sluice::x64 {
namespace {

// One Emerald Rapids core, vectors of 16 f32: cycles from one vdivps or vsqrtps to the next, and
// what the loops of sequences cost more than one slot for each instruction would.
constexpr double kDivisionCycles = 10;
constexpr double kRootCycles = 12;
constexpr double kDivisionSlots = 3;
constexpr double kSeedSlots = 3.5;
constexpr double kJumpSlots = 0.5;
constexpr int kMostMasks = 3;  // of a jump: one for each copy that has it
// What an estimate must promise to be believed.
constexpr double kWorthwhile = 0.9;

struct Cost {
  double slots = 0;
  double divider = 0;
};

bool on_ports(Opcode opcode) {
  return opcode != Opcode::store && opcode != Opcode::keep && opcode != Opcode::move &&
         opcode != Opcode::load_scalar;
}

Cost cost(const Instruction& instruction) {
  switch (instruction.opcode) {
    case Opcode::div: return {kDivisionSlots, kDivisionCycles};
    case Opcode::sqrt: return {kDivisionSlots, kRootCycles};
    case Opcode::rcp14:
    case Opcode::rsqrt14: return {kSeedSlots, 0};
    default: return {on_ports(instruction.opcode) ? 1.0 : 0.0, 0};
  }
}

struct Costs {
  Cost either, divider, sequence;
  bool has_choice = false;
  bool has_jumps = false;
  int instructions = 0;

  [[nodiscard]] double of(Shares shares) const {
    const double all = shares.copies;
    const double sequences = shares.sequences;
    const double slots =
        all * either.slots + sequences * sequence.slots + (all - sequences) * divider.slots;
    const double cycles = all * either.divider + (all - sequences) * divider.divider;
    return std::max(cycles, slots / 2) / all;
  }
};

Costs costs_of(const Block& block) {
  Costs costs;
  Ref arm;
  for (const Instruction& instruction : block.code) {
    Cost& sum = instruction.way == Way::sequence  ? costs.sequence
                : instruction.way == Way::divider ? costs.divider
                                                  : costs.either;
    const bool jumps = instruction.arm && instruction.arm != arm;
    arm = instruction.arm;
    if (jumps) {
      sum.slots += kJumpSlots;
      if (instruction.way != Way::sequence) costs.has_jumps = true;
    }
    if (instruction.way == Way::sequence) costs.has_choice = true;
    if (arm) continue;
    const Cost one = cost(instruction);
    sum.slots += one.slots;
    sum.divider += one.divider;
    if (instruction.way != Way::sequence) ++costs.instructions;
  }
  return costs;
}

// Two vectors give a processor that reorders instructions as much to do as it can take, and a
// loop's overhead is small beside them; only bodies of a few instructions gain from more (bench/).
// Fewer where two would spill.
int usual_copies(const Costs& costs) { return costs.instructions <= 6 ? 4 : 2; }

}  // namespace

Shares share(const Block& block, int limit) {
  const Costs costs = costs_of(block);
  if (costs.has_jumps) limit = std::min(limit, kMostMasks);
  const Shares usual{std::min(limit, usual_copies(costs)), 0};
  if (!costs.has_choice) return usual;
  Shares best = usual;
  double least = costs.of(usual) * kWorthwhile;
  for (int copies = 1; copies <= std::min(limit, kMostMasks); ++copies) {
    for (int sequences = 1; sequences <= copies; ++sequences) {
      const double estimate = costs.of({copies, sequences});
      if (estimate >= least) continue;
      least = estimate;
      best = {copies, sequences};
    }
  }
  return best;
}

void drop_sequences(Block& block) {
  std::erase_if(block.code, [](const Instruction& i) { return i.way == Way::sequence; });
}

}  // namespace sluice::x64
