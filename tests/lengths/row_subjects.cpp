#include "row_subjects.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "compiler/backend/composed/lanes.hpp"
#include "tools/accuracy/rows.hpp"

namespace sluice::lengths {
namespace {

using Kind = RowKindOf;
using testing::RowOperand;

constexpr RowOperand kX{"x", Kind::element}, kY{"y", Kind::element}, kMask{"mask", Kind::element},
    kKeep{"keep", Kind::mask}, kLength{"length", Kind::index}, kSink{"sink", Kind::row},
    kTarget{"target", Kind::index}, kLoss{"loss", Kind::row}, kLse{"lse", Kind::row},
    kCorrect{"correct", Kind::flag}, kDivisor{"divisor", Kind::row}, kMean{"loss", Kind::number},
    kWeight{"weight", Kind::shared}, kBias{"bias", Kind::shared}, kGradY{"grad_y", Kind::element},
    kGradRow{"grad_y", Kind::row}, kGradLoss{"grad_loss", Kind::row}, kDx{"dx", Kind::element},
    kGradMean{"grad_loss", Kind::number}, kDSink{"dsink", Kind::row}, kValue{"y", Kind::row},
    kClassWeight{"weight", Kind::element}, kDWeight{"dweight", Kind::shared},
    kDBias{"dbias", Kind::shared};

const std::vector<ParameterValue> kCausal{{"causal", 1}, {"offset", 5}};
const std::vector<ParameterValue> kCapped{
    {"label_smoothing", 0.1}, {"z_loss", 0.01}, {"soft_cap", 30}};

std::vector<RowCase> all_cases() {
  std::vector<RowCase> cases{
      {"softmax", {kX, kY}},
      {"softmax", {kX, kY}, forward, kCausal},
      {"softmax", {kX, kKeep, kY}},
      {"softmax", {kX, kMask, kKeep, kLength, kSink, kY}},
      {"log_softmax", {kX, kY}},
      {"logsumexp", {kX, kValue}},
      {"cross_entropy", {kX, kTarget, kLoss, kLse, kCorrect, kDivisor}},
      {"cross_entropy", {kX, kTarget, kClassWeight, kLoss, kDivisor}, forward, kCapped},
      {"cross_entropy", {kX, kTarget, kMean}, forward, {}, Reduction::mean},
      {"layer_norm", {kX, kWeight, kBias, kY}},
      {"rms_norm", {kX, kWeight, kY}},
      {"hardmax", {kX, kY}},
      {"sparsemax", {kX, kY}},
      {"entmax15", {kX, kY}},
      {"softmax", {kX, kGradY, kDx}, backward},
      {"softmax", {kX, kGradY, kDx}, backward, kCausal},
      {"softmax", {kX, kKeep, kGradY, kDx}, backward},
      {"softmax", {kX, kMask, kKeep, kLength, kSink, kGradY, kDx, kDSink}, backward},
      {"log_softmax", {kX, kGradY, kDx}, backward},
      {"logsumexp", {kX, kGradRow, kDx}, backward},
      {"cross_entropy", {kX, kTarget, kGradLoss, kDx}, backward},
      {"cross_entropy", {kX, kTarget, kClassWeight, kGradLoss, kDx}, backward, kCapped},
      {"cross_entropy", {kX, kTarget, kGradMean, kDx}, backward, {}, Reduction::mean},
      {"layer_norm", {kX, kWeight, kBias, kGradY, kDx, kDWeight, kDBias}, backward},
      {"layer_norm", {kX, kGradY, kDx}, backward},
      {"rms_norm", {kX, kWeight, kGradY, kDx, kDWeight}, backward},
      {"hardmax", {kX, kGradY, kDx}, backward},
      {"sparsemax", {kX, kGradY, kDx}, backward},
      {"softmax", {kX, kGradY, kY, kDx}, forward_backward},
      {"cross_entropy", {kX, kTarget, kGradLoss, kLoss, kLse, kCorrect, kDx}, forward_backward},
      {"cross_entropy",
       {kX, kTarget, kGradMean, kMean, kDx},
       forward_backward,
       {},
       Reduction::mean},
      {"layer_norm", {kX, kWeight, kGradY, kY, kDx, kDWeight}, forward_backward}};
  return cases;
}

bool is_gradient_of(const std::string& name, std::span<const RowElements> operands) {
  return name[0] == 'd' && std::any_of(operands.begin(), operands.end(), [&](const auto& each) {
           return name.substr(1) == each.name;
         });
}

Dtype dtype_of(Kind kind, Dtype dtype) {
  if (kind == Kind::mask || kind == Kind::flag) return Dtype::boolean;
  if (kind == Kind::index) return Dtype::i64;
  const bool alone = kind == Kind::row || kind == Kind::number;
  return alone && dtype != Dtype::f64 ? Dtype::f32 : dtype;
}

Dims shape_of(Kind kind, const Layout& layout) {
  const auto axis = static_cast<std::ptrdiff_t>(layout.axis);
  Dims shape = layout.shape;
  if (kind == Kind::element || kind == Kind::mask) return shape;
  if (kind == Kind::number) return {};
  if (kind == Kind::shared) {  // one value a column, whatever dimensions come after the axis
    shape.erase(shape.begin(), shape.begin() + axis);
    std::fill(shape.begin() + 1, shape.end(), 1);
    return shape;
  }
  shape.erase(shape.begin() + axis);
  return shape;
}

void store(RowElements& operand, std::size_t at, double value) {
  composed::store_lane<double>(operand.dtype, &operand.bytes[at * size_of(operand.dtype)],
                               std::bit_cast<std::uint64_t>(value), false);
}

constexpr std::uint32_t kFinite = 6;  // kinds of rows without special values
constexpr std::uint32_t kKinds = 10;
constexpr double kInf = std::numeric_limits<double>::infinity();

// What rows of the other kinds have here and there: zeros, denormals and the largest numbers;
// these and -inf; these and NaN or inf; nothing but -inf.
double special(std::uint32_t kind, std::uint32_t bits) {
  constexpr double kSpecial[] = {0.0, -0.0, 1e-40, -3e-45, 88, -104, 1e38, -1e38, 1e-310, -6e4};
  if (kind == 9) return -kInf;
  if (kind == 7 && bits % 3 != 0) return -kInf;
  if (kind == 8 && bits % 3 != 0) return bits % 2 != 0 ? kInf : std::nan("");
  return kSpecial[bits / 6 % std::size(kSpecial)];
}

std::vector<double> row_of(std::uint32_t kind, std::size_t columns, std::uint32_t seed) {
  if (kind < kFinite) return accuracy::row_of(accuracy::kRowKinds[kind], columns, seed);
  std::vector<double> row = accuracy::normals(columns, seed);
  std::mt19937 random(seed + 1);
  const auto begin = static_cast<std::uint32_t>(random() % columns);
  const std::uint32_t every = kind == 9 ? 1 : 1 + static_cast<std::uint32_t>(random() % 13);
  for (std::size_t i = kind == 9 ? 0 : begin; i < columns; i += every)
    row[i] = special(kind, static_cast<std::uint32_t>(random()));
  return row;
}

void fill_rows(RowElements& operand, const Layout& layout, std::uint32_t seed,
               std::uint32_t kinds) {
  for (std::int64_t r = 0; r < layout.rows(); ++r) {
    const auto each = static_cast<std::uint32_t>(r) + seed;
    const auto row = row_of(each % kinds, static_cast<std::size_t>(layout.columns()), each);
    for (std::int64_t c = 0; c < layout.columns(); ++c)
      store(operand, layout.at(r, c), row[static_cast<std::size_t>(c)]);
  }
}

// Columns, two that are not there, and the class that cross-entropy ignores.
std::int64_t index(std::int64_t columns, std::uint64_t bits) {
  if (bits % 16 == 0) return -100;
  return static_cast<std::int64_t>(bits / 16 % static_cast<std::uint64_t>(columns + 2)) - 1;
}

void fill(RowElements& operand, const Layout& layout, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  const std::size_t size = size_of(operand.dtype);
  for (std::size_t i = 0; i * size < operand.bytes.size(); ++i) {
    std::uint8_t* const at = &operand.bytes[i * size];
    if (operand.dtype == Dtype::boolean) {
      *at = random() % 4 == 0 ? 0 : 1;
    } else if (operand.dtype == Dtype::i64) {
      const std::int64_t value = index(layout.columns(), random());
      std::memcpy(at, &value, sizeof value);
    } else {
      const bool closed = operand.name == "mask" && random() % 8 == 0;
      store(operand, i, closed ? -kInf : normal(random));
    }
  }
}

}  // namespace

std::span<const RowCase> row_cases() {
  static const std::vector<RowCase> cases = all_cases();
  return cases;
}

std::string describe(const RowCase& of) {
  std::string text = std::string(of.function) + " " + std::string(name(of.pass)) + "(";
  for (const testing::RowOperand& each : of.operands)
    text += (text.back() == '(' ? "" : ", ") + std::string(each.name);
  text += of.reduction == Reduction::mean ? ") mean" : ")";
  for (const ParameterValue& each : of.parameters) text += " " + each.name;
  return text;
}

bool sums_rows(const RowCase& of) {
  return of.reduction != Reduction::none ||
         std::any_of(of.operands.begin(), of.operands.end(), [](const RowOperand& each) {
           return each.kind == Kind::shared && each.name[0] == 'd';
         });
}

std::int64_t Layout::inner() const {
  std::int64_t count = 1;
  for (std::size_t d = axis + 1; d < shape.size(); ++d) count *= shape[d];
  return count;
}

std::int64_t Layout::rows() const {
  std::int64_t count = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) count *= d == axis ? 1 : shape[d];
  return count;
}

