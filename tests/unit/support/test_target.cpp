#include <catch2/catch.hpp>

#include "support/target.hpp"

namespace sluice {
namespace {

// What CPUID says on a Haswell-class processor and on a Sapphire Rapids one, cut down to the bits
// that the levels ask for, with a system that saves AVX or all AVX-512 state.
constexpr std::uint32_t kLeaf1Ecx = 1u << 0 | 1u << 9 | 1u << 12 | 1u << 13 | 1u << 19 | 1u << 20 |
                                    1u << 22 | 1u << 23 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 29;
constexpr std::uint32_t kAvx2 = 1u << 3 | 1u << 5 | 1u << 8;
constexpr std::uint32_t kAvx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;

CpuidLeaves haswell() {
  CpuidLeaves leaves;
  leaves.leaf1_ecx = kLeaf1Ecx;
  leaves.leaf7_ebx = kAvx2;
  leaves.extended1_ecx = 1u << 0 | 1u << 5;
  leaves.xcr0 = 0x7;
  return leaves;
}

CpuidLeaves sapphire_rapids() {
  CpuidLeaves leaves = haswell();
  leaves.leaf7_ebx |= kAvx512;
  leaves.leaf7_ecx = 1u << 1;
  leaves.leaf7_edx = 1u << 23;
  leaves.leaf7_1_eax = 1u << 5;
  leaves.xcr0 = 0xe7;
  return leaves;
}

}  // namespace

TEST_CASE("a processor's target follows from its CPUID", "[support]") {
  CHECK(to_string(target_from_cpuid({})) == "interpreter");
  CHECK(to_string(target_from_cpuid(haswell())) == "x86-64-v3");
  CHECK(to_string(target_from_cpuid(sapphire_rapids())) == "x86-64-v4+vbmi+fp16+bf16");
}

TEST_CASE("a level needs each of its bits, and the system's consent", "[support]") {
  for (unsigned bit = 0; bit < 32; ++bit) {
    CpuidLeaves leaves = haswell();
    leaves.leaf1_ecx &= ~(1u << bit);
    CHECK((target_from_cpuid(leaves).level == Level::x86_64_v3) == ((kLeaf1Ecx >> bit & 1) == 0));
    leaves = haswell();
    leaves.leaf7_ebx &= ~(1u << bit);
    CHECK((target_from_cpuid(leaves).level == Level::x86_64_v3) == ((kAvx2 >> bit & 1) == 0));
    leaves = sapphire_rapids();
    leaves.leaf7_ebx &= ~(1u << bit);
    const bool needed = ((kAvx512 | kAvx2) >> bit & 1) != 0;
    CHECK((target_from_cpuid(leaves).level == Level::x86_64_v4) == !needed);
  }
  CpuidLeaves leaves = sapphire_rapids();
  leaves.xcr0 = 0x7;
  CHECK(to_string(target_from_cpuid(leaves)) == "x86-64-v3");
  leaves.xcr0 = 0x3;
  CHECK(to_string(target_from_cpuid(leaves)) == "interpreter");
}

TEST_CASE("targets by name", "[support]") {
  for (const char* text : {"interpreter", "interpreter-nofma", "x86-64-v3", "x86-64-v4",
                           "x86-64-v4+fp16", "x86-64-v4+vbmi+bf16", "x86-64-v4+vbmi+fp16+bf16"}) {
    const Result<Target> target = parse_target(text);
    REQUIRE(target.ok());
    CHECK(to_string(*target) == text);
  }
  CHECK(to_string(*parse_target("x86-64-v4+bf16+vbmi")) == "x86-64-v4+vbmi+bf16");
  for (const char* text : {"interpreter", "x86-64-v3"})
    CHECK(parse_target(text)->family == Family::fma);
  CHECK(parse_target("interpreter-nofma")->family == Family::nofma);
  CHECK(runs_on(*parse_target("interpreter-nofma"), {}));
}

TEST_CASE("unknown targets and features are refused with the known ones", "[support]") {
  for (const char* text : {"", "x86-64-v2", "avx2", "x86-64-v4+", "x86-64-v4+avx10", "+vbmi",
                           "x86-64-v3+vbmi", "interpreter+fp16", "x86-64-v4++vbmi"}) {
    INFO(text);
    const Result<Target> target = parse_target(text);
    REQUIRE(!target.ok());
    CHECK(target.error().status == Status::unknown_name);
    CHECK(target.error().message.find("x86-64-v4") != std::string::npos);
    CHECK(target.error().message.find("+vbmi") != std::string::npos);
  }
}

TEST_CASE("what runs on what", "[support]") {
  const Target v3{Level::x86_64_v3, 0};
  const Target v4 = *parse_target("x86-64-v4");
  const Target vbmi = *parse_target("x86-64-v4+vbmi");
  CHECK(runs_on({}, {}));
  CHECK(runs_on(v3, v4));
  CHECK(!runs_on(v4, v3));
  CHECK(runs_on(v4, vbmi));
  CHECK(!runs_on(vbmi, v4));
  REQUIRE(!runnable_targets().empty());
  CHECK(runnable_targets().front() == Target{});
  CHECK(runnable_targets().back() == host_target());
  for (const Target& target : runnable_targets()) CHECK(runs_on(target, host_target()));
}

}  // namespace sluice
