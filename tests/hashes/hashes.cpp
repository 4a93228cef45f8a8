#include "hashes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "dsl/digest.hpp"
#include "dsl/program.hpp"
#include "support/half.hpp"
#include "support/hash.hpp"

namespace sluice::hashes {
namespace {

constexpr std::size_t kRows = 4096;  // whole vectors, and more than a block of the interpreter
using Bytes = std::string;

// By integers and exact steps alone, so that the inputs are the same everywhere: any bit pattern,
// numbers up to 8 and up to 128, special values.
template <typename T, typename Bits>
T number_at(std::size_t row, std::size_t column) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kSpecial[] = {0.0, -0.0, 1.0,   -1.0, 0.5,   -0.5,   3.0,  -3.0,
                                 6.0, kInf, -kInf, NAN,  1e-30, -1e-41, 88.8, -104.0};
  const std::uint64_t bits = mix(column + 1, row);
  const auto fraction = static_cast<double>(static_cast<std::int64_t>(bits) >> 40) * 0x1p-23;
  switch (row % 4) {
    case 0: return std::bit_cast<T>(static_cast<Bits>(bits));
    case 1: return static_cast<T>(8 * fraction);
    case 2: return static_cast<T>(128 * fraction);
    default: return static_cast<T>(kSpecial[bits >> 60]);
  }
}

template <typename T, typename Bits>
Bytes column_of(std::size_t column) {
  Bytes bytes(kRows * sizeof(T), '\0');
  for (std::size_t row = 0; row < kRows; ++row) {
    const T value = number_at<T, Bits>(row, column);
    std::memcpy(bytes.data() + row * sizeof(T), &value, sizeof(T));
  }
  return bytes;
}

Bytes inputs_of(Dtype dtype, std::size_t column) {
  if (dtype == Dtype::f64) return column_of<double, std::uint64_t>(column);
  if (dtype == Dtype::f32) return column_of<float, std::uint32_t>(column);
  if (dtype == Dtype::f16) return column_of<F16, std::uint16_t>(column);
  return column_of<BF16, std::uint16_t>(column);
}

template <typename T>
void one_nan(Bytes& bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    if (!std::isnan(static_cast<double>(value))) continue;
    value = static_cast<T>(std::numeric_limits<float>::quiet_NaN());
    std::memcpy(bytes.data() + at, &value, sizeof(T));
  }
}

void one_nan(Dtype dtype, Bytes& bytes) {
  if (dtype == Dtype::f64) return one_nan<double>(bytes);
  if (dtype == Dtype::f32) return one_nan<float>(bytes);
  if (dtype == Dtype::f16) return one_nan<F16>(bytes);
  one_nan<BF16>(bytes);
}

