// The report for people.
#include "tools/check/report.hpp"

#include <cmath>

#include <fmt/format.h>

#include "tools/values.hpp"

namespace sluice::tools {
namespace {

constexpr std::string_view kLine = "\n            ";  // what follows a heading

std::string heading(std::string_view text) { return fmt::format("{:<12}", text); }

// As the element type holds it, and exactly.
std::string exact(double x) {
  return std::isfinite(x) && x != 0 ? fmt::format("{:.9g} ({:a})", x, x) : to_text(x);
}

std::string short_number(double x) {
  return std::isfinite(x) ? fmt::format("{:.6g}", x) : to_text(x);
}

std::string place(const dsl::FunctionDef& definition, const std::vector<double>& inputs) {
  std::string text;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    text +=
        fmt::format("{}{} = {}", i == 0 ? "" : ", ", definition.inputs[i].name, exact(inputs[i]));
  return text;
}

std::string worst_text(const dsl::FunctionDef& definition, const accuracy::Worst& worst) {
  return fmt::format("{:.4g} ULP at {}: got {}, truth {}", worst.ulps,
                     place(definition, worst.inputs), exact(worst.got),
                     exact(static_cast<double>(worst.truth)));
}

std::string verdict(const CheckPart& part) {
  if (!part.promise) return "nothing promised";
  return fmt::format("promise {} ULP {}", to_text(part.promise->ulps),
                     part.kept() ? "kept" : "BROKEN");
}

std::string part_text(const dsl::FunctionDef& definition, const CheckPart& part) {
  const accuracy::Measurement all = part.all();
  std::string text = heading(part.name) + verdict(part);
  if (!all.worst.inputs.empty())
    text += fmt::format("{}largest {}", kLine, worst_text(definition, all.worst));
  if (all.beyond != 0)
    text += fmt::format("{}beyond it at {} inputs, the worst: {}", kLine, all.beyond,
                        worst_text(definition, all.worst_beyond));
  const double mean = all.points == 0 ? 0 : all.sum / static_cast<double>(all.points);
  text += fmt::format("{}mean {:.3g} ULP; {} inputs, {} of them decided by MPFR", kLine, mean,
                      all.points, all.by_second_level);
  if (all.by_interpolation != 0)
    text += fmt::format(", {} between values of the reference", all.by_interpolation);
  for (const accuracy::ZeroCrossing& crossing : part.crossings)
    text += fmt::format(
        "{}crosses zero at {}: {} absolute within {}", kLine, short_number(crossing.zero),
        short_number(static_cast<double>(crossing.allowed)), short_number(crossing.half_width));
  return text + "\n";
}

std::string differences_text(const CheckPart& part, const accuracy::Differences& found) {
  std::string text =
      fmt::format("{}{} agrees with differences at {} of {} inputs", heading("differences"),
                  part.name, found.agreeing, found.points - found.kinks);
  if (found.kinks != 0) text += fmt::format("; {} at kinks left out", found.kinks);
  if (found.largest > 0)
    text += fmt::format("; largest {:.2g} relative at {}", found.largest, short_number(found.at));
  return text + "\n";
}

std::string comparison_text(const CheckPlan& plan, const CheckPart& part,
                            const accuracy::Comparison& found) {
  const std::string& theirs = plan.function.definitions.tree.function(*plan.against).name;
  std::string text = fmt::format("{}{}: {} of {} inputs differ from {}", heading("against"),
                                 part.name, found.differing, found.points, theirs);
  if (found.differing == 0) return text + "\n";
  return text + fmt::format("; most by {:.4g} ULP at {}: {} and {}\n", found.ulps,
                            place(plan.definition(), found.inputs), exact(found.ours),
                            exact(found.theirs));
}

std::string special_text(const std::vector<SpecialValue>& values, bool slope) {
  std::string text = heading(slope ? "" : "special") + (slope ? "f'" : "f");
  for (const SpecialValue& each : values)
    text += fmt::format("{}({}) = {}", each.x == values.front().x ? "" : (slope ? ", f'" : ", f"),
                        to_text(each.x), short_number(slope ? each.slope : each.y));
  return text + "\n";
}

std::string stretch_text(const accuracy::Stretch& stretch) {
  return fmt::format("[{}, {}]", short_number(stretch.from), short_number(stretch.to));
}

std::string card_text(const accuracy::Card& card) {
  const auto line = [](std::string_view title, const std::string& text) {
    return heading(title) + text + "\n";
  };
  std::string text =
      line("range", fmt::format("{} at {} to {} at {}", short_number(card.least.value),
                                short_number(card.least.x), short_number(card.greatest.value),
                                short_number(card.greatest.x)));
  text += line("centre", fmt::format("mean {:.4g} for normally distributed inputs: {}zero-centred",
                                     card.mean, card.zero_centred ? "" : "not "));
  std::string monotonic(name(card.monotonic));
  for (std::size_t i = 0; i < card.turns.size(); ++i)
    monotonic += fmt::format("{}{}", i == 0 ? "; turns at " : ", ", short_number(card.turns[i]));
  text += line("monotonic", monotonic);
  text += line("Lipschitz", std::isfinite(card.steepest.value)
                                ? fmt::format("{} at {}", short_number(card.steepest.value),
                                              short_number(card.steepest.x))
                                : fmt::format("unbounded: at {}", short_number(card.steepest.x)));
  std::string saturation;
  if (card.saturated_below)
    saturation += fmt::format("{} up to {}", short_number(card.saturated_below->value),
                              short_number(card.saturated_below->x));
  if (card.saturated_above)
    saturation += fmt::format("{}{} from {}", saturation.empty() ? "" : ", ",
                              short_number(card.saturated_above->value),
                              short_number(card.saturated_above->x));
  text += line("saturation", saturation.empty() ? "none" : saturation);
  std::string dead;
  for (const accuracy::Stretch& each : card.dead)
    dead += fmt::format("{}{}", dead.empty() ? "" : ", ", stretch_text(each));
  text += line("dead zones", dead.empty() ? "none" : dead);
  return text;
}

std::string head_text(const CheckPlan& plan, const Checkup& checkup) {
  const dsl::FunctionDef& definition = plan.definition();
  std::string text =
      fmt::format("{}, {}, special values and ", signature(definition), sluice::name(plan.dtype));
  if (plan.sweep.coverage == accuracy::Coverage::all)
    text += "every input";
  else
    text += fmt::format("{} sampled inputs (seed {})", plan.sweep.points, plan.sweep.seed);
  for (std::size_t i = 0; i < plan.params.size(); ++i)
    if (plan.params[i] != definition.parameters[i].default_value)
      text += fmt::format(", {} = {}", definition.parameters[i].name, to_text(plan.params[i]));
  if (plan.grade != numerics::Grade::full)
    text += fmt::format(", relative error {}",
                        to_text(numerics::info(plan.grade).bound * bound_factor(plan.family)));
  if (plan.family == Family::nofma) text += ", for targets without fma";
  text += "\n";
  if (checkup.out_of_range)
    text += heading("note") + "a parameter is out of its @range, where nothing is promised\n";
  return text;
}

}  // namespace

std::string_view name(accuracy::Trend trend) {
  switch (trend) {
    case accuracy::Trend::increasing: return "increasing";
    case accuracy::Trend::decreasing: return "decreasing";
    case accuracy::Trend::constant: return "constant";
    case accuracy::Trend::neither: return "neither";
  }
  return {};
}

std::string report_text(const CheckPlan& plan, const Checkup& checkup) {
  std::string text = head_text(plan, checkup);
  for (const CheckPart& part : checkup.parts) text += part_text(plan.definition(), part);
  for (std::size_t i = 0; i < checkup.parts.size(); ++i)
    if (checkup.differences[i]) text += differences_text(checkup.parts[i], *checkup.differences[i]);
  for (std::size_t i = 0; i < checkup.comparisons.size(); ++i)
    text += comparison_text(plan, checkup.parts[i], checkup.comparisons[i]);
  if (!checkup.special.empty())
    text += special_text(checkup.special, false) + special_text(checkup.special, true);
  if (checkup.card) text += card_text(*checkup.card);
  return text;
}

}  // namespace sluice::tools
