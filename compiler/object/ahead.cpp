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
