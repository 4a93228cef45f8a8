// Random well-typed programs of the language, as text.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace sluice::differential {

using Random = std::mt19937_64;

// A definition `fn f(x, y; a = ..., b = ...)` with lets, conditions and calls of every elementwise
// built-in that has an expansion and of some library functions.
[[nodiscard]] std::string random_program(Random& random);

}  // namespace sluice::differential
