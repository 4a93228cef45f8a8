// From a spec's names to a request: the first of what is wrong becomes the error.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "runtime/broadcast.hpp"
#include "runtime/key.hpp"
#include "runtime/resolved_spec.hpp"

namespace sluice {
namespace {

using driver::Role;

Error error(Status status, std::string message) { return {status, std::move(message)}; }
std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string joined(const std::vector<std::string>& names, std::string_view between = ", ") {
  std::string text;
  for (const std::string& each : names) {
    if (!text.empty()) text += between;
    text += each;
  }
  return text;
}

bool is_number_input(const dsl::Input& input) { return input.type() == dsl::Type::number; }

class Resolver {
 public:
  Resolver(std::shared_ptr<const dsl::Program> program, const KernelSpec& spec,
           const SpecDefaults& defaults)
      : spec_(spec), defaults_(defaults), resolved_(std::make_shared<ResolvedSpec>()) {
    resolved_->program = std::move(program);
  }

  Result<std::shared_ptr<const ResolvedSpec>> run() {
    for (const auto step :
         {&Resolver::find_function, &Resolver::choose_pass, &Resolver::resolve_operands,
          &Resolver::check_dtypes, &Resolver::choose_accuracy, &Resolver::resolve_params,
          &Resolver::resolve_shapes, &Resolver::choose_target}) {
      Outcome outcome = (this->*step)();
      if (!outcome.ok()) return outcome.error();
    }
    seal(*resolved_);
    return std::shared_ptr<const ResolvedSpec>(std::move(resolved_));
  }

 private:
  [[nodiscard]] const dsl::FunctionDef& function() const { return *function_; }
  [[nodiscard]] bool has_backward() const { return spec_.pass != Pass::forward; }
  [[nodiscard]] bool reads_output() const { return spec_.saved == Saved::outputs; }
  [[nodiscard]] bool has_forward() const { return spec_.pass != Pass::backward; }

  Outcome find_function() {
    const auto id = resolved_->program->find(spec_.function);
    if (!id) {
      std::string message = "unknown function " + quoted(spec_.function);
      const auto similar = resolved_->program->similar(spec_.function);
      if (!similar.empty()) message += ": did you mean " + quoted(joined(similar, "' or '")) + "?";
      return error(Status::unknown_function, std::move(message));
    }
    resolved_->function = *id;
    function_ = &resolved_->program->function(*id);
    resolved_->definition = function().digest;
    if (function().row_wise)
      return error(Status::unsupported,
                   quoted(function().name) +
                       " reduces along a row, and row functions cannot be compiled yet");
    return Unit{};
  }

  Outcome choose_pass() {
    resolved_->pass = spec_.pass;
    resolved_->accumulate = spec_.accumulate;
    if (!has_backward() && spec_.accumulate)
      return error(Status::invalid_argument,
                   "gradients are to be accumulated, but the pass is forward");
    if (reads_output()) {
      if (spec_.pass != Pass::backward)
        return error(Status::invalid_argument,
                     "saved outputs are what a backward pass reads, and the pass is " +
                         std::string(name(spec_.pass)));
      if (function().inputs.size() != 1 || function().outputs.size() != 1 ||
          !is_number_input(function().inputs[0]))
        return error(Status::invalid_argument,
                     "the derivative of " + quoted(function().name) +
                         " can't be written in its output alone, as that of some functions of one "
                         "input and one output can");
    }
    if (!has_backward() && !spec_.gradients.empty())
      return error(Status::invalid_argument, "gradients are named, but the pass is forward");
    for (const std::string& wanted : spec_.gradients) {
      const auto input = function().find_input(wanted);
      if (input && is_number_input(function().inputs[*input])) continue;
      if (function().find_parameter(wanted))
        return error(Status::unsupported,
                     "the gradient of the parameter " + quoted(wanted) +
                         " is a sum over all elements, which cannot be compiled yet");
      return error(Status::unknown_name,
                   quoted(function().name) + " has no number input " + quoted(wanted) +
                       " whose gradient could be taken; it has " + joined(number_inputs()));
    }
    return Unit{};
  }

  [[nodiscard]] std::vector<std::string> number_inputs() const {
    std::vector<std::string> names;
    for (const dsl::Input& input : function().inputs)
      if (is_number_input(input)) names.push_back(input.name);
    return names;
  }

