// The library's kernels at each grade of accuracy: every instruction set of this processor gives
// the bits of the interpreter.
#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <sluice/sluice.hpp>

#include "dsl/program.hpp"
#include "support/hash.hpp"
#include "support/target.hpp"

namespace {

using namespace sluice;

constexpr std::size_t kCount = 509;

// Normal ones and any bit pattern.
std::vector<float> numbers(std::uint64_t seed) {
  std::vector<float> numbers(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::uint64_t bits = mix(seed, i);
    const auto fraction = static_cast<float>(static_cast<std::int64_t>(bits) >> 40) * 0x1p-23f;
    numbers[i] = i % 4 == 0 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                            : fraction * (i % 4 == 1 ? 120.0f : 6.0f);
  }
  return numbers;
}

bool numbers_only(const dsl::FunctionDef& function) {
  return !function.row_wise && !function.inputs.empty() &&
         function.outputs[0].type == dsl::Type::number &&
         std::all_of(function.inputs.begin(), function.inputs.end(),
                     [](const dsl::Input& input) { return input.kind == dsl::Kind::element; });
}

// Outputs one after the other; all NaN are one.
std::vector<std::uint32_t> run(const Kernel& kernel) {
  std::vector<std::vector<float>> columns;
  std::vector<void*> buffers;
  for (std::size_t i = 0; i < kernel.operands().size(); ++i) columns.push_back(numbers(i));
  for (std::vector<float>& column : columns) buffers.push_back(column.data());
  kernel.run(buffers.data(), kCount);
  std::vector<std::uint32_t> bits;
  for (std::size_t i = 0; i < columns.size(); ++i)
    for (const float x : columns[i])
      if (kernel.operands()[i].output)
        bits.push_back(std::isnan(x) ? 0x7fc00000u : std::bit_cast<std::uint32_t>(x));
  return bits;
}

KernelSpec spec_of(const dsl::FunctionDef& function, Pass pass, double accuracy) {
  KernelSpec spec;
  spec.function = function.name;
  spec.pass = pass;
  spec.accuracy = accuracy;
  const std::size_t operands = function.inputs.size() + function.outputs.size() +
                               (pass == Pass::backward ? function.inputs.size() : 0);
  spec.operands.assign(operands, f32({std::int64_t{kCount}}));
  return spec;
}

TEST_CASE("kernels of each grade of accuracy have the same bits everywhere", "[differential]") {
  Runtime runtime;
  std::size_t kernels = 0;
  const dsl::Program& library = dsl::standard_library();
  for (std::size_t i = 0; i < library.size(); ++i) {
    const dsl::FunctionDef& function = library.function(static_cast<dsl::FunctionId>(i));
    if (!numbers_only(function)) continue;
    for (const Pass pass : {Pass::forward, Pass::backward})
      for (const double accuracy : {0x1p-20, 0x1p-12, 0x1p-8}) {
        KernelSpec spec = spec_of(function, pass, accuracy);
        spec.target = "interpreter";
        const Result<Kernel> oracle = runtime.compile(spec);
        if (!oracle.ok()) continue;
        const std::vector<std::uint32_t> wanted = run(*oracle);
        for (const Target& target : runnable_targets()) {
          if (target.level == Level::interpreter) continue;
          spec.target = to_string(target);
          INFO(runtime.key(spec)->text());
          const Result<Kernel> kernel = runtime.compile(spec);
          REQUIRE(kernel.ok());
          CHECK(run(*kernel) == wanted);
          ++kernels;
        }
      }
  }
  CHECK((kernels > 600 || runnable_targets().size() == 1));
}

}  // namespace
