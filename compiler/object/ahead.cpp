#include "compiler/object/ahead.hpp"

namespace sluice::object {

std::span<const AheadTarget> ahead_targets() {
  static constexpr AheadTarget kTargets[] = {
      {"x86-64-v3", "x86-64", "x86_64-unknown-linux-gnu", "x86-64-v3", "", "", 32},
      {"x86-64-v4", "x86-64", "x86_64-unknown-linux-gnu", "x86-64-v4", "", "", 64},
      {"aarch64", "aarch64", "aarch64-unknown-linux-gnu", "generic", "+neon", "", 16},
      {"aarch64+sve2", "aarch64", "aarch64-unknown-linux-gnu", "generic", "+neon,+sve2", "", 16},
      {"riscv64+v", "riscv64", "riscv64-unknown-linux-gnu", "generic-rv64",
       "+m,+a,+f,+d,+c,+v,+zvl128b", "lp64d", 16, false},
      {"ppc64le", "ppc64le", "powerpc64le-unknown-linux-gnu", "pwr8", "", "", 16, false, false},
  };
  return kTargets;
}

}  // namespace sluice::object
