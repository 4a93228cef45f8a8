#include "tools/check/probe.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/accuracy/ulp.hpp"
#include "tools/operand.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

struct Tensor {
  std::vector<double> values;
  Shape shape;
  Dtype dtype;
};

Result<Tensor> read(const Assignment& file, bool is_bf16) {
  Result<NpyReader> opened = NpyReader::open(file.value);
  if (!opened) return opened.error();
  const NpyHeader header = opened->header();
  if (header.is_uint16 && !is_bf16)
    return misuse(fmt::format("{}: holds integers of 16 bits; if these are bf16, say --dtype bf16",
                              file.value));
  const auto count = static_cast<std::size_t>(element_count(header.shape));
  Tensor tensor{std::vector<double>(count), header.shape, header.dtype};
  std::vector<std::byte> stored(count * size_of(header.dtype));
  if (Outcome done = opened->read(0, stored); !done) return done.error();
  convert(stored, header.dtype, Dtype::f64, std::as_writable_bytes(std::span(tensor.values)));
  return tensor;
}

// How far rounding in the stored type takes a row's sum from 1.
double tolerance(Dtype dtype) {
  return is_floating(dtype) ? 4 * std::ldexp(1.0, -accuracy::format_of(dtype).mantissa_bits) + 1e-6
                            : 1e-6;
}

void look_at_row(Probed& seen, const double* first, std::int64_t step) {
  double sum = 0;
  double greatest = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < seen.columns; ++i) {
    const double x = first[i * step];
    if (!std::isfinite(x)) ++seen.not_finite;
    sum += x;
    greatest = std::max(greatest, x);
    seen.least = std::min(seen.least, x);
  }
  double exponentials = 0;
  for (std::int64_t i = 0; i < seen.columns; ++i)
    exponentials += std::exp(first[i * step] - greatest);
  seen.greatest = std::max(seen.greatest, greatest);
  const auto farther = [](double& most, double off) {
    if (!(off <= most)) most = off;  // NaN is the farthest
  };
  farther(seen.sum_off, std::abs(sum - 1));
  farther(seen.logsumexp_off, std::abs(greatest + std::log(exponentials)));
}

// Rows of one column sum to 1 where they are 1, which says nothing.
Looks looks_of(const Probed& seen, Dtype dtype) {
  if (seen.rows == 0 || seen.columns == 0) return Looks::empty;
  if (std::isnan(seen.sum_off)) return Looks::raw;
  const double most = tolerance(dtype);
  const bool within = seen.least >= 0 && seen.greatest <= 1 + most;
  if (within && seen.columns > 1 && seen.sum_off <= most) return Looks::probabilities;
  // A logarithm is rounded by its own size.
  const double of_logs = most * std::max(1.0, std::abs(seen.greatest));
  if (seen.greatest <= 0 && seen.columns > 1 && seen.logsumexp_off <= of_logs)
    return Looks::log_probabilities;
  return within ? Looks::between_0_and_1 : Looks::raw;
}

std::string_view words(Looks looks) {
  switch (looks) {
    case Looks::raw: return "does not look normalised";
    case Looks::probabilities:
      return "looks like a softmax's output: within [0, 1], each row sums to 1";
    case Looks::log_probabilities:
      return "looks like a log_softmax's output: each row's logsumexp is 0";
    case Looks::between_0_and_1: return "looks like a sigmoid's output: within [0, 1]";
    case Looks::empty: return "is empty";
  }
  return {};
}

std::string_view name(Looks looks) {
  switch (looks) {
    case Looks::raw: return "raw";
    case Looks::probabilities: return "probabilities";
    case Looks::log_probabilities: return "log_probabilities";
    case Looks::between_0_and_1: return "between_0_and_1";
    case Looks::empty: return "empty";
  }
  return {};
}

