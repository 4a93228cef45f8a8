// The derivatives of a function as formulas, for `sluice show`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sluice/status.hpp>

#include "tools/functions.hpp"

namespace sluice::tools {

// For each output and each number input it depends on: "dy/dx", and the partial derivative in
// stable form with the parameters by name.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>>
derivative_texts(const Function& function);

}  // namespace sluice::tools
