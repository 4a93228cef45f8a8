#include "tools/bench_run.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <functional>

#include <fmt/format.h>
#include <sluice/runtime.hpp>

#include "bench/measure/buffer.hpp"
#include "bench/measure/loops.hpp"
#include "tools/bench_rows.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

using bench::Buffer;

constexpr double kInputScale = 3.0;                             // inputs are 3 N(0, 1)
constexpr std::size_t kPeriod = 65536;                          // and repeat after this many
constexpr std::int64_t kErrorElements = std::int64_t{1} << 16;  // errors are looked for among these

// Integers of 8 bits for numbers between -12 and 12.
Quantisation quantisation_of(Dtype dtype) {
  return {4 * kInputScale / 128, dtype == Dtype::u8 ? 128 : 0};
}

// All operands of the pass in order, each varying along the tensor.
KernelSpec spec_of(const Function& function, Pass pass, Dtype dtype, std::int64_t count) {
  const dsl::FunctionDef& definition = function.definition();
  KernelSpec spec;
  spec.program = function.definitions.program;
  spec.function = definition.name;
  spec.pass = pass;
  std::size_t operands = definition.inputs.size();
  if (pass != Pass::forward) operands += definition.outputs.size() + definition.inputs.size();
  if (pass != Pass::backward) operands += definition.outputs.size();
  OperandSpec operand{dtype, {count}, {}};
  if (is_quantised(dtype)) operand.quantisation = quantisation_of(dtype);
  spec.operands.assign(operands, operand);
  return spec;
}

// Into the function's domain, where it has one: mirrored at its ends.
float into_domain(float x, const dsl::FunctionDef& definition) {
  if (!definition.attributes.domain) return x;
  const auto low = static_cast<float>(definition.attributes.domain->low);
  const auto high = static_cast<float>(definition.attributes.domain->high);
  if (x < low) x = 2 * low - x;
  if (x > high) x = 2 * high - x;
  return x;
}

// Numbers as elements of a type, each rounded once.
std::vector<std::byte> stored(std::span<const float> numbers, Dtype dtype) {
  std::vector<std::byte> elements(numbers.size() * size_of(dtype));
  if (!is_quantised(dtype)) {
    convert(std::as_bytes(numbers), Dtype::f32, dtype, elements);
    return elements;
  }
  const auto [scale, zero_point] = quantisation_of(dtype);
  const IntegerRange range = range_of(dtype);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double steps = std::nearbyint(double{numbers[i]} / scale) + zero_point;
    const double limited = std::clamp<double>(steps, range.least, range.greatest);
    elements[i] = static_cast<std::byte>(static_cast<int>(limited));
  }
  return elements;
}

void fill(std::span<std::byte> out, Dtype dtype, std::uint64_t seed,
          const dsl::FunctionDef& definition) {
  std::vector<float> numbers(std::min(out.size() / size_of(dtype), kPeriod));
  bench::fill_normal(numbers, static_cast<float>(kInputScale), seed);
  for (float& x : numbers) x = into_domain(x, definition);
  const std::vector<std::byte> period = stored(numbers, dtype);
  for (std::size_t done = 0; done < out.size(); done += period.size())
    std::memcpy(out.data() + done, period.data(), std::min(period.size(), out.size() - done));
}

// The largest relative error; where the reference is no normal number an element says nothing.
double largest_error(std::span<const double> got, std::span<const double> wanted) {
  double largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(wanted[i]) || std::abs(wanted[i]) < double{FLT_MIN}) continue;
    const double error = std::abs(got[i] - wanted[i]) / std::abs(wanted[i]);
    // A NaN where there should be a number is the largest error of all.
    largest = std::isnan(error) ? HUGE_VAL : std::max(largest, error);
  }
  return largest;
}

class Bench {
 public:
  Bench(const Function& function, const BenchPlan& plan) : function_(function), plan_(plan) {}