std::string hexadecimal(std::uint64_t value) {
  std::string digits(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  return digits;
}

bool numbers_only(const dsl::FunctionDef& function) {
  return !function.row_wise && !function.inputs.empty() &&
         std::all_of(function.inputs.begin(), function.inputs.end(),
                     [](const dsl::Input& input) { return input.kind == dsl::Kind::element; }) &&
         std::all_of(function.outputs.begin(), function.outputs.end(),
                     [](const dsl::Output& output) { return output.type == dsl::Type::number; });
}

// Of a row function that reads elements.
bool has_rows(const dsl::FunctionDef& function) {
  return function.row_wise && !function.inputs.empty() &&
         function.inputs[0].kind == dsl::Kind::element;
}

// Rows of several kinds, without any NaN: up to 8, up to 128, few different numbers, specials.
double row_element(std::int64_t row, std::size_t column, std::size_t operand) {
  const std::uint64_t bits = mix(column + 1, static_cast<std::uint64_t>(row) * 64 + operand);
  const auto fraction = static_cast<double>(static_cast<std::int64_t>(bits) >> 40) * 0x1p-23;
  switch (row % 5) {
    case 0: return 8 * fraction;
    case 1: return 128 * fraction;
    case 2: return static_cast<double>(bits >> 62);
    case 3: return column % 7 == 3 ? -std::numeric_limits<double>::infinity() : fraction;
    default: return 0x1p-20 * fraction + static_cast<double>(column % 3);
  }
}

template <typename T>
Bytes elements_as(std::span<const double> values) {
  Bytes bytes(values.size() * sizeof(T), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T value = static_cast<T>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return bytes;
}

Bytes elements_of(Dtype dtype, std::span<const double> values) {
  switch (dtype) {
    case Dtype::f64: return elements_as<double>(values);
    case Dtype::f32: return elements_as<float>(values);
    case Dtype::f16: return elements_as<F16>(values);
    case Dtype::bf16: return elements_as<BF16>(values);
    case Dtype::i64: return elements_as<std::int64_t>(values);
    default: return elements_as<bool>(values);
  }
}

// One of a row function's operands: its elements lie in rows, or there is one for each row.
struct RowOperand {
  OperandSpec spec;
  bool per_row;
  bool output = false;
};

RowOperand row_operand(std::string name, dsl::Type type, dsl::Extent extent, Dtype dtype) {
  const bool per_row = extent != dsl::Extent::element;
  if (type == dsl::Type::integer) dtype = Dtype::i64;
  if (type == dsl::Type::boolean) dtype = Dtype::boolean;
  if (per_row && (dtype == Dtype::f16 || dtype == Dtype::bf16)) dtype = Dtype::f32;
  return {{dtype, {}, std::move(name)}, per_row};
}

// In the order of a call.
std::vector<RowOperand> row_operands(const dsl::FunctionDef& function, const Subject& subject) {
  std::vector<RowOperand> all;
  const std::size_t given = std::max<std::size_t>(function.required_inputs(), 1);
  for (std::size_t i = 0; i < given; ++i)
    all.push_back(row_operand(function.inputs[i].name, function.inputs[i].type(),
                              function.inputs[i].extent(), subject.dtype));
  const bool backward = subject.pass == Pass::backward;
  for (const dsl::Output& output : function.outputs)
    if (!backward || output.type == dsl::Type::number)
      all.push_back(row_operand(backward ? "grad_" + output.name : output.name, output.type,
                                output.extent, subject.dtype));
  const std::size_t sources = backward ? all.size() : given;
  for (std::size_t i = 0; i < given && backward; ++i)
    if (function.inputs[i].type() == dsl::Type::number)
      all.push_back(row_operand("d" + function.inputs[i].name, dsl::Type::number,
                                function.inputs[i].extent(), subject.dtype));
  for (std::size_t k = sources; k < all.size(); ++k) all[k].output = true;
  return all;
}

struct RowShape {
  std::vector<std::int64_t> extents;
  std::size_t axis;

  [[nodiscard]] std::int64_t columns() const { return extents[axis]; }
  [[nodiscard]] std::int64_t inner() const { return product(axis + 1, extents.size()); }
  [[nodiscard]] std::int64_t rows() const { return product(0, axis) * inner(); }

 private:
  [[nodiscard]] std::int64_t product(std::size_t begin, std::size_t end) const {
    std::int64_t result = 1;
    for (std::size_t d = begin; d < end; ++d) result *= extents[d];
    return result;
  }
};

// Short rows, rows of one block and of several, and rows across.
const std::vector<RowShape>& row_shapes() {
  static const std::vector<RowShape> shapes{
      {{15, 7}, 1}, {{10, 300}, 1}, {{5, 9001}, 1}, {{2, 40, 10}, 1}};
  return shapes;
}

// Row by row.
Bytes row_inputs(const RowOperand& operand, const RowShape& shape, std::size_t index) {
  const std::int64_t columns = operand.per_row ? 1 : shape.columns();
  std::vector<double> values;
  for (std::int64_t row = 0; row < shape.rows(); ++row)
    for (std::int64_t column = 0; column < columns; ++column) {
      double value = row_element(row, static_cast<std::size_t>(column), index);
      if (operand.spec.dtype == Dtype::i64)  // a column
        value = static_cast<double>(row * 5 % shape.columns());
      if (operand.spec.dtype == Dtype::boolean) value = column % 4 != 1;
      values.push_back(value);
    }
  return elements_of(operand.spec.dtype, values);
}

// What lies row by row as the shape has it.
Bytes laid_out(const Bytes& by_rows, const RowOperand& operand, const RowShape& shape) {
  const std::size_t size = size_of(operand.spec.dtype);
  const auto inner = static_cast<std::size_t>(shape.inner());
  const auto columns = operand.per_row ? 1 : static_cast<std::size_t>(shape.columns());
  Bytes bytes(by_rows.size(), '\0');
  for (std::size_t i = 0; i < by_rows.size() / size; ++i) {
    const std::size_t row = i / columns, column = i % columns;
    const std::size_t at = (row / inner * columns + column) * inner + row % inner;
    bytes.replace(at * size, size, by_rows, i * size, size);
  }
  return bytes;
}

void add_outputs(Bytes& all, Dtype dtype, Bytes bytes) {
  if (is_floating(dtype)) one_nan(dtype, bytes);
  all += bytes;
}

const dsl::FunctionDef& function_of(const Subject& subject) {
  const dsl::Program& library = dsl::standard_library();
  return library.function(*library.find(subject.function));
}

std::optional<Bytes> row_outputs(Runtime& runtime, const Subject& subject, KernelSpec spec) {
  const std::vector<RowOperand> operands = row_operands(function_of(subject), subject);
  Bytes outputs;
  for (const RowShape& shape : row_shapes()) {
    std::vector<std::int64_t> rows = shape.extents;
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(shape.axis));
    spec.axis = static_cast<int>(shape.axis);
    spec.operands.clear();
    for (const RowOperand& operand : operands) {
      spec.operands.push_back(operand.spec);
      spec.operands.back().shape = operand.per_row ? rows : shape.extents;
    }
    const Result<Kernel> kernel = runtime.compile(spec);
    if (!kernel.ok()) return std::nullopt;
    std::vector<Bytes> buffers;
    std::vector<TensorView> views;
    for (std::size_t k = 0; k < operands.size(); ++k)
      buffers.push_back(laid_out(row_inputs(operands[k], shape, k), operands[k], shape));
    for (std::size_t k = 0; k < operands.size(); ++k)
      views.emplace_back(static_cast<void*>(buffers[k].data()), operands[k].spec.dtype,
                         spec.operands[k].shape);
    if (!kernel->call(views).ok()) return std::nullopt;
    for (std::size_t k = 0; k < operands.size(); ++k)
      if (kernel->operands()[k].output)
        add_outputs(outputs, operands[k].spec.dtype, std::move(buffers[k]));
  }
  return outputs;
}

}  // namespace