Result<Probed> look_at(const ProbePlan& plan, const Assignment& file, std::uint32_t input) {
  const Result<Tensor> tensor = read(file, plan.is_bf16);
  if (!tensor) return tensor.error();
  const auto rank = static_cast<std::int64_t>(tensor->shape.size());
  const std::int64_t axis = plan.axis < 0 ? plan.axis + rank : plan.axis;
  if (rank != 0 && (axis < 0 || axis >= rank))
    return misuse(fmt::format("--axis {} is not among the {} dimensions of {}", plan.axis, rank,
                              to_string(tensor->shape)));
  Probed seen;
  seen.input = plan.function.definition().inputs[input].name;
  seen.least = std::numeric_limits<double>::infinity();
  seen.greatest = -seen.least;
  seen.columns = rank == 0 ? 1 : tensor->shape[static_cast<std::size_t>(axis)];
  std::int64_t inner = 1;
  for (std::int64_t d = axis + 1; d < rank; ++d)
    inner *= tensor->shape[static_cast<std::size_t>(d)];
  const auto count = static_cast<std::int64_t>(tensor->values.size());
  seen.rows = seen.columns == 0 ? 0 : count / seen.columns;
  for (std::int64_t row = 0; row < seen.rows; ++row)
    look_at_row(seen, tensor->values.data() + row / inner * inner * seen.columns + row % inner,
                inner);
  if (seen.rows == 0) seen.least = seen.greatest = 0;
  seen.looks = looks_of(seen, tensor->dtype);
  seen.applied = dsl::applied_activations(plan.function.definitions.tree, plan.function.id)[input];
  return seen;
}

}  // namespace

std::string Probed::problem(const std::string& function) const {
  const bool softmax = looks == Looks::probabilities;
  const bool sigmoid = looks == Looks::between_0_and_1 || softmax;
  if (applied.softmax && softmax)
    return fmt::format(
        "'{}' applies a softmax to '{}' itself: give it the values before the softmax", function,
        input);
  if (applied.softmax && sigmoid)
    return fmt::format(
        "'{}' applies a softmax to '{}', which takes numbers of any size: give it the "
        "values before the sigmoid",
        function, input);
  if (applied.sigmoid && sigmoid)
    return fmt::format("'{}' applies a sigmoid to '{}' itself: give it the values before the {}",
                       function, input, softmax ? "softmax" : "sigmoid");
  return {};
}

Result<std::vector<Probed>> probe(const ProbePlan& plan) {
  const dsl::FunctionDef& definition = plan.function.definition();
  std::vector<Probed> found;
  for (const Assignment& file : plan.files) {
    const auto input = definition.find_input(file.name);
    if (!input)
      return unknown(fmt::format("--in: '{}' has no input '{}'", definition.name, file.name));
    Result<Probed> seen = look_at(plan, file, *input);
    if (!seen) return seen.error();
    found.push_back(std::move(seen).value());
  }
  return found;
}

std::string probe_text(const ProbePlan& plan, const std::vector<Probed>& found) {
  std::string text;
  for (const Probed& seen : found) {
    text += fmt::format("{:<11} {}\n            {} rows of {} columns, from {:.6g} to {:.6g}",
                        seen.input, words(seen.looks), seen.rows, seen.columns, seen.least,
                        seen.greatest);
    text += seen.not_finite == 0 ? "\n" : fmt::format("; {} not finite\n", seen.not_finite);
    if (const std::string problem = seen.problem(plan.function.name()); !problem.empty())
      text += fmt::format("            {}\n", problem);
  }
  return text;
}

std::string probe_json(const ProbePlan& plan, const std::vector<Probed>& found) {
  using Json = nlohmann::ordered_json;
  const auto number = [](double x) -> Json {
    if (std::isfinite(x)) return x;
    return std::isnan(x) ? "nan" : x < 0 ? "-inf" : "inf";
  };
  Json inputs = Json::array();
  for (const Probed& seen : found) {
    const std::string problem = seen.problem(plan.function.name());
    inputs.push_back({{"name", seen.input},
                      {"looks", name(seen.looks)},
                      {"rows", seen.rows},
                      {"columns", seen.columns},
                      {"least", number(seen.least)},
                      {"greatest", number(seen.greatest)},
                      {"not_finite", seen.not_finite},
                      {"sum_off", number(seen.sum_off)},
                      {"logsumexp_off", number(seen.logsumexp_off)},
                      {"problem", problem.empty() ? Json() : Json(problem)}});
  }
  const Json report = {{"function", plan.function.name()}, {"inputs", std::move(inputs)}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::tools
