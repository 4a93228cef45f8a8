// Operands of 8 bits: every target has the interpreter's bits at every length, misalignment and in
// place, and touches nothing outside of the buffers; the interpreter has the definition's.
#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "support/half.hpp"
#include "support/target.hpp"
#include "tests/unit/x64/kernel_check.hpp"

namespace sluice {
namespace {

using x64::check::GuardedBuffer;

// With machine code; a feature may change instructions, so each has a target of its own.
std::vector<std::string> coded_targets() {
  std::vector<std::string> found;
  for (const char* text : {"x86-64-v3", "x86-64-v4", "x86-64-v4+vbmi"}) {
    const bool runs = runs_on(*parse_target(text), host_target());
    std::cout << (runs ? "ran: " : "skipped: ") << "8 bits on " << text
              << (runs ? "" : ": this processor lacks it") << "\n";
    if (runs) found.emplace_back(text);
  }
  return found;
}

Kernel compiled(KernelSpec spec, const std::string& target) {
  spec.target = target;
  if (target != "interpreter") spec.denied = {Rung::interpreter};
  Runtime rt;
  const auto kernel = rt.compile(spec);
  if (!kernel.ok()) FAIL(target << ": " << kernel.error().message);
  return *kernel;
}

constexpr Quantisation kIn{0.05, 3};
constexpr Quantisation kOut{0.03, -10};
constexpr Quantisation kUnsigned{0.1, 128};

// Of each way that an 8-bit operand can go, one.
std::vector<KernelSpec> specs() {
  const std::vector<std::int64_t> n = {4};
  return {
      {.function = "silu", .operands = {i8(n, kIn), i8(n, kOut)}},
      {.function = "gelu", .operands = {u8(n, kUnsigned), i8(n, kOut)}},
      {.function = "tanh", .operands = {i8(n, kIn), u8(n, {1.0 / 128, 128})}},
      {.function = "swiglu", .operands = {i8(n, kIn), u8(n, kUnsigned), i8(n, kOut)}},
      {.function = "prelu", .operands = {i8(n, kIn), i8({}, kOut, {}), i8(n, kIn)}},
      {.function = "silu", .operands = {u8(n, kUnsigned), f32(n)}},
      {.function = "silu", .operands = {{Dtype::f16, n}, u8(n, kUnsigned)}},
      {.function = "silu", .operands = {f32(n), i8(n, kOut)}},
      {.function = "silu", .operands = {i8(n, kIn), {Dtype::bf16, n}}},
      {.function = "silu", .pass = backward, .operands = {i8(n, kIn), f32(n), f32(n)}},
      {.function = "silu",
       .pass = forward_backward,
       .operands = {i8(n, kIn), i8(n, kOut), i8(n, kOut), u8(n, kUnsigned)}},
  };
}

// Element i of an operand: every byte, and numbers within and beyond what 8 bits hold.
void put(unsigned char* to, std::size_t i, Dtype dtype) {
  const auto byte = static_cast<unsigned char>(i * 89 + 128);
  const float number = static_cast<float>(byte) * 0.09f - 8;
  const F16 half(number);
  if (dtype == Dtype::f32)
    std::memcpy(to, &number, sizeof number);
  else if (dtype == Dtype::f16)
    std::memcpy(to, &half, sizeof half);
  else
    *to = byte;
}

using Bytes = std::vector<unsigned char>;

struct Layout {
  std::size_t count;
  std::size_t offset = 0;
  bool flush_end = true;
  bool in_place = false;  // the first output over the first input
};

std::vector<Bytes> run(const Kernel& kernel, const Layout& layout) {
  std::vector<GuardedBuffer> buffers;
  std::vector<void*> pointers;
  std::vector<std::size_t> outputs;
  for (std::size_t k = 0; k < kernel.operands().size(); ++k) {
    const OperandInfo& operand = kernel.operands()[k];
    const std::size_t elements = operand.scalar ? 1 : layout.count;
    const std::size_t size = size_of(operand.dtype);
    buffers.emplace_back(elements * size, layout.offset, layout.flush_end);
    pointers.push_back(buffers.back().data());
    if (operand.output) {
      if (layout.in_place && outputs.empty()) pointers.back() = pointers[0];
      outputs.push_back(k);
    }
    for (std::size_t i = 0; !operand.output && i < elements; ++i)
      put(buffers.back().data() + i * size, i + k, operand.dtype);
  }
  kernel.run(pointers.data(), static_cast<std::int64_t>(layout.count));
  std::vector<Bytes> written;
  for (const std::size_t k : outputs) {
    const auto* begin = static_cast<const unsigned char*>(pointers[k]);
    written.emplace_back(begin, begin + layout.count * size_of(kernel.operands()[k].dtype));
  }
  return written;
}

void check(const Kernel& oracle, const Kernel& kernel, const Layout& layout) {
  INFO(kernel.key_text() << ": " << layout.count << " elements, offset " << layout.offset
                         << (layout.in_place ? ", in place" : ""));
  const bool same = run(oracle, layout) == run(kernel, layout);
  REQUIRE(same);
}

TEST_CASE("8-bit operands on every target, at every length", "[runtime]") {
  const std::vector<std::string> targets = coded_targets();
  for (const KernelSpec& spec : specs()) {
    const Kernel oracle = compiled(spec, "interpreter");
    const bool alike = oracle.operands()[0].dtype == oracle.operands().back().dtype;
    for (const std::string& target : targets) {
      const Kernel kernel = compiled(spec, target);
      for (std::size_t n = 0; n <= 300; ++n) check(oracle, kernel, {n});
      for (std::size_t offset = 1; offset < 64; ++offset)
        check(oracle, kernel, {200 + offset, offset, false});
      for (const std::size_t n : {1u, 31u, 64u, 300u, 5000u})
        if (alike) check(oracle, kernel, {n, 0, true, true});
    }
  }
}

TEST_CASE("8-bit operands stored past the cache", "[runtime]") {
  const std::size_t many = std::size_t{5} << 20;
  for (const std::string& target : coded_targets()) {
    const KernelSpec spec = specs()[0];
    const Kernel oracle = compiled(spec, "interpreter");
    const Kernel kernel = compiled(spec, target);
    for (const std::size_t offset : {0u, 1u, 63u}) check(oracle, kernel, {many, offset, false});
    check(oracle, kernel, {many + 77});
    check(oracle, kernel, {many + 1, 5, false, true});
  }
}

TEST_CASE("a table of bytes holds the function's values", "[runtime]") {
  const Kernel kernel = compiled(specs()[0], "interpreter");
  REQUIRE(kernel.operands()[0].quantisation->zero_point == kIn.zero_point);
  std::vector<std::int8_t> x(256), y(256);
  for (std::size_t i = 0; i < 256; ++i) x[i] = static_cast<std::int8_t>(i);
  REQUIRE(kernel(x, y).ok());
  const auto scale_in = static_cast<float>(kIn.scale);
  const auto scale_out = static_cast<float>(kOut.scale);
  for (std::size_t i = 0; i < 256; ++i) {
    const double number = static_cast<float>(x[i] - kIn.zero_point) * scale_in;
    const double silu = number / (1 + std::exp(-number));
    const double stored = std::nearbyint(silu / double{scale_out}) + kOut.zero_point;
    CHECK(y[i] == static_cast<int>(std::fmin(std::fmax(stored, -128), 127)));
  }
}

void check_refused(const std::vector<OperandSpec>& operands, const std::string& part) {
  const auto key = Runtime{}.key({.function = "silu", .operands = operands});
  REQUIRE_FALSE(key.ok());
  INFO(key.error().message);
  CHECK(key.error().status == Status::invalid_operands);
  CHECK(key.error().message.find(part) != std::string::npos);
}

TEST_CASE("quantisations that make no sense are refused", "[runtime]") {
  const double inf = std::numeric_limits<double>::infinity();
  check_refused({{Dtype::i8, {4}}, f32({4})}, "'x' of type i8 needs a quantisation");
  check_refused({f32({4}), {Dtype::u8, {4}}}, "'y' of type u8 needs a quantisation");
  check_refused({{Dtype::f32, {4}, {}, kIn}, f32({4})}, "which only i8 and u8 have");
  for (const double scale : {0.0, -0.5, inf, -inf, std::nan(""), 1e-60, 1e60})
    check_refused({i8({4}, {scale, 0}), f32({4})}, "positive and finite in f32");
  check_refused({i8({4}, {1, 128}), f32({4})}, "zero point from -128 to 127, not 128");
  check_refused({i8({4}, {1, -129}), f32({4})}, "zero point from -128 to 127, not -129");
  check_refused({u8({4}, {1, -1}), f32({4})}, "zero point from 0 to 255, not -1");
  check_refused({u8({4}, {1, 256}), f32({4})}, "zero point from 0 to 255, not 256");
  check_refused({{Dtype::i32, {4}}, f32({4})}, "i32 must be of a number type");
  check_refused({f32({4}), {Dtype::i64, {4}}}, "i64 must be of a number type");
}

TEST_CASE("a quantisation is part of a kernel's key", "[runtime]") {
  const Runtime rt;
  const auto key_of = [&](const Quantisation& quantisation) {
    const auto key =
        rt.key({.function = "silu", .operands = {i8({4}, quantisation), i8({4}, kOut)}});
    REQUIRE(key.ok());
    return *key;
  };
  CHECK(key_of(kIn) == key_of({static_cast<float>(kIn.scale), 3}));
  CHECK_FALSE(key_of(kIn) == key_of({kIn.scale, 4}));
  CHECK_FALSE(key_of(kIn) == key_of({0.06, 3}));
  CHECK(key_of({0.25, 3}).text().find("x:i8*0.25@3") != std::string::npos);
}

}  // namespace
}  // namespace sluice
