#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <cstdio>
#include <sluice/sluice.hpp>

#include "compiler/driver/llvm.hpp"
#include "support/target.hpp"

namespace sluice {
namespace {

KernelSpec spec_of(const std::string& function) {
  return {.function = function, .operands = {f32({4}), f32({4})}};
}

KernelSpec leaky(double slope) {
  KernelSpec spec = spec_of("leaky_relu");
  spec.parameters = {{"negative_slope", slope}};
  return spec;
}

float apply(const Kernel& kernel, float x) {
  float y = 0;
  void* const buffers[] = {&x, &y};
  kernel.run(buffers, 1);
  return y;
}

TEST_CASE("a kernel is compiled once and then found", "[runtime]") {
  Runtime rt;
  const Kernel first = rt.compile(spec_of("relu")).value();
  const Kernel second = rt.compile(spec_of("relu")).value();
  CHECK(first.same_as(second));
  const Key key = rt.key(spec_of("relu")).value();
  {
    const auto guard = rt.guard();
    const Kernel* found = rt.get(key, guard);
    REQUIRE(found != nullptr);
    CHECK(found->same_as(first));
    CHECK(rt.get(rt.key(spec_of("softsign")).value(), guard) == nullptr);
  }
  const Counters counters = rt.counters();
  CHECK(counters.compiles == 1);
  CHECK(counters.hits == 2);
  CHECK(counters.misses == 2);
  CHECK(counters.entries == 1);
  CHECK(counters.bytes >= first.bytes());
  CHECK(counters.compile_nanoseconds > 0);
  CHECK(apply(first, -3) == 0);
  CHECK(apply(first, 3) == 3);
}

TEST_CASE("a name defined again means its latest definition for later specs", "[runtime]") {
  Runtime rt;
  REQUIRE(rt.define("fn f(x) = x + 1").ok());
  const Kernel old_kernel = rt.compile(spec_of("f")).value();
  const Key old_key = rt.key(spec_of("f")).value();
  REQUIRE(rt.define("fn f(x) = x + 2").ok());
  const Kernel new_kernel = rt.compile(spec_of("f")).value();
  CHECK(apply(old_kernel, 1) == 2);
  CHECK(apply(new_kernel, 1) == 3);
  CHECK(rt.compile(old_key)->same_as(old_kernel));
  // The first definition again is the first kernel again.
  REQUIRE(rt.define("fn f(x) = x + 1").ok());
  CHECK(rt.compile(spec_of("f"))->same_as(old_kernel));
  // A text that is wrong changes nothing.
  CHECK_FALSE(rt.define("fn f(x) = x +").ok());
  CHECK(rt.compile(spec_of("f"))->same_as(old_kernel));
}

TEST_CASE("a spec may bring a program of its own", "[runtime]") {
  Runtime rt;
  KernelSpec spec = spec_of("mine");
  CHECK(rt.compile(spec).error().status == Status::unknown_function);
  spec.program = Program::parse("fn mine(x) = 7 * x").value();
  CHECK(apply(rt.compile(spec).value(), 2) == 14);
}

TEST_CASE("kernels outlive eviction and the runtime", "[runtime]") {
  std::optional<Kernel> kernel;
  {
    Runtime rt;
    kernel = rt.compile(leaky(0.5)).value();
    rt.clear();
    CHECK(rt.counters().entries == 0);
    CHECK(rt.counters().bytes == 0);
    CHECK(rt.counters().held_bytes == kernel->bytes());
    CHECK(apply(*kernel, -2) == -1);
    CHECK_FALSE(rt.compile(leaky(0.5))->same_as(*kernel));
  }
  CHECK(apply(*kernel, -2) == -1);
  CHECK(kernel->key_text().find("0.5") != std::string::npos);
}

TEST_CASE("the bound in bytes holds, and the least recently used goes first", "[runtime]") {
  std::size_t one = 0;
  {
    Runtime probe;
    (void)probe.compile(leaky(1.5));
    one = static_cast<std::size_t>(probe.counters().bytes);
  }
  Runtime rt(RuntimeOptions{.cache_bytes = 3 * one + one / 2});
  const Key a = rt.key(leaky(1)).value(), b = rt.key(leaky(2)).value(),
            c = rt.key(leaky(3)).value();
  for (const Key& key : {a, b, c}) REQUIRE(rt.compile(key).ok());
  CHECK(rt.counters().entries == 3);
  {
    const auto guard = rt.guard();
    CHECK(rt.get(a, guard) != nullptr);
  }
  for (int i = 4; i < 6; ++i) REQUIRE(rt.compile(leaky(i)).ok());
  CHECK(rt.counters().bytes <= 3 * one + one / 2);
  CHECK(rt.counters().evictions == 2);
  const auto guard = rt.guard();
  CHECK(rt.get(a, guard) != nullptr);
  CHECK(rt.get(b, guard) == nullptr);
  CHECK(rt.get(c, guard) == nullptr);
}

TEST_CASE("a kernel larger than the bound is returned and not kept", "[runtime]") {
  Runtime rt(RuntimeOptions{.cache_bytes = 100});
  CHECK(apply(rt.compile(leaky(0.5)).value(), -4) == -2);
  CHECK(rt.counters().entries == 0);
  CHECK(rt.counters().bytes == 0);
  CHECK(rt.counters().evictions == 0);
}

TEST_CASE("a guard keeps what it found through eviction", "[runtime]") {
  Runtime rt;
  const Key key = rt.key(leaky(0.25)).value();
  REQUIRE(rt.compile(key).ok());
  const auto guard = rt.guard();
  const Kernel* kernel = rt.get(key, guard);
  REQUIRE(kernel != nullptr);
  rt.clear();
  for (int i = 1; i < 20; ++i) REQUIRE(rt.compile(leaky(i)).ok());
  CHECK(rt.get(key, guard) == nullptr);
  CHECK(apply(*kernel, -4) == -1);
}

TEST_CASE("thousands of kernels come and go", "[runtime]") {
  Runtime rt(RuntimeOptions{.cache_bytes = 200'000});
  for (int round = 0; round < 2; ++round)
    for (int i = 1; i <= 600; ++i) {
      KernelSpec spec = leaky(i);
      spec.target = "interpreter";
      const auto kernel = rt.compile(spec);
      REQUIRE(kernel.ok());
      CHECK(apply(*kernel, -1) == static_cast<float>(-i));
      CHECK(rt.counters().bytes <= 200'000);
    }
  const Counters counters = rt.counters();
  CHECK(counters.evictions + counters.entries == counters.compiles);
}

TEST_CASE("prewarm compiles the list and tells the first error", "[runtime]") {
  Runtime rt;
  const KernelSpec specs[] = {spec_of("relu"), spec_of("nothing"), spec_of("identity")};
  const Outcome outcome = rt.prewarm(specs);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().status == Status::unknown_function);
  CHECK(rt.counters().entries == 2);
}

TEST_CASE("a target is forced by spec, option or environment", "[runtime]") {
  KernelSpec spec = spec_of("relu");
  CHECK(Runtime(RuntimeOptions{.target = "interpreter"}).compile(spec)->rung() ==
        Rung::interpreter);
  for (const Target& target : runnable_targets()) {
    spec.target = to_string(target);
    const auto kernel = Runtime().compile(spec);
    REQUIRE(kernel.ok());
    INFO(kernel->rung_reason());
    CHECK(kernel->target() == to_string(target));
  }
  spec.target.clear();
  REQUIRE(setenv("SLUICE_TARGET", "interpreter", 1) == 0);
  Runtime forced;
  REQUIRE(setenv("SLUICE_TARGET", "no-such-target", 1) == 0);
  Runtime wrong;
  CHECK(Runtime(RuntimeOptions{.target = "interpreter"}).compile(spec).ok());
  REQUIRE(unsetenv("SLUICE_TARGET") == 0);
  CHECK(forced.compile(spec)->rung() == Rung::interpreter);
  CHECK(wrong.compile(spec).error().status == Status::unknown_name);
  spec.target = "interpreter";
  CHECK(wrong.compile(spec).ok());
}

TEST_CASE("tools to be told of code are chosen by name", "[runtime]") {
  REQUIRE(setenv("SLUICE_CODE_TOOLS", "gdb,,perf", 1) == 0);
  Runtime wrong;
  REQUIRE(setenv("SLUICE_CODE_TOOLS", "gdb,gdb", 1) == 0);
  Runtime told;
  REQUIRE(unsetenv("SLUICE_CODE_TOOLS") == 0);
  Runtime also(RuntimeOptions{.code_tools = {.gdb = true}});
  const auto refused = wrong.compile(spec_of("relu"));
  REQUIRE(!refused.ok());
  CHECK(refused.error().status == Status::unknown_name);
  CHECK(refused.error().message.find("'perf'") != std::string::npos);
  // Kernels come, go and outlive their runtime in one list of gdb's.
  auto kernel = told.compile(spec_of("relu"));
  REQUIRE(kernel.ok());
  REQUIRE(also.compile(spec_of("silu")).ok());
  REQUIRE(told.compile(spec_of("tanh")).ok());
  also.clear();
  told = Runtime();
  CHECK(kernel->code().empty() == (kernel->rung() == Rung::interpreter));
}

TEST_CASE("a denied rung is not taken, and the kernel says so", "[runtime]") {
  KernelSpec spec = spec_of("relu");
  spec.denied = {Rung::x64, Rung::llvm};
  const auto kernel = Runtime().compile(spec);
  REQUIRE(kernel.ok());
  CHECK(kernel->rung() == Rung::interpreter);
  if (host_target().level != Level::interpreter)
    CHECK(kernel->rung_reason().find("denied") != std::string_view::npos);

  Runtime strict(RuntimeOptions{.denied = {Rung::interpreter}});
  spec.denied.clear();
  spec.target = "interpreter";
  CHECK(strict.compile(spec).error().status == Status::unavailable);
}

TEST_CASE("LLVM is the rung between, and a target by name", "[runtime]") {
  const auto llvm = driver::llvm();
  if (!llvm.ok() || host_target().level == Level::interpreter) {
    std::printf("skipped: the rung llvm: %s\n",
                llvm.ok() ? "this processor's level" : llvm.error().message.c_str());
    return;
  }
  for (const char* function : {"silu", "softmax"}) {
    KernelSpec by_denial{.function = function, .operands = {f32({2, 33}), f32({2, 33})}};
    KernelSpec by_name = by_denial;
    by_denial.denied = {Rung::x64};
    by_name.target = "llvm";
    std::vector<float> x(66, 0.75F), expected(66), got(66);
    const std::int64_t shape[] = {2, 33};
    const auto view = [&](std::vector<float>& of) {
      return TensorView(static_cast<void*>(of.data()), Dtype::f32, shape);
    };
    for (std::size_t i = 0; i < x.size(); ++i) x[i] *= static_cast<float>(i) - 20;
    Runtime runtime;
    const auto best = runtime.compile({.function = function, .operands = by_name.operands});
    REQUIRE(best.ok());
    REQUIRE((*best)(view(x), view(expected)).ok());
    for (const KernelSpec& spec : {by_denial, by_name}) {
      const auto kernel = runtime.compile(spec);
      REQUIRE(kernel.ok());
      CHECK(kernel->rung() == Rung::llvm);
      CHECK(kernel->target() == "llvm");
      REQUIRE((*kernel)(view(x), view(got)).ok());
      CHECK(got == expected);
    }
    by_name.denied = {Rung::llvm};
    CHECK(runtime.compile(by_name).error().status == Status::unavailable);
  }
}

TEST_CASE("a spec has the same code whenever it is compiled", "[runtime]") {
  for (const char* function : {"silu", "softmax", "log_softmax", "sparsemax"}) {
    for (const int axis : {0, -1}) {
      KernelSpec spec{.function = function, .operands = {f32({3, 9}), f32({3, 9})}};
      if (std::string(function) != "silu") spec.axis = axis;
      const Kernel first = Runtime().compile(spec).value();
      std::vector<std::vector<char>>
          elsewhere;  // so that the compiler's memory lies elsewhere, too
      for (std::size_t i = 0; i < 20; ++i) {
        elsewhere.emplace_back(16 * (i % 5) + 1);
        const Kernel again = Runtime().compile(spec).value();
        INFO(function << ", axis " << axis);
        REQUIRE(std::ranges::equal(again.code(), first.code()));
      }
    }
  }
}

TEST_CASE("two runtimes do not know of each other", "[runtime]") {
  Runtime a, b;
  REQUIRE(a.define("fn f(x) = x").ok());
  CHECK(a.compile(spec_of("f")).ok());
  CHECK_FALSE(b.compile(spec_of("f")).ok());
  CHECK(b.counters().compiles == 0);
  Runtime moved = std::move(a);
  CHECK(moved.counters().compiles == 1);
  CHECK(default_runtime().compile(spec_of("relu")).ok());
  CHECK(&default_runtime() == &default_runtime());
}

}  // namespace
}  // namespace sluice
