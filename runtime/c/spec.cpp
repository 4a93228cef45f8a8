// A C caller's spec as the C++ one: its arrays with strings and vectors of their own.
#include "runtime/c/spec.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "runtime/c/boundary.hpp"
#include "runtime/c/program.hpp"

namespace sluice::c {
namespace {

constexpr std::size_t kSpecSize = SLUICE_SIZE_UP_TO(sluice_spec, program);
constexpr std::size_t kOperandSize = SLUICE_SIZE_UP_TO(sluice_operand, zero_point);

template <typename Enum>
Outcome choose(Enum& to, std::int32_t number, Enum greatest, const char* what) {
  if (number < 0 || number > static_cast<std::int32_t>(greatest))
    return Error{Status::unknown_name, "the spec's " + std::string(what) + " is " +
                                           std::to_string(number) + ", which stands for none"};
  to = static_cast<Enum>(number);
  return Unit{};
}

Outcome check_list(const void* list, std::size_t count, const char* what) {
  if (list == nullptr && count > 0) return null(what);
  return Unit{};
}

Outcome copy_names(std::vector<std::string>& to, const char* const* names, std::size_t count,
                   const char* what) {
  if (Outcome ok = check_list(names, count, what); !ok.ok()) return ok;
  for (std::size_t i = 0; i < count; ++i) {
    if (names[i] == nullptr) return null(what);
    to.emplace_back(names[i]);
  }
  return Unit{};
}

Result<OperandSpec> operand_of(const sluice_operand& from, std::size_t index) {
  const std::string who = "the spec's operand " + std::to_string(index);
  OperandSpec to;
  const auto dtype = dtype_of(from.dtype);
  if (!dtype)
    return Error{Status::unknown_name,
                 who + " has the element type " + std::to_string(from.dtype) + ", which is none"};
  to.dtype = *dtype;
  if (from.rank < 0 || from.rank > SLUICE_MAX_RANK)
    return Error{Status::invalid_operands, who + " has " + std::to_string(from.rank) +
                                               " dimensions; there may be 0 to " +
                                               std::to_string(SLUICE_MAX_RANK)};
  if (from.rank > 0 && from.shape == nullptr) return null((who + "'s shape").c_str());
  if (from.rank > 0) to.shape.assign(from.shape, from.shape + from.rank);
  if (from.name != nullptr) to.name = from.name;
  if (from.scale != 0) to.quantisation = Quantisation{from.scale, from.zero_point};
  return to;
}

Outcome copy_operands(KernelSpec& to, const sluice_spec& from) {
  if (Outcome ok = check_list(from.operands, from.operand_count, "the spec's list of operands");
      !ok.ok())
    return ok;
  if (from.operand_count > 0 && from.operand_size < kOperandSize)
    return Error{Status::invalid_argument, "the spec's operand_size is " +
                                               std::to_string(from.operand_size) +
                                               ": set it to sizeof(sluice_operand)"};
  const auto* place = reinterpret_cast<const unsigned char*>(from.operands);
  for (std::size_t i = 0; i < from.operand_count; ++i, place += from.operand_size) {
    sluice_operand known{};
    if (Outcome ok = copy_known(&known, sizeof known, place, from.operand_size, "an operand");
        !ok.ok())
      return ok;
    auto operand = operand_of(known, i);
    if (!operand.ok()) return operand.error();
    to.operands.push_back(std::move(operand).value());
  }
  return Unit{};
}

Outcome copy_lists(KernelSpec& to, const sluice_spec& from) {
  if (Outcome ok = check_list(from.parameters, from.parameter_count, "the spec's parameters");
      !ok.ok())
    return ok;
  for (std::size_t i = 0; i < from.parameter_count; ++i) {
    if (from.parameters[i].name == nullptr) return null("the name of a spec's parameter");
    to.parameters.push_back({from.parameters[i].name, from.parameters[i].value});
  }
  if (Outcome ok = copy_names(to.passed, from.passed, from.passed_count,
                              "the spec's list of passed parameters");
      !ok.ok())
    return ok;
  return copy_names(to.gradients, from.gradients, from.gradient_count,
                    "the spec's list of gradients");
}

Outcome copy_choices(KernelSpec& to, const sluice_spec& from) {
  if (Outcome ok = choose(to.pass, from.pass, Pass::forward_backward, "pass"); !ok.ok()) return ok;
  if (Outcome ok = choose(to.reduction, from.reduction, Reduction::mean, "reduction"); !ok.ok())
    return ok;
  if (Outcome ok = choose(to.empty, from.empty, Empty::zero, "empty"); !ok.ok()) return ok;
  if (Outcome ok = choose(to.saved, from.saved, Saved::automatic, "saved"); !ok.ok()) return ok;
  to.axis = from.axis;
  to.accumulate = from.accumulate != 0;
  to.check_indices = from.check_indices != 0;
  to.accuracy = from.accuracy;
  to.denied = denied_rungs(from.denied);
  if (from.target != nullptr) to.target = from.target;
  if (from.program != nullptr) to.program = from.program->program;
  if (from.split == nullptr) return Unit{};
  if (from.split_first == nullptr || from.split_second == nullptr)
    return null("an input of the spec's split");
  to.split = Split{from.split, from.split_first, from.split_second};
  return Unit{};
}

}  // namespace

Result<KernelSpec> spec_of(const sluice_spec* spec) {
  if (spec == nullptr) return null("the spec");
  const auto known = read(spec, sluice_spec_default(), kSpecSize, "the spec");
  if (!known.ok()) return known.error();
  if (known->function == nullptr) return null("the spec's function");
  KernelSpec to;
  to.function = known->function;
  if (Outcome ok = copy_operands(to, *known); !ok.ok()) return ok.error();
  if (Outcome ok = copy_lists(to, *known); !ok.ok()) return ok.error();
  if (Outcome ok = copy_choices(to, *known); !ok.ok()) return ok.error();
  return to;
}

std::vector<Rung> denied_rungs(std::uint32_t bits) {
  std::vector<Rung> denied;
  for (const Rung rung : kRungs)
    if ((bits >> static_cast<unsigned>(rung) & 1u) != 0) denied.push_back(rung);
  return denied;
}

}  // namespace sluice::c
