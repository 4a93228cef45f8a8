// The second step of reading a text: tokens in, definitions with unresolved names out.
//
// All errors of the text are reported: after one the parser goes on at the next statement, or at
// the next definition. What could be read of a definition with errors is still there, so that the
// checker does not report a name as unknown that the text defines.
#pragma once

#include <string_view>
#include <vector>

#include "dsl/lexer.hpp"
#include "dsl/program.hpp"
#include "dsl/reporter.hpp"
#include "dsl/syntax.hpp"

namespace sluice::dsl {

[[nodiscard]] std::vector<ParsedFunction> parse_definitions(std::string_view text,
                                                            const Tokens& tokens,
                                                            const ParseOptions& options,
                                                            Reporter& reporter);

}  // namespace sluice::dsl
