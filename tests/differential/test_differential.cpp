// Random programs: the interpreter, AVX2 and AVX-512 give the same bits; baked and passed
// parameters too.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <limits>

#include "compiler/driver/compile.hpp"
#include "compiler/driver/llvm.hpp"
#include "dsl/program.hpp"
#include "generator.hpp"
#include "run.hpp"
#include "support/target.hpp"

using namespace sluice;
using differential::Data;
using differential::Random;

namespace {

std::uint64_t seed() {
  const char* text = std::getenv("SLUICE_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
}

// Ordinary numbers, wide ones, and what breaks things.
template <typename T>
T random_number(Random& random) {
  using Limits = std::numeric_limits<T>;
  constexpr T kSpecial[] = {T{0},
                            -T{0},
                            T{1},
                            -T{1},
                            Limits::infinity(),
                            -Limits::infinity(),
                            Limits::quiet_NaN(),
                            Limits::min(),
                            Limits::denorm_min(),
                            Limits::max(),
                            Limits::lowest(),
                            T{0.5},
                            T{88},
                            T{-88},
                            T{-104}};
  switch (random() % 4) {
    case 0: return kSpecial[random() % std::size(kSpecial)];
    case 1:
      return static_cast<T>(std::ldexp(1 + static_cast<double>(random() % 1000) / 1000,
                                       static_cast<int>(random() % 250) - 125)) *
             (random() % 2 == 0 ? T{1} : T{-1});
    default: return static_cast<T>(std::normal_distribution<double>(0, 3)(random));
  }
}

template <typename T>
void append(std::vector<std::uint8_t>& bytes, T value) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof(T));
  std::memcpy(&bytes[at], &value, sizeof(T));
}

std::vector<std::uint8_t> random_buffer(Random& random, Dtype dtype, std::int64_t count) {
  std::vector<std::uint8_t> bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    if (dtype == Dtype::f64)
      append(bytes, random_number<double>(random));
    else
      append(bytes, random_number<float>(random));
  }
  return bytes;
}

driver::Request random_request(Random& random, const dsl::Program& program) {
  driver::Request request;
  request.program = &program;
  request.function = *program.find("f");
  const Dtype dtype = random() % 3 == 0 ? Dtype::f64 : Dtype::f32;
  const ir::Extent second = random() % 4 == 0 ? ir::Extent::scalar : ir::Extent::element;
  request.operands = {{driver::Role::input, 0, dtype, ir::Extent::element},
                      {driver::Role::input, 1, dtype, second}};
  request.pass = static_cast<Pass>(random() % 3);
  if (request.pass != Pass::forward)
    request.operands.push_back({driver::Role::output_gradient, 0, dtype, ir::Extent::element});
  if (request.pass != Pass::backward)
    request.operands.push_back({driver::Role::output, 0, dtype, ir::Extent::element});
  if (request.pass != Pass::forward) {
    request.operands.push_back({driver::Role::input_gradient, 0, dtype, ir::Extent::element});
    if (second == ir::Extent::element)
      request.operands.push_back({driver::Role::input_gradient, 1, dtype, ir::Extent::element});
  }
  // Powers of two too: products with them have no low word, which baking may know.
  constexpr double kValues[] = {0.75, -1.25, 1, 2, -0.5};
  request.params = {{kValues[random() % 5], true}, {kValues[random() % 5], true}};
  return request;
}

Data random_data(Random& random, const driver::Request& request) {
  Data data;
  data.count = static_cast<std::int64_t>(random() % 150);
  for (const driver::Operand& operand : request.operands)
    if (operand.role == driver::Role::input || operand.role == driver::Role::output_gradient)
      data.inputs.push_back(random_buffer(random, operand.dtype,
                                          operand.extent == ir::Extent::scalar ? 1 : data.count));
  return data;
}

// The same request with its parameters passed: the same bits.
std::optional<std::string> check_passed(const driver::Request& request, Data data,
                                        const differential::Outputs& expected) {
  driver::Request passed = request;
  for (driver::Parameter& param : passed.params) {
    param.baked = false;
    const bool wide = request.operands[0].dtype == Dtype::f64;
    std::uint64_t slot = 0;
    if (wide) {
      std::memcpy(&slot, &param.value, sizeof(double));
    } else {
      const auto narrow = static_cast<float>(param.value);
      std::memcpy(&slot, &narrow, sizeof(float));
    }
    data.params.push_back(slot);
  }
  const auto compiled = driver::compile(passed);
  if (!compiled.ok()) return "passed: " + compiled.error().message;
  if (const auto found = differential::difference(compiled->program, expected,
                                                  differential::interpret(compiled->program, data)))
    return "passed parameters: " + *found;
  if (const auto found = differential::disagreement(compiled->program, data, expected))
    return "passed: " + *found;
  return std::nullopt;
}

// Every so many of the programs by LLVM as well.
void check_programs(int count, int llvm_every) {
  const std::uint64_t start = seed();
  std::cout << "differential: " << count << " programs, seed " << start
            << " (SLUICE_SEED repeats it)\n";
  for (int i = 0; i < count; ++i) {
    Random random(start + static_cast<std::uint64_t>(i));
    const std::string text = differential::random_program(random);
    INFO("program " << i << ", SLUICE_SEED=" << start + static_cast<std::uint64_t>(i) << "\n"
                    << text);
    const auto parsed = dsl::parse(text, "random.slu", &dsl::standard_library());
    if (!parsed.ok()) FAIL(parsed.error().message);
    const driver::Request request = random_request(random, parsed->program);
    INFO("pass " << name(request.pass) << ", " << name(request.operands[0].dtype));
    const auto compiled = driver::compile(request);
    if (!compiled.ok()) FAIL(compiled.error().message);
    const Data data = random_data(random, request);
    const differential::Outputs expected = differential::interpret(compiled->program, data);
    const auto found = differential::disagreement(compiled->program, data, expected);
    if (found) FAIL(*found);
    if (i % llvm_every == 0) {
      const auto other = differential::llvm_disagreement(compiled->program, data, expected);
      if (other) FAIL(*other);
    }
    if (i % 4 == 0) {
      const auto other = check_passed(request, data, expected);
      if (other) FAIL(*other);
    }
  }
  for (const Level level : {Level::x86_64_v3, Level::x86_64_v4}) {
    const Target target{level, 0};
    std::cout << (runs_on(target, host_target()) ? "ran: " : "skipped: ") << to_string(target)
              << (runs_on(target, host_target()) ? "" : ": this processor lacks it") << "\n";
  }
  const auto llvm = driver::llvm();
  if (llvm.ok())
    std::cout << "ran: llvm on " << count / llvm_every << " programs\n";
  else
    std::cout << "skipped: llvm: " << llvm.error().message << "\n";
}

}  // namespace

TEST_CASE("ten thousand random programs have the same bits on every back end", "[differential]") {
  check_programs(10'000, 20);
}

TEST_CASE("ten thousand random programs have the same bits by LLVM", "[slow]") {
  check_programs(10'000, 1);
}
