// The third step of reading a text: names become what they mean, and every expression gets its type
// and extent.
//
// In: one definition as parsed, and the program of everything before it. Out: the definition,
// complete, or errors. Expressions are visited in the order in which they lie in memory, operands
// first, so nothing here recurses.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "dsl/program.hpp"
#include "dsl/reporter.hpp"
#include "dsl/syntax.hpp"

namespace sluice::dsl {

struct CheckContext {
  const Program& program;                                // what is defined before
  const std::set<std::string, std::less<>>& broken;      // names whose definitions have errors
  const std::multiset<std::string, std::less<>>& later;  // names that the text defines further down
  const ParseOptions& options;
  Reporter& reporter;
};

// Completes `parsed.body.function`. False where it, or what it calls, has an error.
[[nodiscard]] bool check_definition(ParsedFunction& parsed, const CheckContext& context);

}  // namespace sluice::dsl