  [[nodiscard]] bool wants_gradient(std::size_t input, std::size_t inputs_given) const {
    if (!has_backward() || input >= inputs_given || !is_number_input(function().inputs[input]))
      return false;
    const auto& wanted = spec_.gradients;
    return wanted.empty() ||
           std::find(wanted.begin(), wanted.end(), function().inputs[input].name) != wanted.end();
  }

  // All operands of the signature when the first `inputs_given` inputs are.
  [[nodiscard]] std::vector<driver::Operand> signature(std::size_t inputs_given) const {
    std::vector<driver::Operand> list;
    list.reserve(2 * (inputs_given + function().outputs.size()));
    const auto add = [&](Role role, std::size_t index) {
      driver::Operand operand;
      operand.role = role;
      operand.index = static_cast<std::uint32_t>(index);
      list.push_back(operand);
    };
    if (reads_output())
      add(Role::saved_output, 0);
    else
      for (std::size_t i = 0; i < inputs_given; ++i) add(Role::input, i);
    for (std::size_t i = 0; has_backward() && i < function().outputs.size(); ++i)
      if (function().outputs[i].type == dsl::Type::number) add(Role::output_gradient, i);
    for (std::size_t i = 0; has_forward() && i < function().outputs.size(); ++i)
      add(Role::output, i);
    for (std::size_t i = 0; i < inputs_given; ++i)
      if (wants_gradient(i, inputs_given)) add(Role::input_gradient, i);
    return list;
  }

  [[nodiscard]] std::string described(const std::vector<driver::Operand>& operands) const {
    std::vector<std::string> names;
    names.reserve(operands.size());
    for (const driver::Operand& operand : operands)
      names.push_back(operand_name(function(), operand));
    return std::to_string(names.size()) + " (" + joined(names) + ")";
  }

  Outcome resolve_operands() {
    if (spec_.operands.size() > kMaxOperands)
      return error(Status::limit_exceeded,
                   "a kernel has at most " + std::to_string(kMaxOperands) + " operands");
    const auto named = static_cast<std::size_t>(
        std::count_if(spec_.operands.begin(), spec_.operands.end(),
                      [](const OperandSpec& each) { return !each.name.empty(); }));
    if (named == 0) return resolve_by_position();
    if (named == spec_.operands.size()) return resolve_by_name();
    return error(Status::invalid_operands,
                 "some operands have a name and some have none; give all or none");
  }

  Outcome resolve_by_position() {
    const std::size_t required = function().required_inputs();
    for (std::size_t given = required; given <= function().inputs.size(); ++given) {
      resolved_->operands = signature(given);
      if (resolved_->operands.size() != spec_.operands.size()) continue;
      for (std::size_t i = 0; i < spec_.operands.size(); ++i) given_.push_back(&spec_.operands[i]);
      return Unit{};
    }
    std::string message = quoted(function().name) + " " + std::string(name(spec_.pass)) +
                          " takes " + described(signature(required));
    if (required < function().inputs.size())
      message += " to " + described(signature(function().inputs.size()));
    return error(Status::invalid_operands,
                 message + " operands, and the spec has " + std::to_string(spec_.operands.size()));
  }

  Outcome resolve_by_name() {
    const std::vector<driver::Operand> all = signature(function().inputs.size());
    given_.assign(all.size(), nullptr);
    for (const OperandSpec& operand : spec_.operands) {
      std::size_t k = 0;
      while (k < all.size() &&
             (given_[k] != nullptr || operand_name(function(), all[k]) != operand.name))
        ++k;
      if (k == all.size())
        return error(Status::unknown_name, quoted(function().name) + " " +
                                               std::string(name(spec_.pass)) + " has no operand " +
                                               quoted(operand.name) + " left; it takes " +
                                               described(all));
      given_[k] = &operand;
    }
    bool writes = false;
    for (std::size_t k = 0; k < all.size(); ++k) {
      const bool missing = given_[k] == nullptr;
      const bool required =
          all[k].role == Role::saved_output ||
          (all[k].role == Role::input && !function().inputs[all[k].index].default_value);
      if (missing && required)
        return error(Status::invalid_operands,
                     "the operand " + quoted(operand_name(function(), all[k])) + " is missing");
      if (missing) continue;
      resolved_->operands.push_back(all[k]);
      writes = writes || !driver::is_source(all[k].role);
    }
    if (!writes)
      return error(Status::invalid_operands,
                   "no operand is an output: there is nothing to compute");
    std::erase(given_, nullptr);
    return check_gradients();
  }

