// Targets by name, and what a processor can run, from what CPUID says. Nothing here reads the
// environment; only host_target reads the processor.
#include "support/target.hpp"

#include <algorithm>
#include <array>
#include <utility>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sluice {
namespace {

constexpr std::string_view kInterpreterNofma = "interpreter-nofma";

struct FeatureName {
  Feature feature;
  std::string_view name;
};
// All of them extend AVX-512, so they belong to x86-64-v4 alone.
constexpr std::array<FeatureName, 3> kFeatures{
    {{Feature::vbmi, "vbmi"}, {Feature::fp16, "fp16"}, {Feature::bf16, "bf16"}}};

constexpr std::uint32_t bit(unsigned index) { return std::uint32_t{1} << index; }
constexpr std::uint32_t bit(Feature feature) { return bit(static_cast<unsigned>(feature)); }
constexpr bool has_all(std::uint64_t value, std::uint64_t bits) { return (value & bits) == bits; }

// Intel SDM volume 2, CPUID; the levels are those of the x86-64 psABI.
constexpr std::uint32_t kV2Leaf1Ecx = bit(0) | bit(9) | bit(13) | bit(19) | bit(20) | bit(23);
constexpr std::uint32_t kV2Extended1Ecx = bit(0);
constexpr std::uint32_t kV3Leaf1Ecx =
    kV2Leaf1Ecx | bit(12) | bit(22) | bit(26) | bit(27) | bit(28) | bit(29);
constexpr std::uint32_t kV3Leaf7Ebx = bit(3) | bit(5) | bit(8);
constexpr std::uint32_t kV3Extended1Ecx = kV2Extended1Ecx | bit(5);
constexpr std::uint64_t kV3Xcr0 = 0b110;  // SSE and AVX registers
constexpr std::uint32_t kV4Leaf7Ebx = kV3Leaf7Ebx | bit(16) | bit(17) | bit(28) | bit(30) | bit(31);
constexpr std::uint64_t kV4Xcr0 = 0b11100110;  // and masks, upper halves, registers 16 to 31

}  // namespace

constexpr CpuidLeaves kLeavesOfV2{.leaf1_ecx = kV2Leaf1Ecx, .extended1_ecx = kV2Extended1Ecx};
constexpr CpuidLeaves kLeavesOfV3{.leaf1_ecx = kV3Leaf1Ecx,
                                  .leaf7_ebx = kV3Leaf7Ebx,
                                  .extended1_ecx = kV3Extended1Ecx,
                                  .xcr0 = kV3Xcr0};
constexpr CpuidLeaves kLeavesOfV4{.leaf1_ecx = kV3Leaf1Ecx,
                                  .leaf7_ebx = kV4Leaf7Ebx,
                                  .extended1_ecx = kV3Extended1Ecx,
                                  .xcr0 = kV4Xcr0};

namespace {

struct LevelInfo {
  Level level;
  std::string_view name;
  CpuidLeaves needed;
};

constexpr std::array<LevelInfo, 3> kLevels{{{Level::interpreter, "interpreter", {}},
                                            {Level::x86_64_v3, "x86-64-v3", kLeavesOfV3},
                                            {Level::x86_64_v4, "x86-64-v4", kLeavesOfV4}}};

std::string known_targets() {
  std::string text = "known targets: ";
  for (const LevelInfo& entry : kLevels) text.append(entry.name).append(", ");
  text.append("the last with any of");
  for (const FeatureName& entry : kFeatures) text.append(" +").append(entry.name);
  return text.append("; ").append(kInterpreterNofma);
}

Error unknown(std::string_view kind, std::string_view text) {
  std::string message("unknown ");
  message.append(kind).append(" '").append(text).append("'; ").append(known_targets());
  return {Status::unknown_name, std::move(message)};
}

#if defined(__x86_64__)
std::uint64_t read_xcr0() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

CpuidLeaves read_cpuid() {
  CpuidLeaves leaves;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    leaves.leaf1_ecx = c;
    leaves.leaf1_edx = d;
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    leaves.leaf7_ebx = b;
    leaves.leaf7_ecx = c;
    leaves.leaf7_edx = d;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) leaves.leaf7_1_eax = a;
  }
  if (__get_cpuid(0x80000001, &a, &b, &c, &d)) leaves.extended1_ecx = c;
  constexpr std::uint32_t kOsxsave = bit(27);
  if (has_all(leaves.leaf1_ecx, kOsxsave)) leaves.xcr0 = read_xcr0();
  return leaves;
}
#else
CpuidLeaves read_cpuid() { return {}; }
#endif

}  // namespace

