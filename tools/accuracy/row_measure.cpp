#include "tools/accuracy/row_measure.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include <sluice/runtime.hpp>

#include "support/half.hpp"
#include "tools/accuracy/ulp.hpp"

namespace sluice::accuracy {
namespace {

constexpr std::size_t kWidths[] = {1, 2, 3, 17, 64, 257, 1000, 4096, 4097, 12289, 131072, 1 << 20};
constexpr std::size_t kWidthsF64[] = {1, 2, 3, 17, 64, 257, 1000, 4096, 4097};
// Columns whose gradients are measured: all of a row as short as this, else so many.
constexpr std::size_t kColumns = 24;
constexpr std::size_t kColumnsOfLong = 6;
constexpr std::size_t kLong = 4096;
constexpr std::size_t kColumnsOfLongest = 3;
constexpr std::size_t kLongest = 131072;

double rounded(Dtype dtype, double x) {
  if (dtype == Dtype::f16) return static_cast<double>(F16(x));
  if (dtype == Dtype::bf16) return static_cast<double>(BF16(x));
  return dtype == Dtype::f32 ? static_cast<double>(static_cast<float>(x)) : x;
}

// A kernel's operand: its elements in the type that it has them in.
class Buffer {
 public:
  Buffer(Dtype dtype, const std::vector<double>& values) : dtype_(dtype) {
    bytes_.resize(values.size() * size_of(dtype));
    for (std::size_t i = 0; i < values.size(); ++i) store(i, values[i]);
  }
  [[nodiscard]] std::vector<double> values() const {
    std::vector<double> result(bytes_.size() / size_of(dtype_));
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = load(i);
    return result;
  }
  [[nodiscard]] TensorView view(const std::vector<std::int64_t>& shape) {
    return {static_cast<void*>(bytes_.data()), dtype_, shape};
  }

 private:
  template <typename T>
  [[nodiscard]] T* as() {
    return reinterpret_cast<T*>(bytes_.data());
  }
  template <typename T>
  [[nodiscard]] const T* as() const {
    return reinterpret_cast<const T*>(bytes_.data());
  }
  void store(std::size_t i, double x) {
    if (dtype_ == Dtype::f16) as<F16>()[i] = F16(x);
    if (dtype_ == Dtype::bf16) as<BF16>()[i] = BF16(x);
    if (dtype_ == Dtype::f32) as<float>()[i] = static_cast<float>(x);
    if (dtype_ == Dtype::f64) as<double>()[i] = x;
    if (dtype_ == Dtype::i64) as<std::int64_t>()[i] = static_cast<std::int64_t>(x);
    if (dtype_ == Dtype::boolean) as<bool>()[i] = x != 0;
  }
  [[nodiscard]] double load(std::size_t i) const {
    if (dtype_ == Dtype::f16) return static_cast<double>(as<F16>()[i]);
    if (dtype_ == Dtype::bf16) return static_cast<double>(as<BF16>()[i]);
    return dtype_ == Dtype::f32 ? static_cast<double>(as<float>()[i]) : as<double>()[i];
  }

  Dtype dtype_;
  std::vector<std::byte> bytes_;
};

// Those of most weight, both ends, and some between.
std::vector<std::size_t> columns_of(const std::vector<double>& row, std::size_t width,
                                    std::uint32_t seed) {
  std::vector<std::size_t> columns;
  if (width <= kColumns) {
    for (std::size_t i = 0; i < width; ++i) columns.push_back(i);
    return columns;
  }
  const auto greatest = std::max_element(row.begin(), row.end()) - row.begin();
  columns = {0, width - 1, static_cast<std::size_t>(greatest)};
  std::mt19937 bits(seed);
  std::uniform_int_distribution<std::size_t> any(0, width - 1);
  const std::size_t count = width > kLongest ? kColumnsOfLongest
                            : width > kLong  ? kColumnsOfLong
                                             : kColumns;
  while (columns.size() < count) columns.push_back(any(bits));
  return columns;
}

// A result beyond the largest number counts as the first power of two there. What overflows the
// type on the way is what it is.
double part_of(const RowElement& element, double got, double allowed, Dtype dtype) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (std::isinf(element.truth)) return got == static_cast<double>(element.truth) ? 0 : kInf;
  if (allowed >= std::ldexp(1.0, format_of(dtype).greatest_exponent)) return 0;
  if (std::isnan(element.truth) || std::isnan(got) || std::isnan(allowed))
    return std::isnan(element.truth) && std::isnan(got) ? 0 : kInf;
  const long double beyond = power_of_two(format_of(dtype).greatest_exponent + 1);
  const auto within = [&](long double x) { return std::clamp(x, -beyond, beyond); };
  const long double off = std::abs(within(got) - within(element.truth));
  return off == 0 ? 0 : static_cast<double>(off / static_cast<long double>(allowed));
}

}  // namespace

void merge(RowMeasurement& into, const RowMeasurement& part) {
  into.rows += part.rows;
  into.elements += part.elements;
  into.by_mpfr += part.by_mpfr;
  into.reference = std::max(into.reference, part.reference);
  for (std::size_t k = 0; k < into.worst.size(); ++k)
    if (part.worst[k].part > into.worst[k].part || into.worst[k].width == 0)
      into.worst[k] = part.worst[k];
}

std::span<const std::size_t> row_widths(Dtype dtype) {
  if (dtype == Dtype::f64) return kWidthsF64;
  return kWidths;
}

bool RowMeasuring::per_row() const {
  const Subject& subject = reference_.subject();
  return subject.definition().outputs[subject.output].extent != dsl::Extent::element;
}

