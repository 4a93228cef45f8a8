#include "hashes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

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
  if (target != "interpreter") spec.denied = {Rung::interpreter};
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
  one_nan(subject.dtype, outputs);
  return hexadecimal(dsl::digest_of(std::string_view(outputs)).low);
}

}  // namespace sluice::hashes
