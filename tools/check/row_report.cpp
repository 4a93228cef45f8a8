// The report on a row function, for people and as JSON.
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/check/row_checkup.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kLine = "\n            ";  // what follows a heading

Json number(double x) {
  if (std::isfinite(x)) return x;
  return std::isnan(x) ? "nan" : x < 0 ? "-inf" : "inf";
}

std::string columns(std::size_t width) {
  return fmt::format("{} column{}", width, width == 1 ? "" : "s");
}

std::string part_text(const RowPart& part) {
  const accuracy::RowWorst& worst = part.worst();
  std::string text = fmt::format("{:<11} bound {}: at most {:.3g} of what is allowed", part.name,
                                 part.kept() ? "kept" : "BROKEN", worst.part);
  if (worst.part > 0)
    text += fmt::format("{}worst in column {} of {}, {}: got {:.9g}, truth {:.9g}, allowed {:.3g}",
                        kLine, worst.column, columns(worst.width), accuracy::name(worst.kind),
                        worst.got, static_cast<double>(worst.truth), worst.allowed);
  text += kLine;
  for (const accuracy::RowWorst& each : part.measured.worst)
    text += fmt::format("{}{} {:.3g}", &each == part.measured.worst.data() ? "" : ", ",
                        accuracy::name(each.kind), each.part);
  const accuracy::RowMeasurement& all = part.measured;
  return text + fmt::format("{}{} rows, {} of them by MPFR, {} elements; the reference is good to "
                            "{:.2g} of what is allowed\n",
                            kLine, all.rows, all.by_mpfr, all.elements, all.reference);
}

Json worst_json(const accuracy::RowWorst& worst) {
  return {{"rows", accuracy::name(worst.kind)},
          {"part", number(worst.part)},
          {"columns", worst.width},
          {"column", worst.column},
          {"got", number(worst.got)},
          {"truth", number(static_cast<double>(worst.truth))},
          {"allowed", number(worst.allowed)}};
}

Json part_json(const RowPart& part) {
  Json kinds = Json::array();
  for (const accuracy::RowWorst& each : part.measured.worst) kinds.push_back(worst_json(each));
  return {{"name", part.name},
          {"kept", part.kept()},
          {"largest", worst_json(part.worst())},
          {"rows", part.measured.rows},
          {"elements", part.measured.elements},
          {"by_mpfr", part.measured.by_mpfr},
          {"reference", number(part.measured.reference)},
          {"kinds", std::move(kinds)}};
}

}  // namespace

std::string report_text(const RowPlan& plan, const RowCheckup& checkup) {
  const dsl::FunctionDef& definition = plan.definition();
  std::string text =
      fmt::format("{}, {}, rows of six kinds and {} columns (seed {})", signature(definition),
                  sluice::name(plan.dtype), fmt::join(plan.widths, ", "), plan.seed);
  for (std::size_t i = 0; i < plan.params.size(); ++i)
    if (plan.params[i] != definition.parameters[i].default_value)
      text += fmt::format(", {} = {}", definition.parameters[i].name, to_text(plan.params[i]));
  if (plan.family == Family::nofma) text += ", for targets without fma";
  text += "\n";
  for (const RowPart& part : checkup.parts) text += part_text(part);
  return text;
}

std::string report_json(const RowPlan& plan, const RowCheckup& checkup) {
  const dsl::FunctionDef& definition = plan.definition();
  Json params = Json::object();
  for (std::size_t i = 0; i < plan.params.size(); ++i)
    params[definition.parameters[i].name] = number(plan.params[i]);
  Json parts = Json::array();
  for (const RowPart& part : checkup.parts) parts.push_back(part_json(part));
  const Json report = {{"function", definition.name},
                       {"dtype", sluice::name(plan.dtype)},
                       {"family", sluice::name(plan.family)},
                       {"params", std::move(params)},
                       {"columns", plan.widths},
                       {"seed", plan.seed},
                       {"kept", checkup.kept()},
                       {"parts", std::move(parts)}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::tools