  // An input that is left out has no gradient, and without a gradient of an output there is none at
  // all.
  Outcome check_gradients() const {
    if (!has_backward()) return Unit{};
    const auto has = [&](Role role, std::uint32_t index, bool any) {
      return std::any_of(resolved_->operands.begin(), resolved_->operands.end(),
                         [&](const driver::Operand& each) {
                           return each.role == role && (any || each.index == index);
                         });
    };
    if (!has(Role::output_gradient, 0, true))
      return error(Status::invalid_operands, "the gradient of an output is missing, e.g. " +
                                                 quoted("grad_" + function().outputs.front().name));
    for (const driver::Operand& operand : resolved_->operands)
      if (operand.role == Role::input_gradient && !has(Role::input, operand.index, false) &&
          !reads_output())
        return error(Status::invalid_operands, "the gradient " +
                                                   quoted(operand_name(function(), operand)) +
                                                   " is asked for, but its input is left out");
    return Unit{};
  }

  [[nodiscard]] dsl::Type type_of(const driver::Operand& operand) const {
    switch (operand.role) {
      case Role::input: return function().inputs[operand.index].type();
      case Role::saved_output:
      case Role::output: return function().outputs[operand.index].type;
      case Role::output_gradient:
      case Role::input_gradient: return dsl::Type::number;
    }
    return dsl::Type::number;
  }

  Outcome check_dtypes() {
    for (std::size_t k = 0; k < given_.size(); ++k) {
      driver::Operand& operand = resolved_->operands[k];
      operand.dtype = given_[k]->dtype;
      const bool is_bool = operand.dtype == Dtype::boolean;
      switch (type_of(operand)) {
        case dsl::Type::integer:
          return dtype_error(Status::unsupported, operand,
                             "holds integers, which kernels cannot yet");
        case dsl::Type::boolean:
          if (!is_bool)
            return dtype_error(Status::invalid_operands, operand, "must be of type bool");
          break;
        case dsl::Type::number:
          if (!is_floating(operand.dtype) && !is_quantised(operand.dtype))
            return dtype_error(Status::invalid_operands, operand,
                               "must be of a number type: f32, f64, f16, bf16, i8 or u8");
          break;
      }
    }
    for (std::size_t k = 0; k < given_.size(); ++k)
      if (Outcome outcome = check_quantisation(k); !outcome.ok()) return outcome;
    return Unit{};
  }

  // After all types are known: the scale is rounded to the one that is computed in.
  Outcome check_quantisation(std::size_t k) {
    driver::Operand& operand = resolved_->operands[k];
    const std::optional<Quantisation>& given = given_[k]->quantisation;
    if (!is_quantised(operand.dtype)) {
      if (!given) return Unit{};
      return dtype_error(Status::invalid_operands, operand,
                         "has a quantisation, which only i8 and u8 have");
    }
    if (!given)
      return dtype_error(Status::invalid_operands, operand,
                         "needs a quantisation: a scale and a zero point");
    const Dtype compute = resolved_->compute_type();
    const double scale =
        compute == Dtype::f64 ? given->scale : double{static_cast<float>(given->scale)};
    if (!(scale > 0) || std::isinf(scale))
      return dtype_error(Status::invalid_operands, operand,
                         "needs a scale that is positive and finite in " +
                             std::string(name(compute)) + ", not " + to_text(given->scale));
    const IntegerRange range = range_of(operand.dtype);
    if (given->zero_point < range.least || given->zero_point > range.greatest)
      return dtype_error(Status::invalid_operands, operand,
                         "needs a zero point from " + std::to_string(range.least) + " to " +
                             std::to_string(range.greatest) + ", not " +
                             std::to_string(given->zero_point));
    operand.quantisation = {scale, given->zero_point};
    return Unit{};
  }

  [[nodiscard]] Error dtype_error(Status status, const driver::Operand& operand,
                                  std::string_view problem) const {
    std::string message = "the operand " + quoted(operand_name(function(), operand)) + " of type ";
    message.append(name(operand.dtype)).append(" ").append(problem);
    return error(status, std::move(message));
  }