std::string Layout::text() const {
  std::string text;
  for (const std::int64_t extent : shape)
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text + " along " + std::to_string(axis);
}

std::vector<RowElements> row_elements(const RowCase& of, Dtype dtype, const Layout& layout,
                                      std::uint32_t seed) {
  std::vector<RowElements> operands;
  for (const RowOperand& each : of.operands) {
    RowElements operand{
        each.name, each.kind, dtype_of(each.kind, dtype), shape_of(each.kind, layout), {}};
    std::size_t count = 1;
    for (const std::int64_t extent : operand.shape) count *= static_cast<std::size_t>(extent);
    operand.bytes.resize(count * size_of(operand.dtype));
    if (operands.empty())
      fill_rows(operand, layout, seed, sums_rows(of) ? kFinite : kKinds);
    else
      fill(operand, layout, seed + static_cast<std::uint32_t>(operands.size()));
    operands.push_back(std::move(operand));
  }
  return operands;
}

RowElements narrowed(RowElements& operand, unsigned kept) {
  RowElements narrow = operand;
  narrow.bytes.clear();
  const std::size_t size = size_of(operand.dtype);
  for (std::size_t d = 0; d < narrow.shape.size(); ++d)
    if ((kept >> d & 1u) == 0) narrow.shape[d] = 1;
  for (std::size_t i = 0; i * size < operand.bytes.size(); ++i) {
    std::size_t rest = i, step = 1, from = 0;  // the element that stands for this one
    for (std::size_t d = operand.shape.size(); d-- > 0;) {
      const auto extent = static_cast<std::size_t>(operand.shape[d]);
      if (narrow.shape[d] == operand.shape[d]) from += rest % extent * step;
      rest /= extent;
      step *= extent;
    }
    std::memcpy(&operand.bytes[i * size], &operand.bytes[from * size], size);
    if (from == i)
      narrow.bytes.insert(narrow.bytes.end(), &operand.bytes[i * size],
                          &operand.bytes[i * size] + size);
  }
  return narrow;
}

KernelSpec row_spec(const RowCase& of, std::span<const RowElements> operands, std::size_t axis,
                    const std::string& target) {
  KernelSpec spec;
  spec.function = of.function;
  spec.pass = of.pass;
  spec.parameters = of.parameters;
  spec.reduction = of.reduction;
  spec.axis = static_cast<int>(axis);
  spec.target = target;
  if (target != "interpreter") spec.denied = {Rung::interpreter};
  for (const RowElements& each : operands) {
    spec.operands.push_back({each.dtype, each.shape, each.name, {}});
    if (of.pass != forward && is_gradient_of(each.name, operands))
      spec.gradients.push_back(each.name.substr(1));
  }
  return spec;
}

}  // namespace sluice::lengths
