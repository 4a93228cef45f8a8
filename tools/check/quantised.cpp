#include "tools/check/quantised.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include <fmt/format.h>
#include <sluice/runtime.hpp>

#include "tools/accuracy/reference.hpp"
#include "tools/accuracy/ulp.hpp"

namespace sluice::tools {
namespace {

constexpr std::int64_t kInputs = 256;

std::int32_t integer_at(const std::vector<std::byte>& bytes, std::size_t i, Dtype dtype) {
  const auto byte = std::to_integer<std::uint8_t>(bytes[i]);
  return dtype == Dtype::i8 ? static_cast<std::int8_t>(byte) : byte;
}

Outcome can_check_quantised(const Subject& subject) {
  const dsl::FunctionDef& definition = subject.definition();
  const auto unsupported = [&](std::string_view why) {
    return Error{Status::unsupported, fmt::format("of 8 bits check knows elementwise functions of "
                                                  "one number, and '{}' {}",
                                                  definition.name, why)};
  };
  if (definition.row_wise) return unsupported("works on rows");
  if (definition.inputs.size() != 1)
    return unsupported(fmt::format("has {} inputs", definition.inputs.size()));
  if (definition.inputs[0].type() != dsl::Type::number) return unsupported("takes none");
  const auto given = [&](const std::string& name) -> Outcome {
    if (subject.quantisations.contains(name)) return Unit{};
    return Error{Status::invalid_argument,
                 fmt::format("'{0}' is of type {1}: say what its integers stand for with --quant "
                             "{0}=SCALE,ZERO",
                             name, sluice::name(subject.dtype))};
  };
  if (Outcome known = given(definition.inputs[0].name); !known) return known;
  for (const dsl::Output& output : definition.outputs)
    if (output.type == dsl::Type::number)
      if (Outcome known = given(output.name); !known) return known;
  return Unit{};
}

// A kernel's outputs at all 256 integers, from the type's least.
Result<std::vector<std::vector<std::byte>>> run_kernel(const Subject& subject,
                                                       std::string& target) {
  const driver::Request request = request_of(subject);
  Result<Kernel> kernel = Runtime{}.compile(spec_of(subject, request));
  if (!kernel) return kernel.error();
  target = kernel->target();
  constexpr std::size_t kWidest = 8;
  std::vector<std::vector<std::byte>> buffers(request.operands.size(),
                                              std::vector<std::byte>(kInputs * kWidest));
  const std::int32_t least = range_of(subject.dtype).least;
  for (std::int32_t i = 0; i < kInputs; ++i)
    buffers[0][static_cast<std::size_t>(i)] = static_cast<std::byte>((least + i) & 0xff);
  std::vector<void*> pointers;
  for (std::vector<std::byte>& buffer : buffers) pointers.push_back(buffer.data());
  kernel->run(pointers.data(), kInputs);
  return buffers;
}

// The contract's rule, of the real number: the nearest step, ties to even, limited; NaN as zero.
class Steps {
 public:
  Steps(Dtype dtype, const Quantisation& quantisation)
      : range_(range_of(dtype)), scale_(static_cast<float>(quantisation.scale)),
        zero_(quantisation.zero_point) {}
  [[nodiscard]] long double of(long double truth) const {
    if (std::isnan(truth)) return zero_;
    const long double steps = truth / static_cast<long double>(scale_) + zero_;
    return std::clamp<long double>(steps, range_.least, range_.greatest);
  }
  // How far f32's rounding may lead from that: the promised error, and the quotient's.
  [[nodiscard]] long double slack(long double truth, double ulps) const {
    if (!std::isfinite(truth)) return 0;
    const accuracy::Format f32 = accuracy::format_of(Dtype::f32);
    return (static_cast<long double>(ulps) + 1) * accuracy::ulp_of(f32, truth) /
           static_cast<long double>(scale_);
  }

 private:
  IntegerRange range_;
  float scale_;
  std::int32_t zero_;
};

Result<QuantisedPart> measure_output(const Subject& subject, std::uint32_t output,
                                     const std::vector<std::byte>& got) {
  const dsl::FunctionDef& definition = subject.definition();
  QuantisedPart part;
  part.name = definition.outputs[output].name;
  const Family family = subject.family();
  const numerics::Grade grade = numerics::cheapest_grade(subject.accuracy / bound_factor(family));
  const auto& ranges = definition.attributes.ranges;
  const bool in_range = std::all_of(ranges.begin(), ranges.end(), [&](const dsl::Range& range) {
    return !range.of_parameter || range.holds(subject.parameters[range.target]);
  });
  if (in_range) part.promise = accuracy::promise_of(definition, Dtype::f32, false, grade, family);
  accuracy::Subject exact;
  exact.program = &subject.function.definitions.tree;
  exact.function = subject.function.id;
  exact.output = output;
  exact.params = subject.parameters;
  const accuracy::Reference reference(exact);
  const Quantisation& in = subject.quantisations.at(definition.inputs[0].name);
  const Steps steps(subject.dtype, subject.quantisations.at(part.name));
  const std::int32_t least = range_of(subject.dtype).least;
  long double farthest = -1;
  for (std::int32_t i = 0; i < kInputs; ++i) {
    const auto zeroed = static_cast<float>(least + i - in.zero_point);
    const double x = static_cast<double>(zeroed * static_cast<float>(in.scale));
    const Result<accuracy::Estimate> truth = reference.second_level({&x, 1});
    if (!truth) return truth.error();
    const long double in_steps = steps.of(truth->value);
    const QuantisedPoint point{
        least + i, x, integer_at(got, static_cast<std::size_t>(i), subject.dtype),
        static_cast<std::int32_t>(std::nearbyint(in_steps)), static_cast<double>(in_steps)};
    const long double off = std::abs(point.got - in_steps);
    ++part.inputs;
    part.differing += point.got != point.nearest ? 1 : 0;
    if (part.promise && off > 0.5L + steps.slack(truth->value, part.promise->ulps)) ++part.beyond;
    if (off > farthest) {
      farthest = off;
      part.worst = point;
    }
  }
  return part;
}

}  // namespace

bool QuantisedCheckup::kept() const {
  return std::all_of(parts.begin(), parts.end(),
                     [](const QuantisedPart& part) { return part.kept(); });
}

Result<QuantisedCheckup> run_quantised_check(const Subject& given) {
  if (const Outcome can = can_check_quantised(given); !can) return can.error();
  Subject subject = given;
  subject.pass = Pass::forward;
  subject.shape = {kInputs};
  QuantisedCheckup checkup;
  const auto buffers = run_kernel(subject, checkup.target);
  if (!buffers) return buffers.error();
  const auto& outputs = subject.definition().outputs;
  for (std::uint32_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].type != dsl::Type::number) continue;
    Result<QuantisedPart> part = measure_output(subject, i, (*buffers)[1 + i]);
    if (!part) return part.error();
    checkup.parts.push_back(std::move(*part));
  }
  return checkup;
}

}  // namespace sluice::tools