  Outcome resolve_params() {
    for (const dsl::Parameter& parameter : function().parameters)
      resolved_->params.push_back({parameter.default_value, true});
    for (const ParameterValue& given : spec_.parameters) {
      const auto index = function().find_parameter(given.name);
      if (!index) return unknown_parameter(given.name);
      if (function().parameters[*index].is_integer && std::nearbyint(given.value) != given.value)
        return error(Status::invalid_argument,
                     "the parameter " + quoted(given.name) + " is an integer");
      resolved_->params[*index].value = given.value;
    }
    for (const std::string& passed : spec_.passed) {
      const auto index = function().find_parameter(passed);
      if (!index) return unknown_parameter(passed);
      if (function().parameters[*index].is_integer)
        return error(Status::invalid_argument,
                     "the parameter " + quoted(passed) +
                         " chooses a behaviour and must be baked, not passed");
      const auto same = [&](const ParameterValue& given) { return given.name == passed; };
      if (std::any_of(spec_.parameters.begin(), spec_.parameters.end(), same))
        return error(Status::invalid_argument,
                     "the parameter " + quoted(passed) + " is both baked and passed");
      resolved_->params[*index] = {0, false};
    }
    if (spec_.passed.size() > kMaxPassed)
      return error(Status::limit_exceeded,
                   "a kernel takes at most " + std::to_string(kMaxPassed) + " passed parameters");
    for (std::size_t i = 0; i < resolved_->params.size(); ++i)
      if (resolved_->params[i].baked)
        if (Outcome outcome = check_range(function(), i, resolved_->params[i].value); !outcome.ok())
          return outcome;
    canonicalize_params();
    return Unit{};
  }

  Error unknown_parameter(const std::string& wanted) const {
    std::vector<std::string> names;
    for (const dsl::Parameter& parameter : function().parameters) names.push_back(parameter.name);
    return error(Status::unknown_name,
                 quoted(function().name) + " has no parameter " + quoted(wanted) +
                     (names.empty() ? "; it has none" : "; it has " + joined(names)));
  }

  // Values that bake to the same constant are one.
  void canonicalize_params() {
    const bool narrow = resolved_->compute_type() == Dtype::f32;
    for (std::size_t i = 0; i < resolved_->params.size(); ++i) {
      double& value = resolved_->params[i].value;
      if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
      if (narrow && !function().parameters[i].is_integer)
        value = static_cast<double>(static_cast<float>(value));
    }
  }

  Outcome resolve_shapes() {
    BroadcastShape broadcast;
    for (std::size_t k = 0; k < given_.size(); ++k) {
      const Shape shape = given_[k]->shape;
      if (std::any_of(shape.begin(), shape.end(), [](std::int64_t extent) { return extent < 0; }))
        return shape_error(k, "has a negative extent");
      if (shape.size() > TensorView::kMaxRank)
        return shape_error(k,
                           "has more than " + std::to_string(TensorView::kMaxRank) + " dimensions");
      if (driver::is_source(resolved_->operands[k].role) && !broadcast.add(shape))
        return shape_error(k, "does not broadcast with " + to_string(broadcast.shape()));
    }
    const Shape full = broadcast.shape();
    for (std::size_t k = 0; k < given_.size(); ++k) {
      Outcome outcome = check_written_shape(k, full);
      if (!outcome.ok()) return outcome;
    }
    const LoopNest nest =
        make_nest(full, given_.size(), [&](std::size_t k) { return Shape(given_[k]->shape); });
    for (std::size_t k = 0; k < given_.size(); ++k) {
      driver::Operand& operand = resolved_->operands[k];
      const bool still = (nest.inner_still() >> k & 1u) != 0 || given_[k]->shape.empty();
      operand.extent =
          driver::is_source(operand.role) && still ? ir::Extent::scalar : ir::Extent::element;
    }
    return Unit{};
  }

  Error shape_error(std::size_t k, const std::string& problem) const {
    return error(Status::invalid_operands,
                 "the operand " + quoted(operand_name(function(), resolved_->operands[k])) +
                     " of shape " + to_string(given_[k]->shape) + " " + problem);
  }

