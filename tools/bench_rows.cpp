#include "tools/bench_rows.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <sluice/runtime.hpp>

#include "bench/measure/buffer.hpp"
#include "bench/measure/loops.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

using bench::Buffer;

// One shape: operands that every target's kernel works on.
class RowBench {
 public:
  RowBench(const Function& function, const BenchPlan& plan, RowsAndColumns shape)
      : plan_(plan), shape_(shape) {
    spec_.program = function.definitions.program;
    spec_.function = function.name();
    spec_.pass = plan.pass;
    const dsl::FunctionDef& definition = function.definition();
    const std::size_t given = std::max<std::size_t>(definition.required_inputs(), 1);
    const dsl::Output& output = definition.outputs.front();
    const bool element = output.extent == dsl::Extent::element;
    const bool number = output.type == dsl::Type::number;
    const Dtype of_output = number && !element && size_of(plan.dtype) == 2 ? Dtype::f32
                            : number                                       ? plan.dtype
                            : output.type == dsl::Type::integer            ? Dtype::i64
                                                                           : Dtype::boolean;
    for (std::size_t i = 0; i < given; ++i) add_input(definition.inputs[i]);
    if (plan.pass != Pass::forward) add("grad_" + output.name, of_output, element);
    if (plan.pass != Pass::backward) add(output.name, of_output, element);
    for (std::size_t i = 0; i < given && plan.pass != Pass::forward; ++i)
      if (definition.inputs[i].type() == dsl::Type::number) {
        add("d" + definition.inputs[i].name, plan.dtype, varies(definition.inputs[i]));
        spec_.gradients.push_back(definition.inputs[i].name);
      }
  }

  // The operands as a call has them; once all have been added.
  [[nodiscard]] std::vector<TensorView> views() const {
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < buffers_.size(); ++i)
      views.emplace_back(static_cast<void*>(buffers_[i].data()), spec_.operands[i].dtype,
                         spec_.operands[i].shape);
    return views;
  }
  [[nodiscard]] bool has_memory() const {
    return std::all_of(buffers_.begin(), buffers_.end(),
                       [](const Buffer& each) { return each.data() != nullptr; });
  }
  [[nodiscard]] const KernelSpec& spec() const { return spec_; }
  [[nodiscard]] float* first() const { return buffers_.front().data(); }
  [[nodiscard]] float* last() const { return buffers_.back().data(); }

 private:
  static bool varies(const dsl::Input& input) { return input.extent() == dsl::Extent::element; }

  std::span<std::byte> add(const std::string& name, Dtype dtype, bool element) {
    std::vector<std::int64_t> shape{shape_.rows};
    if (element) shape.push_back(shape_.columns);
    const auto count =
        static_cast<std::size_t>(element ? shape_.rows * shape_.columns : shape_.rows);
    const std::size_t bytes = count * size_of(dtype);
    spec_.operands.push_back({dtype, std::move(shape), name, {}});
    // As large as the others: the copies beside take what the first and the last have.
    const auto all = static_cast<std::size_t>(shape_.rows * shape_.columns);
    const Buffer& buffer = buffers_.emplace_back(std::max(bytes / sizeof(float) + 1, all));
    if (buffer.data() == nullptr) return {};
    std::vector<float> numbers(count);
    bench::fill_normal(numbers, 3, ++seed_);
    const auto to = std::as_writable_bytes(buffer.span()).first(bytes);
    if (is_floating(dtype)) convert(std::as_bytes(std::span(numbers)), Dtype::f32, dtype, to);
    return to;
  }

  // Indices go around the columns; half of a mask is true.
  void add_input(const dsl::Input& input) {
    const dsl::Type type = input.type();
    if (type == dsl::Type::number) {
      add(input.name, plan_.dtype, varies(input));
      return;
    }
    const Dtype dtype = type == dsl::Type::integer ? Dtype::i64 : Dtype::boolean;
    const std::span<std::byte> elements = add(input.name, dtype, varies(input));
    const std::size_t size = size_of(dtype);
    for (std::size_t i = 0; i * size < elements.size(); ++i) {
      const std::int64_t index = static_cast<std::int64_t>(i) * 7 % shape_.columns;
      if (size == 1)
        elements[i] = std::byte{static_cast<unsigned char>(i % 2)};
      else
        std::copy_n(std::as_bytes(std::span(&index, 1)).begin(), size,
                    elements.begin() + static_cast<std::ptrdiff_t>(i * size));
    }
  }

  const BenchPlan& plan_;
  RowsAndColumns shape_;
  KernelSpec spec_;
  std::vector<Buffer> buffers_;  // one each of the operands
  std::uint64_t seed_ = 0;
};

// The line of a shape; with the first one what compiling takes.
Result<BenchRow> measure_shape(const Function& function, const BenchPlan& plan,
                               RowsAndColumns shape, std::vector<Contender>& contenders) {
  const RowBench rows(function, plan, shape);
  const std::int64_t count = shape.rows * shape.columns;
  if (!rows.has_memory())
    return Error{Status::out_of_memory, fmt::format("there is no memory for {} by {} elements",
                                                    shape.rows, shape.columns)};
  const std::vector<TensorView> views = rows.views();
  std::vector<std::function<void()>> calls;
  const bool first = contenders.empty();
  for (const std::string& target : plan.targets) {
    Runtime runtime;
    KernelSpec spec = rows.spec();
    spec.target = target;
    const Result<Kernel> kernel = runtime.compile(spec);
    if (!kernel) return kernel.error();
    if (const Outcome called = kernel->call(views); !called) return called.error();
    calls.emplace_back([views, held = *kernel] { (void)held.call(views).ok(); });
    if (!first) continue;
    const bench::Timing compile = bench::measure_single(
        [&] { runtime.clear(); }, [&] { (void)runtime.compile(spec).ok(); }, plan.compile_samples);
    contenders.push_back({target, compile, std::nullopt, std::nullopt});
  }
  const auto n = std::max<std::size_t>(
      static_cast<std::size_t>(count) * size_of(plan.dtype) / sizeof(float), 1);
  calls.emplace_back([&rows, n] { bench::copy_plain(rows.first(), rows.last(), n); });
  calls.emplace_back([&rows, n] { bench::copy_streaming(rows.first(), rows.last(), n); });
  std::vector<bench::Timing> times = bench::measure(calls, plan.timing);
  for (bench::Timing& time : times) {
    time.least /= static_cast<double>(count);
    time.median /= static_cast<double>(count);
  }
  BenchRow row{
      count, {}, times[plan.targets.size()], times[plan.targets.size() + 1], shape.columns};
  times.resize(plan.targets.size());
  row.times = std::move(times);
  return row;
}

}  // namespace

Result<BenchResult> bench_rows(const Function& function, const BenchPlan& plan) {
  const auto unsupported = [&](std::string_view why) {
    return Error{Status::unsupported, fmt::format("'{}' {}", function.name(), why)};
  };
  if (function.definition().inputs.empty()) return unsupported("has no inputs to run on");
  if (!is_floating(plan.dtype))
    return unsupported("works on rows, which are of f32, f64, f16 or bf16 here");
  if (plan.accuracy > 0) return unsupported("works on rows, and has no cheaper kernels to compare");
  BenchResult result;
  result.function = function.name();
  result.pass = plan.pass;
  result.dtype = plan.dtype;
  for (const RowsAndColumns shape : plan.shapes) {
    Result<BenchRow> row = measure_shape(function, plan, shape, result.contenders);
    if (!row) return row.error();
    result.rows.push_back(std::move(row).value());
  }
  return result;
}

}  // namespace sluice::tools
