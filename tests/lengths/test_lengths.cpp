// Special values at every length from 0 to 65 and at every misalignment, for every kernel of the
// standard library: the bits are the interpreter's for a long buffer, and no byte outside of the
// outputs is written. At each length each special value comes to stand at each place, so that
// bodies and tails of vectors see all of them.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <sluice/runtime.hpp>

#include "calls.hpp"
#include "tools/accuracy/measure.hpp"

namespace {

using namespace sluice;
using lengths::Bytes;
using lengths::Call;
using lengths::kLongest;
using lengths::Table;

// No rows, no positions and no tests, for which there are no buffers yet.
bool numbers_only(const dsl::FunctionDef& function) {
  return !function.row_wise && !function.inputs.empty() &&
         function.outputs[0].type == dsl::Type::number &&
         std::all_of(function.inputs.begin(), function.inputs.end(),
                     [](const dsl::Input& input) { return input.kind == dsl::Kind::element; });
}

// The default parameters, and each parameter at the ends of its range.
std::vector<std::vector<ParameterValue>> settings_of(const dsl::FunctionDef& function) {
  std::vector<std::vector<ParameterValue>> settings(1);
  for (const dsl::Range& range : function.attributes.ranges)
    for (const double end : {range.low, range.high})
      if (range.of_parameter) settings.push_back({{function.parameters[range.target].name, end}});
  return settings;
}

// The special values in every column; every pass over them moves the columns against each other.
template <typename T>
std::vector<Bytes> columns(const std::vector<double>& values, std::size_t count, std::size_t rows) {
  std::vector<Bytes> columns(count, Bytes(rows * sizeof(T)));
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t shift = row / values.size() * k * 37;
      const T value = static_cast<T>(values[(row + shift) % values.size()]);
      std::memcpy(&columns[k][row * sizeof(T)], &value, sizeof(T));
    }
  return columns;
}

// Calls `call` with every call to be made of a length: each value at each place with the buffers
// aligned to elements in all ways, then bytes off, then at a page's end.
template <typename Function>
void for_each_call(std::size_t count, std::size_t values, std::size_t size, const Function& call) {
  constexpr std::size_t kPasses = 7;  // over the values, one a length: other pairs
  const std::size_t pass = count % kPasses * values;
  const std::size_t places = 64 / size;
  for (std::size_t i = 0; i < std::max(values, places * places); ++i)
    call(Call{pass + i % values, count, false, i % places * size, i / places % places * size});
  for (std::size_t i = 0; i < 64; ++i)
    call(Call{pass + i * 11 % values, count, false, i, i * 37 % 64});
  for (std::size_t i = 0; i < 16; ++i) call(Call{pass + i * 29 % values, count, true, 0, 0});
}
constexpr std::size_t kPassesOfRows = 8;

class Checker {
 public:
  explicit Checker(Dtype dtype) : dtype_(dtype) {
    targets_.push_back("interpreter");
    for (const Target& target : x64::check::targets()) targets_.push_back(to_string(target));
  }

  // All passes of a function for all its settings.
  void check(const dsl::FunctionDef& function, const std::vector<double>& values) {
    for (const std::vector<ParameterValue>& setting : settings_of(function))
      for (const Pass pass : {Pass::forward, Pass::backward, Pass::forward_backward})
        check(spec_of(function, setting, pass), values);
  }

  void report() const {
    std::printf("%zu kernels, %zu calls; no kernels yet:%s\n", kernels_, calls_, none_.c_str());
    CHECK(kernels_ >= 100 * targets_.size());
  }

 private:
  [[nodiscard]] KernelSpec spec_of(const dsl::FunctionDef& function,
                                   const std::vector<ParameterValue>& setting, Pass pass) const {
    KernelSpec spec;
    spec.function = function.name;
    spec.pass = pass;
    spec.parameters = setting;
    const std::size_t inputs = function.inputs.size();
    const std::size_t outputs = function.outputs.size();
    std::size_t operands = inputs + outputs;
    if (pass != Pass::forward) operands += inputs;
    if (pass == Pass::forward_backward) operands += outputs;
    spec.operands.assign(operands, {dtype_, {kLongest}, {}});
    return spec;
  }

  // Nothing where the compiler has no kernel yet: that is the accuracy tests' to hold.
  std::optional<Kernel> compile(KernelSpec spec, const std::string& target) {
    spec.target = target;
    if (target != "interpreter") spec.denied = {Rung::interpreter};
    Result<Kernel> kernel = runtime_.compile(spec);
    if (kernel.ok()) return std::move(kernel).value();
    INFO(spec.function << ", " << name(spec.pass) << ", " << target);
    INFO(kernel.error().message);
    CHECK(target == "interpreter");
    CHECK(kernel.error().status == Status::unsupported);
    if (spec.pass == Pass::forward) none_ += " " + spec.function;
    return std::nullopt;
  }

  void check(const KernelSpec& spec, const std::vector<double>& values) {
    const std::optional<Kernel> oracle = compile(spec, targets_[0]);
    if (!oracle) return;
    Table table;
    table.rows = kPassesOfRows * values.size();
    std::size_t read = 0;
    for (const OperandInfo& operand : oracle->operands()) read += operand.output ? 0 : 1;
    table.read = dtype_ == Dtype::f32 ? columns<float>(values, read, table.rows)
                                      : columns<double>(values, read, table.rows);
    lengths::write_expected(*oracle, table);
    for (const std::string& target : targets_)
      if (const std::optional<Kernel> kernel = compile(spec, target))
        check(*kernel, table, values.size());
  }

  void check(const Kernel& kernel, const Table& table, std::size_t values) {
    ++kernels_;
    lengths::Caller caller(kernel, table);
    for (std::size_t count = 0; count <= kLongest; ++count)
      for_each_call(count, values, size_of(dtype_), [&](const Call& call) {
        ++calls_;
        if (const auto wrong = caller.run(call))
          FAIL(kernel.function() << ", " << kernel.key_text() << ": " << *wrong);
      });
  }

  Dtype dtype_;
  Runtime runtime_;
  std::vector<std::string> targets_;
  std::string none_;
  std::size_t kernels_ = 0;
  std::size_t calls_ = 0;
};

void check_library(Dtype dtype) {
  const dsl::Program& library = dsl::standard_library();
  Checker checker(dtype);
  for (std::size_t i = 0; i < library.size(); ++i) {
    accuracy::Subject subject;
    subject.program = &library;
    subject.function = static_cast<dsl::FunctionId>(i);
    subject.compute = dtype == Dtype::f32 ? ir::Elem::f32 : ir::Elem::f64;
    if (numbers_only(subject.definition()))
      checker.check(subject.definition(), accuracy::special_values(subject));
  }
  checker.report();
}

TEST_CASE("every length and misalignment, f32", "[f32]") { check_library(Dtype::f32); }
TEST_CASE("every length and misalignment, f64", "[f64]") { check_library(Dtype::f64); }

}  // namespace