std::string_view name(Family family) { return family == Family::fma ? "fma" : "nofma"; }

std::string to_string(const Target& target) {
  if (target.family == Family::nofma) return std::string(kInterpreterNofma);
  std::string text(kLevels[static_cast<std::size_t>(target.level)].name);
  for (const FeatureName& entry : kFeatures)
    if (target.has(entry.feature)) text.append("+").append(entry.name);
  return text;
}

Result<Target> parse_target(std::string_view text) {
  Target target;
  if (text == kInterpreterNofma) {
    target.family = Family::nofma;
    return target;
  }
  std::size_t end = text.find('+');
  const std::string_view level_name = text.substr(0, end);
  const auto level = std::find_if(kLevels.begin(), kLevels.end(),
                                  [&](const LevelInfo& entry) { return entry.name == level_name; });
  if (level == kLevels.end()) return unknown("target", level_name);
  target.level = level->level;
  while (end != std::string_view::npos) {
    const std::size_t begin = end + 1;
    end = text.find('+', begin);
    const std::string_view feature_name =
        text.substr(begin, end == std::string_view::npos ? end : end - begin);
    const auto feature =
        std::find_if(kFeatures.begin(), kFeatures.end(),
                     [&](const FeatureName& entry) { return entry.name == feature_name; });
    if (feature == kFeatures.end()) return unknown("feature", feature_name);
    target.features |= bit(feature->feature);
  }
  if (target.features != 0 && target.level != Level::x86_64_v4) {
    std::string message("'");
    message.append(text).append("': features exist on x86-64-v4 only; ").append(known_targets());
    return Error{Status::unknown_name, std::move(message)};
  }
  return target;
}

Target target_from_cpuid(const CpuidLeaves& leaves) {
  Target target;
  for (const LevelInfo& entry : kLevels) {
    const CpuidLeaves& needed = entry.needed;
    if (has_all(leaves.leaf1_ecx, needed.leaf1_ecx) &&
        has_all(leaves.leaf7_ebx, needed.leaf7_ebx) &&
        has_all(leaves.extended1_ecx, needed.extended1_ecx) && has_all(leaves.xcr0, needed.xcr0))
      target.level = entry.level;
  }
  if (target.level != Level::x86_64_v4) return target;
  if (has_all(leaves.leaf7_ecx, bit(1))) target.features |= bit(Feature::vbmi);
  if (has_all(leaves.leaf7_edx, bit(23))) target.features |= bit(Feature::fp16);
  if (has_all(leaves.leaf7_1_eax, bit(5))) target.features |= bit(Feature::bf16);
  return target;
}

const Target& host_target() {
  static const Target target = target_from_cpuid(read_cpuid());
  return target;
}

bool runs_on(const Target& target, const Target& host) {
  return target.level <= host.level && (target.features & ~host.features) == 0;
}

std::vector<Target> runnable_targets() {
  const Target& host = host_target();
  std::vector<Target> targets;
  for (const LevelInfo& entry : kLevels) {
    if (entry.level > host.level) continue;
    targets.push_back({entry.level, entry.level == Level::x86_64_v4 ? host.features : 0});
  }
  return targets;
}

}  // namespace sluice