  Result<BenchResult> run() && {
    result_.function = function_.name();
    result_.pass = plan_.pass;
    result_.dtype = plan_.dtype;
    for (const std::string& target : plan_.targets)
      if (Outcome added = add_target(target, 0); !added) return added.error();
    if (plan_.accuracy > 0)
      for (const std::string& target : plan_.targets)
        if (Outcome added = add_target(target, plan_.accuracy); !added) return added.error();
    find_break_even_later_ = !plan_.targets.empty() && plan_.targets.front() == "interpreter";
    add_loops();
    if (Outcome made = make_buffers(); !made) return made.error();
    if (Outcome compared = compare(); !compared) return compared.error();
    for (std::int64_t count : plan_.sizes) measure_size(count);
    if (find_break_even_later_) find_break_even();
    return std::move(result_);
  }

 private:
  using Call = std::function<void(std::int64_t count)>;

  Outcome add_target(const std::string& target, double accuracy) {
    Runtime runtime;
    KernelSpec spec = spec_of(function_, plan_.pass, plan_.dtype, plan_.sizes.front());
    spec.target = target;
    spec.accuracy = accuracy;
    const Result<Kernel> kernel = runtime.compile(spec);
    if (!kernel) return kernel.error();
    const bench::Timing compile = bench::measure_single(
        [&] { runtime.clear(); }, [&] { (void)runtime.compile(spec).ok(); }, plan_.compile_samples);
    result_.contenders.push_back(
        {accuracy > 0 ? "fast " + target : target, compile, std::nullopt, std::nullopt});
    calls_.push_back(
        [this, held = *kernel](std::int64_t count) { held.run(pointers_.data(), count); });
    return Unit{};
  }

  void add_loops() {
    const dsl::FunctionDef& definition = function_.definition();
    // A user's function may bear a name of the library's and be another.
    const bool known = definition.from_library && definition.inputs.size() == 1 &&
                       plan_.pass != Pass::forward_backward && plan_.dtype == Dtype::f32;
    if (!known) return;
    add_loop(kFastMathLoop, bench::find_loops(bench::fast_math_loops(), definition.name));
    add_loop(kStdLoop, bench::find_loops(bench::std_loops(), definition.name));
  }

  void add_loop(std::string_view name, const bench::Loops* loops) {
    if (loops == nullptr) return;
    result_.contenders.push_back({std::string(name), std::nullopt, std::nullopt, std::nullopt});
    const auto elements = [this](std::size_t i) { return buffers_[i].data(); };
    calls_.push_back([this, loops, elements](std::int64_t count) {
      const auto n = static_cast<std::size_t>(count);
      if (plan_.pass == Pass::forward)
        loops->forward(elements(0), elements(1), n);
      else
        loops->backward(elements(0), elements(1), elements(2), n);
    });
  }

  Outcome make_buffers() {
    const std::int64_t longest = *std::max_element(plan_.sizes.begin(), plan_.sizes.end());
    const KernelSpec spec = spec_of(function_, plan_.pass, plan_.dtype, longest);
    const std::size_t inputs = inputs_of_pass();
    for (std::size_t i = 0; i < spec.operands.size(); ++i) {
      buffers_.emplace_back((bytes_of(longest) + sizeof(float) - 1) / sizeof(float));
      if (buffers_.back().size() == 0)
        return Error{Status::out_of_memory,
                     fmt::format("there is no memory for {} elements", longest)};
      if (i < inputs) fill(elements_of(i, longest), plan_.dtype, i + 1, function_.definition());
      pointers_.push_back(buffers_.back().data());
    }
    return Unit{};
  }

  [[nodiscard]] std::size_t inputs_of_pass() const {
    const dsl::FunctionDef& definition = function_.definition();
    return definition.inputs.size() + (plan_.pass == Pass::forward ? 0 : definition.outputs.size());
  }

