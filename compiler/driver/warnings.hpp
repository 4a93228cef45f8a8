// Warnings that need the IR: what a program's own functions would do within the domain they
// declare.
#pragma once

#include <string>

#include "dsl/program.hpp"

namespace sluice::driver {

// One rendered diagnostic for each function of the program's own text in which an exponential
// passes the largest f32 somewhere in the function's @domain, although the text is in stable form
// already; empty where there is none.
[[nodiscard]] std::string warnings(const dsl::Program& program);

}  // namespace sluice::driver
