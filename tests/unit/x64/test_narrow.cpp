// Elements of 16 bits: loads convert exactly, stores round once, and nothing outside is touched.
#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "compiler/backend/interpreter/interpreter.hpp"
#include "compiler/ir/expr.hpp"
#include "support/half.hpp"
#include "tests/unit/x64/kernel_check.hpp"

namespace sluice::x64::check {
namespace {

using ir::Elem;
using ir::Expr;
using ir::Extent;
using ir::Graph;

constexpr Dtype kTypes[] = {Dtype::f16, Dtype::bf16, Dtype::f32};

// x * s + 1/4, and -|x|: values between the 16-bit types' and such as they hold.
Graph graph() {
  Graph graph(Elem::f32);
  const Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
  const Expr s{&graph, graph.add_input("s", {Elem::f32, Extent::scalar})};
  graph.add_output("y", (x * s + 0.25).id);
  graph.add_output("z", (-abs(x)).id);
  return graph;
}

float decode(std::uint32_t bits, Dtype dtype) {
  F16 f16;
  BF16 bf16;
  f16.bits = bf16.bits = static_cast<std::uint16_t>(bits);
  return dtype == Dtype::f16    ? float{f16}
         : dtype == Dtype::bf16 ? float{bf16}
                                : std::bit_cast<float>(bits);
}

std::uint32_t encode(float value, Dtype dtype) {
  return dtype == Dtype::f16    ? F16(value).bits
         : dtype == Dtype::bf16 ? BF16(value).bits
                                : std::bit_cast<std::uint32_t>(value);
}

std::uint32_t read(const unsigned char* from, std::size_t index, Dtype dtype) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, from + index * size_of(dtype), size_of(dtype));
  return bits;
}

// Every pattern of a 16-bit type stands at one index or another.
std::uint32_t pattern(std::size_t i, Dtype dtype) {
  const auto spread = static_cast<std::uint32_t>(i * 40503u);
  return dtype == Dtype::f32 ? spread * 65537u : spread & 0xffffu;
}

struct Types {
  Dtype x, s, y, z;
};

// Which elements, and where the outputs begin: so many bytes after a page's start; without it all
// buffers end at a page that may not be touched.
struct Place {
  std::size_t n = 0;
  std::size_t first = 0;
  std::optional<std::size_t> offset = {};
};

template <typename Run>
void check_run(const Types& types, const Place& place, const Run& run) {
  const auto [n, first, offset] = place;
  GuardedBuffer x(n * size_of(types.x), 0, true);
  GuardedBuffer s(size_of(types.s), 0, true);
  GuardedBuffer y(n * size_of(types.y), offset.value_or(0), !offset);
  GuardedBuffer z(n * size_of(types.z), 2 * offset.value_or(0), !offset);
  const std::uint32_t factor = encode(1.0f / 3, types.s);
  std::memcpy(s.data(), &factor, size_of(types.s));
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = pattern(first + i, types.x);
    std::memcpy(x.data() + i * size_of(types.x), &bits, size_of(types.x));
  }
  void* buffers[] = {x.data(), s.data(), y.data(), z.data()};
  run(buffers, static_cast<std::int64_t>(n));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const float a = decode(pattern(first + i, types.x), types.x);
    const float expected[] = {a * decode(factor, types.s) + 0.25f, -std::fabs(a)};
    const std::uint32_t got[] = {read(y.data(), i, types.y), read(z.data(), i, types.z)};
    const Dtype dtypes[] = {types.y, types.z};
    for (std::size_t o = 0; o < 2; ++o) {
      const bool both_nan = std::isnan(expected[o]) && std::isnan(decode(got[o], dtypes[o]));
      if (both_nan || got[o] == encode(expected[o], dtypes[o])) continue;
      ++wrong;
      UNSCOPED_INFO("output " << o << " of " << a << ", element " << i << ": " << got[o]);
    }
  }
  INFO(n << " elements, " << offset.value_or(0) << " bytes off");
  CHECK(wrong == 0);
}

template <typename Run>
void check_types(const Types& types, const Run& run) {
  INFO(name(types.x) << " times " << name(types.s) << " to " << name(types.y) << ", "
                     << name(types.z));
  for (std::size_t n = 0; n <= 70; ++n) check_run(types, {n, 977 * n}, run);
  for (std::size_t offset = 0; offset <= 64; ++offset)
    check_run(types, {150 + offset, 977 * offset, offset}, run);
  check_run(types, {65536 + 5}, run);
}

// Streamed at every length, or at none of the lengths here.
schedule::ElementProgram program(const Types& types, bool streamed = false) {
  schedule::ElementProgram result =
      schedule::schedule_elements("test", graph(), {types.x, types.s}, {types.y, types.z});
  if (streamed) result.stream_from = 1;
  return result;
}

template <typename Check>
void for_all_types(const Check& check) {
  for (const Dtype x : kTypes)
    for (const Dtype y : kTypes) check(Types{x, y, y, x});
}

}  // namespace

TEST_CASE("16-bit elements, in the interpreter", "[interpreter]") {
  for_all_types([](const Types& types) {
    const auto interpreter = interpreter::Interpreter::prepare(program(types));
    REQUIRE(interpreter.ok());
    check_types(types, [&](void* const* buffers, std::int64_t n) {
      interpreter->run(buffers, n, nullptr);
    });
  });
}

TEST_CASE("16-bit elements, in code", "[x64]") {
  for (const Target& target : targets())
    for (const bool streamed : {false, true})
      for_all_types([&](const Types& types) {
        const auto code = emit(program(types, streamed), target);
        REQUIRE(code.ok());
        const auto memory = object::ExecutableMemory::map(code->bytes);
        REQUIRE(memory.ok());
        const auto entry = reinterpret_cast<schedule::KernelEntry>(
            reinterpret_cast<std::uintptr_t>(memory->entry()));
        INFO(to_string(target) << (streamed ? ", streamed" : ""));
        check_types(types,
                    [&](void* const* buffers, std::int64_t n) { entry(buffers, n, nullptr); });
      });
}

}  // namespace sluice::x64::check
