// Tables in place of code: a function of one 8-bit operand is run once for each of its elements.
#pragma once

#include <sluice/status.hpp>

#include "compiler/schedule/byte_map.hpp"

namespace sluice::driver {

// By the interpreter, so that the bits are its own. The program must map bytes. Errors are the
// interpreter's: `limit_exceeded` for a function that keeps too many values at once.
[[nodiscard]] Result<schedule::ByteMap> tabulate(const schedule::ElementProgram& program);

}  // namespace sluice::driver