// One value a row is not rounded to 16 bits.
Dtype RowMeasuring::output_dtype() const {
  const Subject& subject = reference_.subject();
  if (subject.narrow && !subject.derived_by && per_row()) return Dtype::f32;
  return subject.dtype();
}

// The first number input is of the kind, others are N(0, 1); indices are columns.
RowInputs RowMeasuring::inputs_of(RowKind kind, std::size_t width, std::uint32_t seed) const {
  const dsl::FunctionDef& definition = reference_.subject().definition();
  const Dtype dtype = reference_.subject().dtype();
  RowInputs row;
  bool first = true;
  for (std::size_t i = 0; i < reference_.along().size(); ++i) {
    const bool along = reference_.along()[i];
    const auto more = static_cast<std::uint32_t>(seed + 31 * (i + 1));
    std::vector<double> values = normals(along ? width : 1, more);
    const dsl::Type type = definition.inputs[i].type();
    if (type == dsl::Type::integer)
      values[0] = static_cast<double>(width / 2);
    else if (type == dsl::Type::boolean)
      for (double& x : values) x = x > -0.7 ? 1 : 0;
    else if (along && std::exchange(first, false))
      values = row_of(kind, width, seed);
    if (type == dsl::Type::number)
      for (double& x : values) x = rounded(dtype, x);
    row.push_back(std::move(values));
  }
  return row;
}

Result<std::vector<double>> RowMeasuring::kernel(const RowInputs& row, std::size_t width,
                                                 std::span<const double> incoming) const {
  const Subject& subject = reference_.subject();
  const dsl::FunctionDef& definition = subject.definition();
  const Dtype dtype = subject.dtype();
  const std::string& output = definition.outputs[subject.output].name;
  KernelSpec spec;
  spec.function = definition.name;
  spec.program = program_;
  spec.pass = subject.derived_by ? Pass::backward : Pass::forward;
  spec.axis = 0;
  if (subject.family != Family::fma) spec.target = to_string(Target{.family = subject.family});
  for (std::size_t i = 0; i < definition.parameters.size() && !subject.params.empty(); ++i)
    spec.parameters.push_back({definition.parameters[i].name, subject.params[i]});
  std::vector<Buffer> buffers;
  std::vector<std::vector<std::int64_t>> shapes;
  const auto add = [&](const std::string& name, Dtype type, const std::vector<double>& values,
                       bool along) {
    shapes.push_back(along ? std::vector{static_cast<std::int64_t>(width)}
                           : std::vector<std::int64_t>{});
    spec.operands.push_back({type, shapes.back(), name, {}});
    buffers.emplace_back(type, values);
  };
  for (std::size_t i = 0; i < row.size(); ++i) {
    const dsl::Type type = definition.inputs[i].type();
    add(definition.inputs[i].name,
        type == dsl::Type::integer   ? Dtype::i64
        : type == dsl::Type::boolean ? Dtype::boolean
                                     : dtype,
        row[i], reference_.along()[i]);
  }
  bool along = !per_row();
  if (subject.derived_by) {
    add("grad_" + output, dtype, {incoming.begin(), incoming.end()}, along);
    along = reference_.along()[*subject.derived_by];
    spec.gradients = {definition.inputs[*subject.derived_by].name};
    add("d" + spec.gradients[0], dtype, std::vector<double>(along ? width : 1), along);
  } else {
    add(output, output_dtype(), std::vector<double>(along ? width : 1), along);
  }
  const Result<Kernel> compiled = Runtime{}.compile(spec);
  if (!compiled.ok()) return compiled.error();
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < buffers.size(); ++i) views.push_back(buffers[i].view(shapes[i]));
  if (const Outcome called = compiled->call(views); !called.ok()) return called.error();
  return buffers.back().values();
}

Result<RowMeasurement> RowMeasuring::run(RowKind kind, std::size_t width,
                                         std::uint32_t seed) const {
  const Subject& subject = reference_.subject();
  const RowInputs row = inputs_of(kind, width, seed);
  std::vector<double> incoming = normals(per_row() ? 1 : width, seed + 7);
  for (double& g : incoming) g = rounded(subject.dtype(), g);
  const Result<std::vector<double>> got = kernel(row, width, incoming);
  if (!got.ok()) return got.error();
  std::vector<std::size_t> columns(got->size());
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = i;
  if (subject.derived_by && columns.size() > 1) columns = columns_of(row[0], width, seed);
  const Result<RowTruth> truth = subject.derived_by
                                     ? reference_.slopes(row, width, incoming, columns)
                                     : reference_.values(row, width);
  if (!truth.ok()) return truth.error();
  RowMeasurement measured;
  measured.rows = 1;
  measured.elements = columns.size();
  measured.by_mpfr = truth->by_mpfr ? 1 : 0;
  RowWorst& worst = measured.worst[static_cast<std::size_t>(kind)];
  worst.kind = kind;
  worst.width = width;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const RowElement& element = truth->elements[i];
    double allowed = element.allowed;
    if (size_of(output_dtype()) == 2)
      allowed += 0.51 * static_cast<double>(ulp_of(format_of(output_dtype()), element.truth));
    const double one = (*got)[columns[i]];
    allowed *= bound_factor(subject.family);
    const double part = part_of(element, one, allowed, output_dtype());
    if (allowed > 0) measured.reference = std::max(measured.reference, element.error / allowed);
    if (part > worst.part) worst = {part, kind, width, columns[i], one, element.truth, allowed};
  }
  return measured;
}

}  // namespace sluice::accuracy
