// When the values of a block are needed next, for one way through it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "compiler/backend/x64/code.hpp"

namespace sluice::x64 {

inline constexpr std::uint32_t kNever = 0xffffffff;

// Operands of an instruction as the tables of next uses number them.
enum Role : std::size_t { kSrc0, kSrc1, kSrc2, kMask, kMerge, kArm, kDst, kRoles };

inline bool writes_outside(Opcode opcode) {
  return opcode == Opcode::store || opcode == Opcode::store_row || opcode == Opcode::keep ||
         opcode == Opcode::accumulate;
}

inline std::array<Ref, kDst> operands(const Instruction& instruction) {
  return {instruction.src[0], instruction.src[1], instruction.src[2],
          instruction.mask,   instruction.merge,  instruction.arm};
}

// For every operand, the instruction that uses its value next. Instructions nobody needs are left
// out.
class NextUses {
 public:
  NextUses(const Block& block, std::size_t invariants, Way way)
      : next_(block.code.size() * kRoles, kNever), live_(block.code.size(), false) {
    std::vector<std::uint32_t> of_value(block.values.size(), kNever);
    std::vector<std::uint32_t> of_invariant(invariants, kNever);
    const auto seen = [&](Ref ref) -> std::uint32_t& {
      return ref.is_value() ? of_value[ref.index()] : of_invariant[ref.index()];
    };
    for (std::size_t i = block.code.size(); i-- > 0;) {
      const Instruction& instruction = block.code[i];
      if (instruction.way != Way::either && instruction.way != way) continue;
      const bool has_dst = instruction.dst != Instruction::kNoValue;
      live_[i] =
          writes_outside(instruction.opcode) || (has_dst && of_value[instruction.dst] != kNever);
      if (!live_[i]) continue;
      if (has_dst) next_[i * kRoles + kDst] = of_value[instruction.dst];
      const std::array<Ref, kDst> refs = operands(instruction);
      for (std::size_t role = 0; role < refs.size(); ++role)
        if (refs[role]) next_[i * kRoles + role] = seen(refs[role]);
      for (const Ref ref : refs)
        if (ref) seen(ref) = static_cast<std::uint32_t>(i);
    }
  }

  [[nodiscard]] bool live(std::size_t i) const { return live_[i]; }
  [[nodiscard]] std::uint32_t after(std::size_t i, std::size_t role) const {
    return next_[i * kRoles + role];
  }

 private:
  std::vector<std::uint32_t> next_;
  std::vector<bool> live_;
};

}  // namespace sluice::x64
