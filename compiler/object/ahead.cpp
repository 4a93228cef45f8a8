#include "compiler/object/ahead.hpp"

#include <algorithm>

namespace sluice::object {
namespace {

constexpr unsigned kHwcap = 16, kHwcap2 = 26;  // AT_HWCAP and AT_HWCAP2 of <elf.h>

constexpr AheadTarget kTargets[] = {
    {.name = "x86-64-v2",
     .architecture = "x86-64",
     .triple = "x86_64-unknown-linux-gnu",
     .cpu = "x86-64-v2",
     .vector_bytes = 16,
     .family = Family::nofma,
     .leaves = &kLeavesOfV2,
     .halves = false},
    {.name = "x86-64-v3",
     .architecture = "x86-64",
     .triple = "x86_64-unknown-linux-gnu",
     .cpu = "x86-64-v3",
     .vector_bytes = 32,
     .leaves = &kLeavesOfV3},
    {.name = "x86-64-v4",
     .architecture = "x86-64",
     .triple = "x86_64-unknown-linux-gnu",
     .cpu = "x86-64-v4",
     .vector_bytes = 64,
     .leaves = &kLeavesOfV4},
    {.name = "aarch64",
     .architecture = "aarch64",
     .triple = "aarch64-unknown-linux-gnu",
     .cpu = "generic",
     .features = "+neon",
     .vector_bytes = 16},
    {.name = "aarch64+sve2",
     .architecture = "aarch64",
     .triple = "aarch64-unknown-linux-gnu",
     .cpu = "generic",
     .features = "+neon,+sve2",
     .vector_bytes = 16,
     .hwcap = {kHwcap2, 1u << 1}},
    {.name = "riscv64+v",
     .architecture = "riscv64",
     .triple = "riscv64-unknown-linux-gnu",
     .cpu = "generic-rv64",
     .features = "+m,+a,+f,+d,+c,+v,+zvl128b",
     .plain_features = "+m,+a,+f,+d,+c",
     .abi = "lp64d",
     .vector_bytes = 16,
     .hwcap = {kHwcap, 1u << ('v' - 'a')},
     .halves = false},
    {.name = "ppc64le",
     .architecture = "ppc64le",
     .triple = "powerpc64le-unknown-linux-gnu",
     .cpu = "pwr8",
     .vector_bytes = 16,
     .halves = false,
     .round_even = false},
    {.name = "wasm32+simd128",
     .architecture = "wasm32",
     .triple = "wasm32-unknown-unknown",
     .cpu = "generic",
     .features = "+simd128",
     .vector_bytes = 16,
     .family = Family::nofma,
     .size_bits = 32,
     .halves = false},
    {.name = "nvptx64",
     .architecture = "nvptx64",
     .triple = "nvptx64-nvidia-cuda",
     .cpu = "sm_75",
     .features = "+ptx63"},
};

}  // namespace

RowWorkspace::RowWorkspace(const schedule::RowProgram& program) {
  for (const schedule::Phase& phase : program.phases) {
    for (const schedule::Pass& pass : phase.passes)
      for (const ir::ValueId id : pass.kept)
        if (program.kept_in[id.index] == schedule::RowProgram::kInWorkspace) columns.push_back(id);
    blocks.insert(blocks.end(), phase.kept_by_block.begin(), phase.kept_by_block.end());
  }
}

std::size_t RowWorkspace::column(ir::ValueId id) const {
  return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), id) - columns.begin());
}

std::size_t RowWorkspace::block(ir::ValueId id) const {
  return static_cast<std::size_t>(std::find(blocks.begin(), blocks.end(), id) - blocks.begin());
}

WorkspaceBytes workspace_bytes(const AheadFunction& function) {
  WorkspaceBytes most;
  for (const auto& [family, program] : function.programs) {
    const auto* const rows = std::get_if<AheadRows>(&program);
    if (rows == nullptr) continue;
    most.of_rows = true;
    const std::size_t lane = rows->blocks.graph.compute() == ir::Elem::f64 ? 8 : 4;
    const RowWorkspace longer(rows->blocks);
    const std::size_t short_column = RowWorkspace(rows->one_block).columns.size() * lane;
    most.short_column = std::max(most.short_column, short_column);
    most.column = std::max(most.column, longer.columns.size() * lane);
    most.block = std::max(most.block, longer.blocks.size() * lane);
  }
  return most;
}

std::span<const AheadTarget> ahead_targets() { return kTargets; }

const AheadTarget* find_ahead_target(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kTargets), std::end(kTargets),
                   [&](const AheadTarget& target) { return target.name == name; });
  return found == std::end(kTargets) ? nullptr : found;
}

std::string names_of(std::span<const AheadTarget> targets) {
  std::string names;
  for (const AheadTarget& target : targets)
    names.append(names.empty() ? "" : ", ").append(target.name);
  return names;
}

}  // namespace sluice::object