  [[nodiscard]] std::size_t bytes_of(std::int64_t count) const {
    return static_cast<std::size_t>(count) * size_of(plan_.dtype);
  }
  [[nodiscard]] std::span<std::byte> elements_of(std::size_t buffer, std::int64_t count) {
    return std::as_writable_bytes(buffers_[buffer].span()).first(bytes_of(count));
  }
  // A buffer's elements as numbers, exactly.
  void read_numbers(std::size_t buffer, std::span<double> numbers) {
    convert(elements_of(buffer, static_cast<std::int64_t>(numbers.size())), plan_.dtype, Dtype::f64,
            std::as_writable_bytes(numbers));
  }

  // The error of each contender over all outputs, against the same function in f64.
  Outcome compare() {
    if (is_quantised(plan_.dtype)) return Unit{};
    const std::int64_t count = std::min(kErrorElements, plan_.sizes.back());
    const auto n = static_cast<std::size_t>(count);
    KernelSpec spec = spec_of(function_, plan_.pass, Dtype::f64, count);
    spec.target = "interpreter";
    // Parameters as the kernels hold them.
    for (const dsl::Parameter& parameter : function_.definition().parameters)
      if (!parameter.is_integer && plan_.dtype != Dtype::f64)
        spec.parameters.push_back(
            {parameter.name, double{static_cast<float>(parameter.default_value)}});
    const Result<Kernel> kernel = Runtime{}.compile(spec);
    if (!kernel) return kernel.error();
    std::vector<std::vector<double>> wide(buffers_.size(), std::vector<double>(n));
    std::vector<void*> pointers;
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      if (i < inputs_of_pass()) read_numbers(i, wide[i]);
      pointers.push_back(wide[i].data());
    }
    kernel->run(pointers.data(), count);
    std::vector<double> got(n);
    for (std::size_t who = 0; who < calls_.size(); ++who) {
      calls_[who](count);
      double error = 0;
      for (std::size_t i = inputs_of_pass(); i < buffers_.size(); ++i) {
        read_numbers(i, got);
        error = std::max(error, largest_error(got, wide[i]));
      }
      result_.contenders[who].error = error;
    }
    return Unit{};
  }

  void measure_size(std::int64_t count) {
    std::vector<std::function<void()>> calls;
    for (const Call& call : calls_) calls.emplace_back([&call, count] { call(count); });
    const float* from = buffers_.front().data();
    float* to = buffers_.back().data();
    const std::size_t n = std::max<std::size_t>(bytes_of(count) / sizeof(float), 1);
    calls.emplace_back([=] { bench::copy_plain(from, to, n); });
    calls.emplace_back([=] { bench::copy_streaming(from, to, n); });
    std::vector<bench::Timing> times = bench::measure(calls, plan_.timing);
    for (bench::Timing& time : times) {
      time.least /= static_cast<double>(count);
      time.median /= static_cast<double>(count);
    }
    BenchRow row{count, {}, times[calls_.size()], times[calls_.size() + 1], 0};
    times.resize(calls_.size());
    row.times = std::move(times);
    result_.rows.push_back(std::move(row));
  }

  // How many elements it takes until machine code, compiled first, is ahead of the interpreter.
  void find_break_even() {
    const Contender& interpreter = result_.contenders.front();
    const BenchRow& row = result_.rows.front();
    for (std::size_t i = 1; i < plan_.targets.size(); ++i) {
      Contender& contender = result_.contenders[i];
      const double cost = contender.compile->median - interpreter.compile->median;
      const double gain = row.times[0].least - row.times[i].least;
      if (gain > 0) contender.break_even = std::max(0.0, std::ceil(cost / gain));
    }
  }

  const Function& function_;
  const BenchPlan& plan_;
  BenchResult result_;
  std::vector<Call> calls_;  // one each of the contenders
  std::vector<Buffer> buffers_;
  std::vector<void*> pointers_;
  bool find_break_even_later_ = false;
};

}  // namespace

Result<BenchResult> bench_function(const Function& function, const BenchPlan& plan) {
  if (function.definition().row_wise) return bench_rows(function, plan);
  return Bench(function, plan).run();
}

}  // namespace sluice::tools
