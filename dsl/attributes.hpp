// Attributes: `@ulp(2)` and its like, from their text to dsl::Attributes.
#pragma once

#include "dsl/reporter.hpp"
#include "dsl/syntax.hpp"

namespace sluice::dsl {

// Reads `parsed.attributes` into the definition, whose header is already complete. False where one
// is wrong, which is then reported.
bool read_attributes(ParsedFunction& parsed, Reporter& reporter);

}  // namespace sluice::dsl
