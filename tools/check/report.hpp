// What a check found, for people and as JSON.
#pragma once

#include <string>

#include "tools/check/checkup.hpp"

namespace sluice::tools {

[[nodiscard]] std::string report_text(const CheckPlan& plan, const Checkup& checkup);
// One object; numbers that are not finite are strings.
[[nodiscard]] std::string report_json(const CheckPlan& plan, const Checkup& checkup);

// "increasing", "decreasing", "constant", "neither".
[[nodiscard]] std::string_view name(accuracy::Trend trend);

}  // namespace sluice::tools
