// From a spec's names to a request: the first of what is wrong becomes the error.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "compiler/driver/compile.hpp"
#include "runtime/broadcast.hpp"
#include "runtime/key.hpp"
#include "runtime/resolved_spec.hpp"
#include "support/few.hpp"

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
         {&Resolver::find_function, &Resolver::choose_pass, &Resolver::choose_split,
          &Resolver::choose_reduction, &Resolver::resolve_operands, &Resolver::check_dtypes,
          &Resolver::resolve_parameters, &Resolver::choose_shapes, &Resolver::choose_target,
          &Resolver::choose_accuracy, &Resolver::choose_divisor, &Resolver::choose_index_check}) {
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
    return Unit{};
  }

  // After the split, whose operand stands for two inputs.
  Outcome check_wanted() const {
    for (const std::string& wanted : spec_.gradients) {
      const auto names = number_inputs();
      if (std::find(names.begin(), names.end(), wanted) != names.end()) continue;
      const auto parameter = function().find_parameter(wanted);
      if (parameter && !function().parameters[*parameter].is_integer) continue;
      if (parameter)
        return error(Status::invalid_argument, "the parameter " + quoted(wanted) +
                                                   " chooses a behaviour and has no gradient");
      return error(Status::unknown_name,
                   quoted(function().name) + " has no number input or parameter " + quoted(wanted) +
                       " whose gradient could be taken; it has " + joined(number_inputs()));
    }
    return Unit{};
  }

  [[nodiscard]] std::vector<std::string> number_inputs() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < function().inputs.size(); ++i)
      if (is_number_input(function().inputs[i]) && (!is_half(i) || i == halves_->first))
        names.push_back(input_name(i));
    return names;
  }
  [[nodiscard]] bool is_half(std::size_t input) const {
    return halves_ && (input == halves_->first || input == halves_->second);
  }
  [[nodiscard]] const std::string& input_name(std::size_t input) const {
    return is_half(input) ? spec_.split->name : function().inputs[input].name;
  }

  Outcome choose_split() {
    if (!spec_.split) return check_wanted();
    const Split& split = *spec_.split;
    const auto half = [&](const std::string& wanted) -> Result<std::uint32_t> {
      const auto index = function().find_input(wanted);
      if (!index)
        return error(Status::unknown_name,
                     quoted(function().name) + " has no input " + quoted(wanted) + " to be a half");
      const dsl::Input& input = function().inputs[*index];
      if (input.kind != dsl::Kind::element)
        return error(Status::invalid_argument, "the input " + quoted(wanted) + " is of kind " +
                                                   std::string(dsl::name(input.kind)) +
                                                   "; a half is of kind element");
      return *index;
    };
    const auto first = half(split.first);
    if (!first.ok()) return first.error();
    const auto second = half(split.second);
    if (!second.ok()) return second.error();
    if (*first == *second)
      return error(Status::invalid_argument,
                   "the input " + quoted(split.first) + " cannot be both halves");
    if (reads_output())
      return error(Status::invalid_argument,
                   "a saved output is read in place of the input, which cannot be split");
    const auto taken = function().find_input(split.name);
    if (split.name.empty() || (taken && *taken != *first && *taken != *second))
      return error(Status::invalid_argument,
                   split.name.empty() ? "the operand that is split has no name"
                                      : "the operand that is split cannot be called " +
                                            quoted(split.name) + ": there is such an input");
    halves_ = {*first, *second};
    resolved_->split = split.name;
    return check_wanted();
  }

  Outcome choose_reduction() {
    resolved_->reduction = spec_.reduction;
    if (spec_.reduction == Reduction::none) return Unit{};
    const dsl::Output& first = function().outputs.front();
    if (first.type != dsl::Type::number)
      return error(Status::invalid_argument,
                   "the output " + quoted(first.name) + " is no number and has no " +
                       (spec_.reduction == Reduction::sum ? "sum" : "mean"));
    if (reads_output())
      return error(Status::invalid_argument,
                   "a reduced output cannot be what a backward pass reads");
    if (spec_.reduction == Reduction::mean) resolved_->empty = spec_.empty;
    return Unit{};
  }

  [[nodiscard]] bool wants_gradient(std::size_t input, std::size_t inputs_given) const {
    if (!has_backward() || input >= inputs_given || !is_number_input(function().inputs[input]))
      return false;
    return spec_.gradients.empty() || is_wanted(input_name(input));
  }

  [[nodiscard]] bool is_wanted(const std::string& named) const {
    return std::find(spec_.gradients.begin(), spec_.gradients.end(), named) !=
           spec_.gradients.end();
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
    for (std::size_t i = 0; has_backward() && i < function().parameters.size(); ++i)
      if (is_wanted(function().parameters[i].name)) add(Role::parameter_gradient, i);
    return list;
  }

  // What a call has for them: halves are one.
  [[nodiscard]] std::vector<Argument>
  arguments_of(const std::vector<driver::Operand>& operands) const {
    std::vector<Argument> list;
    list.reserve(operands.size());
    for (std::uint32_t k = 0; k < operands.size(); ++k) {
      const driver::Operand& operand = operands[k];
      Argument argument;
      argument.operand = argument.second = k;
      const bool reduced = spec_.reduction != Reduction::none && operand.index == 0 &&
                           (operand.role == Role::output || operand.role == Role::output_gradient);
      argument.single = reduced || operand.role == Role::parameter_gradient;
      const bool of_input = operand.role == Role::input || operand.role == Role::input_gradient;
      if (of_input && is_half(operand.index)) {
        argument.way = Way::halves;
        const auto other = std::find_if(list.begin(), list.end(), [&](const Argument& each) {
          return each.way == Way::halves && operands[each.operand].role == operand.role;
        });
        if (other != list.end()) {
          (operand.index == halves_->first ? other->operand : other->second) = k;
          continue;
        }
      }
      list.push_back(argument);
    }
    return list;
  }
  [[nodiscard]] std::string name_of(const std::vector<driver::Operand>& operands,
                                    const Argument& argument) const {
    const driver::Operand& operand = operands[argument.operand];
    if (argument.way != Way::halves) return operand_name(function(), operand);
    return operand.role == Role::input ? spec_.split->name : "d" + spec_.split->name;
  }

  [[nodiscard]] std::string described(const std::vector<driver::Operand>& operands) const {
    std::vector<std::string> names;
    for (const Argument& argument : arguments_of(operands))
      names.push_back(name_of(operands, argument));
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
      if (halves_ && given <= std::max(halves_->first, halves_->second)) continue;
      resolved_->operands = signature(given);
      resolved_->arguments = arguments_of(resolved_->operands);
      if (resolved_->arguments.size() != spec_.operands.size()) continue;
      for (const OperandSpec& each : spec_.operands) given_.push_back(&each);
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
    const std::vector<Argument> arguments = arguments_of(all);
    std::vector<const OperandSpec*> found(arguments.size());
    for (const OperandSpec& operand : spec_.operands) {
      std::size_t k = 0;
      while (k < arguments.size() &&
             (found[k] != nullptr || name_of(all, arguments[k]) != operand.name))
        ++k;
      if (k == arguments.size())
        return error(Status::unknown_name, quoted(function().name) + " " +
                                               std::string(name(spec_.pass)) + " has no operand " +
                                               quoted(operand.name) + " left; it takes " +
                                               described(all));
      found[k] = &operand;
    }
    std::vector<bool> present(all.size(), false);
    bool writes = false;
    for (std::size_t k = 0; k < arguments.size(); ++k) {
      const driver::Operand& operand = all[arguments[k].operand];
      const bool missing = found[k] == nullptr;
      const bool required =
          operand.role == Role::saved_output ||
          (operand.role == Role::input &&
           (!function().inputs[operand.index].default_value || arguments[k].way == Way::halves));
      if (missing && required)
        return error(Status::invalid_operands,
                     "the operand " + quoted(name_of(all, arguments[k])) + " is missing");
      if (missing) continue;
      present[arguments[k].operand] = present[arguments[k].second] = true;
      writes = writes || !driver::is_source(operand.role);
    }
    if (!writes)
      return error(Status::invalid_operands,
                   "no operand is an output: there is nothing to compute");
    for (std::size_t k = 0; k < all.size(); ++k)
      if (present[k]) resolved_->operands.push_back(all[k]);
    resolved_->arguments = arguments_of(resolved_->operands);
    for (const OperandSpec* const each : found)
      if (each != nullptr) given_.push_back(each);
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
      case Role::input_gradient:
      case Role::parameter_gradient: return dsl::Type::number;
      case Role::index_read: return dsl::Type::integer;
    }
    return dsl::Type::number;
  }

  Outcome check_dtypes() {
    for (std::size_t k = 0; k < given_.size(); ++k) {
      resolved_->arguments[k].dtype = given_[k]->dtype;
      if (Outcome outcome = check_dtype(k); !outcome.ok()) return outcome;
      kernel_operand(k).dtype = given_[k]->dtype;
      if (resolved_->arguments[k].way == Way::halves)
        resolved_->operands[resolved_->arguments[k].second].dtype = given_[k]->dtype;
    }
    for (std::size_t k = 0; k < given_.size(); ++k)
      if (Outcome outcome = check_quantisation(k); !outcome.ok()) return outcome;
    return Unit{};
  }

  [[nodiscard]] driver::Operand& kernel_operand(std::size_t k) {
    return resolved_->operands[resolved_->arguments[k].operand];
  }

  Outcome check_dtype(std::size_t k) {
    const driver::Operand& operand = kernel_operand(k);
    const Dtype dtype = given_[k]->dtype;
    switch (type_of(operand)) {
      case dsl::Type::integer:
        if (!function().row_wise)
          return dtype_error(Status::unsupported, k,
                             "holds integers, which kernels of elementwise functions cannot yet");
        if (dtype == Dtype::i64 || (dtype == Dtype::i32 && driver::is_source(operand.role)))
          return Unit{};
        return dtype_error(Status::invalid_operands, k,
                           driver::is_source(operand.role) ? "must be of type i64 or i32"
                                                           : "must be of type i64");
      case dsl::Type::boolean:
        if (dtype == Dtype::boolean) return Unit{};
        return dtype_error(Status::invalid_operands, k, "must be of type bool");
      case dsl::Type::number:
        if (is_floating(dtype) || is_quantised(dtype)) return Unit{};
        return dtype_error(Status::invalid_operands, k,
                           "must be of a number type: f32, f64, f16, bf16, i8 or u8");
    }
    return Unit{};
  }

  // After all types are known: the scale is rounded to the one that is computed in.
  Outcome check_quantisation(std::size_t k) {
    driver::Operand& operand = kernel_operand(k);
    const std::optional<Quantisation>& given = given_[k]->quantisation;
    if (!is_quantised(operand.dtype)) {
      if (!given) return Unit{};
      return dtype_error(Status::invalid_operands, k,
                         "has a quantisation, which only i8 and u8 have");
    }
    if (!given)
      return dtype_error(Status::invalid_operands, k,
                         "needs a quantisation: a scale and a zero point");
    const Dtype compute = resolved_->compute_type();
    const double scale =
        compute == Dtype::f64 ? given->scale : double{static_cast<float>(given->scale)};
    if (!(scale > 0) || std::isinf(scale))
      return dtype_error(Status::invalid_operands, k,
                         "needs a scale that is positive and finite in " +
                             std::string(name(compute)) + ", not " + to_text(given->scale));
    const IntegerRange range = range_of(operand.dtype);
    if (given->zero_point < range.least || given->zero_point > range.greatest)
      return dtype_error(Status::invalid_operands, k,
                         "needs a zero point from " + std::to_string(range.least) + " to " +
                             std::to_string(range.greatest) + ", not " +
                             std::to_string(given->zero_point));
    Argument& argument = resolved_->arguments[k];
    operand.quantisation = argument.quantisation = {scale, given->zero_point};
    resolved_->operands[argument.second].quantisation = argument.quantisation;
    return Unit{};
  }

  [[nodiscard]] Error dtype_error(Status status, std::size_t k, std::string_view problem) const {
    const std::string named = name_of(resolved_->operands, resolved_->arguments[k]);
    std::string message = "the operand " + quoted(named) + " of type ";
    message.append(name(given_[k]->dtype)).append(" ").append(problem);
    return error(status, std::move(message));
  }

  Outcome resolve_parameters() { return resolve_params(*resolved_, spec_); }

  Outcome choose_shapes() {
    return resolve_shapes(*resolved_, spec_, {given_.data(), given_.size()});
  }

  // What divides a mean may be the sum of another output: a kernel of its own.
  Outcome choose_divisor() {
    const auto& mean = function().attributes.mean_output;
    if (spec_.reduction != Reduction::mean || !mean) return Unit{};
    const std::uint32_t output = *mean;
    if (function().outputs[output].type != dsl::Type::number)
      return error(Status::unsupported, "the output " + quoted(function().outputs[output].name) +
                                            " that divides a mean is no number");
    const std::shared_ptr<ResolvedSpec> divisor = of_inputs();
    divisor->reduction = Reduction::sum;
    Argument sum;
    sum.operand = sum.second = static_cast<std::uint32_t>(divisor->operands.size());
    sum.way = Way::summed;
    sum.single = true;
    sum.dtype = resolved_->compute_type();
    divisor->arguments.push_back(sum);
    divisor->operands.push_back({Role::output, output, sum.dtype});
    seal(*divisor);
    resolved_->divisor = divisor;
    return Unit{};
  }

  // A spec of the same inputs, whose outputs are still to be added.
  [[nodiscard]] std::shared_ptr<ResolvedSpec> of_inputs() const {
    auto spec = std::make_shared<ResolvedSpec>(*resolved_);
    spec->pass = Pass::forward;
    spec->accumulate = false;
    spec->divisor = nullptr;
    std::erase_if(spec->operands,
                  [](const driver::Operand& each) { return each.role != Role::input; });
    spec->arguments = arguments_of(spec->operands);
    for (std::size_t k = 0; k < spec->arguments.size(); ++k) {
      spec->arguments[k].dtype = resolved_->arguments[k].dtype;
      spec->arguments[k].quantisation = resolved_->arguments[k].quantisation;
    }
    return spec;
  }

  // Of the outputs that are computed, or whose gradients come in.
  Outcome choose_index_check() {
    if (!spec_.check_indices || !function().row_wise) return Unit{};
    resolved_->check_indices = true;
    const std::shared_ptr<ResolvedSpec> check = of_inputs();
    check->reduction = Reduction::none;
    for (std::uint32_t i = 0; i < function().outputs.size(); ++i) {
      const auto asked = [i](const driver::Operand& each) {
        return (each.role == Role::output || each.role == Role::output_gradient) && each.index == i;
      };
      if (std::none_of(resolved_->operands.begin(), resolved_->operands.end(), asked)) continue;
      Argument place;
      place.operand = place.second = static_cast<std::uint32_t>(check->operands.size());
      place.dtype = Dtype::i64;
      check->arguments.push_back(place);
      check->operands.push_back({Role::index_read, i, Dtype::i64});
    }
    seal(*check);
    resolved_->index_check = check;
    return Unit{};
  }

  // After the operands, which say the compute type, and the target, which says the family.
  Outcome choose_accuracy() {
    if (!(spec_.accuracy >= 0 && spec_.accuracy < 1))
      return error(Status::invalid_argument,
                   "accuracy is a relative error from 0 (the promises as they stand) up to, not "
                   "including, 1; it is " +
                       std::to_string(spec_.accuracy));
    if (resolved_->compute_type() == Dtype::f32)
      resolved_->grade =
          numerics::cheapest_grade(spec_.accuracy / bound_factor(resolved_->target.family));
    return Unit{};
  }

  Outcome choose_target() {
    resolved_->target = defaults_.target;
    resolved_->allowed = defaults_.allowed;
    if (!spec_.target.empty())
      if (Outcome chosen = choose_by_name(spec_.target, resolved_->target, resolved_->allowed);
          !chosen)
        return chosen;
    for (const Rung rung : spec_.denied) resolved_->allowed.remove(rung);
    // Without machine code only one rung is left, whatever else is allowed.
    if (resolved_->target.level == Level::interpreter)
      for (const Rung rung : {Rung::x64, Rung::llvm}) resolved_->allowed.remove(rung);
    if (resolved_->allowed.bits == 0)
      return error(Status::unavailable, "every rung that could run the target " +
                                            to_string(resolved_->target) + " is denied");
    if (resolved_->row) {
      const bool has_code = resolved_->allowed.has(Rung::x64);
      std::int64_t& columns = resolved_->row->columns;
      columns = has_code ? driver::exact_columns(columns, resolved_->target) : 0;
    }
    return Unit{};
  }

  const KernelSpec& spec_;
  const SpecDefaults& defaults_;
  std::shared_ptr<ResolvedSpec> resolved_;
  const dsl::FunctionDef* function_ = nullptr;
  std::optional<std::pair<std::uint32_t, std::uint32_t>> halves_;  // inputs, as they lie
  // Those of the spec, in the order of resolved_->arguments.
  Few<const OperandSpec*, kMaxOperands> given_;  // one for each argument
};

}  // namespace

Result<std::shared_ptr<const ResolvedSpec>> resolve(std::shared_ptr<const dsl::Program> program,
                                                    const KernelSpec& spec,
                                                    const SpecDefaults& defaults) {
  return Resolver(std::move(program), spec, defaults).run();
}

}  // namespace sluice
