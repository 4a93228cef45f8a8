// The report as JSON.
#include <cmath>

#include <nlohmann/json.hpp>

#include "tools/check/report.hpp"

namespace sluice::tools {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no infinities; as everywhere in this command they are strings.
Json number(double x) {
  if (std::isfinite(x)) return x;
  return std::isnan(x) ? "nan" : x < 0 ? "-inf" : "inf";
}

Json inputs_of(const dsl::FunctionDef& definition, const std::vector<double>& inputs) {
  Json at = Json::object();
  for (std::size_t i = 0; i < inputs.size(); ++i) at[definition.inputs[i].name] = number(inputs[i]);
  return at;
}

Json worst_json(const dsl::FunctionDef& definition, const accuracy::Worst& worst) {
  if (worst.inputs.empty()) return nullptr;
  return {{"ulp", number(worst.ulps)},
          {"at", inputs_of(definition, worst.inputs)},
          {"got", number(worst.got)},
          {"truth", number(static_cast<double>(worst.truth))}};
}

Json part_json(const dsl::FunctionDef& definition, const CheckPart& part) {
  const accuracy::Measurement all = part.all();
  Json crossings = Json::array();
  for (const accuracy::ZeroCrossing& crossing : part.crossings)
    crossings.push_back({{"at", crossing.zero},
                         {"within", crossing.half_width},
                         {"allowed", static_cast<double>(crossing.allowed)}});
  return {{"name", part.name},
          {"promise_ulp", part.promise ? number(part.promise->ulps) : Json()},
          {"kept", part.promise ? Json(part.kept()) : Json()},
          {"inputs", all.points},
          {"by_interpolation", all.by_interpolation},
          {"by_mpfr", all.by_second_level},
          {"mean_ulp", all.points == 0 ? 0 : all.sum / static_cast<double>(all.points)},
          {"largest", worst_json(definition, all.worst)},
          {"beyond", all.beyond},
          {"worst_beyond", worst_json(definition, all.worst_beyond)},
          {"zero_crossings", std::move(crossings)}};
}

Json differences_json(const CheckPart& part, const accuracy::Differences& found) {
  return {{"name", part.name},
          {"inputs", found.points},
          {"agreeing", found.agreeing},
          {"kinks", found.kinks},
          {"largest_relative", number(found.largest)},
          {"at", number(found.at)}};
}

Json comparison_json(const CheckPlan& plan, const CheckPart& part,
                     const accuracy::Comparison& found) {
  return {{"name", part.name},
          {"with", plan.function.definitions.tree.function(*plan.against).name},
          {"inputs", found.points},
          {"differing", found.differing},
          {"ulp", number(found.ulps)},
          {"at", inputs_of(plan.definition(), found.inputs)},
          {"ours", number(found.ours)},
          {"theirs", number(found.theirs)}};
}

Json at_json(const accuracy::At& at) { return {{"value", number(at.value)}, {"at", number(at.x)}}; }

Json card_json(const accuracy::Card& card) {
  const auto optional_at = [](const std::optional<accuracy::At>& at) {
    return at ? at_json(*at) : Json();
  };
  Json turns = Json::array();
  for (const double x : card.turns) turns.push_back(number(x));
  Json dead = Json::array();
  for (const accuracy::Stretch& each : card.dead)
    dead.push_back({number(each.from), number(each.to)});
  return {{"f(0)", number(card.at_zero)},
          {"f'(0)", number(card.slope_at_zero)},
          {"least", at_json(card.least)},
          {"greatest", at_json(card.greatest)},
          {"mean", number(card.mean)},
          {"zero_centred", card.zero_centred},
          {"monotonic", name(card.monotonic)},
          {"turns", std::move(turns)},
          {"lipschitz", at_json(card.steepest)},
          {"saturated_below", optional_at(card.saturated_below)},
          {"saturated_above", optional_at(card.saturated_above)},
          {"dead_zones", std::move(dead)}};
}

}  // namespace

std::string report_json(const CheckPlan& plan, const Checkup& checkup) {
  const dsl::FunctionDef& definition = plan.definition();
  Json params = Json::object();
  for (std::size_t i = 0; i < plan.params.size(); ++i)
    params[definition.parameters[i].name] = number(plan.params[i]);
  Json parts = Json::array();
  Json differences = Json::array();
  Json comparisons = Json::array();
  Json special = Json::array();
  for (std::size_t i = 0; i < checkup.parts.size(); ++i) {
    parts.push_back(part_json(definition, checkup.parts[i]));
    if (checkup.differences[i])
      differences.push_back(differences_json(checkup.parts[i], *checkup.differences[i]));
  }
  for (std::size_t i = 0; i < checkup.comparisons.size(); ++i)
    comparisons.push_back(comparison_json(plan, checkup.parts[i], checkup.comparisons[i]));
  for (const SpecialValue& each : checkup.special)
    special.push_back(
        {{"x", number(each.x)}, {"y", number(each.y)}, {"slope", number(each.slope)}});
  const bool all = plan.sweep.coverage == accuracy::Coverage::all;
  const Json report = {{"function", definition.name},
                       {"dtype", sluice::name(plan.dtype)},
                       {"accuracy", numerics::info(plan.grade).bound * bound_factor(plan.family)},
                       {"family", sluice::name(plan.family)},
                       {"params", std::move(params)},
                       {"exhaustive", all},
                       {"sampled", all ? Json() : Json(plan.sweep.points)},
                       {"seed", all ? Json() : Json(plan.sweep.seed)},
                       {"kept", checkup.kept()},
                       {"parts", std::move(parts)},
                       {"differences", std::move(differences)},
                       {"against", std::move(comparisons)},
                       {"special", std::move(special)},
                       {"card", checkup.card ? card_json(*checkup.card) : Json()}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::tools
