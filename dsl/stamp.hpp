// Stamps: a comment in a text which says that `sluice check` found a definition's promise kept.
//
//     # checked: star 0123456789abcdef0123456789abcdef sluice 0.1.0
//
// It stands for the definition with that digest, compiled by that version; a changed definition or
// another version makes it mean nothing.
#pragma once

#include <string>
#include <string_view>

#include "dsl/ast.hpp"

namespace sluice::dsl {

// The line, without its end.
[[nodiscard]] std::string stamp_of(const FunctionDef& function, std::string_view version);
[[nodiscard]] bool has_stamp(std::string_view text, const FunctionDef& function,
                             std::string_view version);
// The text with this stamp, and without earlier ones of functions of the name.
[[nodiscard]] std::string with_stamp(std::string_view text, const FunctionDef& function,
                                     std::string_view version);

}  // namespace sluice::dsl
