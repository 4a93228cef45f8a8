#include "tools/check/checkup.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "tools/check/chunks.hpp"

namespace sluice::tools {
namespace {

constexpr std::uint64_t kDifferences = 500;  // points; each costs eight evaluations by MPFR
constexpr double kInf = std::numeric_limits<double>::infinity();

accuracy::Subject subject_of(const CheckPlan& plan) {
  accuracy::Subject subject;
  subject.program = &plan.function.definitions.tree;
  subject.function = plan.function.id;
  subject.compute = plan.dtype == Dtype::f64 ? ir::Elem::f64 : ir::Elem::f32;
  if (plan.dtype == Dtype::f16 || plan.dtype == Dtype::bf16) subject.narrow = plan.dtype;
  subject.params = plan.params;
  subject.grade = plan.grade;
  subject.family = plan.family;
  return subject;
}

bool out_of_range(const CheckPlan& plan) {
  const auto& ranges = plan.definition().attributes.ranges;
  return std::any_of(ranges.begin(), ranges.end(), [&](const dsl::Range& range) {
    const double value = range.of_parameter ? plan.params[range.target] : range.low;
    return value < range.low || value > range.high;
  });
}

// Each number output, and its derivative by each input.
std::vector<CheckPart> parts_of(const CheckPlan& plan, bool judged) {
  const dsl::FunctionDef& definition = plan.definition();
  std::vector<CheckPart> parts;
  accuracy::Subject subject = subject_of(plan);
  const auto add = [&](std::string name) {
    CheckPart& part = parts.emplace_back();
    part.name = std::move(name);
    part.subject = subject;
    if (judged)
      part.promise = accuracy::promise_of(definition, plan.dtype, subject.derived_by.has_value(),
                                          plan.grade, plan.family);
  };
  for (std::uint32_t i = 0; i < definition.outputs.size(); ++i) {
    if (definition.outputs[i].type != dsl::Type::number) continue;
    subject.output = i;
    subject.derived_by.reset();
    add(definition.outputs[i].name);
    for (std::uint32_t k = 0; k < definition.inputs.size(); ++k) {
      subject.derived_by = k;
      add(fmt::format("d{}/d{}", definition.outputs[i].name, definition.inputs[k].name));
    }
  }
  return parts;
}

Result<std::vector<SpecialValue>> special_values_of(const CheckPlan& plan) {
  accuracy::Subject subject = subject_of(plan);
  const auto value = accuracy::SubjectKernel::compile(subject);
  if (!value) return value.error();
  subject.derived_by = 0;
  const auto slope = accuracy::SubjectKernel::compile(subject);
  if (!slope) return slope.error();
  const std::vector<double> at{-kInf, -0.0, 0.0, kInf, std::numeric_limits<double>::quiet_NaN()};
  std::vector<double> y;
  std::vector<double> dy;
  value->run(std::span(&at, 1), at.size(), y);
  slope->run(std::span(&at, 1), at.size(), dy);
  std::vector<SpecialValue> result;
  for (std::size_t i = 0; i < at.size(); ++i) result.push_back({at[i], y[i], dy[i]});
  return result;
}

// In f32 also for the types of 16 bits, which hold no difference.
Result<std::optional<accuracy::Differences>> differences_of(const CheckPlan& plan,
                                                            const CheckPart& part) {
  if (!part.subject.derived_by) return std::optional<accuracy::Differences>();
  accuracy::Subject subject = part.subject;
  subject.narrow.reset();
  auto found = accuracy::against_differences(subject, kDifferences, plan.sweep.seed);
  if (!found) return found.error();
  return std::optional(*found);
}

Result<accuracy::Comparison> comparison_of(const CheckPlan& plan, const CheckPart& part) {
  accuracy::Subject theirs = part.subject;
  theirs.function = *plan.against;
  theirs.params = plan.against_params;
  accuracy::Sweep sweep = plan.sweep;
  // What is not sampled is too much for one thread, and for the purpose.
  if (sweep.coverage == accuracy::Coverage::all && plan.dtype == Dtype::f32)
    sweep = {accuracy::Coverage::sampled, 10'000'000, sweep.seed};
  return accuracy::compare_kernels(part.subject, theirs, sweep);
}

}  // namespace

accuracy::Measurement CheckPart::all() const {
  accuracy::Measurement both = special;
  accuracy::merge(both, sweep);
  return both;
}

bool Checkup::kept() const {
  return std::all_of(parts.begin(), parts.end(), [](const CheckPart& part) { return part.kept(); });
}
bool Checkup::promised() const {
  return std::any_of(parts.begin(), parts.end(),
                     [](const CheckPart& part) { return part.promise.has_value(); });
}

Outcome can_check(const dsl::FunctionDef& definition) {
  const auto unsupported = [&](std::string_view why) {
    return Error{Status::unsupported, fmt::format("'{}' {}", definition.name, why)};
  };
  if (definition.row_wise) return unsupported("works on rows, and is compared with nothing else");
  if (definition.inputs.empty()) return unsupported("has no inputs to check it at");
  for (const dsl::Input& input : definition.inputs)
    if (input.type() != dsl::Type::number)
      return unsupported("takes an index or a mask, and check knows numbers alone");
  for (const dsl::Output& output : definition.outputs)
    if (output.type == dsl::Type::number) return Unit{};
  return unsupported("gives no number");
}

Result<Checkup> run_check(const CheckPlan& plan) {
  Checkup checkup;
  checkup.out_of_range = out_of_range(plan);
  checkup.parts = parts_of(plan, !checkup.out_of_range);
  if (const Outcome done = measure_parts(plan, checkup.parts); !done) return done.error();
  for (const CheckPart& part : checkup.parts) {
    auto differences = differences_of(plan, part);
    if (!differences) return differences.error();
    checkup.differences.push_back(*differences);
    if (!plan.against) continue;
    auto comparison = comparison_of(plan, part);
    if (!comparison) return comparison.error();
    checkup.comparisons.push_back(std::move(*comparison));
  }
  if (plan.definition().inputs.size() != 1 || checkup.parts.size() != 2) return checkup;
  auto special = special_values_of(plan);
  if (!special) return special.error();
  checkup.special = std::move(*special);
  auto card = accuracy::card_of(checkup.parts.front().subject);
  if (!card) return card.error();
  checkup.card = std::move(*card);
  return checkup;
}

}  // namespace sluice::tools