std::string name_of(const Subject& subject) {
  return subject.function + " " + std::string(name(subject.pass)) + " " +
         std::string(name(subject.dtype));
}

std::vector<Subject> subjects() {
  std::vector<Subject> all;
  const dsl::Program& library = dsl::standard_library();
  for (std::size_t i = 0; i < library.size(); ++i) {
    const dsl::FunctionDef& function = library.function(static_cast<dsl::FunctionId>(i));
    if (has_rows(function))
      for (const Pass pass : {Pass::forward, Pass::backward})
        for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16})
          all.push_back({function.name, pass, dtype, 0});
    if (!numbers_only(function)) continue;
    const std::size_t given = function.inputs.size() + function.outputs.size();
    for (const Pass pass : {Pass::forward, Pass::backward})
      for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16})
        all.push_back({function.name, pass, dtype,
                       given + (pass == Pass::backward ? function.inputs.size() : 0)});
  }
  return all;
}

std::optional<std::string> hash_on(Runtime& runtime, const Subject& subject,
                                   const std::string& target) {
  KernelSpec spec;
  spec.function = subject.function;
  spec.pass = subject.pass;
  spec.target = target;
  if (!target.starts_with("interpreter")) spec.denied = {Rung::interpreter};
  if (subject.operands == 0) {
    const std::optional<Bytes> outputs = row_outputs(runtime, subject, spec);
    if (!outputs) return std::nullopt;
    return hexadecimal(dsl::digest_of(std::string_view(*outputs)).low);
  }
  spec.operands.assign(subject.operands, {subject.dtype, {kRows}, {}});
  const Result<Kernel> kernel = runtime.compile(spec);
  if (!kernel.ok()) return std::nullopt;
  std::vector<Bytes> buffers;
  std::vector<void*> pointers;
  buffers.reserve(subject.operands);
  for (const OperandInfo& operand : kernel->operands()) {
    buffers.push_back(operand.output ? Bytes(kRows * size_of(subject.dtype), '\0')
                                     : inputs_of(subject.dtype, buffers.size()));
    pointers.push_back(buffers.back().data());
  }
  kernel->run(pointers.data(), kRows);
  Bytes outputs;
  for (std::size_t k = 0; k < buffers.size(); ++k)
    if (kernel->operands()[k].output) outputs += buffers[k];
  return hash_of_outputs(subject.dtype, std::move(outputs));
}

std::size_t elements() { return kRows; }

std::string input_bytes(Dtype dtype, std::size_t operand) { return inputs_of(dtype, operand); }

std::string hash_of_outputs(Dtype dtype, std::string bytes) {
  one_nan(dtype, bytes);
  return hexadecimal(dsl::digest_of(std::string_view(bytes)).low);
}

std::vector<RowCase> row_cases(const Subject& subject) {
  std::vector<RowCase> all;
  const std::vector<RowOperand> operands = row_operands(function_of(subject), subject);
  for (const RowShape& shape : row_shapes()) {
    RowCase& made = all.emplace_back(RowCase{shape.rows(), shape.columns(), {}});
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const RowOperand& operand = operands[k];
      made.operands.push_back(
          {operand.spec.dtype, operand.per_row, operand.output, row_inputs(operand, shape, k)});
    }
  }
  return all;
}

std::string hash_of_row_outputs(const Subject& subject, std::span<const std::string> outputs) {
  const std::vector<RowOperand> operands = row_operands(function_of(subject), subject);
  Bytes all;
  std::size_t next = 0;
  for (const RowShape& shape : row_shapes())
    for (const RowOperand& operand : operands)
      if (operand.output)
        add_outputs(all, operand.spec.dtype, laid_out(outputs[next++], operand, shape));
  return hexadecimal(dsl::digest_of(std::string_view(all)).low);
}

}  // namespace sluice::hashes
