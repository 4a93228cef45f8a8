// The report on an 8-bit kernel, for people and as JSON.
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/check/quantised.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kLine = "\n            ";  // what follows a heading

Json number(double x) {
  if (std::isfinite(x)) return x;
  return std::isnan(x) ? "nan" : x < 0 ? "-inf" : "inf";
}

std::string part_text(const QuantisedPart& part) {
  std::string text = fmt::format("{:<11} ", part.name);
  if (part.promise)
    text += fmt::format("promise {} ULP {}", to_text(part.promise->ulps),
                        part.kept() ? "kept" : "BROKEN");
  else
    text += "nothing promised";
  text +=
      fmt::format("{}{} of {} integers are not the nearest", kLine, part.differing, part.inputs);
  if (part.beyond != 0) text += fmt::format(", {} by more than the promise allows", part.beyond);
  const QuantisedPoint& worst = part.worst;
  return text + fmt::format("{}farthest from the truth: {} ({:.9g}) gives {}, truth {:.9g}\n",
                            kLine, worst.input, worst.x, worst.got, worst.truth);
}

Json part_json(const QuantisedPart& part) {
  const QuantisedPoint& worst = part.worst;
  return {{"name", part.name},
          {"promise_ulp", part.promise ? Json(part.promise->ulps) : Json()},
          {"kept", part.promise ? Json(part.kept()) : Json()},
          {"inputs", part.inputs},
          {"differing", part.differing},
          {"beyond", part.beyond},
          {"worst",
           {{"input", worst.input},
            {"x", worst.x},
            {"got", worst.got},
            {"nearest", worst.nearest},
            {"truth", worst.truth}}}};
}

}  // namespace

std::string report_text(const Subject& subject, const QuantisedCheckup& checkup) {
  std::string text = fmt::format("{}, {}, every integer, on {}", signature(subject.definition()),
                                 name(subject.dtype), checkup.target);
  for (const auto& [name, quantisation] : subject.quantisations)
    text += fmt::format(", {} in steps of {} from {}", name, to_text(quantisation.scale),
                        quantisation.zero_point);
  text += "\n";
  for (const QuantisedPart& part : checkup.parts) text += part_text(part);
  return text;
}

std::string report_json(const Subject& subject, const QuantisedCheckup& checkup) {
  Json quantisations = Json::object();
  for (const auto& [name, quantisation] : subject.quantisations)
    quantisations[name] = {{"scale", quantisation.scale}, {"zero_point", quantisation.zero_point}};
  Json params = Json::object();
  for (std::size_t i = 0; i < subject.parameters.size(); ++i)
    params[subject.definition().parameters[i].name] = number(subject.parameters[i]);
  Json parts = Json::array();
  for (const QuantisedPart& part : checkup.parts) parts.push_back(part_json(part));
  const Json report = {{"function", subject.function.name()},
                       {"dtype", name(subject.dtype)},
                       {"quantisations", std::move(quantisations)},
                       {"params", std::move(params)},
                       {"target", checkup.target},
                       {"kept", checkup.kept()},
                       {"parts", std::move(parts)}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::tools