  Outcome check_written_shape(std::size_t k, Shape full) const {
    const driver::Operand& operand = resolved_->operands[k];
    const Shape shape = given_[k]->shape;
    if (operand.role == Role::output &&
        !std::equal(shape.begin(), shape.end(), full.begin(), full.end()))
      return shape_error(k, "must have the shape " + to_string(full));
    if (operand.role != Role::input_gradient) return Unit{};
    std::size_t input = 0;
    while (!reads_output() && (resolved_->operands[input].role != Role::input ||
                               resolved_->operands[input].index != operand.index))
      ++input;
    const Shape source = given_[input]->shape;
    if (!std::equal(shape.begin(), shape.end(), source.begin(), source.end()))
      return shape_error(k, "must have its input's shape " + to_string(source));
    if (!std::equal(source.begin(), source.end(), full.begin(), full.end()))
      return error(Status::unsupported,
                   "the gradient of " + quoted(function().inputs[operand.index].name) +
                       ", which broadcasts, is a sum, which cannot be compiled yet");
    return Unit{};
  }

  // After the operands, which say the compute type.
  Outcome choose_accuracy() {
    if (!(spec_.accuracy >= 0 && spec_.accuracy < 1))
      return error(Status::invalid_argument,
                   "accuracy is a relative error from 0 (the promises as they stand) up to, not "
                   "including, 1; it is " +
                       std::to_string(spec_.accuracy));
    if (resolved_->compute_type() == Dtype::f32)
      resolved_->grade = numerics::cheapest_grade(spec_.accuracy);
    return Unit{};
  }

  Outcome choose_target() {
    resolved_->target = defaults_.target;
    if (!spec_.target.empty()) {
      auto target = usable_target(spec_.target);
      if (!target.ok()) return target.error();
      resolved_->target = *target;
    }
    resolved_->allowed = defaults_.allowed;
    for (const Rung rung : spec_.denied) resolved_->allowed.remove(rung);
    // Without machine code only one rung is left, whatever else is allowed.
    if (resolved_->target.level == Level::interpreter) resolved_->allowed.remove(Rung::x64);
    if (resolved_->allowed.bits == 0)
      return error(Status::unavailable, "every rung that could run the target " +
                                            to_string(resolved_->target) + " is denied");
    return Unit{};
  }

  const KernelSpec& spec_;
  const SpecDefaults& defaults_;
  std::shared_ptr<ResolvedSpec> resolved_;
  const dsl::FunctionDef* function_ = nullptr;
  std::vector<const OperandSpec*> given_;  // those of the spec, in the order of resolved_->operands
};

}  // namespace

Dtype ResolvedSpec::compute_type() const {
  for (const driver::Operand& operand : operands)
    if (driver::is_primal(operand.role) && operand.dtype == Dtype::f64) return Dtype::f64;
  return Dtype::f32;
}

std::string operand_name(const dsl::FunctionDef& function, const driver::Operand& operand) {
  switch (operand.role) {
    case Role::input: return function.inputs[operand.index].name;
    case Role::output_gradient: return "grad_" + function.outputs[operand.index].name;
    case Role::saved_output:
    case Role::output: return function.outputs[operand.index].name;
    case Role::input_gradient: return "d" + function.inputs[operand.index].name;
  }
  return {};
}

Outcome check_range(const dsl::FunctionDef& function, std::size_t parameter, double value) {
  for (const dsl::Range& range : function.attributes.ranges)
    if (range.of_parameter && range.target == parameter && !range.holds(value))
      return error(Status::invalid_argument,
                   "the parameter " + quoted(function.parameters[parameter].name) + " of " +
                       quoted(function.name) + " must be from " + to_text(range.low) + " to " +
                       to_text(range.high) + ", not " + to_text(value));
  return Unit{};
}

std::string to_text(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string to_string(std::span<const std::int64_t> shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + ")";
}

Result<Target> usable_target(std::string_view text) {
  auto target = parse_target(text);
  if (!target.ok()) return target.error();
  if (!runs_on(*target, host_target()))
    return error(Status::unavailable, "this processor cannot run the target " + to_string(*target) +
                                          "; its highest is " + to_string(host_target()));
  return *target;
}

Result<std::shared_ptr<const ResolvedSpec>> resolve(std::shared_ptr<const dsl::Program> program,
                                                    const KernelSpec& spec,
                                                    const SpecDefaults& defaults) {
  return Resolver(std::move(program), spec, defaults).run();
}

}  // namespace sluice
