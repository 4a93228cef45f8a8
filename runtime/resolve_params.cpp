// The parameters of a spec: names become indices, values are checked and rounded as a kernel holds
// them.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "runtime/resolved_spec.hpp"

namespace sluice {
namespace {

Error error(Status status, std::string message) { return {status, std::move(message)}; }
std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

Error unknown_parameter(const dsl::FunctionDef& function, const std::string& wanted) {
  std::string names;
  for (const dsl::Parameter& parameter : function.parameters)
    names += (names.empty() ? "" : ", ") + parameter.name;
  return error(Status::unknown_name, quoted(function.name) + " has no parameter " + quoted(wanted) +
                                         (names.empty() ? "; it has none" : "; it has " + names));
}

// As the text's int literals and defaults are: what a double holds exactly.
bool is_integer(double value) { return std::nearbyint(value) == value && std::abs(value) < 0x1p53; }

// Values that bake to the same constant are one.
void canonicalize(ResolvedSpec& resolved) {
  const bool narrow = resolved.compute_type() == Dtype::f32;
  for (std::size_t i = 0; i < resolved.params.size(); ++i) {
    double& value = resolved.params[i].value;
    if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
    if (narrow && !resolved.definition_text().parameters[i].is_integer)
      value = static_cast<double>(static_cast<float>(value));
  }
}

}  // namespace

Outcome resolve_params(ResolvedSpec& resolved, const KernelSpec& spec) {
  const dsl::FunctionDef& function = resolved.definition_text();
  for (const dsl::Parameter& parameter : function.parameters)
    resolved.params.push_back({parameter.default_value, true});
  for (const ParameterValue& given : spec.parameters) {
    const auto index = function.find_parameter(given.name);
    if (!index) return unknown_parameter(function, given.name);
    if (function.parameters[*index].is_integer && !is_integer(given.value))
      return error(Status::invalid_argument,
                   "the parameter " + quoted(given.name) + " is an integer" +
                       (std::nearbyint(given.value) == given.value ? " of less than 2^53" : ""));
    resolved.params[*index].value = given.value;
  }
  for (const std::string& passed : spec.passed) {
    const auto index = function.find_parameter(passed);
    if (!index) return unknown_parameter(function, passed);
    if (function.parameters[*index].is_integer)
      return error(Status::invalid_argument,
                   "the parameter " + quoted(passed) +
                       " chooses a behaviour and must be baked, not passed");
    const auto same = [&](const ParameterValue& given) { return given.name == passed; };
    if (std::any_of(spec.parameters.begin(), spec.parameters.end(), same))
      return error(Status::invalid_argument,
                   "the parameter " + quoted(passed) + " is both baked and passed");
    resolved.params[*index] = {0, false};
  }
  if (spec.passed.size() > kMaxPassed)
    return error(Status::limit_exceeded,
                 "a kernel takes at most " + std::to_string(kMaxPassed) + " passed parameters");
  for (std::size_t i = 0; i < resolved.params.size(); ++i)
    if (resolved.params[i].baked)
      if (Outcome outcome = check_range(function, i, resolved.params[i].value); !outcome.ok())
        return outcome;
  canonicalize(resolved);
  return Unit{};
}

}  // namespace sluice
