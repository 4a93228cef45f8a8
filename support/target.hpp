// Target description: which instruction set code is made for, and what this processor has.
//
// A target is a level plus features; features may change instructions, never bits. What a processor
// has is parsed from CPUID leaves handed in as data, so that every machine can be tested on any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/status.hpp>

namespace sluice {

enum class Level : std::uint8_t {
  interpreter,  // no machine code: runs anywhere
  x86_64_v3,    // AVX2, FMA, F16C, BMI
  x86_64_v4,    // AVX-512 F, BW, DQ, VL, CD
};

enum class Feature : std::uint8_t { vbmi, fp16, bf16 };

// Kernels have the same bits on all targets of a family, and need not on those of two.
enum class Family : std::uint8_t {
  fma,    // a * b + c can be rounded once
  nofma,  // only the product, and then the sum
};
inline constexpr Family kFamilies[] = {Family::fma, Family::nofma};
[[nodiscard]] std::string_view name(Family family);
// What the bounds of a family's errors are, as a multiple of the promises at the definitions.
[[nodiscard]] constexpr double bound_factor(Family family) { return family == Family::fma ? 1 : 2; }

struct Target {
  Level level = Level::interpreter;
  std::uint32_t features = 0;   // a bit per Feature
  Family family = Family::fma;  // of all machine code that is made for this machine

  [[nodiscard]] bool has(Feature feature) const {
    return (features >> static_cast<unsigned>(feature) & 1u) != 0;
  }
  friend bool operator==(const Target&, const Target&) = default;
};

// "interpreter", "interpreter-nofma", "x86-64-v3", "x86-64-v4+vbmi+fp16".
[[nodiscard]] std::string to_string(const Target& target);
// The reverse; an unknown name or feature, or a feature that the level cannot have, is an error
// that lists the known ones.
[[nodiscard]] Result<Target> parse_target(std::string_view text);

// What CPUID and XGETBV say; leaves that the processor lacks are zero.
struct CpuidLeaves {
  std::uint32_t leaf1_ecx = 0, leaf1_edx = 0;
  std::uint32_t leaf7_ebx = 0, leaf7_ecx = 0, leaf7_edx = 0;
  std::uint32_t leaf7_1_eax = 0;
  std::uint32_t extended1_ecx = 0;
  std::uint64_t xcr0 = 0;  // which register states the system saves
};

// The bits of them that x86-64-v2, v3 and v4 take, for whoever asks a processor by other means than
// host_target(). Of the first only kernels are made that are compiled ahead of time.
extern const CpuidLeaves kLeavesOfV2, kLeavesOfV3, kLeavesOfV4;

// The highest target a processor with these leaves can run; the interpreter where it lacks
// x86-64-v3.
[[nodiscard]] Target target_from_cpuid(const CpuidLeaves& leaves);
// Of this processor, read once.
[[nodiscard]] const Target& host_target();
// Whether code for `target` runs on a processor whose highest target is `host`.
[[nodiscard]] bool runs_on(const Target& target, const Target& host);
// Every level this processor can run, lowest first, the interpreter included; each with the host's
// features for it.
[[nodiscard]] std::vector<Target> runnable_targets();

}  // namespace sluice
