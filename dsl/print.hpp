// Checked definitions as text.
//
// The text is canonical: one spelling for one tree, whatever layout, comments, number formats and
// superfluous parentheses the source had. It parses back to the same tree, so it serves `sluice
// show --emit ast`, the digest, and people.
#pragma once

#include <string>

#include "dsl/program.hpp"

namespace sluice::dsl {

struct PrintOptions {
  bool documentation = true;  // the ## lines
  bool attributes = true;
  bool types = false;  // type and extent of every let and output, as comments
};

// The definition, lines ended. `program` is one in which its callees are known by their ids.
[[nodiscard]] std::string print(const FunctionDef& function, const Program& program,
                                const PrintOptions& options = {});

// One expression of it, without a line end.
[[nodiscard]] std::string print_expression(const FunctionDef& function, ExprId id,
                                           const Program& program);

// The shortest text that the language reads back to the same number; "inf", "-inf", "nan".
[[nodiscard]] std::string print_number(double value);

}  // namespace sluice::dsl
