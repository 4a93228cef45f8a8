// A request as what is made ahead of time of it.
#pragma once

#include <sluice/status.hpp>

#include "compiler/driver/request.hpp"
#include "compiler/object/ahead.hpp"

namespace sluice::driver {

// Of a row function for rows along the innermost axis, of any length, whatever the request's shape.
// Errors are those of the compiler.
[[nodiscard]] Result<object::AheadFunction::Program> compile_ahead(const Request& request);

}  // namespace sluice::driver
